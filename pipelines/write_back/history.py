"""What the ledger tells afterwards: runs, the history of a record, edits of humans; and what is done about it by hand or by age."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from connectors.base import FieldValue
from models.store import transaction
from models.writes import Baseline, IntendedWrite, WritePlan
from pipelines.write_back.compare import REASONS
from pipelines.write_back.held import from_json

SETTLED = ("ok", "conflict", "suppressed", "undone", "failed")
SWEPT_AT_ONCE = 10_000


@dataclass(frozen=True)
class Run:
    """One plan and what became of it; fields by state."""

    id: str
    crm: str
    created_at: datetime
    applied_at: datetime | None
    undoes: str | None
    stopped: str | None
    waits: bool
    approved_by: str | None
    records: int
    fields: dict[str, int]


@dataclass(frozen=True)
class Write:
    """One field value that was intended, and what became of it."""

    plan: str
    at: datetime
    record: str
    field: str
    old: FieldValue
    new: FieldValue
    reason: str
    state: str
    error: str | None
    parked: bool
    attempts: int
    job: str | None
    beliefs: tuple[str, ...]


@dataclass(frozen=True)
class Edit:
    """A human's change of what we had written: feedback that nobody had to be asked for."""

    record: str
    entity_id: str
    field: str
    shown: FieldValue
    """What stood there before, as far as we know: the value we wrote last."""
    typed: FieldValue
    wanted: FieldValue
    beliefs: tuple[str, ...]
    write_id: str
    found_at: datetime


def runs(store: Engine, *, limit: int = 20) -> list[Run]:
    """The newest plans of all CRMs, the newest first."""
    with transaction(store) as session:
        plans = session.exec(select(WritePlan).order_by(col(WritePlan.id).desc()).limit(limit)).all()
    return [_run(store, plan) for plan in plans]


def _run(store: Engine, plan: WritePlan) -> Run:
    rows = sa.select(col(IntendedWrite.state), sa.func.count()).where(col(IntendedWrite.plan_id) == plan.id)
    records = sa.select(sa.func.count(col(IntendedWrite.record).distinct())).where(
        col(IntendedWrite.plan_id) == plan.id
    )
    with store.connect() as connection:
        states = {
            str(state): int(count) for state, count in connection.execute(rows.group_by(col(IntendedWrite.state)))
        }
        count = connection.execute(records).scalar_one()
    waits = plan.needs_approval and not (plan.approved_at or plan.applied_at or plan.stopped)
    return Run(
        plan.id, plan.crm, plan.created_at, plan.applied_at, plan.undoes, plan.stopped, waits, plan.approved_by, count, states
    )  # fmt: skip


def writes(store: Engine, *, plan_id: str | None = None, record: str | None = None) -> list[Write]:
    """Every write of a plan, by record and field; or of a record, named by its key or its id, the oldest first."""
    query = select(IntendedWrite, WritePlan.created_at).join(WritePlan, col(WritePlan.id) == col(IntendedWrite.plan_id))
    if plan_id:
        query = query.where(IntendedWrite.plan_id == plan_id)
    if record:
        named = col(IntendedWrite.record) == record
        query = query.where(
            named if "/" in record else col(IntendedWrite.record).endswith(f"/{record}", autoescape=True)
        )
    with transaction(store) as session:
        found = session.exec(query.order_by(col(IntendedWrite.id))).all()
    if plan_id:
        found = sorted(found, key=lambda one: (one[0].record, one[0].field))
    return [
        Write(
            row.plan_id, row.sent_at or at, row.record, row.field, from_json(row.old_value), from_json(row.new_value), row.reason,
            row.state, row.error, row.parked, row.attempts, row.job, tuple(row.belief_ids),
        )
        for row, at in found
    ]  # fmt: skip


def edits(store: Engine, *, since: datetime | None = None) -> list[Edit]:
    """What humans have changed of ours and keep, the oldest first; one for every time that something else was wanted there."""
    query = (
        select(IntendedWrite, Baseline.value, WritePlan.created_at)
        .join(WritePlan, col(WritePlan.id) == col(IntendedWrite.plan_id))
        .join(
            Baseline,
            (col(Baseline.record) == col(IntendedWrite.record)) & (col(Baseline.field) == col(IntendedWrite.field)),
        )
        .where(IntendedWrite.state == "conflict", IntendedWrite.reason == REASONS["conflict"])
    )
    if since:
        query = query.where(WritePlan.created_at >= since)
    with transaction(store) as session:
        found = session.exec(query.order_by(col(IntendedWrite.id))).all()
    return [
        Edit(
            row.record, row.entity_id, row.field, from_json(shown), from_json(row.old_value), from_json(row.new_value),
            tuple(row.belief_ids), row.id, at,
        )
        for row, shown, at in found
    ]  # fmt: skip


def retry(
    store: Engine, *, plan_id: str | None = None, since: datetime | None = None, until: datetime | None = None
) -> int:
    """Let the next plan try refused rows again, of a run or sent within `[since, until)`. Gives the number of rows."""
    parked = sa.update(IntendedWrite).where(col(IntendedWrite.state) == "failed", col(IntendedWrite.parked))
    if plan_id:
        parked = parked.where(col(IntendedWrite.plan_id) == plan_id)
    if since:
        parked = parked.where(col(IntendedWrite.sent_at) >= since)
    if until:
        parked = parked.where(col(IntendedWrite.sent_at) < until)
    with transaction(store) as session:
        done: Any = session.execute(parked.values(parked=False).execution_options(synchronize_session=False))
        return int(done.rowcount)


def sweep(store: Engine, vendor: str, before: datetime) -> int:
    """Forget rows of plans made before this instant, but for the newest of each field, on which every later comparison rests.

    Gives the number of rows. A row goes only once it is settled and a later one of its field is, or it never came to anything.
    """
    old = select(WritePlan.id).where(WritePlan.crm == vendor, WritePlan.created_at < before)
    newer = aliased(IntendedWrite)
    later = select(newer.id).where(
        newer.record == IntendedWrite.record,
        newer.field == IntendedWrite.field,
        newer.id > IntendedWrite.id,
        col(newer.state).in_(SETTLED),
    )
    stands = select(Baseline.write_id).where(Baseline.write_id == IntendedWrite.id)
    state = col(IntendedWrite.state)
    ends = (state == "superseded") | (state.in_(SETTLED) & later.exists())
    over = select(IntendedWrite.id).where(col(IntendedWrite.plan_id).in_(old), ends, ~stands.exists())
    gone = 0
    while ids := _some(store, over):
        with transaction(store) as session:
            session.execute(sa.delete(IntendedWrite).where(col(IntendedWrite.id).in_(ids)))
        gone += len(ids)
    bare = select(IntendedWrite.id).where(IntendedWrite.plan_id == WritePlan.id)
    with transaction(store) as session:
        empty = sa.delete(WritePlan).where(col(WritePlan.id).in_(old), ~bare.exists())
        session.execute(empty.execution_options(synchronize_session=False))
    return gone


def _some(store: Engine, query: Any) -> Sequence[str]:
    with transaction(store) as session:
        return session.exec(query.limit(SWEPT_AT_ONCE)).all()  # type: ignore[no-any-return]
