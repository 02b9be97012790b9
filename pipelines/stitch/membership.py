"""Writing down who belongs to whom: ids carried over, differences written, the snapshot in the lake brought into step."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Engine
from sqlmodel import Session, col, delete, insert, select, update

from models.base import new_id
from models.beliefs import BucketState
from models.bulk import load
from models.facts import Scope
from models.identity import Entity, IdentityEvent, Look, Membership, Stitch
from models.keys import stable_hash
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.stitch import quarantine
from pipelines.stitch.carry import Carried, Column, at, carry
from pipelines.stitch.clusters import Clusters
from pipelines.stitch.components import Forest, Ints
from pipelines.stitch.evidence import NO_EDGE, evidence
from pipelines.stitch.portions import portions

SNAPSHOT = "membership"
"""The lake's table of who belongs to whom: any engine joins persons by it, without the store."""
STAGE = "stitch"
"""Under this stage the store counts the stitches that changed something, and the erasures that did."""

SNAPSHOT_COLUMNS: dict[str, pa.DataType] = {
    "record": pa.string(),
    "record_hash": pa.int64(),
    "scope": pa.string(),
    "entity_id": pa.string(),
    "via_record": pa.string(),
    "via_kind": pa.string(),
    "via_value": pa.string(),
    "by_rules": pa.string(),
    "formerly": pa.string(),
}
SNAPSHOT_SCHEMA = pa.schema(SNAPSHOT_COLUMNS)
CAME = pa.schema({"id": pa.string(), "to_id": pa.string()})
TRACED = ("entity_id", "via_record", "via_kind", "via_value", "by_rules", "formerly")
"""What a record's row says; it is written again if one of these differs."""


@dataclass(frozen=True)
class Settled:
    """What was written: the version that stands, and rows by what happened to them.

    Shape: `moved` has `record, before, after` of every record that went from one entity to another; `snapshot` is the membership as it stands.
    """

    version: int
    changes: Mapping[str, int]
    moved: pa.Table
    snapshot: pa.Table


@dataclass(frozen=True)
class Decided:
    """What shall stand, and how it differs from what stood: rows to be written, keys to be removed, what happened to ids.

    Shape: `own` are the hashes of the records that were looked at, None for all of the scope; the rows of the rest are among `others`.
    """

    before: pa.Table
    after: pa.Table
    others: pa.Table
    own: Ints | None
    carried: Carried
    different: NDArray[np.bool_]
    gone: list[str]
    stale: list[str]
    changes: Counter[str]
    moved: pa.Table


def settle(
    lake: Lake,
    session: Session,
    scope: Scope,
    people: pa.Table,
    clusters: Clusters,
    rules_version: str,
    own: Ints | None,
    now: datetime,
) -> Settled:
    """Give every cluster its id and write what differs from before. Writes nothing, not even a version, if nothing does.

    Other rules than those of the latest stitch are a difference, even if they decide the same.
    """
    decided = decide(lake, session, scope, people, clusters, own, now)
    return write(session, scope, people, clusters, decided, rules_version, now)


def decide(
    lake: Lake, session: Session, scope: Scope, people: pa.Table, clusters: Clusters, own: Ints | None, now: datetime
) -> Decided:
    """Carry ids over, and find what differs."""
    every = standing(lake, session)
    ours = np.asarray(pc.equal(every["scope"], pa.scalar(scope.value)))
    if own is not None:
        ours &= np.isin(every["record_hash"].to_numpy(), own)
    before, others = every.filter(pa.array(ours)), every.filter(pa.array(~ours))
    known = _places(people["record_hash"], before["record_hash"])
    carried = carry(session, clusters, before, known, lambda: new_id(now))
    after = _after(people, clusters.forest, clusters.reasons, scope, carried)
    different, fresh = _different(before, after, known), known < 0
    stays = np.zeros(before.num_rows, np.bool_)
    stays[known[~fresh]] = True
    gone = sorted(_texts(before["record"], ~stays))
    over = np.isin(others["record_hash"].to_numpy(), after["record_hash"].to_numpy()[fresh])
    stale = [*gone, *_texts(others["record"], over)]
    stale += _texts(after["record"], different & ~fresh)
    changes = Counter(change.kind for change in carried.changes)
    changes["create"] += len(carried.created)
    changes.update(added=int((different & fresh).sum()), moved=int((different & ~fresh).sum()), gone=len(gone))
    kept = others.filter(pa.array(~over))
    return Decided(before, after, kept, own, carried, different, gone, stale, changes, _moved(before, after, known))


