"""What a run that died left behind, and whether what was written is there: the CRM is asked, and values are compared."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from sqlalchemy import Engine

from connectors.base import Crm, RowResult
from models.clock import Clock
from models.keys import RecordKey
from pipelines.write_back.crm import AT_ONCE, Fields
from pipelines.write_back.held import value_hash
from pipelines.write_back.ledger import Ledger
from pipelines.write_back.outcome import answered, refused
from pipelines.write_back.rows import Row

LOST = "it was sent, the answer was lost, and it did not arrive; the next plan has it again"
ROWS_AT_ONCE = 10 * AT_ONCE


def recover(crm: Crm, ledger: Ledger, clock: Clock) -> int:
    """Settle rows that were sent by a run that died: jobs are waited for, the rest is read back, and equal is ok.

    Returns how many were read back. Errors: Retryable while a job is at work still.
    """
    finish_jobs(crm, ledger, clock)
    count, fields = 0, Fields(crm)
    while orphans := ledger.orphans(ROWS_AT_ONCE):
        for object_name, rows in by_object(orphans):
            current = fields.read(object_name, sorted({RecordKey.parse(row.record).id for row in rows}))
            for row in rows:
                holds = fields.held(current.get(RecordKey.parse(row.record).id), row.field)
                row.state, row.error = ("ok", None) if value_hash(holds) == row.value_hash else ("superseded", LOST)
            ledger.settle(rows, clock.now())
        count += len(orphans)
    return count


def finish_jobs(crm: Crm, ledger: Ledger, clock: Clock) -> None:
    """Hear the answers of every job that the ledger knows and that was not heard to its end."""
    for job, object_name in ledger.jobs():
        if crm.jobs and (end := crm.jobs.end(job)):
            hear(crm, ledger, job, object_name, end.results, clock)


def hear(crm: Crm, ledger: Ledger, job: str, object_name: str, results: Sequence[RowResult], clock: Clock) -> int:
    """Record a job's answers. Gives the number of records that it refused for good."""
    fingerprint = cache(lambda: crm.fingerprint(object_name))
    for start in range(0, len(results), AT_ONCE):
        some = results[start : start + AT_ONCE]
        by_key = {ledger.key(object_name, result.id): result for result in some}
        rows = ledger.in_job(job, list(by_key))
        for row in rows:
            answered([row], by_key[row.record], fingerprint)
        ledger.settle(rows, clock.now())
    return sum(map(refused, results))


@dataclass(frozen=True)
class ReadBack:
    """What the CRM holds of a delivered plan: how many values were looked at, and which records hold something else."""

    values: int
    differing: tuple[str, ...]
    fields: tuple[str, ...] = ()
    """The fields that differ somewhere."""


def read_back(crm: Crm, vendor: str, plan_id: str, *, store: Engine, records: Sequence[str] | None = None) -> ReadBack:
    """Compare what the CRM took with what it holds, of all records or of some. No call where nothing was written."""
    ledger, fields = Ledger.of(store, vendor, crm), Fields(crm)
    keys = ledger.delivered(plan_id) if records is None else list(records)
    values, differing, names = 0, set[str](), set[str]()
    for start in range(0, len(keys), AT_ONCE):
        rows = ledger.rows(plan_id, keys[start : start + AT_ONCE])
        sent = [row for row in rows if row.state == "ok" and row.attempts]
        values += len(sent)
        for object_name, some in by_object(sent):
            current = fields.read(object_name, sorted({RecordKey.parse(row.record).id for row in some}))
            for row in some:
                holds = fields.held(current.get(RecordKey.parse(row.record).id), row.field)
                if value_hash(holds) != row.value_hash:
                    differing.add(row.record)
                    names.add(row.field)
    return ReadBack(values, tuple(sorted(differing)), tuple(sorted(names)))


def by_object(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    """Rows by the kind of object that they are about."""
    ordered = sorted(rows, key=lambda row: row.record)
    return [(name, list(some)) for name, some in groupby(ordered, key=lambda row: RecordKey.parse(row.record).object)]
