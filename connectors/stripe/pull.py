"""Pulling one stream: everything once by listing it, and from then on only what Stripe's events say has changed.

Stripe's objects have no modification stamp, so `updated_at` of a record is the instant as of which its payload was read: the start
of a listing, the end of a window of events. Windows follow each other, so a later read always wins, and a clock that differs from
Stripe's cannot turn the order around. Source: vendors.md 4.3.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.base import Finding, Page, Position, Source, Stream
from connectors.errors import ConnectorError
from connectors.stripe.changes import Change, Told
from connectors.stripe.client import API_VERSION, Json, StripeApi
from connectors.stripe.feeds import FEEDS, Feed
from connectors.stripe.paging import LIMIT, Leaf, leaves
from connectors.stripe.pending import Pending
from connectors.stripe.refusals import VENDOR, ObjectGone, remedy
from models.clock import Clock
from models.keys import RecordKey
from models.records import Record

LAG = 60  # seconds a window's end stays behind the clock, and the next one starts before it: events may arrive late
SLICE = 7 * 86400  # seconds; the longest window of events, so that the changes of one fit in memory
GAP = 29 * 86400  # seconds; Stripe forgets events after 30 days, so an older cursor means listing everything again
LEDGER_LOOK_BACK = 600  # seconds; entries of a ledger have no events that would tell of a late one


class StripeSource(Source):
    """An open account in one mode. Errors: Fatal with `credentials` if the key is refused."""

    vendor = VENDOR

    def __init__(self, api: StripeApi, clock: Clock, mode: str) -> None:
        self._api = api
        self._clock = clock
        self.mode = mode
        self.account = f"{api.get('definition', 'account', {})['id']}:{mode}"
        self.calls: Counter[str] = api.calls

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        """Walk the stream from the cursor to a minute ago, or through everything where there is no usable cursor."""
        now = int(self._clock.now().timestamp())
        feed = FEEDS[stream.name]
        if cursor and cursor["version"] != API_VERSION:
            cursor = None  # payloads changed their shape
        if not feed.events:
            return self._ledger(stream, feed, cursor, resume, now)
        if cursor is None or cursor["events_from"] < now - GAP:
            return self._everything(stream, feed, resume, now)
        return self._increments(stream, feed, cursor, resume, now)

    def diagnose(self, streams: Sequence[Stream]) -> list[Finding]:
        """One finding for the account, one per stream, one for the events that every increment needs."""
        findings = [Finding("account", ok=True, message=f"{self.account.split(':')[0]} ({self.mode} mode)")]
        for stream in streams:
            feed = FEEDS[stream.name]
            findings.append(self._readable(stream.name, feed.path, feed.params))
        return [*findings, self._readable("events", "events", {})]

    def _readable(self, name: str, path: str, params: Mapping[str, Any]) -> Finding:
        try:
            self._api.list("definition", path, {**params, "limit": 1}, stream=name)
        except ConnectorError as error:
            missing = "; changes and deletions stay unseen" if name == "events" else "; the stream will be missing"
            return Finding(name, ok=False, message=f"{error}{missing}", remedy=remedy(name))
        return Finding(name, ok=True, message="readable")

    # everything -------------------------------------------------------------------------------------------------------

    def _everything(self, stream: Stream, feed: Feed, resume: Position | None, now: int) -> Iterator[Page]:
        """The whole list, newest first; what changes meanwhile is told by the events from its start on.

        After a gap longer than Stripe's memory, what was deleted in it stays as it was last seen: a list does not name what is gone.
        """
        if resume is None or resume.get("listed_at", 0) < now - GAP:
            resume = {"listed_at": now, "trail": []}
        start = resume["listed_at"]
        for leaf in self._leaves(stream, feed, {}, resume["trail"]):
            cursor = {"events_from": start, "seen": [], "version": API_VERSION} if leaf.last else None
            yield Page(self._records(stream, feed, leaf, start), {"listed_at": start, "trail": leaf.trail}, cursor)

    def _ledger(
        self, stream: Stream, feed: Feed, cursor: Position | None, resume: Position | None, now: int
    ) -> Iterator[Page]:
        """Entries by their date of creation, and again those that were pending and are due."""
        if cursor and now - LAG <= cursor["created_from"]:
            yield Page([], {}, cursor)
            return
        if resume is None:
            due = Pending(cursor["pending"] if cursor else {})
            end = now - LAG if cursor else now
            start = min(cursor["created_from"] - LEDGER_LOOK_BACK, due.oldest_due(end, end)) if cursor else None
            resume = {"start": start, "end": end, "trail": [], "pending": due.not_due(end)}
        start, end, pending = resume["start"], resume["end"], Pending(resume["pending"])
        created = {"created": {"gte": start, "lt": end}} if start is not None else {}
        for leaf in self._leaves(stream, feed, created, resume["trail"]):
            pending.note(leaf.rows, end)
            position = {"start": start, "end": end, "trail": leaf.trail, "pending": pending.by_day}
            done = {"created_from": end, "pending": pending.by_day, "version": API_VERSION} if leaf.last else None
            yield Page(self._records(stream, feed, leaf, end), position, done)

    def _leaves(self, stream: Stream, feed: Feed, params: Json, trail: list[str]) -> Iterator[Leaf]:
        expand = {"expand": [f"data.{path}" for path in feed.expand]} if feed.expand else {}
        return leaves(
            self._api, "window", feed.path, {**feed.params, **expand, **params}, stream=stream.name, trail=trail
        )

    def _records(self, stream: Stream, feed: Feed, leaf: Leaf, as_of: int) -> list[Record]:
        found = []
        for row in leaf.rows:
            try:
                found.append(self._record(stream, self._whole(stream, feed, row, "window"), as_of))
            except ObjectGone:
                continue  # deleted while it was read: nothing to keep, and if it was known, an event tells
        return found

    # what changed -----------------------------------------------------------------------------------------------------

    def _increments(
        self, stream: Stream, feed: Feed, cursor: Position, resume: Position | None, now: int
    ) -> Iterator[Page]:
        """Windows of events, at most seven days each, up to a minute ago."""
        latest = now - LAG
        if latest <= cursor["events_from"]:
            yield Page([], {}, cursor)
            return
        if resume and "end" not in resume:
            resume = None  # of a listing that the cursor has overtaken
        while cursor["events_from"] < latest:
            window = resume or {"end": min(cursor["events_from"] + SLICE, latest), "after": None}
            for page in self._window(stream, feed, cursor, window):
                yield page
                cursor = page.cursor or cursor
            resume = None

    def _window(self, stream: Stream, feed: Feed, cursor: Position, resume: Position) -> Iterator[Page]:
        """Every object that an event of the window names, read anew."""
        start, end = cursor["events_from"], resume["end"]
        told = Told(frozenset(cursor["seen"]))
        span = {"types": list(feed.events), "created": {"gte": start - LAG, "lt": end}}
        for leaf in leaves(self._api, "window", "events", span, stream=stream.name, endpoint="events"):
            told.note(leaf.rows)
        done = {"events_from": end, "seen": told.since(end - LAG), "version": API_VERSION}
        changes = told.changes(after=tuple(resume["after"]) if resume["after"] else None)
        parts = [changes[at : at + LIMIT] for at in range(0, len(changes), LIMIT)] or [[]]
        for number, part in enumerate(parts, start=1):
            records = [self._changed(stream, feed, change, start, end) for change in part]
            position = {"end": end, "after": list(part[-1].place) if part else resume["after"]}
            yield Page(records, position, done if number == len(parts) else None)

    def _changed(self, stream: Stream, feed: Feed, change: Change, start: int, end: int) -> Record:
        """The object as it is now; as its newest event shows it, marked deleted, if it is no more."""
        reason = "look-back" if change.at < start else "window"
        if change.deleted is not None:
            return self._record(stream, change.deleted, end, deleted=True)
        try:
            found = self._api.get(
                reason,
                f"{feed.path}/{change.id}",
                {"expand": list(feed.expand)} if feed.expand else {},
                stream=stream.name,
            )
            if not found.get("deleted"):
                return self._record(stream, self._whole(stream, feed, found, reason), end)
        except ObjectGone:
            pass  # as a deleted customer's stub, which says nothing either
        event = self._api.get(reason, f"events/{change.event}", {}, stream=stream.name, endpoint="events")
        return self._record(stream, event["data"]["object"], end, deleted=True)

    def _whole(self, stream: Stream, feed: Feed, row: Json, reason: str) -> Json:
        """The object with its embedded lists complete, and the same whether it was listed or retrieved."""
        for sublist in feed.sublists:
            embedded = row.get(sublist.key)
            if isinstance(embedded, dict) and embedded.get("has_more"):
                entries = {entry["id"]: entry for entry in embedded["data"]}
                params = {name: value.format(id=row["id"]) for name, value in sublist.params}
                path = sublist.path.format(id=row["id"])
                rest = leaves(self._api, reason, path, params, stream=stream.name, trail=list(entries)[-1:])
                entries.update((entry["id"], entry) for leaf in rest for entry in leaf.rows)
                row = {**row, sublist.key: {**embedded, "data": list(entries.values()), "has_more": False}}
        charge = row.get("charge")
        if "charge" in feed.expand and isinstance(charge, dict):
            # the rest is the charges stream's, and changes by itself: receipt_url is signed anew on every read
            row = {**row, "charge": {key: charge.get(key) for key in ("id", "object", "customer")}}
        return row

    def _record(self, stream: Stream, payload: Json, as_of: int, *, deleted: bool = False) -> Record:
        key = RecordKey(VENDOR, self.account, stream.object, payload["id"])
        return Record(key, datetime.fromtimestamp(as_of, UTC), payload, deleted)
