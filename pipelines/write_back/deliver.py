"""Delivers a plan: reads once more what is there, notes what is sent, sends it, and records every answer.

A row is `sent` in the store before the vendor hears of it, and no transaction is open while the vendor is asked. Killed at any
line, the rows tell what may have arrived; whoever comes next reads those records back and compares values: equal is ok, else it
is sent again. Setting a value twice leaves what setting it once leaves.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Engine

from connectors.base import Crm, FieldValue, RowResult
from connectors.errors import Fatal
from models.clock import Clock
from models.keys import RecordKey
from models.writes import IntendedWrite
from pipelines.progress import report
from pipelines.write_back.compare import LOCKED, OUTRANK_LOCK, REASONS, Values, judged
from pipelines.write_back.crm import AT_ONCE, Fields
from pipelines.write_back.fields import LOCK, STAMPS
from pipelines.write_back.held import from_json, value_hash
from pipelines.write_back.ledger import Ledger
from pipelines.write_back.limits import Limits

MAX_ATTEMPTS = 3
"""A record that was busy is tried again after all others, twice; what is busy still is due in the next plan."""
GONE = "the record is gone: deleted, merged or converted since it was pulled"
LOST = "it was sent, the answer was lost, and it did not arrive; the next plan has it again"
ALONE = "nothing else of this record was left to write"


@dataclass(frozen=True)
class Delivery:
    """What became of a plan; fields, unless it says records."""

    plan_id: str
    stopped: str | None
    records: int
    """Records that took values."""
    written: int
    there: int
    """Values that the CRM held already."""
    kept: int
    """Values of humans that were found and kept."""
    locked: int
    failed: int
    parked: int
    """Of the failed, those that are not tried again with the same value."""

    @classmethod
    def of(cls, ledger: Ledger, plan_id: str, stopped: str | None) -> "Delivery":
        """As the ledger tells it."""
        rows = ledger.summary(plan_id)

        def fields(wanted: str, *, sent: bool | None = None, parked: bool | None = None) -> int:
            return sum(
                count
                for state, was_sent, was_parked, count, _ in rows
                if state == wanted and sent in (None, was_sent) and parked in (None, was_parked)
            )

        return cls(
            plan_id,
            stopped,
            records=sum(records for state, sent, _, _, records in rows if state == "ok" and sent),
            written=fields("ok", sent=True),
            there=fields("ok", sent=False),
            kept=fields("conflict"),
            locked=fields("suppressed"),
            failed=fields("failed"),
            parked=fields("failed", parked=True),
        )


def apply(crm: Crm, vendor: str, plan_id: str, *, store: Engine, clock: Clock, limits: Limits) -> Delivery:
    """Deliver a plan, or what is left of it after a crash.

    Errors: PlanRefused, Busy, FieldsNotReady before anything is sent; what the connector raises once a call fails as a whole:
    then the plan stays open, and applying it again, or planning anew, goes on from there.
    """
    ledger = Ledger.of(store, vendor, crm)
    with ledger.alone():
        ledger.deliverable(plan_id)
        return _Delivering(crm, ledger, clock, plan_id).run(limits)


@dataclass(frozen=True)
class Update:
    """The rows of one record that go out as one."""

    key: RecordKey
    rows: Sequence[IntendedWrite]

    @property
    def row(self) -> tuple[str, dict[str, FieldValue]]:
        """As the connector takes it."""
        return self.key.id, {row.field: from_json(row.new_value) for row in self.rows}


class _Delivering:
    """One delivery under way."""

    def __init__(self, crm: Crm, ledger: Ledger, clock: Clock, plan_id: str) -> None:
        self.crm, self.ledger, self.clock, self.plan_id, self.fields = crm, ledger, clock, plan_id, Fields(crm)
        self.stamps = {self.fields.api[spec.name] for spec in STAMPS}
        self.done = self.failed = 0
        self.stopped: str | None = None

    def run(self, limits: Limits) -> Delivery:
        while not self.stopped and (due := self.ledger.due(self.plan_id, MAX_ATTEMPTS)):
            for object_name, updates in self._batches([RecordKey.parse(key) for key in due]):
                self._send(object_name, updates)
                report(f"writing {self.ledger.vendor} fields, records", self.done)
                self.stopped = self._breaker(limits)
                if self.stopped:
                    break
        self.ledger.close(self.plan_id, self.clock.now(), stopped=self.stopped)
        return Delivery.of(self.ledger, self.plan_id, self.stopped)

    def _batches(self, due: Sequence[RecordKey]) -> Iterator[tuple[str, list[Update]]]:
        """Full batches, one kind of object after the other, of what is still to be sent."""
        kinds = [(name, list(keys)) for name, keys in groupby(due, key=lambda key: key.object)]
        for name, _ in kinds:
            self.fields.require(name)
        for name, keys in kinds:
            waiting: list[Update] = []
            for update in self._examined(name, keys):
                waiting.append(update)
                if len(waiting) == self.crm.batch_size:
                    yield name, waiting
                    waiting = []
            if waiting:
                yield name, waiting

    def _examined(self, object_name: str, keys: Sequence[RecordKey]) -> Iterator[Update]:
        """The records that still want writing, by what they hold right now; the others are settled."""
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            rows = self.ledger.rows(self.plan_id, [str(key) for key in some], max_attempts=MAX_ATTEMPTS)
            current = self.fields.read(object_name, [key.id for key in some])
            updates = [
                Update(key, list(of_record))
                for key, of_record in groupby(rows, key=lambda row: RecordKey.parse(row.record))
            ]
            for update in updates:
                self._examine(update, current.get(update.key.id))
            self.ledger.settle(rows, self.clock.now())
            for update in updates:
                if left := [row for row in update.rows if row.state == "planned"]:
                    yield Update(update.key, left)

    def _examine(self, update: Update, current: Values | None) -> None:
        """Set each row to planned if it is to be sent, else to what it has come to."""
        for row in update.rows:
            if current is None:
                row.state, row.error, row.parked = "failed", GONE, True
            elif current.get(LOCK.name) and row.reason not in OUTRANK_LOCK:
                row.state, row.reason = "suppressed", LOCKED
            else:
                before = value_hash(from_json(row.old_value))
                row.state = judged(row.value_hash, before, value_hash(self.fields.held(current, row.field)))
                row.reason = REASONS.get(row.state, row.reason)
        left = [row for row in update.rows if row.state == "planned"]
        if all(row.field in self.stamps and from_json(row.new_value) is not None for row in left):
            for row in left:
                row.state, row.error = "superseded", ALONE

    def _send(self, object_name: str, updates: Sequence[Update]) -> None:
        rows = [row for update in updates for row in update.rows]
        now = self.clock.now()
        for row in rows:
            row.state, row.sent_at, row.attempts = "sent", now, row.attempts + 1
        self.ledger.settle(rows, now)
        results = self.crm.update(object_name, [update.row for update in updates])
        if [result.id for result in results] != [update.key.id for update in updates]:
            raise Fatal(
                f"{len(updates)} records were sent and other ones were answered; the next run reads back what arrived",
                vendor=self.ledger.vendor,
                stream=object_name,
            )
        for update, result in zip(updates, results, strict=True):
            _answered(update, result)
        self.ledger.settle(rows, self.clock.now())
        self.done += len(updates)
        self.failed += sum(not result.ok and not result.retry for result in results)

    def _breaker(self, limits: Limits) -> str | None:
        if self.done >= limits.min_records and self.failed > limits.max_failed_share * self.done:
            return (
                f"{self.failed} of {self.done} records were refused, more than {limits.max_failed_share:.0%}; "
                "the reasons stand in the ledger (intended_write.error); mend them and plan again"
            )
        return None


def _answered(update: Update, result: RowResult) -> None:
    for row in update.rows:
        row.state = "ok" if result.ok else "failed"
        row.error = None if result.ok else f"{result.code}: {result.message}"
        row.parked = not result.ok and not result.retry


def recover(crm: Crm, ledger: Ledger, clock: Clock) -> int:
    """Settle rows that were sent by a run that died: read back, equal is ok. Returns how many there were."""
    orphans = ledger.orphans()
    for object_name, rows in _by_object(orphans):
        fields = Fields(crm)
        current = fields.read(object_name, sorted({RecordKey.parse(row.record).id for row in rows}))
        for row in rows:
            arrived = value_hash(fields.held(current.get(RecordKey.parse(row.record).id), row.field)) == row.value_hash
            row.state, row.error = ("ok", None) if arrived else ("superseded", LOST)
        ledger.settle(rows, clock.now())
    return len(orphans)


@dataclass(frozen=True)
class ReadBack:
    """What the CRM holds of a delivered plan: how many values were looked at, and which records hold something else."""

    values: int
    differing: tuple[str, ...]


def read_back(crm: Crm, vendor: str, plan_id: str, *, store: Engine) -> ReadBack:
    """Compare what the CRM took with what it holds. No call where nothing was written."""
    ledger, fields = Ledger.of(store, vendor, crm), Fields(crm)
    sent = [row for row in ledger.rows(plan_id) if row.state == "ok" and row.attempts]
    differing = set()
    for object_name, rows in _by_object(sent):
        current = fields.read(object_name, sorted({RecordKey.parse(row.record).id for row in rows}))
        for row in rows:
            if value_hash(fields.held(current.get(RecordKey.parse(row.record).id), row.field)) != row.value_hash:
                differing.add(row.record)
    return ReadBack(len(sent), tuple(sorted(differing)))


def _by_object(rows: Iterable[IntendedWrite]) -> list[tuple[str, list[IntendedWrite]]]:
    ordered = sorted(rows, key=lambda row: row.record)
    return [(name, list(some)) for name, some in groupby(ordered, key=lambda row: RecordKey.parse(row.record).object)]
