"""Bulk API 2.0 query jobs, for results that REST would need many calls for.

A job is begun, waited for, and fetched page by page; who waits and who fetches may be another process than the one that began it. A
page is taken whole or not at all. What the Bulk API cannot do is `NoBulk`: the same rows come by REST.
Source: Bulk API 2.0 developer guide 63.0, "Query Jobs". The SDK's own jobs keep the token of their making (simple-salesforce#619).
"""

from collections.abc import Iterator, Mapping
from itertools import chain, repeat
from typing import Any

from connectors.errors import Fatal, Retryable
from connectors.salesforce.client import Org
from connectors.salesforce.csv_rows import OtherColumns, parse
from connectors.salesforce.refusals import SOON, VENDOR, FieldsChanged, JobGone, LocatorExpired, job_refusal

TIMEOUT = (5.0, 300.0)  # seconds to connect and to wait for the next byte of a page, which the vendor prepares first
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)  # seconds between looks at a job; the last one again and again
FIRST_ROWS = 500  # rows of the first page, which tells how long the rows are
PAGE_BYTES = 5 * 2**20  # of a page, as far as the page before tells; they are held thrice while they become rows
LONGEST = 900.0  # seconds; a job that is not done by then is waited for by the next run


def looks(org: Org, about: str, stream: str | None = None) -> Iterator[None]:
    """Moments at which to look at something that the org works off: at once, then after longer and longer pauses.

    Errors: Retryable if it is at work still after 15 minutes.
    """
    waited = 0.0
    for pause in chain(PAUSES, repeat(PAUSES[-1])):
        yield
        if waited >= LONGEST:
            message = f"{about} is still at work after {LONGEST:.0f} s; the next run waits on"
            raise Retryable(message, after=PAUSES[-1], vendor=VENDOR, stream=stream)
        org.pause(pause)
        waited += pause


class BulkQueries:
    """Query jobs about one stream; results come in pages of at most so many rows, or about `PAGE_BYTES`."""

    def __init__(self, org: Org, stream: str, object_name: str, page_rows: int) -> None:
        self._org = org
        self._most = page_rows
        self._rows = min(page_rows, FIRST_ROWS)
        self._stream = stream
        self._object = object_name

    def begin(self, reason: str, soql: str) -> str:
        """Hand in a query, deleted rows included; gives the id of the job."""
        body = {"operation": "queryAll", "query": soql}
        job = self._org.request(reason, "POST", "jobs/query", about=self._object, stream=self._stream, body=body)
        return str(job["id"])

    def wait(self, reason: str, job: str) -> None:
        """Until the job is complete. JobGone if it is no more; else the error that its failure stands for."""
        for _ in looks(self._org, f"{self._object}: job {job}", self._stream):
            told = self._look(reason, job)
            if told["state"] == "JobComplete":
                return
            if told["state"] == "Aborted":
                raise self._gone("was aborted")
            if told["state"] == "Failed":
                raise job_refusal(str(told.get("errorMessage", "")), about=self._object, stream=self._stream)

    def page(
        self, reason: str, job: str, locator: str | None, kinds: Mapping[str, str]
    ) -> tuple[list[dict[str, Any]], str | None]:
        """The rows of one page as REST would show them, and the locator of the next; None behind the last."""
        params = {"maxRecords": str(self._rows)} | ({"locator": locator} if locator else {})
        try:
            answer = self._org.answer(
                reason, "GET", f"jobs/query/{job}/results", about=self._object, stream=self._stream, params=params, timeout=TIMEOUT
            )  # fmt: skip
        except (FieldsChanged, LocatorExpired):
            raise self._gone("is gone") from None
        count, after = answer.headers.get("Sforce-NumberOfRecords", ""), answer.headers.get("Sforce-Locator")
        if not count.isdigit() or after is None:
            raise self._half("says neither how many rows it has nor what follows")
        if after == locator:
            raise Fatal(f"{self._object}: the vendor repeats a page", vendor=VENDOR, stream=self._stream)
        try:
            rows = parse(answer.content, kinds) if int(count) else []
        except OtherColumns:  # begun by a run that saw other columns
            raise self._gone("has other columns than the object now") from None
        except ValueError as error:
            raise self._half(f"cannot be read ({error})") from None
        if len(rows) != int(count):
            raise self._half(f"has {len(rows)} of {count} rows")
        if rows:
            self._rows = max(1, min(self._most, PAGE_BYTES * len(rows) // len(answer.content)))
        return rows, None if after == "null" else after

    def _look(self, reason: str, job: str) -> Any:
        try:
            return self._org.request(reason, "GET", f"jobs/query/{job}", about=self._object, stream=self._stream)
        except FieldsChanged:  # 404: it was deleted, or its seven days are over
            raise self._gone("is gone") from None

    def _gone(self, what: str) -> JobGone:
        message = f"{self._object}: the Bulk job {what}; another one goes on behind the last row"
        return JobGone(message, after=SOON, vendor=VENDOR, stream=self._stream)

    def _half(self, what: str) -> Retryable:
        message = f"{self._object}: a page of the Bulk job {what}; the next run fetches it again"
        return Retryable(message, after=SOON, vendor=VENDOR, stream=self._stream)
