"""Stretches of an object's rows, each in an order that ties cannot blur, and how far one has been read.

A window is what was stamped between two instants; a sweep is every row by Id. Both go on behind the last row read, so equal stamps
can neither loop nor get lost, and whatever answers, page, job or another process, goes on from there. A position is JSON.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import lt
from typing import Any

from connectors.base import Position
from connectors.salesforce.soql import literal, quoted

CHUNK = 2000  # rows per REST query, the most that REST puts on one page
SHORTEST = timedelta(seconds=1)  # stamps are whole seconds, so a shorter window cannot be split


@dataclass(frozen=True)
class Sizes:
    """How many rows are read at a time."""

    portion: int = 100_000
    """Land together, the most that a window of the port should hold."""
    bulk_from: int = 20_000
    """Are left to a Bulk job: four calls and one per page are less work for both sides than ten queries and more."""
    page: int = 2500
    """Come on one page of a job at most, fewer where they are long."""
    chunk: int = CHUNK
    """Come by one REST query."""


@dataclass(frozen=True)
class Window:
    """A half-open stretch of stamps; `after` is the last row already read, as (stamp, id)."""

    start: datetime
    end: datetime
    after: tuple[str, str] | None = None

    order = "SystemModstamp, Id"
    reason = "window"

    @property
    def last(self) -> str | None:
        """The id of the last row already read."""
        return self.after[1] if self.after else None

    def conditions(self) -> list[str]:
        """What the rows that are left must meet."""
        if self.after is None:
            return [f"SystemModstamp >= {literal(self.start)}", f"SystemModstamp < {literal(self.end)}"]
        stamp, last = literal(instant(self.after[0])), quoted(self.after[1])
        behind = f"(SystemModstamp > {stamp} OR (SystemModstamp = {stamp} AND Id > {last}))"
        return [f"SystemModstamp < {literal(self.end)}", behind]

    def behind(self, row: dict[str, Any]) -> "Window":
        """What is left after this row."""
        return replace(self, after=(row["SystemModstamp"], row["Id"]))

    def smaller(self) -> tuple["Window", ...]:
        """What is left, in two parts that are quicker to answer; empty if it cannot be parted."""
        lower = instant(self.after[0]) if self.after else self.start
        if self.end - lower <= SHORTEST:
            return ()
        middle = max((lower + (self.end - lower) / 2).replace(microsecond=0), lower + SHORTEST)
        return replace(self, end=middle), Window(middle, self.end)

    def position(self) -> Position:
        """As JSON."""
        return {
            "start": self.start.isoformat(), "end": self.end.isoformat(), "after": list(self.after) if self.after else None,
        }  # fmt: skip


@dataclass(frozen=True)
class Sweep:
    """All rows by Id; `after` is the last id already read. `began` is the instant before which no change is missed by it."""

    began: datetime
    columns: tuple[str, ...]
    """The columns that every row is read with."""
    after: str | None = None
    ordered: bool = True
    """Whether all ids came as texts ascend, so far; else the vendor orders them otherwise, and no stretch of texts is known whole."""

    order = "Id"
    reason = "sweep"

    @property
    def last(self) -> str | None:
        """The id of the last row already read."""
        return self.after

    def conditions(self) -> list[str]:
        """What the rows that are left must meet."""
        return [f"Id > {quoted(self.after)}"] if self.after else []

    def behind(self, row: dict[str, Any]) -> "Sweep":
        """What is left after this row."""
        return replace(self, after=row["Id"])

    def smaller(self) -> tuple["Sweep", ...]:
        """Ids cannot be parted; fewer rows per query are quicker."""
        return ()

    def position(self) -> Position:
        """As JSON."""
        return {
            "began": self.began.isoformat(), "columns": list(self.columns), "after": self.after, "ordered": self.ordered,
        }  # fmt: skip


Span = Window | Sweep


def span_of(position: Position) -> Span:
    """The span that a position describes."""
    if "began" in position:
        began = datetime.fromisoformat(position["began"])
        return Sweep(began, tuple(position["columns"]), position["after"], position["ordered"])
    start, end = (datetime.fromisoformat(position[name]) for name in ("start", "end"))
    return Window(start, end, tuple(position["after"]) if position["after"] else None)


@dataclass(frozen=True)
class Portion:
    """The rows of a span that land together, as far as they are read; `span` is what is left of it.

    `job` is the Bulk query that is being fetched and `locator` its next page.
    """

    span: Span
    rows: int = 0
    job: str | None = None
    locator: str | None = None
    ended: bool = False

    def with_rows(self, rows: list[dict[str, Any]], left: Span) -> "Portion":
        """The portion after these rows, behind which so much is left."""
        if not rows:
            return replace(self, span=left)
        if isinstance(left, Sweep):
            ids = [self.span.last or "", *(row["Id"] for row in rows)]
            left = replace(left, ordered=left.ordered and all(map(lt, ids, ids[1:])))
        return replace(self, span=left, rows=self.rows + len(rows))

    def position(self) -> Position:
        """As JSON."""
        return {
            "span": self.span.position(), "rows": self.rows, "job": self.job, "locator": self.locator,
        }  # fmt: skip

    @classmethod
    def resumed(cls, position: Position) -> "Portion":
        """The portion that a position stands in."""
        return cls(span_of(position["span"]), **{name: position[name] for name in ("rows", "job", "locator")})


def instant(stamp: str) -> datetime:
    """A REST date-time, which ends in +0000."""
    return datetime.fromisoformat(stamp)
