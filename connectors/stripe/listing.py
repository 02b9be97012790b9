"""Reading by lists: everything once, what was made in a range of dates, and the ledger, whose entries are only ever added.

Every page's position suffices to go on behind it, so what was read once is not read again.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from connectors.base import Page, Position, Whole
from connectors.stripe.client import Json
from connectors.stripe.objects import Objects, instant
from connectors.stripe.pending import Pending

GAP = 29 * 86400  # seconds; Stripe forgets events after 30 days, so an older cursor means listing everything again
LAG = 60  # seconds a window's end stays behind the clock, and the next one starts before it: Stripe may list late
LEDGER_LOOK_BACK = 600  # seconds; entries of a ledger have no events that would tell of a late one


def everything(objects: Objects, resume: Position | None, now: int) -> Iterator[Page]:
    """All lists of the stream, newest first; what changes meanwhile is told by the events from its start on.

    What was deleted before that is, where objects can vanish, what the lists do not name; elsewhere it is what the events tell that
    Stripe still has. That is asked without a cursor, too: of an account that refused in mid-list, some pages may have landed with the
    end of another's window. A window that was interrupted so long ago that its events are forgotten is ended as it is: among its
    pages, the lists would seem to name what has gone since.
    """
    if resume and ("passes" not in resume or resume["listed_at"] < now - GAP):
        # of windows of events, of an earlier release, or too old for the events since
        yield Page([], resume, {"events_from": 0, "seen": [], "version": objects.feed.version})
        resume = None

    def done(page: Page, start: int) -> Page:
        at, vanishing = instant(start), objects.feed.vanishing
        told = () if vanishing else objects.deleted()
        gone = [objects.record(payload, at, deleted=True) for payload in told]
        whole = Whole(objects.account.key, at.isoformat()) if vanishing else None
        cursor = {"events_from": start, "seen": [], "version": objects.feed.version}
        return replace(page, records=[*page.records, *gone], cursor=cursor, whole=whole)

    # as of a lag ago, like every window: what was changed just before may be listed, and told, late
    yield from _listed(objects, {}, resume, now - LAG, done)


def between(objects: Objects, since: int, until: int, resume: Position | None, now: int) -> Iterator[Page]:
    """What was made in `[since, until)`, the only date that Stripe's lists know; the cursor says no more than that."""
    created = {"created": {"gte": since, "lt": until}}
    return _listed(objects, created, resume, now, lambda page, _: replace(page, cursor={}))


def _listed(
    objects: Objects, created: Json, resume: Position | None, now: int, done: Callable[[Page, int], Page]
) -> Iterator[Page]:
    """The lists one after the other, the last page `done`; the position holds those left, and how far the first is read."""
    here = resume or {"listed_at": now, "passes": objects.passes(), "trail": []}
    start, trail = here["listed_at"], here["trail"]
    for at, params in enumerate(here["passes"]):
        left = here["passes"][at:]
        for leaf in objects.leaves({**params, **created}, trail):
            position = {"listed_at": start, "passes": left, "trail": leaf.trail}
            if leaf.last:
                position = {"listed_at": start, "passes": left[1:], "trail": []}
            page = Page(objects.records(leaf.rows, start), position)
            yield page if position["passes"] else done(page, start)
        trail = []


def ledger(objects: Objects, cursor: Position | None, resume: Position | None, now: int) -> Iterator[Page]:
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
    for leaf in objects.leaves(created, resume["trail"]):
        pending.note(leaf.rows, end)
        position = {"start": start, "end": end, "trail": leaf.trail, "pending": pending.by_day}
        done = {"created_from": end, "pending": pending.by_day, "version": objects.feed.version} if leaf.last else None
        yield Page(objects.records(leaf.rows, end), position, done)
