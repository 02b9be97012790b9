"""Answering queries page by page, and what changed or went between two instants.

A result is fixed when the query is asked; each page shows its rows as they are when it is fetched, and the rest of a result can be
fetched for a while only. Source: REST API developer guide 63.0, "Query", "QueryAll", "Query Options Header", "Get Deleted",
"Get Updated"; SOQL reference, "COUNT()".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sandbox.salesforce.errors import Refusal, malformed
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.schema import SObject
from sandbox.salesforce.soql import Query, parse
from sandbox.salesforce.sql import Statement, View, compile_query
from sandbox.salesforce.state import SalesforceState
from sandbox.salesforce.values import wire

PAGE = 2000  # rows, the most and the default
SMALLEST_PAGE = 200
LOCATOR_LIFE = timedelta(minutes=15)  # of a result nobody reads on
REPLICATION = timedelta(days=30)  # how far back getDeleted and getUpdated look
ONE_ROW = frozenset({"metadata", "fullname"})
"""Columns of the Tooling API that a query may ask for one row only."""
LOCATOR = re.compile(r"(01g\w{15})-(\d+)")


@dataclass
class Result:
    """The rows of a query by their place in the table, and until when they can be fetched."""

    statement: Statement
    rows: list[int]
    size: int
    until: datetime


class Queries:
    """Open results of the org."""

    def __init__(self, state: SalesforceState) -> None:
        self._state = state
        self._results: dict[str, Result] = {}

    def ask(self, text: str, view: View, base: str, *, binned: bool, options: str = "") -> dict[str, Any]:
        """The first page. `base` is the path of the API the query came through; `options` the Sforce-Query-Options header."""
        query = parse(text)
        statement = compile_query(query, view)
        self._be_quick(query, statement, binned=binned)
        found = self._state.tables.run(places_sql(self._state, statement, binned=binned), statement.parameters)
        rows = [rowid for (rowid,) in found]
        if not query.paths:
            return {"totalSize": len(rows), "done": True, "records": []}
        if len(rows) > 1 and ONE_ROW & {path.lower() for path in query.paths} and statement.object.tooling:
            message = (
                "When retrieving results with Metadata or FullName fields, the query qualifications must specify no more than one "
                f"row for retrieval. Result size: {len(rows)}"
            )
            raise malformed(message)
        size = min(_page_size(options), self._state.switches.page_rows.get(statement.object.name, PAGE))
        result = Result(statement, rows, size, self._state.clock.now() + LOCATOR_LIFE)
        return self._page(result, 0, None, base)

    def _be_quick(self, query: Query, statement: Statement, *, binned: bool) -> None:
        """Refusal QUERY_TIMEOUT for a query that goes through more rows than it may."""
        most = self._state.switches.slow_above
        by_id = [order.path.lower() for order in query.order] == ["id"] and query.limit is not None
        if most is None or by_id:
            return
        every = places_sql(self._state, replace(statement, tail=""), binned=binned)
        if len(self._state.tables.run(every, statement.parameters)) > most:
            raise Refusal(400, "QUERY_TIMEOUT", "Your query request was running for too long.")

    def more(self, locator: str, base: str) -> dict[str, Any]:
        """A further page. Refusal INVALID_QUERY_LOCATOR if there is no such result any more."""
        found = LOCATOR.fullmatch(locator)
        result = self._results.get(found[1]) if found else None
        now = self._state.clock.now()
        if found is None or result is None or now >= result.until or int(found[2]) >= len(result.rows):
            raise Refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        result.until = now + LOCATOR_LIFE
        return self._page(result, int(found[2]), found[1], base)

    def _page(self, result: Result, start: int, name: str | None, base: str) -> dict[str, Any]:
        end = start + result.size
        answer: dict[str, Any] = {"totalSize": len(result.rows), "done": end >= len(result.rows)}
        if not answer["done"]:
            name = name or self._keep(result)
            answer["nextRecordsUrl"] = f"{base}query/{name}-{end}"
        return {**answer, "records": self.fetch(result.statement, result.rows[start:end], f"{base}sobjects/")}

    def _keep(self, result: Result) -> str:
        now = self._state.clock.now()
        self._results = {name: kept for name, kept in self._results.items() if now < kept.until}
        name = make_id("01g", self._state.tables.next_number("cursor"))
        self._results[name] = result
        return name

    def fetch(self, statement: Statement, rowids: list[int], url: str) -> list[dict[str, Any]]:
        """Rows by their place, in that order; one that is gone by now is left out."""
        table = statement.object.name
        inside = ", ".join(map(str, rowids))
        sql = f'SELECT "{table}".rowid, {statement.columns()} FROM "{table}"{statement.joins} WHERE "{table}".rowid IN ({inside})'  # noqa: S608  # the schema's own names
        found = {row[0]: row[1:] for row in self._state.tables.run(sql)}
        return list(statement.records((found[rowid] for rowid in rowids if rowid in found), url))

    def retrieve(
        self, sobject: SObject, ids: list[str], fields: tuple[str, ...], view: View, url: str
    ) -> list[dict[str, Any] | None]:
        """Records by id in the order asked, null where there is none outside the bin."""
        paths = ("Id", *(name for name in fields if name.lower() != "id"))
        statement = compile_query(Query(sobject.name, paths, None, (), None, 0), view)
        marks = ", ".join("?" * len(ids))
        seen = self._state.seen(sobject.name, binned=False)
        sql = f'SELECT rowid FROM "{sobject.name}" WHERE {seen} AND "Id" IN ({marks})'  # noqa: S608  # the schema's own names
        rowids = [rowid for (rowid,) in self._state.tables.run(sql, ids)]
        found = {record["Id"]: record for record in self.fetch(statement, rowids, url)}
        return [found.get(record_id) for record_id in ids]

    def deleted(self, sobject: SObject, params: Mapping[str, str]) -> dict[str, Any]:
        """Ids that were deleted in the span, in the bin or gone for good."""
        start, end = self._span(sobject, params)
        name = sobject.name
        sql = (
            f'SELECT "Id", "_deleted_at" FROM "{name}" WHERE "IsDeleted" = 1 '  # noqa: S608  # the schema's own names
            "UNION SELECT id, deleted_at FROM _graves WHERE object = ?"
        )
        gone = [(each, at) for each, at in self._state.tables.run(sql, [name]) if at and start <= at < end]
        records = [{"id": each, "deletedDate": at} for each, at in sorted(gone, key=lambda one: one[1])]
        earliest = wire(self._state.clock.now() - REPLICATION)
        return {"deletedRecords": records, "earliestDateAvailable": earliest, "latestDateCovered": end}

    def updated(self, sobject: SObject, params: Mapping[str, str]) -> dict[str, Any]:
        """Ids that were born or changed in the span and are not deleted."""
        start, end = self._span(sobject, params)
        seen = self._state.seen(sobject.name, binned=False)
        sql = f'SELECT "Id" FROM "{sobject.name}" WHERE {seen} AND "SystemModstamp" >= ? AND "SystemModstamp" < ? ORDER BY "Id"'  # noqa: S608
        return {"ids": [each for (each,) in self._state.tables.run(sql, [start, end])], "latestDateCovered": end}

    def _span(self, sobject: SObject, params: Mapping[str, str]) -> tuple[str, str]:
        if not sobject.replicateable:
            raise Refusal(400, "INVALID_TYPE_FOR_OPERATION", f"{sobject.name} is not replicable")
        try:
            start, end = (datetime.fromisoformat(params[name]) for name in ("start", "end"))
            early = start < self._state.clock.now() - REPLICATION
        except (KeyError, ValueError, TypeError):
            raise Refusal(400, "INVALID_REPLICATION_DATE", "start and end must be date-times with a zone") from None
        if early or end <= start:
            message = "startDate before org replication enabled date" if early else "endDate must be after startDate"
            raise Refusal(400, "INVALID_REPLICATION_DATE", message)
        return wire(start), wire(end)


def places_sql(state: SalesforceState, statement: Statement, *, binned: bool) -> str:
    """The SQL for the places of all rows that a query finds, in its order."""
    table = statement.object.name
    seen = state.seen(table, binned=binned)
    return (
        f'SELECT "{table}".rowid FROM "{table}"{statement.joins} WHERE {seen} AND ({statement.where}){statement.tail}'  # noqa: S608  # the schema's own names
    )


def _page_size(options: str) -> int:
    asked = re.search(r"batchSize\s*=\s*(\d+)", options, re.IGNORECASE)
    return min(max(int(asked[1]), SMALLEST_PAGE), PAGE) if asked else PAGE
