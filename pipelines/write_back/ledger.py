"""The ledger: every write intended, what became of it, and what each CRM field is known to hold.

A row goes planned -> sent -> ok or failed; it may instead end as conflict (a human's value is kept), suppressed (a rep's lock)
or superseded (a newer plan took over). The baseline moves only together with ok. One run at a time works on a CRM account, so a
row found `sent` by another was orphaned by a crash.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select, update

from connectors.base import Crm
from models.base import new_id
from models.keys import RecordKey
from models.store import transaction
from models.writes import Baseline, IntendedWrite, WritePlan
from pipelines.stitch.entities import resolved
from pipelines.understand.people import chunks
from pipelines.write_back import rows
from pipelines.write_back.baseline import acknowledge
from pipelines.write_back.held import value_hash
from pipelines.write_back.limits import PLAN_LASTS
from pipelines.write_back.refusals import Busy, PlanRefused
from pipelines.write_back.rows import Row
from pipelines.write_back.turn import turn

UNFINISHED = "planning did not finish; plan again"


@dataclass(frozen=True)
class Standing:
    """What the latest decided row of a field came to: ok, conflict, suppressed, undone, or failed for good."""

    state: str
    value_hash: str
    parked_under: str | None = None
    at: datetime | None = field(default=None, compare=False)
    """When it was last sent."""


@dataclass(frozen=True)
class Ledger:
    """The rows of one CRM account."""

    store: Engine
    vendor: str
    account: str

    @classmethod
    def of(cls, store: Engine, vendor: str, crm: Crm) -> "Ledger":
        """The ledger of an open CRM account."""
        return cls(store, vendor, crm.account)

    @property
    def prefix(self) -> str:
        """How the keys of this account's records start."""
        return f"{self.vendor}/{self.account}/"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Work on this CRM account as the only one, until done or dead. Busy if somebody else does."""
        with turn(self.store, self.vendor, self.account) as free:
            if not free:
                raise Busy(f"another run is writing back to {self.vendor} right now; wait until it has ended")
            yield

    # plans

    def begin(self, now: datetime, undoes: str | None = None) -> str:
        """A new plan, not to be applied before it is finished."""
        plan = WritePlan(
            id=new_id(now), crm=self.vendor, account=self.account, created_at=now, stopped=UNFINISHED, undoes=undoes,
            counts={},
        )  # fmt: skip
        with transaction(self.store) as session:
            session.add(plan)
        return plan.id

    def finish(
        self, plan_id: str, counts: Mapping[str, int], stopped: str | None, *, needs_approval: bool = False
    ) -> WritePlan:
        """The plan is complete: it takes the place of every plan before it that was not delivered."""
        with transaction(self.store) as session:
            plan = session.get_one(WritePlan, plan_id)
            plan.counts, plan.stopped, plan.needs_approval = dict(counts), stopped, needs_approval
            for older in session.exec(self._undelivered().where(WritePlan.id != plan_id)).all():
                supersede(session, older, f"superseded by plan {plan_id}")
        return plan

    def plan(self, plan_id: str) -> WritePlan:
        """A plan of this account. PlanRefused if there is none of that id."""
        with transaction(self.store) as session:
            plan = session.get(WritePlan, plan_id)
        if plan is None or (plan.crm, plan.account) != (self.vendor, self.account):
            raise PlanRefused(
                f"there is no plan {plan_id} for {self.vendor} account {self.account}; make one with: sidecar plan"
            )
        return plan

    def deliverable(self, plan_id: str, now: datetime) -> WritePlan:
        """A plan that may be applied. PlanRefused with the reason otherwise."""
        plan = self._undecided(plan_id, now)
        if plan.needs_approval and not plan.approved_at:
            raise PlanRefused(
                f"plan {plan_id} waits for approval; look at it with: sidecar writes {plan_id}; then say yes with: "
                f"sidecar plan approve {plan_id}"
            )
        return plan

    def approve(self, plan_id: str, now: datetime, by: str) -> WritePlan:
        """Let a plan be applied. PlanRefused if it could not be anyhow."""
        plan = self._undecided(plan_id, now)
        with transaction(self.store) as session:
            plan.approved_at, plan.approved_by = plan.approved_at or now, plan.approved_by or by
            session.add(plan)
        return plan

    def waiting(self, now: datetime) -> WritePlan | None:
        """The newest plan, if it waits for approval or has it and was not delivered; None once it is too old."""
        newest = select(WritePlan).where(WritePlan.crm == self.vendor, WritePlan.account == self.account)
        with transaction(self.store) as session:
            plan = session.exec(newest.order_by(col(WritePlan.id).desc()).limit(1)).first()
        open_still = plan and plan.needs_approval and not plan.applied_at and not plan.stopped
        return plan if plan and open_still and now - plan.created_at < PLAN_LASTS else None

    def _undecided(self, plan_id: str, now: datetime) -> WritePlan:
        plan = self.plan(plan_id)
        if plan.applied_at:
            raise PlanRefused(f"plan {plan_id} was applied on {plan.applied_at:%Y-%m-%d at %H:%M} UTC; plan again")
        if plan.stopped:
            raise PlanRefused(f"plan {plan_id} is not to be applied: {plan.stopped}")
        if now - plan.created_at >= PLAN_LASTS:
            raise PlanRefused(f"plan {plan_id} is of {plan.created_at:%Y-%m-%d %H:%M} UTC and too old; plan again")
        return plan

    def close(self, plan_id: str, now: datetime, *, stopped: str | None = None) -> None:
        """The plan was delivered, or its delivery was stopped."""
        with transaction(self.store) as session:
            plan = session.get_one(WritePlan, plan_id)
            plan.stopped = stopped
            plan.applied_at = None if stopped else now

    def last_applied(self) -> WritePlan | None:
        """The plan delivered last."""
        applied = select(WritePlan).where(
            WritePlan.crm == self.vendor, WritePlan.account == self.account, col(WritePlan.applied_at).is_not(None)
        )
        with transaction(self.store) as session:
            return session.exec(
                applied.order_by(col(WritePlan.created_at).desc(), col(WritePlan.id).desc()).limit(1)
            ).first()

    # rows

    def add(self, new: Sequence[Row], now: datetime) -> None:
        """Keep new rows; the baseline follows those that the CRM holds already, in the same commit."""
        with transaction(self.store) as session:
            rows.add(session, _stamped(new, now))
            acknowledge(session, new)

    def settle(self, some: Sequence[Row], now: datetime) -> None:
        """Record what became of these rows; the baseline follows those that are ok, in the same commit."""
        with transaction(self.store) as session:
            rows.update(session, _stamped(some, now))
            acknowledge(session, some)

    def orphans(self, limit: int) -> list[Row]:
        """Rows that were sent by a run that died before it heard the answer, the oldest first."""
        sent = sa.select(col(IntendedWrite.id)).where(col(IntendedWrite.state) == "sent", self._here())
        oldest = sent.order_by(col(IntendedWrite.id)).limit(limit)
        with transaction(self.store) as session:
            return rows.read(session, rows.TABLE.c.id.in_(oldest))

    def delivered(self, plan_id: str) -> list[str]:
        """Keys of the plan's records that took something, sorted."""
        rows = select(IntendedWrite.record).where(
            IntendedWrite.plan_id == plan_id, IntendedWrite.state == "ok", IntendedWrite.attempts > 0
        )
        with transaction(self.store) as session:
            return sorted(session.exec(rows.distinct()).all())

    def tried(self, plan_id: str, object_name: str) -> list[str]:
        """Keys of the plan's records of one kind that were sent at least once."""
        rows = select(IntendedWrite.record).where(
            IntendedWrite.plan_id == plan_id, IntendedWrite.attempts > 0, self._here(f"{object_name}/")
        )
        with transaction(self.store) as session:
            return sorted(session.exec(rows.distinct()).all())

    def fields(self, plan_id: str, object_name: str) -> list[str]:
        """The fields that the plan writes on one kind of object."""
        rows = select(IntendedWrite.field).where(IntendedWrite.plan_id == plan_id, self._here(f"{object_name}/"))
        with transaction(self.store) as session:
            return sorted(session.exec(rows.distinct()).all())

    def jobs(self) -> list[tuple[str, str]]:
        """Bulk jobs of which not every record has been answered, each with the kind of object that it writes."""
        job = col(IntendedWrite.job)
        rows = sa.select(job, sa.func.min(IntendedWrite.record)).where(
            col(IntendedWrite.state) == "sent", job.is_not(None), self._here()
        )
        with self.store.connect() as connection:
            found = connection.execute(rows.group_by(job).order_by(job)).all()
        return [(str(name), RecordKey.parse(record).object) for name, record in found]

    def key(self, object_name: str, record_id: str) -> str:
        """The written key of one of this account's records."""
        return str(RecordKey(self.vendor, self.account, object_name, record_id))

    def in_job(self, job: str, records: Sequence[str]) -> list[Row]:
        """Rows of these records that a bulk job carries and that were not answered yet."""
        row = rows.TABLE.c
        with transaction(self.store) as session:
            return rows.read(session, row.job == job, row.record.in_(records), row.state == "sent")

    def due(self, plan_id: str, max_attempts: int) -> list[str]:
        """Keys of the plan's records that still have something to deliver, sorted: one kind of object after the other."""
        rows = (
            select(IntendedWrite.record).where(IntendedWrite.plan_id == plan_id, _deliverable(max_attempts)).distinct()
        )
        with transaction(self.store) as session:
            return sorted(session.exec(rows).all())

    def rows(self, plan_id: str, records: Sequence[str] | None = None, *, max_attempts: int | None = None) -> list[Row]:
        """The plan's rows by record and field: all, or those of some records, or those still to deliver."""
        row = rows.TABLE.c
        conditions = [row.plan_id == plan_id]
        if max_attempts is not None:
            conditions.append(_deliverable(max_attempts))
        if records is not None:
            conditions.append(row.record.in_(records))
        with transaction(self.store) as session:
            return sorted(rows.read(session, *conditions), key=lambda one: (one.record, one.field))

    def summary(self, plan_id: str) -> list[tuple[str, bool, bool, int, int]]:
        """The plan's rows as (state, whether ever sent, parked, fields, records)."""
        sent, parked = col(IntendedWrite.attempts) > 0, col(IntendedWrite.parked)
        state, record = col(IntendedWrite.state), col(IntendedWrite.record)
        rows = sa.select(state, sent, parked, sa.func.count(), sa.func.count(record.distinct()))
        with self.store.connect() as connection:
            found = connection.execute(rows.where(col(IntendedWrite.plan_id) == plan_id).group_by(state, sent, parked))
            return [
                (state, bool(sent), bool(parked), fields, records) for state, sent, parked, fields, records in found
            ]

    def lost(self, plan_id: str, why: str) -> int:
        """Rows of the plan that nobody sends any more for this reason."""
        told = col(IntendedWrite.error).startswith(why, autoescape=True)
        rows = select(sa.func.count()).where(
            IntendedWrite.plan_id == plan_id, IntendedWrite.state == "superseded", told
        )
        with transaction(self.store) as session:
            return session.exec(rows).one()

    def standing(self, records: Sequence[str]) -> dict[tuple[str, str], Standing]:
        """The latest decided row of every field of these records."""
        latest: dict[tuple[str, str], Standing] = {}
        columns = (
            IntendedWrite.record, IntendedWrite.field, IntendedWrite.state, IntendedWrite.value_hash, IntendedWrite.parked_under,
            IntendedWrite.sent_at,
        )  # fmt: skip
        undoing = select(WritePlan.id).where(col(WritePlan.undoes).is_not(None))
        decided = _decided() & col(IntendedWrite.plan_id).not_in(undoing)  # what was undone says so itself
        with transaction(self.store) as session:
            for some in chunks(records):
                rows = sa.select(*map(col, columns)).where(col(IntendedWrite.record).in_(some), decided)
                for record, name, *standing in session.execute(rows.order_by(col(IntendedWrite.id))):
                    latest[record, name] = Standing(*standing)
        return latest

    def kept_for_humans(self) -> int:
        """Fields whose latest decision was to keep a human's value."""
        return self._latest(col(IntendedWrite.state) == "conflict", col(IntendedWrite.id))

    def parked(self) -> int:
        """Records whose latest decision was that the CRM refuses them for good."""
        return self._latest(col(IntendedWrite.parked), col(IntendedWrite.record))

    def _latest(self, decision: Any, counted: Any) -> int:
        """Distinct things among the rows so decided, as long as the field's later rows do not say otherwise."""
        newer = aliased(IntendedWrite)
        later = select(newer.id).where(
            newer.record == IntendedWrite.record,
            newer.field == IntendedWrite.field,
            newer.id > IntendedWrite.id,
            col(newer.state).in_(("ok", "failed", "conflict", "suppressed", "undone")),
        )
        with transaction(self.store) as session:
            counts = select(sa.func.count(counted.distinct()))
            return session.exec(counts.where(self._here(), decision, ~later.exists())).one()

    # baseline

    def known(self, records: Sequence[str]) -> dict[str, dict[str, str]]:
        """Hash of every field value these records are known to hold, by record and field."""
        known: dict[str, dict[str, str]] = {record: {} for record in records}
        with transaction(self.store) as session:
            for some in chunks(records):
                rows = select(Baseline.record, Baseline.field, Baseline.value_hash).where(
                    col(Baseline.record).in_(some)
                )
                for record, name, hashed in session.exec(rows):
                    known[record][name] = hashed
        return known

    def written_by(self, records: Sequence[str]) -> dict[tuple[str, str], str]:
        """The write that put there what each field of these records is known to hold, by record and field."""
        found: dict[tuple[str, str], str] = {}
        with transaction(self.store) as session:
            for some in chunks(records):
                rows = select(Baseline.record, Baseline.field, Baseline.write_id)
                for record, name, write_id in session.exec(rows.where(col(Baseline.record).in_(some))):
                    found[record, name] = write_id
        return found

    def known_values(self, field: str) -> dict[str, str]:
        """Hash of one field's value on every record of this account."""
        rows = select(Baseline.record, Baseline.value_hash).where(
            Baseline.field == field, col(Baseline.record).startswith(self.prefix, autoescape=True)
        )
        with transaction(self.store) as session:
            return dict(session.exec(rows).all())

    def touched(self) -> set[str]:
        """Keys of the records on which something of ours stands."""
        rows = select(Baseline.record).where(
            Baseline.value_hash != value_hash(None), col(Baseline.record).startswith(self.prefix, autoescape=True)
        )
        with transaction(self.store) as session:
            return set(session.exec(rows.distinct()).all())

    def told_of(self, records: Sequence[str]) -> dict[str, str]:
        """The person or account that each of these records shows something of, as stitched now."""
        found: dict[str, str] = {}
        with transaction(self.store) as session:
            for some in chunks(records):
                rows = select(IntendedWrite.record, IntendedWrite.entity_id).join(
                    Baseline, col(Baseline.write_id) == col(IntendedWrite.id)
                )
                stands = (col(Baseline.record).in_(some), Baseline.value_hash != value_hash(None))
                found |= dict(session.exec(rows.where(*stands).distinct()).all())
            now = resolved(session, found.values())
        return {record: now[entity] for record, entity in found.items()}

    def _here(self, kind: str = "") -> Any:
        """The rows of this account, or of one kind of its objects."""
        return col(IntendedWrite.record).startswith(f"{self.prefix}{kind}", autoescape=True)

    def _undelivered(self) -> Any:
        return select(WritePlan).where(
            WritePlan.crm == self.vendor, WritePlan.account == self.account, col(WritePlan.applied_at).is_(None)
        )


def supersede(session: Session, plan: WritePlan, why: str) -> None:
    """What is left of a plan is not to be delivered."""
    plan.stopped = why
    left = update(IntendedWrite).where(col(IntendedWrite.plan_id) == plan.id, col(IntendedWrite.state) == "planned")
    session.exec(left.values(state="superseded"))


def _stamped(some: Sequence[Row], now: datetime) -> Sequence[Row]:
    """The rows; those that are ok say since when."""
    for row in some:
        if row.state == "ok":
            row.acknowledged_at = now
    return some


def _decided() -> Any:
    state = col(IntendedWrite.state)
    return state.in_(("ok", "conflict", "suppressed", "undone")) | (state == "failed") & col(IntendedWrite.parked)


def _deliverable(max_attempts: int) -> Any:
    state, attempts = col(IntendedWrite.state), col(IntendedWrite.attempts)
    again = (state == "failed") & ~col(IntendedWrite.parked) & (attempts < max_attempts)
    return state.in_(("planned", "sent")) | again
