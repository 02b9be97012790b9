"""Reading rows by REST queries: a chunk at a time, each row whole, however many columns its object has.

A URI holds 16,384 bytes with its headers, so the columns of a wide object are asked for in parts, each about the same rows. A row that
changed between two parts would be half old, half new: its stamp tells, and it is read again.
"""

from typing import Any

from connectors.errors import Retryable
from connectors.salesforce.client import Org
from connectors.salesforce.projection import URI_BYTES, Projection
from connectors.salesforce.refusals import SOON, VENDOR, LocatorExpired, TooWide
from connectors.salesforce.soql import one_of, select
from connectors.salesforce.spans import Span

Row = dict[str, Any]
BY_ID = 100  # ids of one query, once encoded 2.7 kB of its URI
FEWEST_BYTES = 300  # of columns; a URI that is too long with less is not so for its columns
READINGS = 5  # of a row that changes while its parts are read


class RestQueries:
    """Queries about one stream, deleted rows included."""

    def __init__(self, org: Org, stream: str, object_name: str) -> None:
        self._org = org
        self._stream = stream
        self._object = object_name
        self._bytes = URI_BYTES

    def chunk(self, projection: Projection, span: Span, most: int) -> tuple[list[Row], Row | None, bool]:
        """The next rows of the span, `most` at most, the row to go on behind, and whether nothing is left there."""
        then = f"ORDER BY {span.order} LIMIT {most}"
        first, rows, ended = self._ask(span.reason, projection, span.conditions(), then)
        return rows, first[-1] if first else None, ended and len(first) < most

    def by_id(self, reason: str, projection: Projection, ids: list[str], readings: int = READINGS) -> list[Row]:
        """Those of the records that are there or in the bin, in the order of their ids."""
        if ids and not readings:
            message = f"{self._object}: {len(ids)} records change faster than their columns can be read; the next run tries again"
            raise Retryable(message, after=SOON, vendor=VENDOR, stream=self._stream)
        found: list[Row] = []
        for start in range(0, len(ids), BY_ID):
            condition = one_of("Id", ids[start : start + BY_ID])
            found += self._ask(reason, projection, [condition], "ORDER BY Id", readings - 1)[1]
        return found

    def count(self, conditions: list[str]) -> int:
        """How many rows meet the conditions, by the vendor's own count."""
        soql = select(["COUNT()"], self._object, *conditions)
        answer = self._org.query("count", soql, about=self._object, stream=self._stream, deleted=True)
        return int(answer["totalSize"])

    def _ask(
        self, reason: str, projection: Projection, conditions: list[str], then: str, readings: int = READINGS
    ) -> tuple[list[Row], list[Row], bool]:
        """Rows as the first part of their columns shows them, whole rows, and whether the result came to its end."""
        try:
            return self._parts(reason, projection, conditions, then, readings)
        except TooWide:
            self._bytes //= 2
            if self._bytes < FEWEST_BYTES:
                raise
            return self._ask(reason, projection, conditions, then, readings)

    def _parts(
        self, reason: str, projection: Projection, conditions: list[str], then: str, readings: int
    ) -> tuple[list[Row], list[Row], bool]:
        parts = projection.parts(self._bytes)
        first, ended = self._collect(reason, select(parts[0], self._object, *conditions, then=then))
        rows = {row["Id"]: row for row in first}
        changed: set[str] = set()
        for part in parts[1:]:
            more, _ = self._collect(reason, select(part, self._object, *conditions, then=then))
            found = {row["Id"]: row for row in more}
            for record, row in rows.items():
                other = found.get(record)
                if other is None or other["SystemModstamp"] != row["SystemModstamp"]:
                    changed.add(record)
                else:
                    row.update(other)
        again = {row["Id"]: row for row in self.by_id(reason, projection, sorted(changed), readings)}
        whole = [again.get(record) if record in changed else row for record, row in rows.items()]
        return first, [row for row in whole if row], ended

    def _collect(self, reason: str, soql: str) -> tuple[list[Row], bool]:
        """The rows of a result, page after page, and whether all came: its rest may have expired. Raises rather than end early."""
        about = self._object
        answer = self._org.query(reason, soql, about=about, stream=self._stream, deleted=True)
        rows: list[Row] = answer["records"]
        while not answer["done"]:
            try:
                answer = self._org.more(reason, answer["nextRecordsUrl"], about=about, stream=self._stream)
            except LocatorExpired:
                if rows:
                    return rows, False
                raise
            rows += answer["records"]
        if len(rows) != answer["totalSize"]:
            message = f"{about}: {len(rows)} of {answer['totalSize']} rows came; the next run tries again"
            raise Retryable(message, after=SOON, vendor=VENDOR, stream=self._stream)
        return rows, True
