"""Taking a delivered plan back: a plan of its own, which puts old values where the CRM still holds what was written.

What a human or a later plan has changed since is left alone and listed, a rep's lock holds, and nobody who opted out is shown again.
What was taken back is not written again until something else is known.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

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
from pipelines.write_back.recovery import by_object, recover
from pipelines.write_back.rows import Row

LATER = "written again by a later plan"
SILENT = "what was emptied on purpose is not shown again"


def undo(crm: Crm, vendor: str, plan_id: str, *, store: Engine, clock: Clock) -> WritePlan:
    """Keep, as a plan, what records held before a plan was delivered, wherever they still hold what it wrote.

    Errors: PlanRefused, Busy, and what the connector raises; nothing was written then.
    """
    ledger = Ledger.of(store, vendor, crm)
    with ledger.alone():
        ledger.plan(plan_id)
        recover(crm, ledger, clock)
        return _Undoing(crm, ledger, clock, plan_id).run()


class _Undoing:
    """One such plan in the making."""

    def __init__(self, crm: Crm, ledger: Ledger, clock: Clock, undone: str) -> None:
        self.ledger, self.now, self.fields, self.undone = ledger, clock.now(), Fields(crm), undone
        self.plan_id = ledger.begin(self.now, undoes=undone)
        self.counts: Counter[str] = Counter()

    def run(self) -> WritePlan:
        keys = self.ledger.delivered(self.undone)
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            written = [row for row in self.ledger.rows(self.undone, some) if row.state == "ok" and row.attempts]
            newest = self.ledger.written_by(some)
            for object_name, rows in by_object(written):
                self.fields.require(object_name)
                self.ledger.add(list(self._rows(object_name, rows, newest)), self.now)
            report(f"planning to take back {self.ledger.vendor} fields, records", start + len(some))
        self.counts["records"] = len(keys)
        return self.ledger.finish(self.plan_id, self.counts, None)

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
        return state, LATER if state == "conflict" and later else why

    def _row(self, row: Row, holds: FieldValue, state: State, why: str) -> Row:
        return Row(
            id=new_id(self.now), plan_id=self.plan_id, record=row.record, entity_id=row.entity_id, field=row.field,
            old_value=as_json(holds), new_value=row.old_value, value_hash=value_hash(from_json(row.old_value)), reason=why, state=state,
        )  # fmt: skip
