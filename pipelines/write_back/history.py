"""What the ledger tells afterwards: runs, the history of a record; and what is done about it by hand or by age."""

from collections import defaultdict
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


def runs(store: Engine, *, limit: int = 20) -> list[Run]:
    """The newest plans of all CRMs, the newest first."""
    with transaction(store) as session:
        plans = session.exec(select(WritePlan).order_by(col(WritePlan.id).desc()).limit(limit)).all()
        plan, state, records = col(IntendedWrite.plan_id), col(IntendedWrite.state), col(IntendedWrite.record)
        rows = sa.select(plan).where(plan.in_([one.id for one in plans]))
        by_state = session.execute(rows.add_columns(state, sa.func.count()).group_by(plan, state)).all()
        by_plan = session.execute(rows.add_columns(sa.func.count(records.distinct())).group_by(plan)).all()
    fields: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for plan_id, name, count in by_state:
        fields[plan_id][name] = count
    touched = {plan_id: int(count) for plan_id, count in by_plan}
    return [_run(one, touched.get(one.id, 0), fields[one.id]) for one in plans]


def _run(plan: WritePlan, records: int, fields: dict[str, int]) -> Run:
    waits = plan.needs_approval and not (plan.approved_at or plan.applied_at or plan.stopped)
    return Run(
        plan.id, plan.crm, plan.created_at, plan.applied_at, plan.undoes, plan.stopped, waits, plan.approved_by, records, fields
    )  # fmt: skip


def plan(store: Engine, plan_id: str) -> WritePlan | None:
    """The plan of this id, be it one without any writes; None if there is none."""
    with transaction(store) as session:
        return session.get(WritePlan, plan_id)


def writes(store: Engine, *, plan_id: str | None = None, record: str | None = None) -> list[Write]:
    """Every write of a plan, by record and field; or of a record, named by its key or its id, the oldest first."""
    query = select(IntendedWrite, WritePlan.created_at).join(WritePlan, col(WritePlan.id) == col(IntendedWrite.plan_id))
    if plan_id is not None:
        query = query.where(IntendedWrite.plan_id == plan_id)
    if record is not None:
        named = col(IntendedWrite.record) == record
        query = query.where(
            named if "/" in record else col(IntendedWrite.record).endswith(f"/{record}", autoescape=True)
        )
    with transaction(store) as session:
        found = session.exec(query.order_by(col(IntendedWrite.id))).all()
    if plan_id is not None:
        found = sorted(found, key=lambda one: (one[0].record, one[0].field))
    return [
        Write(
            row.plan_id, row.sent_at or at, row.record, row.field, from_json(row.old_value), from_json(row.new_value), row.reason,
            row.state, row.error, row.parked, row.attempts, row.job, tuple(row.belief_ids),
        )
        for row, at in found
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
