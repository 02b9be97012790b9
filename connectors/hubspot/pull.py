"""Pulling one stream: everything once in the order of ids, and from then on what a search says has changed since.

The saved cursor lies an hour behind the clock, because a change may take that long until a search finds it; the next window starts
there, five minutes earlier. So every run is the fresh pass and the delayed one in a single window (vendors.md 2.3). What searches never
show is read on a schedule: once a day the list of what was archived, once a week everything, for ties between records and calculated
properties may change without a stamp, and a new property brings its old values along. A merge is told by the record that came of it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.base import Finding, Page, Position, Source, Stream
from connectors.errors import Fatal, Retryable
from connectors.hubspot.associations import associations_of
from connectors.hubspot.catalogue import owners, pipelines, stages
from connectors.hubspot.client import Portal
from connectors.hubspot.diagnose import diagnose
from connectors.hubspot.feeds import FEEDS, Feed
from connectors.hubspot.projection import payload_of, readable
from connectors.hubspot.refusals import SOON, VENDOR
from connectors.hubspot.span import LAG, Span
from connectors.hubspot.submissions import submissions
from connectors.hubspot.wire import milliseconds
from models.clock import Clock
from models.keys import RecordKey
from models.records import Record

Json = dict[str, Any]

LOOK_BACK = 5 * 60_000  # milliseconds before the saved cursor at which the next window starts
SWEEP_EVERY = 24 * 3_600_000  # milliseconds between two readings of what was archived
READ_ALL_EVERY = 7 * SWEEP_EVERY
"""Milliseconds between two readings of everything; unverified is whether a new tie moves the stamp."""


class HubSpotSource(Source):
    """A portal that can be pulled from."""

    vendor = VENDOR

    def __init__(self, portal: Portal, clock: Clock) -> None:
        self._portal = portal
        self._clock = clock
        self.account = portal.id
        self.calls: Counter[str] = portal.calls
        self._properties: dict[str, list[str]] = {}

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        """Walk the stream to the present."""
        now = int(self._clock.now().timestamp() * 1000)
        match stream.name:
            case "owners":
                return owners(self._portal, stream, cursor, now)
            case "pipelines":
                return pipelines(self._portal, stream, cursor, now)
            case "form_submissions":
                return submissions(self._portal, stream, cursor, resume, now)
        return self._objects(stream, FEEDS[stream.name], cursor, resume, now)

    def diagnose(self, streams: Sequence[Stream]) -> list[Finding]:
        """What works, and which scope is missing."""
        return diagnose(self._portal, streams)

    def _objects(
        self, stream: Stream, feed: Feed, cursor: Position | None, resume: Position | None, now: int
    ) -> Iterator[Page]:
        """Windows up to now, of which an unfinished one is the first."""
        span = Span(**resume) if resume else _next(cursor, now)
        while True:
            position = span.position()
            for records, position in self._walk(stream, feed, span, again=cursor is not None):
                yield Page(records, position)
            last = cursor or {"until": 0, "swept": span.end, "read_all": span.end}
            gone: list[Record] = []
            swept = min(last["swept"], now)  # after a clock was put back
            until, read_all = (last["until"], last["read_all"]) if span.start is not None else (0, span.end)
            if span.end == now and now - swept >= SWEEP_EVERY:
                gone, swept = list(self._archived(stream, feed, swept)), now
            cursor = {"until": max(span.end - LAG, until), "swept": swept, "read_all": read_all}
            yield Page(gone, position, cursor)
            if span.end >= now:
                return
            span = _next(cursor, now)

    def _walk(self, stream: Stream, feed: Feed, span: Span, *, again: bool) -> Iterator[tuple[list[Record], Position]]:
        """The records of the span, search by search, each with the position behind it."""
        reason = "sweep" if again and span.start is None else "window"
        names, meanings = self._names(stream, feed), stages(self._portal, feed.kind, stream) if feed.pipelines else {}
        left: Span | None = span
        while left:
            query = {**left.query(feed.stamp), "properties": names}
            found = self._portal.search(reason, feed.kind, query, stream.name)
            rows = [_place(row, feed, stream) for row in found.rows]
            try:
                number, rest = left.behind(rows, more=found.after is not None)
            except ValueError as error:
                message = f"{feed.kind}: {error}; reading on would never end"
                raise Fatal(message, vendor=VENDOR, stream=stream.name) from None
            some = [row for row, (_, stamp) in zip(found.rows[:number], rows, strict=False) if left.holds(stamp)]
            if some or rest:
                records = self._records(stream, feed, some, meanings)
                gone = [old for record in records for old in _merged(record, feed)]
                yield [*records, *gone], (rest or left).position()
            left = rest

    def _names(self, stream: Stream, feed: Feed) -> list[str]:
        """The properties to ask for, as the portal defines them in this run."""
        if feed.kind not in self._properties:
            definitions = self._portal.properties(feed.kind, stream.name)
            self._properties[feed.kind] = readable(definitions, self._portal.settings)
        return self._properties[feed.kind]

    def _records(self, stream: Stream, feed: Feed, rows: Sequence[Json], meanings: Json) -> list[Record]:
        """The rows as records, with their ties and, of a deal, what its stage means."""
        ties = associations_of(self._portal, feed.kind, feed.linked, [str(row["id"]) for row in rows], stream.name)
        records = []
        for row in rows:
            one, stamp = _place(row, feed, stream)
            payload = payload_of(row["properties"], self._portal.settings)
            if feed.linked:
                payload["associations"] = ties[one]
            if feed.pipelines:
                payload["stageMetadata"] = meanings.get(payload.get("dealstage", ""))
                payload["companyCurrency"] = self._portal.currency
            records.append(Record(self._key(stream, one), _instant(stamp), payload))
        return records

    def _archived(self, stream: Stream, feed: Feed, since: int) -> Iterator[Record]:
        """Tombstones of what was archived since; the list has everything in the recycling bin, which keeps it for 90 days."""
        after: str | None = None
        while True:
            found = self._portal.archived(feed.kind, after, stream.name)
            for row in found.rows:
                at = milliseconds(str(row.get("archivedAt") or row["updatedAt"]))
                if at >= since - LOOK_BACK:
                    one = str(row["id"])
                    yield Record(self._key(stream, one), _instant(at), {"hs_object_id": one}, deleted=True)
            if found.after is None:
                return
            if found.after == after:
                message = f"{feed.kind}: the list of archived ones repeats a page; reading on would never end"
                raise Fatal(message, vendor=VENDOR, stream=stream.name)
            after = found.after

    def _key(self, stream: Stream, record_id: str) -> RecordKey:
        return RecordKey(VENDOR, self.account, stream.object, record_id)


def _next(cursor: Position | None, now: int) -> Span:
    """What is to be read up to now: everything also where the clock was put back, for nobody knows what was changed meanwhile."""
    if cursor is None or cursor["until"] > now or now - cursor["read_all"] >= READ_ALL_EVERY:
        return Span(None, now)
    return Span(cursor["until"] - LOOK_BACK, now)


def _place(row: Json, feed: Feed, stream: Stream) -> tuple[str, int]:
    """Id and stamp of a row."""
    try:
        return str(row["id"]), milliseconds(row["properties"].get(feed.stamp) or row["updatedAt"])
    except (AttributeError, KeyError, TypeError, ValueError):
        message = f"{feed.kind}: a row came without id or {feed.stamp}; the next run tries again"
        raise Retryable(message, after=SOON, vendor=VENDOR, stream=stream.name) from None


def _merged(record: Record, feed: Feed) -> Iterator[Record]:
    """What is left of the records that became this one: a second name of somebody, else nothing."""
    for old in str(record.payload.get("hs_merged_object_ids") or "").split(";"):
        if old:
            rest = {"hs_object_id": old, "mergedInto": record.key.id}
            yield Record(record.key._replace(id=old), record.updated_at, rest, deleted=not feed.names)


def _instant(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp / 1000, UTC)