def write(
    session: Session,
    scope: Scope,
    people: pa.Table,
    clusters: Clusters,
    decided: Decided,
    rules_version: str,
    now: datetime,
) -> Settled:
    """Put what differs into the store."""
    version, changes = version_of(session), decided.changes
    latest = latest_stitch(session, scope)
    changes["quarantine"] = quarantine.write(
        session, scope, people, clusters.reasons, clusters.refused, decided.own, version=version + 1, now=now
    )
    changes["rules"] = int(latest is None or latest.rules_version != rules_version)
    if changes.total():
        version += 1
        _write_entities(session, scope, decided, (version, rules_version), now)
        _write_membership(session, decided, version)
        session.add(
            Stitch(version=version, scope=scope, rules_version=rules_version, changes=+changes, stitched_at=now)
        )
        session.merge(BucketState(stage=STAGE, bucket=0, version=str(version), computed_at=now))
    stands = pa.concat_tables([decided.others, decided.after])
    return Settled(version, dict(changes), decided.moved, stands)


def version_of(session: Session) -> int:
    """How many stitches, and erasures, have changed anything so far."""
    state = session.get(BucketState, (STAGE, 0))
    return int(state.version) if state else 0


def look_anew(session: Session, now: datetime) -> None:
    """What was looked at counts no more: the next stitch of either scope looks at everything, and one that is under way begins anew.

    For whoever takes records, or their membership, out of lake and store.
    """
    session.execute(delete(Look))
    session.merge(BucketState(stage=STAGE, bucket=0, version=str(version_of(session) + 1), computed_at=now))


def latest_stitch(session: Session, scope: Scope) -> Stitch | None:
    """The latest stitch of this scope that changed anything."""
    rows = select(Stitch).where(Stitch.scope == scope).order_by(col(Stitch.version).desc()).limit(1)
    return session.exec(rows).first()


def snapshot(lake: Lake, store: Engine, settled: Settled | None = None) -> bool:
    """Bring the lake's copy of the membership into step with the store; says whether it had to be written.

    What a stitch has just settled need not be read back, if no other has come between.
    """
    with transaction(store) as session:
        mark = _mark(session)
        if lake.version(SNAPSHOT) == mark:
            return False
        fresh = settled is not None and settled.version == version_of(session)
        table = settled.snapshot if settled is not None and fresh else _stored(session)
    lake.replace(SNAPSHOT, table, description="Which records make which person or account.", version=mark)
    return True


def _mark(session: Session) -> int:
    """Names the stitch that stands; a number alone would come again in a store that was lost or set back."""
    state = session.get(BucketState, (STAGE, 0))
    return stable_hash(state.version, state.computed_at.isoformat()) if state else 0


def standing(lake: Lake, session: Session, columns: Sequence[str] = tuple(SNAPSHOT_COLUMNS)) -> pa.Table:
    """The membership of all scopes as it stands: the lake's copy if it is in step, for that is read in a tenth of the time."""
    if lake.version(SNAPSHOT) == _mark(session):
        table = lake.rows(SNAPSHOT, columns)
        if table is not None:
            return table.cast(pa.schema([SNAPSHOT_SCHEMA.field(name) for name in columns]))
    return _stored(session).select(columns)


def _stored(session: Session) -> pa.Table:
    """The membership in the store, by scope and record."""
    rows = session.execute(select(*(getattr(Membership, name) for name in SNAPSHOT_SCHEMA.names))).all()
    columns = list(zip(*rows, strict=True)) or [()] * len(SNAPSHOT_SCHEMA)
    arrays = [pa.array(values, kind) for values, kind in zip(columns, SNAPSHOT_SCHEMA.types, strict=True)]
    return pa.table(arrays, schema=SNAPSHOT_SCHEMA).sort_by([("scope", "ascending"), ("record", "ascending")])


