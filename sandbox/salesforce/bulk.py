"""Bulk API 2.0 query jobs: a query is handed in, worked off in its own time, and its rows are fetched as CSV, page by page.

A job's rows are fixed when it completes, and kept for seven days. Each look at a job takes it one state further. Columns come in an
order of the vendor's own, a null is an empty cell, and a stray NUL byte may stand in a page (airbyte#8300).
Source: Bulk API 2.0 developer guide 63.0, "Query Jobs"; the headers are what `simple_salesforce.bulk2` reads; messages of refusals as
estuary's and airbyte's connectors know them.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.salesforce.csv_answer import Csv
from sandbox.salesforce.errors import Refusal, not_found
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.soql import parse
from sandbox.salesforce.sql import Place, Statement, View, compile_query
from sandbox.salesforce.state import SalesforceState
from sandbox.salesforce.values import Column, wire

KEPT = timedelta(days=7)  # of a finished job and its results
PAGE = 50_000  # rows, where the call names no maxRecords
WORKING = ("UploadComplete", "InProgress")
STAMP = re.compile(r"\+0000$")
COMPOUND = "Selecting compound data not supported in Bulk Query"
TOO_MANY = "Max bulk v2 query jobs (10000) per 24 hrs has been reached for the org."


@dataclass
class Job:
    """One query job; `rows` are counted once it is complete."""

    id: str
    operation: str
    query: str
    statement: Statement
    created: str
    until: datetime
    state: str = WORKING[0]
    message: str = ""
    rows: int = 0
    looks: int = 0

    @property
    def places(self) -> list[tuple[int, str, Place]]:
        """The columns in the order the CSV has them, by name: number in the query, name as asked, place."""
        asked = list(zip(parse(self.query).paths, self.statement.places, strict=True))
        return sorted(((number, name, place) for number, (name, place) in enumerate(asked)), key=lambda one: one[1])

    def shown(self, *, whole: bool) -> dict[str, Any]:
        """As the API describes it."""
        told: dict[str, Any] = {
            "id": self.id, "operation": self.operation, "object": self.statement.object.name, "createdDate": self.created,
            "systemModstamp": self.created, "state": self.state, "concurrencyMode": "Parallel", "contentType": "CSV",
            "apiVersion": 63.0, "lineEnding": "LF", "columnDelimiter": "COMMA",
        }  # fmt: skip
        if whole:
            told |= {"jobType": "V2Query", "numberRecordsProcessed": self.rows, "retries": 0, "totalProcessingTime": 1}
            told |= {"errorMessage": self.message} if self.message else {}
        return told


@dataclass
class BulkJobs:
    """The query jobs of the org."""

    state: SalesforceState
    jobs: dict[str, Job] = field(default_factory=dict)

    def create(self, body: Mapping[str, Any], view: View) -> dict[str, Any]:
        """A new job. Refusal for what the Bulk API cannot do, or not any more today."""
        operation, text = body.get("operation"), body.get("query")
        if operation not in {"query", "queryAll"} or not isinstance(text, str):
            raise Refusal(400, "INVALIDJOB", "operation must be query or queryAll, and query a SOQL statement")
        unknown = body.keys() - {"operation", "query", "contentType", "columnDelimiter", "lineEnding"}
        if unknown:
            raise Refusal(400, "JSON_PARSER_ERROR", f"Unrecognized field {min(unknown)}")
        query = parse(text)
        statement = compile_query(query, view)
        if statement.object.name in self.state.switches.no_bulk:
            raise Refusal(400, "INVALIDENTITY", f"Entity '{query.object}' is not supported by the Bulk API.")
        if not query.paths or query.offset:
            raise Refusal(
                400, "API_ERROR", "Implementation restriction: COUNT() and OFFSET are not supported in Bulk Query"
            )
        if any(place.field.type in {"address", "complexvalue"} for place in statement.places):
            raise Refusal(400, "FEATURENOTENABLED", COMPOUND)
        if self.today() >= self.state.switches.jobs_a_day:
            raise Refusal(400, "LIMIT_EXCEEDED", TOO_MANY)
        now = self.state.clock.now()
        job = Job(
            make_id("750", self.state.tables.next_number("job")), operation, text, statement, wire(now), now + KEPT
        )
        self.jobs[job.id] = job
        return job.shown(whole=False)

    def today(self) -> int:
        """Jobs of the last 24 hours."""
        day_ago = wire(self.state.clock.now() - timedelta(days=1))
        return sum(job.created > day_ago for job in self.jobs.values())

    def look(self, job_id: str) -> dict[str, Any]:
        """The job as it stands, which is one state further than at the last look."""
        job = self._job(job_id)
        job.looks += job.state in WORKING
        if job.state in WORKING and self.state.switches.job_looks:
            self._work(job)
        return job.shown(whole=True)

    def _work(self, job: Job) -> None:
        if job.looks < self.state.switches.job_looks:
            job.state = WORKING[1]
        elif self.state.switches.job_failures:
            job.state, job.message = "Failed", self.state.switches.job_failures.pop(0)
        else:
            job.state, job.rows = "JobComplete", self._keep(job)

    def _keep(self, job: Job) -> int:
        """Fix the rows of a job in a table of their own; gives their number."""
        statement, table = job.statement, job.statement.object.name
        seen = self.state.seen(table, binned=job.operation == "queryAll")
        rows = f'SELECT {statement.columns()} FROM "{table}"{statement.joins} WHERE {seen} AND ({statement.where}){statement.tail}'  # noqa: S608  # the schema's own names
        self.state.tables.run(f'CREATE TEMP TABLE "{job.id}" AS {rows}', statement.parameters)
        return int(self.state.tables.run(f'SELECT count(*) FROM "{job.id}"')[0][0])  # noqa: S608

    def abort(self, job_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Stop a job that is not done."""
        job = self._job(job_id)
        if body != {"state": "Aborted"} or job.state not in WORKING:
            raise Refusal(400, "INVALIDJOBSTATE", f"the job is {job.state}; only a running one can be Aborted")
        job.state = "Aborted"
        return job.shown(whole=False)

    def delete(self, job_id: str) -> None:
        """Forget a job that is done, with its results."""
        job = self._job(job_id)
        if job.state in WORKING:
            raise Refusal(400, "INVALIDJOBSTATE", "abort the job before it is deleted")
        self._drop(job)

    def results(self, job_id: str, params: Mapping[str, str]) -> Csv:
        """Some rows of a complete job, with where to go on; the text `null` where there are no more."""
        job = self._job(job_id)
        if job.state != "JobComplete":
            raise Refusal(400, "INVALIDJOBSTATE", f"the job is {job.state}; it has no results")
        start, size = _offset(params.get("locator")), _whole(params.get("maxRecords"), PAGE)
        rows = self.state.tables.run(
            f'SELECT * FROM "{job.id}" WHERE rowid > ? ORDER BY rowid LIMIT ?',  # noqa: S608  # the job's own id
            [start, size],
        )
        after = start + len(rows)
        headers = {
            "Sforce-NumberOfRecords": str(len(rows)), "Sforce-Locator": _locator(after) if after < job.rows else "null",
        }  # fmt: skip
        return Csv("".join(_lines(job, rows)).encode(), headers)

    def listed(self) -> dict[str, Any]:
        """All jobs of the last seven days."""
        jobs = [{**job.shown(whole=False), "jobType": "V2Query"} for job in self.jobs.values()]
        return {"done": True, "records": jobs, "nextRecordsUrl": None}

    def _job(self, job_id: str) -> Job:
        job = self.jobs.get(job_id)
        if job and self.state.clock.now() >= job.until:
            self._drop(job)
            job = None
        if job is None:
            raise not_found()
        return job

    def _drop(self, job: Job) -> None:
        del self.jobs[job.id]
        self.state.tables.run(f'DROP TABLE IF EXISTS "{job.id}"')


def _lines(job: Job, rows: list[tuple[Any, ...]]) -> Iterator[str]:
    places = job.places
    yield ",".join(f'"{name}"' for _, name, _ in places) + "\n"
    for number, row in enumerate(rows):
        cells = [_cell(place, row[at]) for at, _, place in places]
        stray = "\0" if number == len(rows) - 1 else ""
        yield ",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in cells) + stray + "\n"


def _cell(place: Place, value: Column) -> str:
    if value is None:
        return ""
    if place.field.type == "boolean":
        return "true" if value else "false"
    return STAMP.sub("Z", str(value)) if place.field.type == "datetime" else str(value)


def _locator(after: int) -> str:
    return base64.urlsafe_b64encode(f"after {after}".encode()).decode()


def _offset(locator: str | None) -> int:
    if locator is None:
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(locator).decode().partition(" ")
    except (binascii.Error, UnicodeDecodeError):
        word, number = "", ""
    if word != "after" or not number.isdigit():
        raise Refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return int(number)


def _whole(text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    if not text.isdigit() or int(text) == 0:
        raise Refusal(400, "INVALIDREQUEST", "maxRecords must be a whole number above 0")
    return int(text)
