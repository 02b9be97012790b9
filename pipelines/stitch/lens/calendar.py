"""The business's own days: midnight to midnight where it is at home, so that a day in spring has 23 hours and one in autumn 25."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from pipelines.ingest.schemas import INSTANT

ONE_DAY = timedelta(days=1)
BETWEEN = ".."
"""What stands between the first and the last day of a span, as in 2026-11-16..2026-11-22."""


class Span(NamedTuple):
    """Days of a business, the last one included."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def starts_at(self) -> datetime:
        """Its first instant, UTC."""
        return midnight(self.first, self.zone)

    @property
    def ends_at(self) -> datetime:
        """The first instant after it, UTC."""
        return midnight(self.last + ONE_DAY, self.zone)

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    @property
    def words(self) -> str:
        """Tuesday 24 Nov, or 16 Nov to 22 Nov."""
        if self.first == self.last:
            return f"{self.first:%A} {self.first.day} {self.first:%b}"
        return f"{self.first.day} {self.first:%b} to {self.last.day} {self.last:%b}"

    @property
    def code(self) -> str:
        """2026-11-24, or 2026-11-16..2026-11-22."""
        return f"{self.first}" if self.first == self.last else f"{self.first}{BETWEEN}{self.last}"

    def before(self) -> "Span":
        """As many days, just before."""
        length = timedelta(days=self.days)
        return Span(self.first - length, self.last - length, self.zone)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins, UTC: where clocks skip midnight it is the instant they do, where they repeat it the first of both."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """The day that it is there."""
    return instant.astimezone(zone).date()


def span(text: str, zone: ZoneInfo) -> Span:
    """Days as people write them: 2026-11-24, or 2026-11-16..2026-11-22. ValueError, which says how, for anything else."""
    first, between, last = text.strip().partition(BETWEEN)
    try:
        found = Span(date.fromisoformat(first), date.fromisoformat(last if between else first), zone)
    except ValueError:
        raise ValueError(f"{text!r} is no day; write 2026-11-24, or 2026-11-16{BETWEEN}2026-11-22") from None
    if found.last < found.first:
        raise ValueError(f"{text!r} ends before it begins")
    return found


def days(last: date, number: int, zone: ZoneInfo) -> list[Span]:
    """So many days, oldest first, up to this one."""
    return [Span(day, day, zone) for day in (last - ONE_DAY * back for back in reversed(range(number)))]


def months(first: date, last: date, zone: ZoneInfo) -> list[Span]:
    """The calendar months from that of one day to that of another."""
    return list(_months(first.replace(day=1), last, zone))


def _months(start: date, last: date, zone: ZoneInfo) -> Iterator[Span]:
    while start <= last:
        following = (start + timedelta(days=31)).replace(day=1)
        yield Span(start, following - ONE_DAY, zone)
        start = following


def bounds(spans: Sequence[Span]) -> ir.Table:
    """The spans as a table that instants can be joined with: `span` (its number), `starts_at`, `ends_at` (excluded)."""
    columns = [range(len(spans)), [one.starts_at for one in spans], [one.ends_at for one in spans]]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, BOUNDS.types, strict=True)]
    return ibis.memtable(pa.table(arrays, schema=BOUNDS))


BOUNDS = pa.schema([pa.field("span", pa.int64()), pa.field("starts_at", INSTANT), pa.field("ends_at", INSTANT)])