def _places(wanted: Column, there: Column) -> Ints:
    """Where each hash is among the others; -1 where it is not."""
    places: Any = pc.index_in(wanted, value_set=there)
    found: Ints = places.fill_null(-1).to_numpy().astype(np.int64)
    return found


def _after(people: pa.Table, forest: Forest, reasons: pa.Table, scope: Scope, carried: Carried) -> pa.Table:
    """One row per record as it shall stand."""
    scopes = pa.array([scope.value]).take(pa.array(np.zeros(people.num_rows, np.int64), pa.int64()))
    columns = {
        "record": people["record"],
        "record_hash": people["record_hash"],
        "scope": scopes,
        "entity_id": carried.ids,
        "via_record": at(people["record"], forest.parent),
        "via_kind": at(reasons["kind"], forest.note),
        "via_value": at(reasons["shown"], forest.note),
        "by_rules": carried.by_rules,
        "formerly": carried.formerly,
    }
    return pa.table(columns, schema=SNAPSHOT_SCHEMA)


def _different(before: pa.Table, after: pa.Table, known: Ints) -> NDArray[np.bool_]:
    """For each record, whether its row must be written: it is new, or says something else."""
    different = known < 0
    if different.all():
        return different
    for name in TRACED:
        was, stands = (pc.fill_null(column, pa.scalar("")) for column in (at(before[name], known), after[name]))
        different |= np.asarray(pc.not_equal(was, stands), dtype=np.bool_)
    return different


def _texts(column: Column, which: NDArray[np.bool_]) -> list[str]:
    return [text for text in column.filter(pa.array(which)).to_pylist() if text is not None]


def _moved(before: pa.Table, after: pa.Table, known: Ints) -> pa.Table:
    columns = [after["record"], at(before["entity_id"], known), after["entity_id"]]
    table = pa.table(columns, names=["record", "before", "after"])
    return table.filter(pc.not_equal(table["before"], table["after"]))  # null, so left out, for a new record


def _write_entities(session: Session, scope: Scope, decided: Decided, by: tuple[int, str], now: datetime) -> None:
    """New ids, ids that were taken over or came back, and an event for each change. `by` is the version of the stitch, and of its rules."""
    changes, created = decided.carried.changes, decided.carried.created
    created = [*created, *(change.after for change in changes if change.kind == "create")]
    load(session, Entity, pa.table({"id": pa.array(created, pa.string())}), scope=scope.value, created_at=now)
    moved = [{"id": change.before, "merged_into": change.after} for change in changes if change.kind == "merge"]
    moved += [{"id": change.after, "merged_into": None} for change in changes if change.kind == "revive"]
    if moved:
        session.execute(update(Entity), moved)
    version, rules_version = by
    same = {"scope": scope.value, "stitch_version": version, "rules_version": rules_version, "occurred_at": now}
    came = pa.table({"id": [new_id(now) for _ in created], "to_id": created}, schema=CAME)
    load(session, IdentityEvent, came, kind="create", **same)
    edges = evidence(changes, decided.before, decided.after)
    events = [
        {"id": new_id(now), "kind": change.kind, "from_id": change.before, "to_id": change.after,
         **edges.get(change, NO_EDGE)._asdict()}
        for change in changes
        if change.kind != "create"
    ]  # fmt: skip
    if events:
        # into the table, not the class: the ORM would send one statement per row, because some rows hold nulls
        session.execute(insert(IdentityEvent.__table__), [{**event, **same} for event in events])  # type: ignore[attr-defined]  # SQLModel adds it


def _write_membership(session: Session, decided: Decided, version: int) -> None:
    # rows are replaced, not updated: a record may come over from the other scope
    for keys in portions(decided.stale):
        session.execute(delete(Membership).where(col(Membership.record).in_(keys)))
    load(session, Membership, decided.after.filter(pa.array(decided.different)), stitch_version=version)
