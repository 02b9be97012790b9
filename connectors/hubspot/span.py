"""What is left to read of a stream, as one search that is narrowed page by page, so that no search is ever paged.

HubSpot pages a search by offset and refuses the ten-thousandth row; a row that changes between two pages moves, and another one slips
through the gap. So each search asks anew from the place that was reached: by id where everything is read, by stamp where changes are,
and by id within one millisecond that fills a whole page, or within a window whose page shows rows of another time only. The index lags behind the objects (estuary/connectors#1861, #1871): a row
that shows a younger stamp may stand in an older place, and only older stamps tell which place was reached.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from connectors.hubspot.wire import milliseconds

Json = dict[str, Any]

LAG = 3_600_000  # milliseconds; the index has every change that is older, as others found who read it without an hour between


@dataclass(frozen=True)
class Span:
    """Instants in milliseconds since 1970.

    Shape: stamps from `start` up to but not at `end`; without a start it is everything, whatever its stamp, or where `only` names
    filters, everything that meets one of them. `after` is the last id read: of everything, or of the stamps from `start` up to but not
    at `upto`, which are the one millisecond `start` where it is not said.
    """

    start: int | None
    end: int
    after: str | None = None
    only: Sequence[Json] = ()
    upto: int | None = None

    def query(self, stamp: str) -> Json:
        """The search for the next rows."""
        if self.start is None or self.after is not None:
            filters = [*self._stretch(stamp), _filter("hs_object_id", "GT", self.after or "0")]
            order = "hs_object_id"
        else:
            filters, order = [_filter(stamp, "GTE", self.start), _filter(stamp, "LT", self.end)], stamp
        sorts = [{"propertyName": order, "direction": "ASCENDING"}]
        groups = [{"filters": [*filters, one]} for one in self.only] or [{"filters": filters}]
        return {"filterGroups": groups, "sorts": sorts}

    def _stretch(self, stamp: str) -> list[Json]:
        if self.start is None:
            return []
        if self.upto is None:
            return [_filter(stamp, "EQ", self.start)]
        return [_filter(stamp, "GTE", self.start), _filter(stamp, "LT", self.upto)]

    def behind(self, rows: Sequence[tuple[str, datetime]], *, more: bool) -> "tuple[int, Span | None]":
        """How many of a search's rows need not be asked for again, and what is left to read.

        Shape: `rows` are (id, stamp) as they came; `more` says that the search has more. ValueError if they lead no further.
        """
        if self.start is None or self.after is not None:
            return len(rows), self._next_ids(rows, more=more)
        if not more:
            return len(rows), None
        inside = [milliseconds(at) for _, at in rows if self.holds(at)]
        if not inside:  # nothing tells which place was reached: read the window by id
            return 0, replace(self, after="0", upto=self.end)
        reached = self._reached(inside)
        if reached is None:  # the whole page is one millisecond: begin it again, by id
            return 0, replace(self, after="0")
        place = next(number for number, (_, at) in enumerate(rows) if milliseconds(at) == reached)
        return place, replace(self, start=reached)

    def _next_ids(self, rows: Sequence[tuple[str, datetime]], *, more: bool) -> "Span | None":
        if more:
            if not rows or int(rows[-1][0]) <= int(self.after or 0):
                raise ValueError("repeats a page")
            return replace(self, after=rows[-1][0])
        if self.start is None:
            return None
        behind = self.start + 1 if self.upto is None else self.upto
        return Span(behind, self.end) if behind < self.end else None

    def _reached(self, inside: Sequence[int]) -> int | None:
        """The last stamp that tells how far the page goes; None if it goes nowhere."""
        ahead = [stamp for stamp in inside if stamp > (self.start or 0)]
        settled = [stamp for stamp in ahead if stamp < self.end - LAG]
        return next(reversed(settled or ahead), None)

    def holds(self, at: datetime) -> bool:
        """Whether a row belongs here; searches give others, too (estuary/connectors#2210)."""
        return self.start is None or self.start <= milliseconds(at) < self.end

    def position(self) -> Json:
        """As JSON."""
        return asdict(self)


def _filter(name: str, operator: str, value: object) -> Json:
    return {"propertyName": name, "operator": operator, "value": str(value)}
