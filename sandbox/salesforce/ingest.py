"""Bulk API 2.0 ingest jobs: a job is opened, given one CSV, closed, worked off in its own time, and its rows are told in three CSVs.

Each look at a job takes it one state further; rows are worked off as the job completes, in chunks of 200, each by itself. An empty
cell leaves a field as it is, `#N/A` empties it. Sources: Bulk API 2.0 developer guide 63.0, "Create a Job", "Upload Job Data", "Close or
Abort a Job", "Get Job Info", "Get Successful/Failed/Unprocessed Record Results", "How Requests Are Processed"; app limits page, "Bulk
API 2.0" (150 MB a job, 150 million records and 15,000 batches a day); the refusal of a second upload is quoted in
https://github.com/simple-salesforce/simple-salesforce/issues and Airbyte's destination.
"""

import base64
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.salesforce.csv_answer import Csv
from sandbox.salesforce.errors import Refusal, RowRefusal, not_found
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.schema import NUMBERS, Field, SObject
from sandbox.salesforce.state import SalesforceState
from sandbox.salesforce.values import wire
from sandbox.salesforce.writes import Writes

KEPT = timedelta(days=7)  # of a finished job and its results
MOST_BYTES = 150_000_000  # of the content once it is encoded in base64
ROWS_A_BATCH = 10_000  # of the daily allowance of batches
NULL = "#N/A"
KNOWN = frozenset(
    {"object", "operation", "contentType", "columnDelimiter", "lineEnding", "externalIdFieldName", "assignmentRuleId"}
)
CLOSED = ("UploadComplete", "InProgress")
ENDED = ("JobComplete", "Failed", "Aborted")
Line = dict[str, str]


@dataclass
class Load:
    """One ingest job."""

    id: str
    object: str
    created: str
    until: datetime
    state: str = "Open"
    message: str = ""
    columns: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    looks: int = 0
    given: bool = False
    done: int = 0
    """Lines that were worked off."""
    refusals: dict[int, str] = field(default_factory=dict)
    """What was said of a line that was refused, by its number."""

    def shown(self) -> dict[str, Any]:
        """As the API describes it."""
        return {
            "id": self.id, "operation": "update", "object": self.object, "createdDate": self.created, "systemModstamp": self.created,
            "state": self.state, "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": 63.0, "lineEnding": "LF",
            "columnDelimiter": "COMMA", "jobType": "V2Ingest", "contentUrl": f"services/data/v63.0/jobs/ingest/{self.id}/batches",
            "numberRecordsProcessed": self.done, "numberRecordsFailed": len(self.refusals), "retries": 0, "totalProcessingTime": 1,
            **({"errorMessage": self.message} if self.message else {}),
        }  # fmt: skip


