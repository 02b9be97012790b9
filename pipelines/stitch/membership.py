"""Writing down who belongs to whom: ids carried over, differences written, the snapshot in the lake brought into step."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Engine
from sqlmodel import Session, col, delete, insert, select, update

from models.base import new_id
from models.beliefs import BucketState
from models.facts import Scope
from models.identity import Entity, IdentityEvent, Membership, Stitch
from models.keys import stable_hash
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.stitch import quarantine
from pipelines.stitch.clusters import Clusters
from pipelines.stitch.components import Forest, Ints
from pipelines.stitch.entities import Assignment, Change, assign_ids, resolve
from pipelines.stitch.evidence import NO_EDGE, Edge, evidence
from pipelines.stitch.portions import portions

SNAPSHOT = "membership"
"""The lake's table of who belongs to whom: any engine joins persons by it, without the store."""
STAGE = "stitch"
"""Under this stage the store counts the stitches that changed something."""

Row = dict[str, Any]
Column: TypeAlias = "pa.ChunkedArray[Any]"  # generic in the stubs only
SNAPSHOT_COLUMNS: dict[str, pa.DataType] = {
    "record": pa.string(),
    "record_hash": pa.int64(),
    "scope": pa.string(),
    "entity_id": pa.string(),
}
SNAPSHOT_SCHEMA = pa.schema(SNAPSHOT_COLUMNS)
TRACED = ("entity_id", "via_record", "via_kind", "via_value", "formerly")
"""What a record's row says; it is written again if one of these differs."""


@dataclass(frozen=True)
class Settled:
    """What was written: the version that stands, entities alive, and rows by what happened to them.

    Shape: `moved` has `record, before, after` of every record that went from one entity to another.
    """

    version: int
    entities: int
    changes: Mapping[str, int]
    moved: pa.Table


def settle(
    session: Session, scope: Scope, people: pa.Table, clusters: Clusters, rules_version: str, now: datetime
) -> Settled:
    """Give every cluster its id and write what differs from before. Writes nothing, not even a version, if nothing does.

    Other rules than those of the latest stitch are a difference, even if they decide the same.
    """
    forest, reasons = clusters.forest, clusters.reasons
    before = _before(session, scope)
    found = pc.index_in(people["record"].combine_chunks(), value_set=before["record"].combine_chunks())
    known = found.fill_null(-1).to_numpy().astype(np.int64)
    number = int(forest.label.max()) + 1 if people.num_rows else 0
    assigned = assign_ids(
        _overlaps(forest, before, known),
        number,
        lambda: new_id(now),
        lambda parted: _retired(session, forest, before, known, parted),
    )
    after = _after(people, forest, reasons, assigned, _formerly(before, known, forest, assigned))
    different = _different(before, after, known)
    gone = sorted(set(_texts(before["record"])) - set(_texts(people["record"])))
    version = version_of(session)
    fresh = known < 0
    changes = Counter(change.kind for change in assigned.changes)
    changes.update(added=int((different & fresh).sum()), moved=int((different & ~fresh).sum()), gone=len(gone))
    changes["quarantine"] = quarantine.write(
        session, scope, people, reasons, clusters.refused, version=version + 1, now=now
    )
    changes["rules"] = int(_rules_of_latest(session, scope) != rules_version)
    if changes.total():
        version += 1
        edges = evidence(assigned.changes, before, after)
        _write_entities(session, scope, assigned.changes, edges, (version, rules_version), now)
        rows = after.filter(pa.array(different)).to_pylist()
        _write_membership(session, scope, rows, gone, version)
        session.add(
            Stitch(version=version, scope=scope, rules_version=rules_version, changes=+changes, stitched_at=now)
        )
        session.merge(BucketState(stage=STAGE, bucket=0, version=str(version), computed_at=now))
    return Settled(version, number, dict(changes), _moved(before, after, known))


