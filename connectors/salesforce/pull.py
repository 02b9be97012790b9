"""Pulling one stream: windows of SystemModstamp, read from keyset to keyset, so that equal stamps can neither loop nor get lost.

A window `[start, end)` ends five minutes behind the clock and starts ten minutes before the last one ended, because a transaction
may commit after the stamp it carries. The saved cursor is the window's end, never the greatest stamp seen. What moves no stamp of the
record itself is not told: new values of formulas and roll-ups, a parent's new name; they come with its next change. Source:
vendors.md 1.3.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.base import Finding, Page, Position, Source, Stream
from connectors.errors import Fatal, Retryable
from connectors.salesforce.client import Org
from connectors.salesforce.diagnose import diagnose
from connectors.salesforce.projection import Projection, objects, project
from connectors.salesforce.records import STREAMS
from connectors.salesforce.refusals import SOON, VENDOR, FieldsChanged, LocatorExpired, QueryTooSlow
from connectors.salesforce.soql import literal, one_of, quoted, select
from models.clock import Clock
from models.keys import RecordKey
from models.records import Record

logger = logging.getLogger(__name__)

LAG = timedelta(minutes=5)  # the window's end stays this far behind the clock
LOOK_BACK = timedelta(minutes=10)  # and its start goes back by this: late commits
SLICE = timedelta(days=30)  # longest window of an increment
SWEEP_EVERY = timedelta(hours=24)
DELETED_KEPT = timedelta(days=30) - timedelta(
    minutes=5
)  # getDeleted refuses a start 30 days ago (SOAP API guide), by its clock
CHUNK = 2000  # rows per query, the most that REST puts on one page
FIRST_DAY = datetime(1999, 1, 1, tzinfo=UTC)  # before Salesforce existed: no stamp is older
SHORTEST = timedelta(seconds=1)  # stamps are whole seconds, so a shorter window cannot be split


@dataclass(frozen=True)
class Window:
    """A half-open span of stamps; `after` is the last row already read, as (stamp, id)."""

    start: datetime | None
    end: datetime
    after: tuple[str, str] | None = None

    def soql(self, projection: Projection) -> str:
        """The query for the next chunk of rows."""
        bounds = [f"SystemModstamp < {literal(self.end)}"]
        if self.after:
            stamp, last = literal(instant(self.after[0])), quoted(self.after[1])
            bounds.append(f"(SystemModstamp > {stamp} OR (SystemModstamp = {stamp} AND Id > {last}))")
        elif self.start:
            bounds.append(f"SystemModstamp >= {literal(self.start)}")
        return select(projection.columns, projection.object, *bounds, then=f"ORDER BY SystemModstamp, Id LIMIT {CHUNK}")

    def halves(self) -> tuple["Window", "Window"] | None:
        """What is left to read, in two parts; None if it cannot be parted."""
        lower = instant(self.after[0]) if self.after else self.start or FIRST_DAY
        if self.end - lower <= SHORTEST:
            return None
        middle = (lower + (self.end - lower) / 2).replace(microsecond=0)
        middle = max(middle, lower + SHORTEST)
        return replace(self, end=middle), Window(middle, self.end)

    def position(self) -> Position:
        """As JSON."""
        start = self.start.isoformat() if self.start else None
        return {"start": start, "end": self.end.isoformat(), "after": list(self.after) if self.after else None}

    @classmethod
    def resumed(cls, position: Position) -> "Window":
        """The window that a position stands in."""
        start, after = position["start"], position["after"]
        return cls(
            datetime.fromisoformat(start) if start else None,
            datetime.fromisoformat(position["end"]),
            (after[0], after[1]) if after else None,
        )


def instant(stamp: str) -> datetime:
    """A REST date-time, which ends in +0000."""
    return datetime.fromisoformat(stamp)


class SalesforceSource(Source):
    """An org that can be pulled from."""

    vendor = VENDOR

    def __init__(self, org: Org, clock: Clock) -> None:
        self._org = org
        self._clock = clock
        self.account = org.id
        self.calls: Counter[str] = org.calls
        self._described: dict[str, Any] = {}

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        """Walk the stream to the present; every window ends with a page that carries the cursor and any hard deletes."""
        done = datetime.fromisoformat(cursor["until"]) if cursor else None
        swept = datetime.fromisoformat(cursor["swept"]) if cursor else None
        end = max((self._clock.now() - LAG).replace(microsecond=0), done or FIRST_DAY)
        for window in _windows(done, Window.resumed(resume) if resume else None, end):
            position = window.position()
            for rows, position in self._rows(stream, window):
                yield Page([self._record(stream, row) for row in rows], position)
            swept = swept or window.end
            gone: list[Record] = []
            if window.end - swept >= SWEEP_EVERY and window.end == end:
                gone, swept = self._sweep(stream, swept, end)
            yield Page(gone, position, {"until": window.end.isoformat(), "swept": swept.isoformat()})

    def diagnose(self, streams: Sequence[Stream]) -> list[Finding]:
        """What works, and which permission is missing."""
        return diagnose(self._org, streams)

    def _rows(self, stream: Stream, window: Window) -> Iterator[tuple[list[dict[str, Any]], Position]]:
        """The window's rows, page by page, each with the position behind it."""
        projection, described_again = self._projection(stream), False
        spans = [window]
        while spans:
            span = spans.pop()
            left = span
            try:
                for rows, left in self._chunks(stream, projection, span):
                    projection.clean(rows)
                    yield rows, replace(window, after=left.after).position()
            except QueryTooSlow:
                halves = left.halves()
                if not halves:
                    raise
                spans += reversed(halves)
            except LocatorExpired:
                if left == span:  # not even one page came
                    raise
                spans.append(left)
            except FieldsChanged:
                if described_again:
                    raise
                self._described.clear()
                projection, described_again = self._projection(stream), True
                spans.append(left)

    def _projection(self, stream: Stream) -> Projection:
        """The stream's columns. All objects are described in one call per open source, which is one per run."""
        if not self._described:
            self._described |= self._org.describe(objects(STREAMS), stream.name)
        return project(stream, self._described, self._org.settings)

    def _chunks(
        self, stream: Stream, projection: Projection, span: Window
    ) -> Iterator[tuple[list[dict[str, Any]], Window]]:
        """Pages of the span, each with what is left of it; raises rather than end early."""
        about = stream.object
        while True:
            answer = self._org.query("window", span.soql(projection), about=about, stream=stream.name, deleted=True)
            total, seen = answer["totalSize"], 0
            while True:
                rows = answer["records"]
                seen += len(rows)
                if rows:
                    span = _behind(span, rows[-1], stream)
                    yield rows, span
                if answer["done"]:
                    break
                answer = self._org.more("window", answer["nextRecordsUrl"], about=about, stream=stream.name)
            if seen != total:
                message = f"{about}: {seen} of {total} rows came; the next run tries again"
                raise Retryable(message, after=SOON, vendor=VENDOR, stream=stream.name)
            if total < CHUNK:
                return

    def _sweep(self, stream: Stream, since: datetime, until: datetime) -> tuple[list[Record], datetime]:
        """Tombstones of records that left even the recycle bin, and up to when the vendor told of them.

        One call, and one more where anything was deleted.
        """
        if not self._projection(stream).replicateable:
            return [], until
        start = max(since - LOOK_BACK, self._clock.now() - DELETED_KEPT)
        if start > since:
            logger.warning("%s: hard deletes between %s and %s are unknown to the vendor", stream.name, since, start)
        span = {"start": start.isoformat(), "end": until.isoformat()}
        path = f"sobjects/{stream.object}/deleted/"
        answer = self._org.request("sweep", "GET", path, about=stream.object, stream=stream.name, params=span)
        deleted = {entry["id"]: instant(entry["deletedDate"]) for entry in answer["deletedRecords"]}
        binned = self._still_readable(stream, list(deleted))
        tombstones = [
            Record(self._key(stream, gone), at, {"Id": gone, "IsDeleted": True}, deleted=True)
            for gone, at in deleted.items()
            if gone not in binned
        ]
        # a long transaction at the vendor holds this back; deletions after it come later (SOAP API guide, getDeleted)
        return tombstones, min(until, instant(answer["latestDateCovered"]))

    def _still_readable(self, stream: Stream, ids: list[str]) -> set[str]:
        """Those that queryAll still shows: the window has brought or will bring them, with their content."""
        found: set[str] = set()
        for start in range(0, len(ids), 400):  # 27 bytes per id, once encoded, keeps the URI under 16,384
            soql = select(["Id"], stream.object, one_of("Id", ids[start : start + 400]))
            answer = self._org.query("sweep", soql, about=stream.object, stream=stream.name, deleted=True)
            found |= {row["Id"] for row in answer["records"]}
        return found

    def _key(self, stream: Stream, record_id: str) -> RecordKey:
        return RecordKey(VENDOR, self.account, stream.object, record_id)

    def _record(self, stream: Stream, row: dict[str, Any]) -> Record:
        return Record(
            self._key(stream, row["Id"]), instant(row["SystemModstamp"]), row, deleted=bool(row.get("IsDeleted"))
        )


def _windows(done: datetime | None, resumed: Window | None, end: datetime) -> Iterator[Window]:
    """Windows up to `end`, in order; at least one."""
    if resumed:
        yield resumed
        done = resumed.end
        if done >= end:
            return
    if done is None:
        yield Window(None, end)
        return
    start = done - LOOK_BACK
    while start < end:
        yield Window(start, min(start + SLICE, end))
        start += SLICE


def _behind(span: Window, row: dict[str, Any], stream: Stream) -> Window:
    """The span after this row. Fatal if the row is the one we had already: the server repeats itself."""
    after = (row["SystemModstamp"], row["Id"])
    if after == span.after:
        raise Fatal(
            f"{stream.object}: the vendor repeats a page; reading on would never end", vendor=VENDOR, stream=stream.name
        )
    return replace(span, after=after)
