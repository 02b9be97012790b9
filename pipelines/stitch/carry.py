"""Which id each cluster has: most are as they were or new, and are told in columns; the rest is decided one by one (`entities.py`)."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlmodel import Session

from models.identity import Entity
from pipelines.stitch.clusters import Clusters
from pipelines.stitch.components import Ints
from pipelines.stitch.entities import Assignment, Change, Claim, Claims, assign_ids, resolve

Column: TypeAlias = "pa.ChunkedArray[Any]"  # generic in the stubs only
Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Carried:
    """The ids.

    Shape: `ids` has that of every record, `by_rules` the one that it has by the rules alone where that is another, `formerly` the one that a
    merge took from it last; `created` are the ids of clusters in which nothing was known, `changes` what became of those whose records moved.
    """

    ids: Column
    by_rules: Column
    formerly: Column
    created: list[str]
    changes: list[Change]


@dataclass(frozen=True)
class Known:
    """What was known: the rows that stood, whose each was, and the place of every record among them, -1 where it is new."""

    before: pa.Table
    entity: Column
    place: Ints


@dataclass(frozen=True)
class Unsettled:
    """The clusters that are neither new nor as they were: their labels, and `label, entity, formerly` of their known records.

    Shape: in `shared` they are numbered in the order of `labels`.
    """

    labels: Ints
    shared: pa.Table


@dataclass(frozen=True)
class Named:
    """The ids of all records, those of clusters in which nothing was known, and what became of the others; `moving` are their known records."""

    ids: Column
    created: list[str]
    changes: list[Change]
    moving: Ints


def carry(session: Session, clusters: Clusters, before: pa.Table, place: Ints, mint: Callable[[], str]) -> Carried:
    """Carry ids over to new clusters; `place` is each record's in `before`, -1 where it is new.

    They are carried over the clusters that the rules alone make, which no judgement touches, and from there to those that stand. So a cluster
    that humans leave, or leave again, to the rules has the id that it has by the rules, whatever they decided and took back meanwhile.
    """
    label, by_rules = clusters.forest.label, clusters.by_rules
    alone = pc.coalesce(before["by_rules"], before["entity_id"])
    ruled = named = _by_rules(session, by_rules, Known(before, alone, place), mint)
    left = _left_to_rules(label, by_rules)
    if not left.all() or before["by_rules"].null_count < before.num_rows:
        named = _judged(session, label, Known(before, before["entity_id"], place), ruled.ids, left, mint)
    same = pc.or_(pc.equal(named.ids, ruled.ids), pa.array(left[label]))
    other = pc.if_else(same, pa.scalar(None, pa.string()), ruled.ids)
    return Carried(named.ids, other, _formerly(before, place, named), named.created, named.changes)


def at(column: Column, index: Ints) -> Column:
    """The values at these places; -1 is no place, and there is nothing."""
    return column.take(pa.array(index, pa.int64(), mask=index < 0))


def _left_to_rules(label: Ints, by_rules: Ints) -> NDArray[np.bool_]:
    """For each cluster, whether the rules alone make the very same."""
    if label is by_rules:
        return np.ones(int(label.max(initial=-1)) + 1, np.bool_)
    size = int(by_rules.max(initial=0)) + 1
    cluster, ruled = np.divmod(np.unique(label * size + by_rules), size)
    found: NDArray[np.bool_] = np.bincount(cluster) == 1
    found[cluster[np.bincount(ruled)[ruled] > 1]] = False
    return found


def _by_rules(session: Session, label: Ints, known: Known, mint: Callable[[], str]) -> Named:
    """The ids of the clusters that the rules alone make."""

    def claims(unsettled: Unsettled) -> Claims:
        return Claims(last=_free(_retired(session, unsettled.shared), known, unsettled))

    every = np.ones(int(label.max(initial=-1)) + 1, np.bool_)
    return _named(label, known, every, lambda fresh: [mint() for _ in fresh], claims, mint)


def _judged(
    session: Session, label: Ints, known: Known, ruled: Column, left: NDArray[np.bool_], mint: Callable[[], str]
) -> Named:
    """The ids of the clusters that stand; those that are left to the rules have their ids by the rules."""
    _, first = np.unique(label, return_index=True)

    def born(fresh: Ints) -> list[str]:
        ids: list[Any] = ruled.take(pa.array(first[fresh], pa.int64())).to_pylist()
        return ids

    def claims(unsettled: Unsettled) -> Claims:
        held = _held(label, ruled, unsettled)
        own, ruling = set(held), _ruling(ruled, unsettled)
        free = _free([*held, *_retired(session, unsettled.shared)], known, unsettled)
        exact = [claim for claim in free if left[unsettled.labels[claim[0]]]]
        return Claims(exact, free, lambda *claim: claim in own or claim[1] not in ruling)

    named = _named(label, known, left, born, claims, mint)
    return replace(named, changes=[_issued(session, change) for change in named.changes])


def _issued(session: Session, change: Change) -> Change:
    """Who comes back under an id that only the rules have known so far comes to be."""
    if change.kind == "revive" and session.get(Entity, change.after) is None:
        return replace(change, kind="create")
    return change


def _held(label: Ints, ruled: Column, unsettled: Unsettled) -> list[Claim]:
    """For each of these clusters the ids that its records have by the rules, those of most records first."""
    rows = np.flatnonzero(np.isin(label, unsettled.labels))
    number = pa.array(np.searchsorted(unsettled.labels, label[rows]), pa.int64())
    table = pa.table([number, ruled.take(pa.array(rows, pa.int64()))], names=["label", "entity"])
    sums = table.group_by(["label", "entity"]).aggregate([([], "count_all")])
    ranked = sums.sort_by([("count_all", "descending"), ("entity", "ascending"), ("label", "ascending")]).to_pylist()
    return [(row["label"], row["entity"]) for row in ranked]


def _ruling(ruled: Column, unsettled: Unsettled) -> set[str | None]:
    """Which of the ids that were somebody's in these clusters, or were before a merge, are somebody's by the rules."""
    asked = pa.chunked_array([*unsettled.shared["entity"].chunks, *unsettled.shared["formerly"].chunks], pa.string())
    return {*pc.unique(ruled.filter(pc.is_in(ruled, value_set=asked))).to_pylist()}


def _free(claims: Iterable[Claim], known: Known, unsettled: Unsettled) -> list[Claim]:
    """The claims on ids that nobody bears outside of these clusters."""
    claims = list(claims)
    ids = pa.array({entity for _, entity in claims}, pa.string())
    borne = {*ids.filter(pc.is_in(ids, value_set=known.entity)).to_pylist()}
    taken = borne - {*unsettled.shared["entity"].to_pylist()}
    return [claim for claim in claims if claim[1] not in taken]


def _named(
    label: Ints,
    known: Known,
    ready: NDArray[np.bool_],
    born: Callable[[Ints], list[str]],
    claims: Callable[[Unsettled], Claims],
    mint: Callable[[], str],
) -> Named:
    """Keep the id of every cluster that is as it was; `born` has those of new ones that are `ready`, and what is left is decided one by one."""
    entities = known.entity.combine_chunks().dictionary_encode()
    codes, pool = entities.indices.to_numpy().astype(np.int64), entities.dictionary
    kept = np.flatnonzero(known.place >= 0)
    pairs = pc.unique(pa.array(label[kept] * (len(pool) + 1) + codes[known.place[kept]])).to_numpy()
    cluster, code = np.divmod(pairs, len(pool) + 1)
    parts, homes = np.bincount(cluster, minlength=len(ready)), np.bincount(code, minlength=len(pool))
    plain = (parts[cluster] == 1) & (homes[code] == 1)
    place = np.full(len(ready), -1, np.int64)
    place[cluster[plain]] = code[plain]
    fresh = np.flatnonzero((parts == 0) & ready)
    created = born(fresh)
    place[fresh] = len(pool) + np.arange(len(created))
    rest = np.flatnonzero(place < 0)
    moving = kept[np.isin(label[kept], rest)] if len(rest) else kept[:0]
    assigned = Assignment([], [])
    if len(rest):
        unsettled = Unsettled(rest, _shared(label, known, rest, moving))
        assigned = assign_ids(_overlaps(unsettled.shared), len(rest), mint, claims(unsettled))
    place[rest] = len(pool) + len(created) + np.arange(len(rest))
    every = pa.concat_arrays([pool, pa.array(created, pa.string()), pa.array(assigned.ids, pa.string())])
    ids = pa.chunked_array([every.take(pa.array(place[label], pa.int64()))])
    return Named(ids, created, assigned.changes, moving)


def _shared(label: Ints, known: Known, rest: Ints, moving: Ints) -> pa.Table:
    was = pa.array(known.place[moving], pa.int64())
    number = pa.array(np.searchsorted(rest, label[moving]), pa.int64())
    entity, formerly = known.entity.take(was), known.before["formerly"].take(was)
    columns = [number, entity, pc.if_else(pc.equal(entity, formerly), pa.scalar(None, pa.string()), formerly)]
    return pa.table(columns, names=["label", "entity", "formerly"])


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


def _retired(session: Session, shared: pa.Table) -> list[Claim]:
    """The id that most records of a cluster had before a merge took it, where it leads to whom they were until now."""
    rows = shared.to_pylist()
    sizes = Counter(row["label"] for row in rows)
    counted = Counter((row["label"], row["entity"], row["formerly"]) for row in rows if row["formerly"] is not None)
    most = [(claim, number) for claim, number in counted.items() if number * 2 > sizes[claim[0]]]
    return [
        (label, formerly)
        for (label, entity, formerly), _ in sorted(most, key=lambda item: (-item[1], item[0]))
        if _taken_over(session, formerly, entity)
    ]


def _taken_over(session: Session, formerly: str, entity: str) -> bool:
    """Whether an id leads to where another one does, and is not in use."""
    return (
        session.get_one(Entity, formerly).merged_into is not None
        and session.get(Entity, entity) is not None
        and resolve(session, formerly) == resolve(session, entity)
    )


def _formerly(before: pa.Table, place: Ints, named: Named) -> Column:
    """For each record, the id that a merge took from it last; none once it has that id again."""
    formerly = at(before["formerly"], place).combine_chunks()
    merged = [change.before for change in named.changes if change.kind == "merge"]
    revived = [change.after for change in named.changes if change.kind == "revive"]
    if not merged and not revived:
        return pa.chunked_array([formerly])
    moving = named.moving
    was = before["entity_id"].take(pa.array(place[moving], pa.int64()))
    taken = pc.is_in(was, value_set=pa.array(merged, pa.string()))
    back = pc.is_in(named.ids.take(pa.array(moving, pa.int64())), value_set=pa.array(revived, pa.string()))
    none = pa.scalar(None, pa.string())
    anew = pc.if_else(back, none, pc.if_else(taken, was, formerly.take(pa.array(moving, pa.int64())))).combine_chunks()
    which: NDArray[np.bool_] = np.zeros(len(place), np.bool_)
    which[moving] = True
    return pa.chunked_array([pc.replace_with_mask(formerly, pa.array(which), anew)])