@dataclass
class IngestJobs:
    """The ingest jobs of the org."""

    state: SalesforceState
    jobs: dict[str, Load] = field(default_factory=dict)
    batches: list[tuple[datetime, int]] = field(default_factory=list)

    def create(self, body: Mapping[str, Any], writes: Writes) -> dict[str, Any]:
        """An open job. Refusal for what is no update of an object that the Bulk API takes."""
        unknown = body.keys() - KNOWN
        if unknown:
            raise Refusal(400, "JSON_PARSER_ERROR", f"Unrecognized field {min(unknown)}")
        if body.get("operation") != "update":
            raise Refusal(400, "INVALIDJOB", f"the sandbox takes updates only, not {body.get('operation')}")
        if body.get("contentType", "CSV") != "CSV" or body.get("lineEnding", "LF") != "LF":
            raise Refusal(400, "INVALIDJOB", "the sandbox takes CSV with LF only")
        sobject = writes.seen(str(body.get("object")))
        if sobject is None:
            raise Refusal(400, "INVALIDENTITY", f"The entity {body.get('object')} is not supported by the Bulk API.")
        if sobject.name in self.state.switches.no_bulk:
            raise Refusal(400, "INVALIDENTITY", f"Entity '{sobject.name}' is not supported by the Bulk API.")
        if self.today() >= self.state.switches.batches_a_day:
            raise Refusal(400, "LIMIT_EXCEEDED", "Max number of batches per 24 hour rolling window exceeded.")
        now = self.state.clock.now()
        job = Load(make_id("750", self.state.tables.next_number("job")), sobject.name, wire(now), now + KEPT)
        self.jobs[job.id] = job
        return job.shown()

    def today(self) -> int:
        """Batches of the last 24 hours."""
        day_ago = self.state.clock.now() - timedelta(days=1)
        return sum(number for at, number in self.batches if at > day_ago)

    def upload(self, job_id: str, content_type: str, body: bytes) -> None:
        """The content of an open job, once."""
        job = self._job(job_id)
        if job.state != "Open":
            raise Refusal(400, "INVALIDJOBSTATE", f"Job Status: {job.state}, Job is not open for uploads")
        if not content_type.startswith("text/csv"):
            raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "The content type of the request must be text/csv")
        if job.given:
            message = (
                f"Found multiple contents for job: <{job.id}>, please 'Close' / 'Abort' / 'Delete' the current Job then create a new "
                "Job and make sure you only do 'PUT' once on a given Job."
            )
            raise Refusal(409, "INVALIDJOB", message)
        if len(base64.b64encode(body)) > MOST_BYTES:
            raise Refusal(413, "REQUEST_ENTITY_TOO_LARGE", "the content of a job is at most 150 MB in base64")
        job.given = True
        reader = csv.DictReader(io.StringIO(body.decode(), newline=""), strict=True)
        job.columns = list(reader.fieldnames or [])
        job.lines = list(reader)

    def change(self, job_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Close the job, so that it is worked off, or abort it."""
        job = self._job(job_id)
        wanted = body.get("state")
        if body.keys() != {"state"} or wanted not in {"UploadComplete", "Aborted"}:
            raise Refusal(400, "INVALIDJOB", "the state of a job is set to UploadComplete or Aborted")
        if job.state in ENDED or (wanted == "UploadComplete" and job.state != "Open"):
            raise Refusal(400, "INVALIDJOBSTATE", f"Closing already {job.state} Job not allowed")
        if wanted == "UploadComplete":
            self.batches.append((self.state.clock.now(), -(-len(job.lines) // ROWS_A_BATCH) or 1))
        job.state = str(wanted)
        return job.shown()

    def look(self, job_id: str, writes: Writes) -> dict[str, Any]:
        """The job as it stands, which is one state further than at the last look."""
        job = self._job(job_id)
        if job.state in CLOSED and self.state.switches.job_looks:
            job.looks += 1
            if job.looks < self.state.switches.job_looks:
                job.state = CLOSED[1]
            else:
                self._work(job, writes)
        return job.shown()

    def _work(self, job: Load, writes: Writes) -> None:
        sobject = writes.seen(job.object)
        failure = self.state.switches.job_failures.pop(0) if self.state.switches.job_failures else ""
        if not failure and sobject:
            failure = _headers(job, sobject)
        most = self.state.switches.job_stops_after
        job.state, job.message = ("Failed" if failure or most is not None else "JobComplete"), failure
        if failure or sobject is None:
            return
        with self.state.tables.transaction():
            for number, line in enumerate(job.lines[:most]):
                if refusal := _written(writes, sobject, line):
                    job.refusals[number] = refusal
                job.done += 1
        if most is not None:
            job.message = "InternalServerError : the job ended before every record was processed"

    def delete(self, job_id: str) -> None:
        """Forget a job that has ended, with its results."""
        job = self._job(job_id)
        if job.state not in ENDED:
            raise Refusal(400, "INVALIDJOBSTATE", "abort the job before it is deleted")
        del self.jobs[job.id]

    def results(self, job_id: str, kind: str) -> Csv:
        """The lines of an ended job that succeeded, failed, or were not looked at, with all their columns."""
        job = self._job(job_id)
        if job.state not in ENDED:
            raise Refusal(400, "INVALIDJOBSTATE", f"the job is {job.state}; it has no results")
        worked = range(job.done)
        if kind.lower() == "unprocessedrecords":
            return _csv(job.columns, ([line.get(name, "") for name in job.columns] for line in job.lines[job.done :]))
        failed = kind.lower() == "failedresults"
        told = ["sf__Id", "sf__Error"] if failed else ["sf__Id", "sf__Created"]
        rows = (
            [_id(job.lines[number]), job.refusals[number] if failed else "false", *(job.lines[number].get(name, "") for name in job.columns)]
            for number in worked
            if (number in job.refusals) == failed
        )  # fmt: skip
        return _csv([*told, *job.columns], rows)

    def listed(self) -> dict[str, Any]:
        """All jobs of the last seven days."""
        return {"done": True, "records": [job.shown() for job in self.jobs.values()], "nextRecordsUrl": None}

    def _job(self, job_id: str) -> Load:
        job = self.jobs.get(job_id)
        if job and self.state.clock.now() >= job.until:
            del self.jobs[job.id]
            job = None
        if job is None:
            raise not_found()
        return job


def _headers(job: Load, sobject: SObject) -> str:
    """Why no line of the job can be worked off; empty if they can."""
    if "id" not in {name.lower() for name in job.columns}:
        return "InvalidBatch : Field name not found : Id"
    unknown = [name for name in job.columns if sobject.get(name) is None]
    return f"InvalidBatch : Field name not found : {unknown[0]}" if unknown else ""


def _written(writes: Writes, sobject: SObject, line: Line) -> str:
    """What is said of a line that is refused; empty where it was taken."""
    given = {name: text for name, text in line.items() if name.lower() != "id" and text != ""}
    try:
        values = {name: _value(sobject.by_name[name.lower()], text) for name, text in given.items()}
        writes.update(sobject, _id(line) or None, values)
    except RowRefusal as refusal:
        return f"{refusal.code}:{refusal.message}:{','.join(refusal.fields)} --"
    except Refusal as refusal:  # in JSON such a value would spoil the whole call
        return f"INVALID_TYPE_ON_FIELD_IN_RECORD:{refusal.message}:--"
    return ""


def _value(each: Field, text: str) -> Any:
    """A cell as JSON would bring it. RowRefusal for one that cannot be read."""
    if text == NULL:
        return None
    if each.type == "boolean":
        return text.lower() in {"true", "1", "yes"}
    if each.type not in NUMBERS:
        return text
    try:
        return float(text)
    except ValueError:
        message = f"{each.name}: value not of required type: {text}"
        raise RowRefusal("INVALID_TYPE_ON_FIELD_IN_RECORD", message, each.name) from None


def _id(line: Line) -> str:
    return next((text for name, text in line.items() if name.lower() == "id"), "")


def _csv(columns: Sequence[str], rows: Iterator[list[str]]) -> Csv:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return Csv(text.getvalue().encode(), {})
