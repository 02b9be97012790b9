"""Taking a delivered plan back: a plan of its own, which puts old values where the CRM still holds what was written.

What a human or a later plan has changed since is left alone and listed, a rep's lock holds, and nobody who opted out is shown again.
What was taken back is not written again until something else is known.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from connectors.base import Crm, FieldValue
from models.base import new_id
from models.clock import Clock
from models.keys import RecordKey
from models.writes import WritePlan
from pipelines.progress import report
from pipelines.write_back.compare import LOCKED, OUTRANK_LOCK, State, judged
from pipelines.write_back.crm import AT_ONCE, Fields
from pipelines.write_back.fields import LOCK
from pipelines.write_back.held import as_json, from_json, value_hash
from pipelines.write_back.ledger import Ledger
from pipelines.write_back.limits import Limits
from pipelines.write_back.outcome import LATER
from pipelines.write_back.plan import calls
from pipelines.write_back.recovery import by_object, recover
from pipelines.write_back.rows import Row

SILENT = "what was emptied on purpose is not shown again"


@dataclass(frozen=True)
class Preview:
    """What an undo would put back, and what it would leave: kept nowhere."""

    rows: list[Row]
    counts: Mapping[str, int]


def preview(crm: Crm, vendor: str, plan_id: str, *, store: Engine, clock: Clock, limits: Limits) -> Preview:
    """Ask the CRM what `undo` would do now; other plans are left as they are. Errors: those of `undo`."""
    with _undoing(crm, vendor, plan_id, store=store, clock=clock) as undoing:
        found = [row for rows in undoing.portions() for row in rows]
        return Preview(found, undoing.told(limits))


def undo(crm: Crm, vendor: str, plan_id: str, *, store: Engine, clock: Clock, limits: Limits) -> WritePlan:
    """Keep, as a plan, what records held before a plan was delivered, wherever they still hold what it wrote.

    Errors: PlanRefused, Busy, and what the connector raises; nothing was written then.
    """
    with _undoing(crm, vendor, plan_id, store=store, clock=clock) as undoing:
        undoing.plan_id = undoing.ledger.begin(undoing.now, undoes=plan_id)
        for rows in undoing.portions():
            undoing.ledger.add(rows, undoing.now)
        return undoing.ledger.finish(undoing.plan_id, undoing.told(limits), None)


@contextmanager
def _undoing(crm: Crm, vendor: str, plan_id: str, *, store: Engine, clock: Clock) -> Iterator["_Undoing"]:
    ledger = Ledger.of(store, vendor, crm)
    with ledger.alone():
        ledger.plan(plan_id)
        recover(crm, ledger, clock)
        yield _Undoing(crm, ledger, clock, plan_id)


class _Undoing:
    """One such plan in the making."""

    def __init__(self, crm: Crm, ledger: Ledger, clock: Clock, undone: str) -> None:
        self.crm, self.ledger, self.now, self.fields, self.undone = crm, ledger, clock.now(), Fields(crm), undone
        self.plan_id = ""
        """The plan that its rows belong to; none while they are only looked at."""
        self.counts: Counter[str] = Counter()
        self.to_write: Counter[str] = Counter()
        """Records to write, by kind of object."""

    def portions(self) -> Iterator[list[Row]]:
        """The rows of the plan that takes it back."""
        keys = self.ledger.delivered(self.undone)
        self.counts["records"] = len(keys)
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            written = [row for row in self.ledger.rows(self.undone, some) if row.state == "ok" and row.attempts]
            newest = self.ledger.written_by(some)
            for object_name, rows in by_object(written):
                self.fields.require(object_name)
                found = list(self._rows(object_name, rows, newest))
                self.to_write[object_name] += len({row.record for row in found if row.state == "planned"})
                yield found
            report(f"planning to take back {self.ledger.vendor} fields, records", start + len(some))

    def told(self, limits: Limits) -> Mapping[str, int]:
        """What was counted, once all rows are there."""
        return {**self.counts, "write calls": calls(self.crm, +self.to_write, limits)}

    def _rows(self, object_name: str, written: Sequence[Row], newest: Mapping[tuple[str, str], str]) -> Iterator[Row]:
        current = self.fields.read(object_name, sorted({RecordKey.parse(row.record).id for row in written}))
        for row in written:
            there = current.get(RecordKey.parse(row.record).id)
            if there is None:
                self.counts["fields gone"] += 1
                continue
            holds = self.fields.held(there, row.field)
            later = newest.get((row.record, row.field)) not in (None, row.id)
            state, why = self._judged(row, holds, locked=bool(there.get(LOCK.name)), later=later)
            self.counts[f"fields {state}"] += 1
            yield self._row(row, holds, state, why or f"takes back plan {self.undone}")

    def _judged(self, row: Row, holds: FieldValue, *, locked: bool, later: bool) -> tuple[State, str]:
        if any(one in row.reason for one in OUTRANK_LOCK):
            return "suppressed", SILENT
        if locked:
            return "suppressed", LOCKED
        before = value_hash(from_json(row.old_value))
        state, why = judged(before, row.value_hash, value_hash(holds))
        return ("superseded", LATER) if state == "conflict" and later else (state, why)

    def _row(self, row: Row, holds: FieldValue, state: State, why: str) -> Row:
        return Row(
            id=new_id(self.now), plan_id=self.plan_id, record=row.record, entity_id=row.entity_id, field=row.field,
            old_value=as_json(holds), new_value=row.old_value, value_hash=value_hash(from_json(row.old_value)), reason=why, state=state,
            error=LATER if state == "superseded" else None,
        )  # fmt: skip
