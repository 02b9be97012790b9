"""What a stream's cursor says: how far its stamps are read, and how far its rows are swept.

Nothing but the end of a portion moves it. A window or sweep that is longer than a portion stands in it until it ends.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connectors.base import Position
from connectors.salesforce.projection import Projection
from connectors.salesforce.spans import Portion, Sweep, Window, span_of

LOOK_BACK = timedelta(minutes=10)  # a window's start goes back by this: late commits
SLICE = timedelta(days=30)  # longest window
DAILY = timedelta(hours=24)
WEEKLY = timedelta(days=7)


@dataclass(frozen=True)
class State:
    """A cursor, read.

    Units: instants by the vendor's clock. `until` is the end of the last window; `deletions` up to when hard deletes are known;
    `columns` those that every row was read with; `swept` when the last sweep that ended began, None while none has.
    """

    until: datetime
    deletions: datetime
    columns: tuple[str, ...] = ()
    swept: datetime | None = None
    window: Window | None = None
    sweep: Sweep | None = None

    @classmethod
    def read(cls, cursor: Position) -> "State":
        """The state that a cursor holds. One of an earlier release knows no columns and no sweep, so that one is due."""
        if "deletions" not in cursor:
            return cls(datetime.fromisoformat(cursor["until"]), datetime.fromisoformat(cursor["swept"]))
        window, sweep = (span_of(cursor[name]) if cursor[name] else None for name in ("window", "sweep"))
        assert not isinstance(window, Sweep)  # noqa: S101  # position() wrote them
        assert not isinstance(sweep, Window)  # noqa: S101
        swept = datetime.fromisoformat(cursor["swept"]) if cursor["swept"] else None
        until, deletions = (datetime.fromisoformat(cursor[name]) for name in ("until", "deletions"))
        return cls(until, deletions, tuple(cursor["columns"]), swept, window, sweep)

    def position(self) -> Position:
        """As JSON."""
        return {
            "until": self.until.isoformat(), "deletions": self.deletions.isoformat(), "columns": list(self.columns),
            "swept": self.swept.isoformat() if self.swept else None,
            "window": self.window.position() if self.window else None, "sweep": self.sweep.position() if self.sweep else None,
        }  # fmt: skip

    def next_window(self, end: datetime) -> Window | None:
        """The window to read next on the way to `end`; None if that is reached."""
        if self.window or self.until >= end:
            return self.window
        return self.look_back(end)

    def look_back(self, end: datetime) -> Window:
        """The window behind the last one, which begins before its end."""
        start = self.until - LOOK_BACK
        return Window(start, min(start + SLICE, end))

    def with_sweep(self, projection: Projection, began: datetime) -> "State":
        """The state with a sweep to make where one is due: it was never made, it is long ago, or a column has come since."""
        known = self.sweep.columns if self.sweep else self.columns
        every = DAILY if projection.calculated else WEEKLY
        new = set(projection.known) - set(known)
        old = self.sweep is None and (self.swept is None or began - self.swept >= every)
        return replace(self, sweep=Sweep(began, projection.known)) if new or old else self

    def after(self, portion: Portion) -> "State":
        """The state when this portion has landed."""
        span = portion.span
        if isinstance(span, Window):
            return replace(self, until=span.end, window=None) if portion.ended else replace(self, window=span)
        if portion.ended:
            return replace(self, sweep=None, swept=span.began, columns=span.columns)
        return replace(self, sweep=span)
