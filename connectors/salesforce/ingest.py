"""Bulk API 2.0 ingest jobs: many updates by id in one CSV, worked off in Salesforce's own time, each row by itself.

The four steps (open, upload, close, read the results) are driven here rather than by the SDK's `bulk2.Contact.update`, which aborts
the job and loses its id when anything goes wrong on the way. An empty cell leaves a field as it is; `#N/A` empties it.
Source: Bulk API 2.0 developer guide 63.0, "Create a Job" to "Get Unprocessed Record Results", "Prepare CSV Files"; limits from the
app limits page, "Bulk API and Bulk API 2.0".
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors.base import FieldValue, JobEnd, RowResult
from connectors.errors import Fatal
from connectors.salesforce.bulk import looks
from connectors.salesforce.client import Org
from connectors.salesforce.refusals import PASSING, FieldsChanged, NoBulk, left_for_good

NULL = "#N/A"
TIMEOUT = (5.0, 300.0)  # seconds to connect and to wait for the next byte; the content of a job takes its time
NOT_PROCESSED = "UNPROCESSED"
UNDER_WAY = frozenset({"UploadComplete", "InProgress"})


class IngestJobs:
    """Updates by job in one org."""

    least = 2_000  # records; below, Salesforce recommends collections ("When to Use Bulk API 2.0")
    most_bytes = 100_000_000  # the guide's advice: encoded in base64, as the limit of 150 MB counts, they are 133 MB

    def __init__(self, org: Org) -> None:
        self._org = org

    def takes(self, values: Mapping[str, FieldValue]) -> bool:
        """Whether a CSV can carry these values: a text that reads `#N/A` would empty its field."""
        return not any(isinstance(value, str) and value.strip().upper() == NULL for value in values.values())

    def heading(self, fields: Sequence[str]) -> bytes:
        """The columns: the id and every field."""
        return _lines([["Id", *fields]])

    def lines(self, rows: Sequence[tuple[str, dict[str, FieldValue]]], fields: Sequence[str]) -> bytes:
        """A line for each record: its id, and every field, empty where the row does not name it."""
        return _lines([one, *(_cell(values, name) for name in fields)] for one, values in rows)

    def begin(self, object_name: str) -> str | None:
        """Open a job. None where the Bulk API does not take the object, or leaves too few batches of the day to others."""
        if not self._batches_left():
            return None
        body = {"object": object_name, "operation": "update", "contentType": "CSV", "lineEnding": "LF"}
        try:
            return str(self._org.request("job", "POST", "jobs/ingest", about=object_name, body=body)["id"])
        except NoBulk:
            return None

    def hand_in(self, job: str, content: bytes) -> None:
        """Upload the content, once, and close the job. Errors: Retryable if it is not known to have arrived."""
        self._org.answer("job", "PUT", f"jobs/ingest/{job}/batches", about="bulk job", body=content, timeout=TIMEOUT)
        try:
            self._change(job, "UploadComplete")
        except Fatal:  # a repeated request finds the job closed by the first
            if self._state(job)["state"] in {"Open", "Aborted"}:
                raise

    def end(self, job: str) -> JobEnd | None:
        """Wait until the job has ended, and read what became of every record.

        None if it never was closed (it is called off then) or if Salesforce has forgotten it, which it does after seven days.
        Errors: Retryable if it is at work still after 15 minutes.
        """
        try:
            told = self._waited(job)
        except FieldsChanged:  # 404
            return None
        if told["state"] == "Open":
            self._change(job, "Aborted")
            return None
        return JobEnd(list(self._results(job)), str(told.get("errorMessage") or ""))

    def _waited(self, job: str) -> Any:
        states = (self._state(job) for _ in looks(self._org, f"bulk job {job}"))
        return next(told for told in states if told["state"] not in UNDER_WAY)

    def _results(self, job: str) -> Iterator[RowResult]:
        for row in self._rows(job, "successfulResults"):
            yield RowResult(row["sf__Id"], ok=True)
        for row in self._rows(job, "failedResults"):
            yield _refusal(row["sf__Id"], row["sf__Error"])
        for row in self._rows(job, "unprocessedrecords"):
            yield RowResult(row["Id"], ok=False, code=NOT_PROCESSED, message="the job ended before it", retry=True)

    def _rows(self, job: str, kind: str) -> Iterator[dict[str, str]]:
        answer = self._org.answer("job", "GET", f"jobs/ingest/{job}/{kind}", about="bulk job", timeout=TIMEOUT)
        yield from csv.DictReader(io.TextIOWrapper(io.BytesIO(answer.content), "utf-8", newline=""))

    def _state(self, job: str) -> Any:
        return self._org.request("job", "GET", f"jobs/ingest/{job}", about="bulk job")

    def _change(self, job: str, state: str) -> None:
        self._org.request("job", "PATCH", f"jobs/ingest/{job}", about="bulk job", body={"state": state})

    def _batches_left(self) -> bool:
        """Whether more than the floor is left of the day's batches; who may not ask for the limits is not told no."""
        try:
            batches = self._org.request("quota", "GET", "limits", about="limits")["DailyBulkApiBatches"]
        except (Fatal, KeyError):
            return True
        return bool(batches["Remaining"] > self._org.settings.quota_floor * batches["Max"])


def _cell(values: Mapping[str, FieldValue], name: str) -> str:
    if name not in values:
        return ""
    value = values[name]
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else format(Decimal(repr(value)), "f")  # never with an exponent


def _lines(rows: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _refusal(record_id: str, said: str) -> RowResult:
    """What `CODE:message:Field,Field --` stands for; the message may hold colons."""
    code, _, rest = said.partition(":")
    words, _, names = rest.rpartition(":")
    fields = names.removesuffix("--").strip()
    message = f"{words or rest}{f' ({fields})' if fields else ''}"
    return RowResult(record_id, ok=False, code=code, message=message, retry=code in PASSING, gone=left_for_good(code))
