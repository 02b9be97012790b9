"""Reading one kind of CRM object: everything once in the order of ids, and from then on what a search says has changed since.

The saved cursor lies an hour behind the clock, because a change may take that long until a search finds it; the next window starts
there, five minutes earlier. So every run is the fresh pass and the delayed one in a single window. What searches never show is read on
a schedule: once a day the list of what was archived, once a week everything, for ties between records and calculated properties may
change without a stamp, and what was deleted for good, or has left the bin, is in no list. Records that read differently because a
definition has changed are read at once. A merge is told by the record that came of it, a restored record by its stamp, which restoring
moves (https://integrate.hubspot.com/t/restoring-recently-deleted-contacts/11963), or else by the weekly reading.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Any

from connectors.base import Page, Position, Stream, Whole
from connectors.errors import Retryable
from connectors.hubspot.associations import associations_of
from connectors.hubspot.client import ASSOCIATION_BATCH, BATCH, HISTORY_BATCH, SEARCH_PAGE, Portal, Rows
from connectors.hubspot.definitions import Definitions, definitions
from connectors.hubspot.feeds import Feed
from connectors.hubspot.paging import circle, leaves
from connectors.hubspot.projection import payload_of
from connectors.hubspot.refusals import SOON, VENDOR
from connectors.hubspot.span import LAG, Span
from connectors.hubspot.wire import instant, instant_at
from models.keys import RecordKey
from models.records import Record, records_of

Json = dict[str, Any]
Place = tuple[str, datetime]
"""Id and stamp of a row, UTC."""
Row = tuple[Place, Json]
"""Where a row stands, and its payload, less what other calls tell of it."""
Search = tuple[list[Row], Span]
"""The rows of one search, and what is left to read behind them."""
logger = logging.getLogger(__name__)

LOOK_BACK = 5 * 60_000  # milliseconds before the saved cursor at which the next window starts
SWEEP_EVERY = 24 * 3_600_000  # milliseconds between two readings of what was archived, which is listed for 90 days
MERGED = "hs_merged_object_ids"
SEARCHES = ASSOCIATION_BATCH // SEARCH_PAGE
"""Searches whose rows are one page: five calls and one for their associations, where each alone would need two."""
READ_ALL_EVERY = 7 * SWEEP_EVERY
"""Milliseconds between two readings of everything; HubSpot does not say whether a new tie moves the stamp."""


class Objects:
    """The records of one kind in one portal, as a stream wants them."""

    def __init__(self, portal: Portal, stream: Stream, feed: Feed) -> None:
        self._portal = portal
        self._stream = stream
        self._feed = feed

    @cached_property
    def known(self) -> Definitions:
        """What the portal defines; asked once in a run."""
        return definitions(self._portal, self._feed, self._stream.name)

    # windows ----------------------------------------------------------------------------------------------------------

    def pages(self, cursor: Position | None, resume: Position | None, now: int) -> Iterator[Page]:
        """Windows up to now, of which an unfinished one is the first, unless it was begun under other definitions."""
        cursor = self._of_today(cursor)
        for name in self.known.vanished(cursor["known"]) if cursor else ():
            logger.warning("%s: HubSpot has no property %s any more; it is not read", self._stream.name, name)
        if resume and resume.get("known") != self.known.digest:
            if cursor:  # it is ended as it is: among its pages, the next one would seem to hold what has gone since
                yield Page([], resume, cursor)
            resume = None
        span = Span(**resume["span"]) if resume else self._next(cursor, now)
        while True:
            reason = "sweep" if cursor and span.start is None else "window"
            # what moved no stamp, a restored record perhaps, gets one at which the index shows every stamped change and deletion
            floor = span.end - LAG if cursor and span.start is None and not span.only else 0
            yield from self._walk(span, reason, floor)
            whole = Whole(self._portal.id, instant_at(floor).isoformat()) if floor else None
            cursor, gone = self._behind(span, cursor, now)
            yield Page(gone, self._position(span), cursor, whole)
            if span.end >= now and not span.only:
                return
            span = self._next(cursor, now)

    def between(self, since: int, until: int, resume: Position | None) -> Iterator[Page]:
        """What is stamped so, once more."""
        span = Span(**resume["span"]) if resume else Span(max(since, 1), until)  # a filter by the instant 0 is a 500
        yield from self._walk(span, "window")
        yield Page([], self._position(span), {"until": until})

    def _of_today(self, cursor: Position | None) -> Position | None:
        """The cursor; one of an earlier release does not say by which definitions its records were read, so all are read once more."""
        if cursor is None or "known" in cursor:
            return cursor
        logger.warning("%s: the cursor is of an earlier release; everything is read once more", self._stream.name)
        return {**cursor, "read_all": 0, "known": self.known.position()}

    def _next(self, cursor: Position | None, now: int) -> Span:
        """What is to be read up to now: everything also where the clock was put back, for nobody knows what was changed meanwhile."""
        if cursor is None or cursor["until"] > now or now - cursor["read_all"] >= READ_ALL_EVERY:
            return Span(None, now)
        news = self.known.news(cursor["known"])
        if news is None or news:
            return Span(None, now, only=news or ())
        return Span(cursor["until"] - LOOK_BACK, now)

    def _behind(self, span: Span, cursor: Position | None, now: int) -> tuple[Position, list[Record]]:
        """The cursor behind a span that was read, and what was archived if it is time to ask."""
        known = self.known.position()
        if cursor and span.only:
            return {**cursor, "known": known}, []
        last = cursor or {"until": 0, "swept": span.end, "read_all": span.end}
        until, read_all = (last["until"], last["read_all"]) if span.start is not None else (0, span.end)
        swept, gone = min(last["swept"], now), list[Record]()  # after a clock was put back
        if span.end == now and now - swept >= SWEEP_EVERY:
            swept, gone = now, list(self._archived(swept))
        return {"until": max(span.end - LAG, until), "swept": swept, "read_all": read_all, "known": known}, gone

    def _position(self, span: Span) -> Position:
        return {"span": span.position(), "known": self.known.digest}

    def _walk(self, span: Span, reason: str, floor: int = 0) -> Iterator[Page]:
        """The records of the span, none stamped before `floor`: of as many searches at a time as one call reads the associations of."""
        searches = self._searches(span, reason)
        while page := self._page(list(islice(searches, SEARCHES)), floor):
            yield page
            del page  # nothing of it is held while the next is read

    def _page(self, searches: Sequence[Search], floor: int) -> Page | None:
        if not searches:
            return None
        rows = [row for found, _ in searches for row in found]
        return Page(self._records(rows, floor), self._position(searches[-1][1]))

    def _searches(self, span: Span, reason: str) -> Iterator[Search]:
        """The rows of the span, search by search, each time with what is left to read."""
        left: Span | None = span
        while left:
            query = {**left.query(self._feed.stamp), "properties": list(self.known.columns)}
            found = self._portal.search(reason, self._feed.kind, query, self._stream.name)
            rows = self._rows(found.rows)
            try:
                number, rest = left.behind([place for place, _ in rows], more=found.after is not None)
            except ValueError:
                raise circle(f"the search of {self._feed.kind}", self._stream.name) from None
            some = [row for row in rows[:number] if left.holds(row[0][1])]
            if some or rest:
                yield some, rest or left
            left = rest

    # by id ------------------------------------------------------------------------------------------------------------

    def read(self, ids: Sequence[str]) -> list[Record]:
        """These records as they are now; what is in the recycling bin comes marked deleted, and with it goes what left the bin."""
        found: list[Record] = []
        for some in _batches(list(dict.fromkeys(ids)), BATCH):
            rows = self._rows(self._portal.read("read", self._feed.kind, some, list(self.known.columns)))
            records = self._records(list({row[0][0]: row for row in rows}.values()))
            lost = sorted(set(some) - {record.key.id for record in records})
            binned = self._portal.read("read", self._feed.kind, lost, ["hs_object_id"], archived=True) if lost else []
            found += [*records, *map(self._tombstone, binned)]
        return found

    def _archived(self, since: int) -> Iterator[Record]:
        """Tombstones of what was archived since."""

        def ask(after: str | None) -> Rows:
            return self._portal.archived(self._feed.kind, after, self._stream.name)

        for found in leaves(ask, f"the list of archived {self._feed.kind}", self._stream.name):
            gone = map(self._tombstone, found.rows)
            yield from (record for record in gone if record.updated_at >= instant_at(since - LOOK_BACK))

    # records ----------------------------------------------------------------------------------------------------------

    def _records(self, rows: Sequence[Row], floor: int = 0) -> list[Record]:
        """The rows as records, each with its ties and what else it does not say itself, and after them what became one of them."""
        feed, least = self._feed, instant_at(floor)
        ids = list(dict.fromkeys(one for (one, _), _ in rows))  # what changes between two searches comes twice
        ties = associations_of(self._portal, feed.kind, feed.linked, ids, self._stream.name)
        pasts = self._pasts(ids)
        for (one, _), payload in rows:
            if feed.linked:
                payload["associations"] = ties[one]
            if feed.history:
                payload["propertiesWithHistory"] = pasts.get(one, {})
            if feed.pipelines:
                payload.update(self.known.beside(payload))
        columns = (
            [one for (one, _), _ in rows],
            [max(at, least) for (_, at), _ in rows],
            [payload for _, payload in rows],
        )
        records = records_of(VENDOR, self._portal.id, self._stream.object, *columns)
        return [*records, *(old for record in records if MERGED in record.payload for old in _merged(record))]

    def _pasts(self, ids: Sequence[str]) -> dict[str, Json]:
        """The earlier values of the properties whose history is kept, by id."""
        pasts: dict[str, Json] = {}
        for some in _batches(ids, HISTORY_BATCH) if self._feed.history else ():
            pasts |= self._portal.histories(self._feed.kind, some, self._feed.history)
        return pasts

    def _tombstone(self, row: Json) -> Record:
        """Not older than the record is known to be: calculated properties may move its stamp when it is in the bin already."""
        at = max(instant(str(row[name])) for name in ("archivedAt", "updatedAt") if row.get(name))
        one = str(row["id"])
        return Record(self._key(one), at, {"hs_object_id": one}, deleted=True)

    def _rows(self, found: Sequence[Json]) -> list[Row]:
        """Found objects as rows, whose payloads are the properties as they came."""
        stamp, settings = self._feed.stamp, self._portal.settings
        try:
            return [
                (
                    (str(row["id"]), instant(row["properties"].get(stamp) or row["updatedAt"])),
                    payload_of(row["properties"], settings),
                )
                for row in found
            ]
        except (AttributeError, KeyError, TypeError, ValueError):
            message = f"{self._feed.kind}: a row came without id or {stamp}; the next run tries again"
            raise Retryable(message, after=SOON, vendor=VENDOR, stream=self._stream.name) from None

    def _key(self, record_id: str) -> RecordKey:
        return RecordKey(VENDOR, self._portal.id, self._stream.object, record_id)


def _merged(record: Record) -> Iterator[Record]:
    """What is left of the records that became this one: they are gone, and of people and companies a second name."""
    for old in str(record.payload[MERGED]).split(";"):
        if old:
            rest = {"hs_object_id": old, "mergedInto": record.key.id}
            yield Record(record.key._replace(id=old), record.updated_at, rest, deleted=True)


def _batches(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
