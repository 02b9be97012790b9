"""Rows of some days, handed out a few days at a time, each day whole.

A day is whole once a later one has begun, if rows come oldest first. They are asked for so, but nothing of a day may rest on an order
that is only asked for. So it is looked at: rows in disorder are gathered to the end, and where a day had been handed out before one
more row of it came, it is taken back, and all is read again and gathered.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from connectors.errors import Fatal
from connectors.meta_ads.client import Json
from connectors.meta_ads.paging import Leaf
from connectors.meta_ads.refusals import VENDOR

logger = logging.getLogger(__name__)

ENOUGH = 1_000
"""Rows that are handed out together at least, as long as more follow: 0.5 MB to 4 MB as Meta writes them."""

Days = dict[str, list[Json] | None]
"""Rows by their day, in the order of their keys; None for a day that was handed out and was not whole."""


class Disordered(Exception):
    """A row of a day that was handed out already."""


def by_day(read: Callable[[], Iterator[Leaf]], since: date, until: date, key: str) -> Iterator[Days]:
    """Every day from the first to the last, those without a row included; the last day comes last.

    `read` begins reading anew. Errors: Fatal for a row of another day, for the answer is not ours; those of `read`.
    """
    given: Days = {}
    try:
        for some in _in_order(read(), _days(since, until), key, ENOUGH):
            given |= dict.fromkeys(some)
            yield some
    except Disordered:
        logger.warning(
            "meta_ads/insights: rows did not come in the order of their days; %d days are read again", len(given)
        )
        yield given
        yield from _in_order(read(), _days(since, until), key, None)


def _in_order(pages: Iterator[Leaf], days: list[str], key: str, enough: int | None) -> Iterator[Days]:
    """Days that are whole, whenever they have enough rows; the rest in the end. `enough` None: all in the end."""
    found: dict[str, list[Json]] = {day: [] for day in days}
    newest, ordered = days[0], enough is not None
    for page in pages:
        for row in page.rows:
            if row.get("date_start") != newest:
                before, newest = newest, _day(row, found, days)
                ordered = ordered and before < newest
            found[newest].append(row)
        whole = [day for day in found if day < newest] if ordered else []
        if enough is not None and sum(len(found[day]) for day in whole) >= enough:
            yield {day: _sorted(found.pop(day), key) for day in whole}
    yield {day: _sorted(found.pop(day), key) for day in list(found)}


def _day(row: Json, found: dict[str, list[Json]], days: list[str]) -> str:
    day = row.get("date_start")
    if not isinstance(day, str) or day not in days:
        raise Fatal("insights answered a row of a day that was not asked for", vendor=VENDOR, stream="insights")
    if day not in found:
        raise Disordered
    return day


def _sorted(rows: list[Json], key: str) -> list[Json]:
    return sorted(rows, key=lambda row: str(row.get(key)))


def _days(since: date, until: date) -> list[str]:
    return [str(since + timedelta(days=number)) for number in range((until - since).days + 1)]
