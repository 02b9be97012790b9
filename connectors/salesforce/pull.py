"""Pulling one stream: windows of SystemModstamp from cursor to present, and sweeps of all rows for what no stamp tells.

A window `[start, end)` ends five minutes behind the clock and starts ten minutes before the last one ended, because a transaction
may commit after the stamp it carries; the saved cursor is the window's end, never the greatest stamp seen. A sweep reads every row
whole, by Id: at first; when a column came; once a day where formulas, roll-ups or data privacy records are, which move no stamp; else once
a week, for a parent's values and for rows that are gone though nothing told it. Of what a sweep brings only the changes land. Both go in portions of
100,000 rows, long ones by Bulk jobs.
"""

import logging
import re
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any

from connectors.base import Finding, Page, Position, Quota, Source, Stream, Whole
from connectors.salesforce.client import Org
from connectors.salesforce.deletions import KEPT, deletions
from connectors.salesforce.diagnose import diagnose
from connectors.salesforce.projection import Projection, objects, project
from connectors.salesforce.reading import Reading, Row
from connectors.salesforce.records import STREAMS
from connectors.salesforce.refusals import VENDOR
from connectors.salesforce.rest import RestQueries
from connectors.salesforce.spans import Portion, Sizes, Sweep, Window, instant
from connectors.salesforce.state import LOOK_BACK, State
from models.clock import Clock
from models.records import Record, records_of

logger = logging.getLogger(__name__)

LAG = timedelta(minutes=5)  # the window's end stays this far behind the clock
AHEAD = timedelta(hours=1)  # of the present; a cursor further ahead was written by a clock that has been put back since
DEFAULT_SIZES = Sizes()
DELETIONS_EVERY = timedelta(hours=24)
ID = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?")


