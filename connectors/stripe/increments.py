"""Reading by events: windows of them, in which every object that one names is read anew."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from connectors.base import Page, Position
from connectors.stripe.changes import Change, Told, snapshot
from connectors.stripe.client import Json
from connectors.stripe.listing import LAG
from connectors.stripe.objects import Objects, instant
from connectors.stripe.paging import LIMIT
from models.records import Record

SLICE = 7 * 86400  # seconds; the longest window of events
MOST = 10_000  # changed objects of one window, so that it fits in memory; one that has more is cut in half
WORTH = 10  # changed objects for which a page of the list is tried: it saves ninety calls, or costs a tenth more


def increments(objects: Objects, cursor: Position, resume: Position | None, now: int) -> Iterator[Page]:
    """Windows of events, at most seven days each, up to a minute ago."""
    latest = now - LAG
    if latest <= cursor["events_from"]:
        yield Page([], {}, cursor)
        return
    if resume and "end" not in resume:
        resume = None  # of a listing that the cursor has overtaken
    length = SLICE
    while (start := cursor["events_from"]) < latest:
        told = _told(objects, cursor, min(start + length, latest), resume)
        length = max(1, min(SLICE, (told.end - start) * (MOST // 2) // max(1, len(told))))  # as busy as this one was
        for page in _window(objects, told, start, resume):
            yield page
            cursor = page.cursor or cursor
        resume = None


def _told(objects: Objects, cursor: Position, end: int, resume: Position | None) -> Told:
    """The events of a window, drained completely. It is cut as long as it holds too much, but not when it goes on: pages are staged."""
    start, seen = cursor["events_from"], frozenset(cursor["seen"])
    told = Told(seen, resume["end"] if resume else end, LAG, objects.feed.about)
    for leaf in objects.events({"types": list(objects.feed.events), "created": {"gte": start - LAG, "lt": told.end}}):
        told.note(leaf.rows)
        if len(told) > MOST and not resume and told.end - start > 1:
            return _told(objects, cursor, start + (told.end - start) // 2, None)
    return told


def _window(objects: Objects, told: Told, start: int, resume: Position | None) -> Iterator[Page]:
    """The changed objects by hundreds, those left out that were handled before an interruption."""
    after = resume["after"] if resume else None
    changes = told.changes(after=tuple(after) if after else None)
    done = {"events_from": told.end, "seen": told.recent(), "version": objects.feed.version}
    parts = [changes[at : at + LIMIT] for at in range(0, len(changes), LIMIT)] or [[]]
    for number, part in enumerate(parts, start=1):
        listed = _listed(objects, part)
        found = [_changed(objects, change, listed.get(change.id), start, instant(told.end)) for change in part]
        records = [record for record in found if record is not None]
        position = {"end": told.end, "after": list(part[-1].place) if part else after}
        yield Page(records, position, done if number == len(parts) else None)


def _listed(objects: Objects, part: Sequence[Change]) -> dict[str, Json]:
    """What one page of the list holds of them: mostly new objects change, and lists are newest first."""
    made = [change.made for change in part if change.deleted is None and change.made is not None]
    return objects.newest({"gte": min(made), "lte": max(made)}) if len(made) >= WORTH else {}


def _changed(objects: Objects, change: Change, listed: Json | None, start: int, at: datetime) -> Record | None:
    """The object as it is now; as its newest event shows it, marked deleted, if it is no more; None where no event shows it."""
    reason = "look-back" if change.at < start else "window"
    if change.deleted is not None:
        return objects.record(change.deleted, at, deleted=True)
    found = objects.completed(listed, reason) if listed else objects.retrieve(change.id, reason)
    if found is not None:
        return objects.record(found, at)
    if change.made is None:
        return None
    return objects.record(snapshot(objects.event(change.event, reason)), at, deleted=True)