def version_of(session: Session) -> int:
    """How many stitches have changed anything so far."""
    state = session.get(BucketState, (STAGE, 0))
    return int(state.version) if state else 0


def latest_stitch(session: Session, scope: Scope) -> Stitch | None:
    """The latest stitch of this scope that changed anything."""
    rows = select(Stitch).where(Stitch.scope == scope).order_by(col(Stitch.version).desc()).limit(1)
    return session.exec(rows).first()


def snapshot(lake: Lake, store: Engine) -> bool:
    """Bring the lake's copy of the membership into step with the store; says whether it had to be written."""
    with transaction(store) as session:
        mark = _mark(session)
        if lake.version(SNAPSHOT) == mark:
            return False
        columns = [getattr(Membership, name) for name in SNAPSHOT_SCHEMA.names]
        rows = session.execute(select(*columns)).all()
    table = _table(rows, SNAPSHOT_SCHEMA).sort_by("record")
    lake.replace(SNAPSHOT, table, description="Which records make which person or account.", version=mark)
    return True


def _mark(session: Session) -> int:
    """Names the stitch that stands; a number alone would come again in a store that was lost or set back."""
    state = session.get(BucketState, (STAGE, 0))
    return stable_hash(state.version, state.computed_at.isoformat()) if state else 0


def _rules_of_latest(session: Session, scope: Scope) -> str | None:
    latest = latest_stitch(session, scope)
    return latest.rules_version if latest else None


def _before(session: Session, scope: Scope) -> pa.Table:
    names = ("record", *TRACED)
    columns = [getattr(Membership, name) for name in names]
    rows = session.execute(select(*columns).where(col(Membership.scope) == scope)).all()
    return _table(rows, pa.schema([(name, pa.string()) for name in names]))


def _overlaps(forest: Forest, before: pa.Table, known: Ints) -> Iterable[tuple[int, str, int]]:
    """How many records each cluster has in common with each entity that was.

    Where an entity falls apart, its own records count before those that a merge once brought: the part that has most of them goes for the
    largest, so that an undone merge gives both ids back.
    """
    kept = known >= 0
    names = ("entity_id", "formerly")
    columns = [pa.array(forest.label[kept]), *(_at(before[name], known[kept]) for name in names)]
    table = pa.table(columns, names=["label", "entity", "formerly"])
    sums = table.group_by(["label", "entity"]).aggregate([([], "count_all"), ("formerly", "count")])
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


def _retired(
    session: Session, forest: Forest, before: pa.Table, known: Ints, parted: Collection[int]
) -> Mapping[int, str]:
    """For parts of a split, the id that most of their records had before a merge took it, if it is not in use again."""
    chosen = np.isin(forest.label, np.fromiter(parted, np.int64)) & (known >= 0)
    rows = pa.table(
        [pa.array(forest.label[chosen]), *(_at(before[name], known[chosen]) for name in ("entity_id", "formerly"))],
        names=["label", "entity", "formerly"],
    )
    sizes = Counter(rows["label"].to_pylist())
    counted = Counter(
        (row["label"], row["entity"], row["formerly"]) for row in rows.to_pylist() if row["formerly"] is not None
    )
    found: dict[int, str] = {}
    for (label, entity, formerly), number in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
        taken_over = session.get_one(Entity, formerly).merged_into is not None and resolve(session, formerly) == entity
        if number * 2 > sizes[label] and taken_over and label not in found and formerly not in found.values():
            found[label] = formerly
    return found


def _formerly(before: pa.Table, known: Ints, forest: Forest, assigned: Assignment) -> Column:
    """For each record, the id that a merge took from it last; none once it has that id again."""
    formerly = _at(before["formerly"], known)
    merged = [change.before for change in assigned.changes if change.kind == "merge"]
    revived = [change.after for change in assigned.changes if change.kind == "revive"]
    if not merged and not revived:
        return formerly
    was = _at(before["entity_id"], known)
    taken = pc.is_in(was, value_set=pa.array(merged, pa.string()))
    back = pc.is_in(_ids(assigned, forest), value_set=pa.array(revived, pa.string()))
    kept: Column = pc.if_else(back, pa.scalar(None, pa.string()), pc.if_else(taken, was, formerly))
    return kept