class SalesforceSource(Source):
    """An org that can be pulled from."""

    vendor = VENDOR

    def __init__(self, org: Org, clock: Clock, sizes: Sizes = DEFAULT_SIZES) -> None:
        self._org = org
        self._sizes = sizes
        self._clock = clock
        self.account = org.id
        self.calls: Counter[str] = org.calls
        self._described: dict[str, Any] = {}

    @property
    def quota(self) -> Quota | None:
        """API calls of the last 24 hours, whoever made them."""
        return Quota(*self._org.used) if self._org.used else None

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        """Walk the stream to the present: first what was begun, then windows, then a sweep where one is due."""
        now = (self._clock.now() - LAG).replace(microsecond=0)
        projection = self._projection(stream)
        portion = Portion.resumed(resume) if resume and "span" in resume else None  # else of an earlier release
        state = State.read(cursor) if cursor else _first(portion, now)
        if cursor and "deletions" not in cursor:
            logger.warning("%s: the cursor is of an earlier release; every row is read once more", stream.name)
        if state.until > now + AHEAD:
            logger.warning("%s: the clock was put back; every row is read once more", stream.name)
            state = State(now, now - KEPT, state.columns)
        state, end = _without_vanished(stream, state, projection), max(now, state.until)
        if portion is None and cursor:
            portion = Portion(state.window or state.look_back(end))  # at least one, so that the last page has a cursor
        if portion:
            state = yield from self._portion(stream, state, portion, end)
        while window := state.next_window(end):
            state = yield from self._portion(stream, state, Portion(window), end)
        state = state.with_sweep(projection, end)
        while state.sweep:
            state = yield from self._portion(stream, state, Portion(state.sweep), end)

    def between(self, stream: Stream, since: datetime, until: datetime, resume: Position | None) -> Iterator[Page]:
        """Read once more what was stamped in `[since, until)`, whole seconds."""
        portion = Portion.resumed(resume) if resume else Portion(Window(since, until))
        while True:
            reading = self._reading(stream, portion)
            for rows in reading.pages():
                yield Page(self._records(stream, rows), reading.portion.position())
            portion = reading.portion
            if portion.ended:
                yield Page([], portion.position(), {"until": until.isoformat()})
                return
            portion = Portion(portion.span)

    def read(self, stream: Stream, ids: Sequence[str]) -> list[Record]:
        """These records now; one that is not shown any more is marked deleted if the vendor says so, which it does for 30 days."""
        asked = sorted({one for one in ids if ID.fullmatch(one)})
        projection = self._projection(stream)
        rows = RestQueries(self._org, stream.name, stream.object).by_id("read", projection, asked)
        projection.clean(rows)
        found = self._records(stream, rows)
        if len(found) < len(asked) and projection.replicateable:
            now = self._clock.now()
            gone, _ = deletions(self._org, stream, now - KEPT, now)
            found += [record for record in gone if record.key.id in asked]
        return found

    def count(self, stream: Stream) -> int:
        """Rows outside the recycle bin, archived ones included, as the pull has them."""
        conditions = ["IsDeleted = false"] if self._projection(stream).binned else []
        return RestQueries(self._org, stream.name, stream.object).count(conditions)

    def columns(self, stream: Stream) -> Mapping[str, str]:
        """The columns that this user sees now and the pull reads, with describe's types."""
        return dict(self._projection(stream).kinds)

    def diagnose(self, streams: Sequence[Stream]) -> list[Finding]:
        """What works, and which permission is missing."""
        return diagnose(self._org, streams)

    def _portion(self, stream: Stream, state: State, portion: Portion, end: datetime) -> Generator[Page, None, State]:
        """Pages of what lands together; gives the state behind it, which is the cursor of the last one."""
        reading, since = self._reading(stream, portion), state.sweep
        # a value that moved no stamp gets one at which every stamped change is known already, so that neither hides the other
        floor = portion.span.began - LOOK_BACK if isinstance(portion.span, Sweep) else None
        for rows in reading.pages():
            records = self._records(stream, rows, floor if state.swept else None)
            yield Page(records, reading.portion.position())
            del rows, records  # let go before the next ones are read, some MB
        portion = reading.portion
        state = state.after(portion)
        gone: list[Record] = []
        if floor is None and state.until == end and end - state.deletions >= DELETIONS_EVERY:
            gone, state = self._deletions(stream, state, end)
        whole = None
        if floor and isinstance(portion.span, Sweep):
            if portion.span.ordered:
                last = None if portion.ended else portion.span.last
                whole = Whole(self.account, floor.isoformat(), since.after if since else None, last)
            elif portion.ended:
                logger.warning(
                    "%s: ids came in no order of texts; deletions that nothing tells stay unseen", stream.name
                )
        yield Page(gone, portion.position(), state.position(), whole)
        return state

    def _reading(self, stream: Stream, portion: Portion) -> Reading:
        return Reading(self._org, stream, partial(self._projection, stream), portion, self._sizes)

    def _projection(self, stream: Stream, *, anew: bool = False) -> Projection:
        """The stream's columns. All objects are described in one call per open source, which is one per run."""
        if anew or not self._described:
            self._described = self._org.describe(objects(STREAMS), stream.name)
        return project(stream, self._described, self._org.settings)

    def _deletions(self, stream: Stream, state: State, end: datetime) -> tuple[list[Record], State]:
        if not self._projection(stream).replicateable:
            return [], replace(state, deletions=end)
        since = max(state.deletions - LOOK_BACK, self._clock.now() - KEPT)
        gone, covered = deletions(self._org, stream, since, end)
        return gone, replace(state, deletions=covered)

    def _records(self, stream: Stream, rows: Sequence[Row], floor: datetime | None = None) -> list[Record]:
        """The rows as records, none stamped before `floor`."""
        stamps = [instant(row["SystemModstamp"]) for row in rows]
        if floor:
            stamps = [max(at, floor) for at in stamps]
        deleted = [bool(row.get("IsDeleted")) for row in rows]
        return records_of(VENDOR, self.account, stream.object, map(itemgetter("Id"), rows), stamps, rows, deleted)


def _first(portion: Portion | None, now: datetime) -> State:
    """The state of a stream of which nothing has landed: the instant at which its first sweep began, or begins."""
    began = portion.span.began if portion and isinstance(portion.span, Sweep) else now
    return State(began, began)


def _without_vanished(stream: Stream, state: State, projection: Projection) -> State:
    """The state without columns that are gone, or hidden now; what was read of them stays in the lake."""
    gone = set(state.columns) - set(projection.known)
    if not gone:
        return state
    logger.warning("%s: no longer there, or hidden: %s", stream.name, ", ".join(sorted(gone)))
    return replace(state, columns=tuple(name for name in state.columns if name not in gone))
