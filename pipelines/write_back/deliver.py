"""Delivers a plan: reads once more what is there, notes what is sent, sends it, and records every answer.

A row is `sent` in the store before the vendor hears of it, and no transaction is open while the vendor is asked. Killed at any
line, the rows tell what may have arrived; whoever comes next reads those records back and compares values: equal is ok, else it
is sent again. Setting a value twice leaves what setting it once leaves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from io import BytesIO
from itertools import groupby

from sqlalchemy import Engine

from connectors.base import Crm, FieldValue, Jobs, RowResult
from connectors.errors import ConnectorError, Fatal
from models.clock import Clock
from models.keys import RecordKey
from models.writes import WritePlan
from pipelines.progress import report
from pipelines.understand.people import chunks
from pipelines.write_back.compare import LOCKED, OUTRANK_LOCK, Values, judged
from pipelines.write_back.crm import AT_ONCE, Fields
from pipelines.write_back.fields import LOCK, STAMPS
from pipelines.write_back.flight import IN_FLIGHT, ahead, side_by_side
from pipelines.write_back.held import as_json, from_json, kept_hash, value_hash
from pipelines.write_back.ledger import Ledger
from pipelines.write_back.limits import Limits
from pipelines.write_back.outcome import GONE, Delivery, answered, refused
from pipelines.write_back.recovery import finish_jobs, hear, read_back
from pipelines.write_back.rows import Row

MAX_ATTEMPTS = 3
"""A record that was busy is tried again after all others, twice; what is busy still is due in the next plan."""
ALONE = "nothing else of this record was left to write"


def apply(crm: Crm, vendor: str, plan_id: str, *, store: Engine, clock: Clock, limits: Limits) -> Delivery:
    """Deliver a plan, or what is left of it after a crash.

    Errors: PlanRefused, Busy, FieldsNotReady before anything is sent; what the connector raises once a call fails as a whole:
    then the plan stays open, and applying it again, or planning anew, goes on from there.
    """
    ledger = Ledger.of(store, vendor, crm)
    with ledger.alone():
        plan = ledger.deliverable(plan_id, clock.now())
        finish_jobs(crm, ledger, clock)
        return _Delivering(crm, ledger, clock, plan, limits).run()


@dataclass(frozen=True)
class Update:
    """The rows of one record that go out as one."""

    key: RecordKey
    rows: Sequence[Row]

    @cached_property
    def row(self) -> tuple[str, dict[str, FieldValue]]:
        """As the connector takes it."""
        return self.key.id, {row.field: from_json(row.new_value) for row in self.rows}


class _Delivering:
    """One delivery under way."""

    def __init__(self, crm: Crm, ledger: Ledger, clock: Clock, plan: WritePlan, limits: Limits) -> None:
        self.crm, self.ledger, self.clock, self.limits, self.fields = crm, ledger, clock, limits, Fields(crm)
        self.plan_id, self.undoing = plan.id, plan.undoes is not None
        self.policies = limits.policies()
        self.stamps = {self.fields.api[spec.name] for spec in STAMPS}
        self.fingerprint = cache(crm.fingerprint)
        self.done = self.refused = 0
        self.stopped: str | None = None

    def run(self) -> Delivery:
        """Everything that is due, and after it what was busy, until nothing is or something stops it."""
        while not self.stopped and (due := self.ledger.due(self.plan_id, MAX_ATTEMPTS)):
            keys = [RecordKey.parse(key) for key in due]
            kinds = [(name, list(some)) for name, some in groupby(keys, key=lambda key: key.object)]
            for name, _ in kinds:
                self.fields.require(name)
            for name, some in kinds:
                if not self.stopped:
                    self._deliver(name, some)
        self.ledger.close(self.plan_id, self.clock.now(), stopped=self.stopped)
        return Delivery.of(self.ledger, self.plan_id, self.stopped)

    def _deliver(self, object_name: str, keys: Sequence[RecordKey]) -> None:
        """All records of one kind: some ahead of the others where they are many, and by job where that is cheaper."""
        keys = self._after_canary(object_name, keys)
        jobs = self.crm.jobs
        job = jobs.begin(object_name) if jobs and len(keys) >= jobs.least else None
        if jobs and job:
            self._by_job(jobs, job, object_name, keys)
        else:
            self._by_batch(object_name, self._examined(keys))

    # a few records ahead of the others

    def _after_canary(self, object_name: str, keys: Sequence[RecordKey]) -> Sequence[RecordKey]:
        """Deliver and judge the first records of a kind that has many. Gives those that are left; none if it was stopped.

        What was tried by a run that died counts, so that no more than the canary is ever sent before it was judged.
        """
        tried, most = self.ledger.tried(self.plan_id, object_name), self.limits.canary
        if not most or len(keys) + len(tried) <= self.limits.canary_above or len(tried) > most:
            return keys
        canary, rest = keys[: most - len(tried)], keys[most - len(tried) :]
        self._by_batch(object_name, self._examined(canary))
        sent = self.ledger.tried(self.plan_id, object_name)
        parked = {row.record for row in self.ledger.rows(self.plan_id, sent) if row.parked}
        back = read_back(self.crm, self.ledger.vendor, self.plan_id, store=self.ledger.store, records=sent)
        bad = parked | set(back.differing)
        if len(bad) > self.limits.max_failed_share * len(sent):
            other = f", in {', '.join(back.fields)}" if back.fields else ""
            self.stopped = (
                f"of the first {len(sent)} {object_name} records {len(parked)} were refused and {len(back.differing)} hold something "
                f"else than was sent{other}; look for a rule, a Flow or a trigger, and at: sidecar writes {self.plan_id}"
            )
        return [] if self.stopped else rest

    # by batch

    def _by_batch(self, object_name: str, updates: Iterator[Update]) -> None:
        """Full batches, first one alone, then several at a time, as long as not too much is refused."""
        width, waiting = 1, list[Update]()
        for update in updates:
            waiting.append(update)
            if len(waiting) == width * self.crm.batch_size:
                self._send(object_name, waiting)
                width, waiting = min(2 * width, IN_FLIGHT), []
                if self.stopped:
                    return
        if waiting:
            self._send(object_name, waiting)

    def _send(self, object_name: str, updates: Sequence[Update]) -> None:
        """Some batches. Errors: the first that a call raised, once the answers of the others are recorded."""
        self._note([row for update in updates for row in update.rows])
        size = self.crm.batch_size
        batches = [updates[start : start + size] for start in range(0, len(updates), size)]
        failed: ConnectorError | None = None
        answers = side_by_side(lambda batch: self.crm.update(object_name, [one.row for one in batch]), batches)
        for batch, answer in zip(batches, answers, strict=True):
            try:
                self._answered(object_name, batch, answer.result())
            except ConnectorError as error:
                failed = failed or error
        if failed:
            raise failed
        report(f"writing {self.ledger.vendor} fields, records", self.done)
        self._look_at_refusals()

    def _answered(self, object_name: str, batch: Sequence[Update], results: Sequence[RowResult]) -> None:
        if [result.id for result in results] != [update.key.id for update in batch]:
            raise Fatal(
                f"{len(batch)} records were sent and other ones were answered; the next run reads back what arrived",
                vendor=self.ledger.vendor,
                stream=object_name,
            )
        for update, result in zip(batch, results, strict=True):
            answered(update.rows, result, lambda: self.fingerprint(object_name))
        self.ledger.settle([row for update in batch for row in update.rows], self.clock.now())
        self.done += len(batch)
        self.refused += sum(map(refused, results))

    # by job

    def _by_job(self, jobs: Jobs, job: str, object_name: str, keys: Sequence[RecordKey]) -> None:
        """Let a job carry the records; those that its format does not allow go by batch."""
        others = self._hand_in(jobs, job, object_name, keys)
        self._hear(jobs, job, object_name)
        if not self.stopped:
            self._by_batch(object_name, iter(others))

    def _hand_in(self, jobs: Jobs, job: str, object_name: str, keys: Sequence[RecordKey]) -> list[Update]:
        """Fill the job and hand it in; what its size does not allow is left for the next round. Gives what it cannot carry."""
        fields, others = self.ledger.fields(self.plan_id, object_name), list[Update]()
        content = BytesIO()
        empty = content.write(jobs.heading(fields))
        for some, current in ahead(self._read, chunks(keys, AT_ONCE)):
            carried = list[Update]()
            for update in self._wanting(some, current):
                (carried if jobs.takes(update.row[1]) else others).append(update)
            lines = jobs.lines([update.row for update in carried], fields)
            if content.tell() > empty and content.tell() + len(lines) > jobs.most_bytes:
                break
            self._note([row for update in carried for row in update.rows], job)
            content.write(lines)
        if content.tell() > empty:
            jobs.hand_in(job, content.getvalue())
        return others

    def _hear(self, jobs: Jobs, job: str, object_name: str) -> None:
        """Wait for the job and record every answer. Fatal if the vendor forgets a record."""
        end = jobs.end(job)
        if end:
            self.refused += hear(self.crm, self.ledger, job, object_name, end.results, self.clock)
            self.done += len(end.results)
        report(f"writing {self.ledger.vendor} fields, records", self.done)
        if any(name == job for name, _ in self.ledger.jobs()):
            said = end.complaint if end else "the vendor knows nothing of it"
            raise Fatal(
                f"bulk job {job} ended without an answer for every record ({said}); the next run reads back what arrived",
                vendor=self.ledger.vendor,
                stream=object_name,
            )
        self._look_at_refusals()

    # what all share

    def _examined(self, keys: Sequence[RecordKey]) -> Iterator[Update]:
        """The records that still want writing, each read shortly before it is sent."""
        for some in chunks(keys, AT_ONCE):
            yield from self._wanting(some, self._read(some))

    def _read(self, keys: Sequence[RecordKey]) -> Mapping[str, Values]:
        return self.fields.read(keys[0].object, [key.id for key in keys])

    def _wanting(self, keys: Sequence[RecordKey], current: Mapping[str, Values]) -> list[Update]:
        """Those of the records that still want writing by what they hold right now; the others are settled."""
        rows = self.ledger.rows(self.plan_id, [str(key) for key in keys], max_attempts=MAX_ATTEMPTS)
        updates = [
            Update(key, list(of_record))
            for key, of_record in groupby(rows, key=lambda row: RecordKey.parse(row.record))
        ]
        for update in updates:
            self._examine(update, current.get(update.key.id))
        self.ledger.settle([row for row in rows if row.state != "planned"], self.clock.now())
        left = [Update(update.key, [row for row in update.rows if row.state == "planned"]) for update in updates]
        return [update for update in left if update.rows]

    def _examine(self, update: Update, current: Values | None) -> None:
        """Set each row to planned if it is to be sent, else to what it has come to."""
        for row in update.rows:
            if current is None:
                row.state, row.error = "superseded", GONE
            elif current.get(LOCK.name) and not any(one in row.reason for one in OUTRANK_LOCK):
                row.state, row.reason = "suppressed", LOCKED
            else:
                self._compare(row, self.fields.held(current, row.field))
        left = [row for row in update.rows if row.state == "planned"]
        if not self.undoing and all(row.field in self.stamps and from_json(row.new_value) is not None for row in left):
            for row in left:
                row.state, row.error = "superseded", ALONE

    def _compare(self, row: Row, holds: FieldValue) -> None:
        spec, before = self.fields.specs.get(row.field), kept_hash(row.old_value)
        policy = self.policies[spec.name] if spec and not self.undoing else "never_over_human"
        row.state, said = judged(row.value_hash, before, value_hash(holds), policy)
        row.reason = said or row.reason
        if row.state != "ok":
            row.old_value = as_json(holds)  # what a human has put there, or what is written over

    def _note(self, rows: Sequence[Row], job: str | None = None) -> None:
        """Before the vendor hears of them."""
        now = self.clock.now()
        for row in rows:
            row.state, row.sent_at, row.attempts, row.job = "sent", now, row.attempts + 1, job
        self.ledger.settle(rows, now)

    def _look_at_refusals(self) -> None:
        if self.done >= self.limits.min_records and self.refused > self.limits.max_failed_share * self.done:
            self.stopped = (
                f"{self.refused} of {self.done} records were refused, more than {self.limits.max_failed_share:.0%}; the reasons "
                f"are told by: sidecar writes {self.plan_id}; mend them and plan again"
            )