def _ids(assigned: Assignment, forest: Forest) -> Column:
    return _at(pa.chunked_array([pa.array(assigned.ids, pa.string())]), forest.label)


def _after(people: pa.Table, forest: Forest, reasons: pa.Table, assigned: Assignment, formerly: Column) -> pa.Table:
    """One row per record as it shall stand."""
    columns = {
        "entity_id": _ids(assigned, forest),
        "via_record": _at(people["record"], forest.parent),
        "via_kind": _at(reasons["kind"], forest.note),
        "via_value": _at(reasons["shown"], forest.note),
        "formerly": formerly,
    }
    table = people.select(["record", "record_hash"])
    for name, column in columns.items():
        table = table.append_column(name, column)
    return table


def _different(before: pa.Table, after: pa.Table, known: Ints) -> NDArray[np.bool_]:
    """For each record, whether its row must be written: it is new, or says something else."""
    different = known < 0
    for name in TRACED:
        was, stands = (pc.fill_null(column, pa.scalar("")) for column in (_at(before[name], known), after[name]))
        different |= np.asarray(pc.not_equal(was, stands), dtype=np.bool_)
    return different


def _moved(before: pa.Table, after: pa.Table, known: Ints) -> pa.Table:
    columns = [after["record"], _at(before["entity_id"], known), after["entity_id"]]
    table = pa.table(columns, names=["record", "before", "after"])
    return table.filter(pc.not_equal(table["before"], table["after"]))  # null, so left out, for a new record


def _at(column: Column, index: Ints) -> Column:
    """The values at these places; -1 is no place, and there is nothing."""
    return column.take(pa.array(index, pa.int64(), mask=index < 0))


def _texts(column: Column) -> list[str]:
    return [text for text in column.to_pylist() if text is not None]


def _write_entities(
    session: Session,
    scope: Scope,
    changes: Sequence[Change],
    edges: Mapping[Change, Edge],
    by: tuple[int, str],
    now: datetime,
) -> None:
    """New ids, ids that were taken over or came back, and an event for each change. `by` is the version of the stitch, and of its rules."""
    created = [
        {"id": change.after, "scope": scope, "created_at": now, "merged_into": None}
        for change in changes
        if change.kind == "create"
    ]
    _insert(session, Entity, created)
    moved = [{"id": change.before, "merged_into": change.after} for change in changes if change.kind == "merge"]
    moved += [{"id": change.after, "merged_into": None} for change in changes if change.kind == "revive"]
    if moved:
        session.execute(update(Entity), moved)
    version, rules_version = by
    events = [
        {"id": new_id(now), "kind": change.kind, "scope": scope, "from_id": change.before, "to_id": change.after,
         "stitch_version": version, "rules_version": rules_version, "occurred_at": now,
         **edges.get(change, NO_EDGE)._asdict()}
        for change in changes
    ]  # fmt: skip
    _insert(session, IdentityEvent, events)


def _write_membership(session: Session, scope: Scope, rows: list[Row], gone: list[str], version: int) -> None:
    # rows are replaced, not updated: a record may come over from the other scope
    for keys in portions([*gone, *(row["record"] for row in rows)]):
        session.execute(delete(Membership).where(col(Membership.record).in_(keys)))
    _insert(session, Membership, [{**row, "scope": scope, "stitch_version": version} for row in rows])


def _insert(session: Session, table: type[Entity | IdentityEvent | Membership], rows: list[Row]) -> None:
    if rows:
        # into the table, not the class: the ORM would send one statement per row, because some rows hold nulls
        session.execute(insert(table.__table__), rows)  # type: ignore[union-attr]  # SQLModel adds it


def _table(rows: Sequence[Any], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table([pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)], schema=schema)
