"""Which id each cluster has: most are as they were or new, and are told in columns; the rest is decided one by one (`entities.py`)."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlmodel import Session

from models.identity import Entity
from pipelines.stitch.components import Ints
from pipelines.stitch.entities import Change, assign_ids, resolve

Column: TypeAlias = "pa.ChunkedArray[Any]"  # generic in the stubs only
Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Carried:
    """The ids.

    Shape: `ids` has that of every record, `formerly` for every record the id that a merge took from it last; `created` are the ids of clusters
    in which nothing was known, `changes` what became of those whose records moved.
    """

    ids: Column
    formerly: Column
    created: list[str]
    changes: list[Change]


def carry(session: Session, label: Ints, before: pa.Table, known: Ints, mint: Callable[[], str]) -> Carried:
    """Carry ids over to new clusters; `known` is each record's place in `before`, -1 where it is new."""
    clusters = int(label.max()) + 1 if len(label) else 0
    entities = before["entity_id"].combine_chunks().dictionary_encode()
    codes, pool = entities.indices.to_numpy().astype(np.int64), entities.dictionary
    kept = np.flatnonzero(known >= 0)
    pairs = pc.unique(pa.array(label[kept] * (len(pool) + 1) + codes[known[kept]])).to_numpy()
    cluster, code = np.divmod(pairs, len(pool) + 1)
    parts, homes = np.bincount(cluster, minlength=clusters), np.bincount(code, minlength=len(pool))
    plain = (parts[cluster] == 1) & (homes[code] == 1)
    place = np.full(clusters, -1, np.int64)
    place[cluster[plain]] = code[plain]
    fresh = np.flatnonzero(parts == 0)
    created = [mint() for _ in fresh]
    place[fresh] = len(pool) + np.arange(len(created))
    rest = np.flatnonzero(place < 0)
    moving = kept[np.isin(label[kept], rest)] if len(rest) else kept[:0]
    columns = [
        pa.array(np.searchsorted(rest, label[moving]), pa.int64()),
        *(before[name].take(pa.array(known[moving], pa.int64())) for name in ("entity_id", "formerly")),
    ]
    shared = pa.table(columns, names=["label", "entity", "formerly"])
    assigned = assign_ids(_overlaps(shared), len(rest), mint, lambda parted: _retired(session, shared, parted))
    place[rest] = len(pool) + len(created) + np.arange(len(rest))
    every = pa.concat_arrays([pool, pa.array(created, pa.string()), pa.array(assigned.ids, pa.string())])
    ids = pa.chunked_array([every.take(pa.array(place[label], pa.int64()))])
    return Carried(ids, _formerly(before, known, moving, ids, assigned.changes), created, assigned.changes)


def at(column: Column, index: Ints) -> Column:
    """The values at these places; -1 is no place, and there is nothing."""
    return column.take(pa.array(index, pa.int64(), mask=index < 0))


def _overlaps(shared: pa.Table) -> Iterable[tuple[int, str, int]]:
    """How many records each cluster has in common with each entity that was.

    Where an entity falls apart, its own records count before those that a merge once brought: the part that has most of them goes for the
    largest, so that an undone merge gives both ids back.
    """
    sums = shared.group_by(["label", "entity"]).aggregate([([], "count_all"), ("formerly", "count")])
    counted: list[Row] = sums.sort_by("label").to_pylist()
    if not any(row["formerly_count"] for row in counted):
        return [(row["label"], row["entity"], row["count_all"]) for row in counted]
    parts: dict[str, list[Row]] = {}
    for row in counted:
        parts.setdefault(row["entity"], []).append(row)
    return [
        (part["label"], entity, weight)
        for entity, found in parts.items()
        for part, weight in zip(
            sorted(found, key=lambda row: (row["formerly_count"] - row["count_all"], -row["count_all"], row["label"])),
            sorted((row["count_all"] for row in found), reverse=True),
            strict=True,
        )
    ]


def _retired(session: Session, shared: pa.Table, parted: Collection[int]) -> Mapping[int, str]:
    """For parts of a split, the id that most of their records had before a merge took it, if it is not in use again."""
    rows = [row for row in shared.to_pylist() if row["label"] in parted]
    sizes = Counter(row["label"] for row in rows)
    counted = Counter((row["label"], row["entity"], row["formerly"]) for row in rows if row["formerly"] is not None)
    found: dict[int, str] = {}
    for (label, entity, formerly), number in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
        taken_over = session.get_one(Entity, formerly).merged_into is not None and resolve(session, formerly) == entity
        if number * 2 > sizes[label] and taken_over and label not in found and formerly not in found.values():
            found[label] = formerly
    return found


def _formerly(before: pa.Table, known: Ints, moving: Ints, ids: Column, changes: Iterable[Change]) -> Column:
    """For each record, the id that a merge took from it last; none once it has that id again."""
    formerly = at(before["formerly"], known).combine_chunks()
    merged = [change.before for change in changes if change.kind == "merge"]
    revived = [change.after for change in changes if change.kind == "revive"]
    if not merged and not revived:
        return pa.chunked_array([formerly])
    was = before["entity_id"].take(pa.array(known[moving], pa.int64()))
    taken = pc.is_in(was, value_set=pa.array(merged, pa.string()))
    back = pc.is_in(ids.take(pa.array(moving, pa.int64())), value_set=pa.array(revived, pa.string()))
    none = pa.scalar(None, pa.string())
    anew = pc.if_else(back, none, pc.if_else(taken, was, formerly.take(pa.array(moving, pa.int64())))).combine_chunks()
    which: NDArray[np.bool_] = np.zeros(len(known), np.bool_)
    which[moving] = True
    return pa.chunked_array([pc.replace_with_mask(formerly, pa.array(which), anew)])
