"""Days of a long report: handed out while it is read, each whole, in whatever order the rows come."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from connectors.errors import Fatal
from connectors.meta_ads import CONNECTOR
from connectors.meta_ads.days import ENOUGH, Days, by_day
from connectors.meta_ads.paging import LIMIT, Leaf
from tests.connectors.meta_ads.conftest import BERLIN, TODAY, Ground, Puller

INSIGHTS = CONNECTOR.streams_by_name["insights"]
FIRST, LAST = date(2026, 10, 1), date(2026, 10, 4)
DAYS = ["2026-10-01", "2026-10-02", "2026-10-03", "2026-10-04"]
ADS = 60
"""Of the long account: with a month of days more than is handed out at once."""


def rows(day: str, ads: int) -> list[dict[str, Any]]:
    return [{"ad_id": str(number), "date_start": day} for number in range(ads)]


def handed(*readings: Sequence[dict[str, Any]]) -> list[Days]:
    """What is handed out of rows that come in this order; each reading is one more of the same report."""
    left = iter(readings)

    def read() -> Iterator[Leaf]:
        found = next(left)
        return (Leaf(list(found[at : at + LIMIT]), None) for at in range(0, max(1, len(found)), LIMIT))

    return list(by_day(read, FIRST, LAST, "ad_id"))


def told(handed: Sequence[Days]) -> dict[str, int | None]:
    """How many rows each day has in the end."""
    return {day: None if rows is None else len(rows) for some in handed for day, rows in some.items()}


def test_days_are_handed_out_as_soon_as_they_are_whole() -> None:
    """A day without a row comes with its neighbours; the last comes once the report has ended."""
    found = handed([*rows(DAYS[0], ENOUGH), *rows(DAYS[2], ENOUGH), *rows(DAYS[3], 1)])
    assert [list(some) for some in found] == [DAYS[:2], DAYS[2:3], DAYS[3:]]
    assert told(found) == {DAYS[0]: ENOUGH, DAYS[1]: 0, DAYS[2]: ENOUGH, DAYS[3]: 1}
    ids = [row["ad_id"] for row in found[0][DAYS[0]] or []]
    assert ids == sorted(ids)


def test_few_rows_are_handed_out_together() -> None:
    """A small account costs one page per report; one without rows, too."""
    assert [list(some) for some in handed([row for day in DAYS for row in rows(day, 3)])] == [DAYS]
    assert handed([]) == [{day: [] for day in DAYS}]


@pytest.mark.parametrize("by_ad", [True, False], ids=["by ad", "newest first"])
def test_rows_in_another_order_are_gathered_to_the_end(by_ad: bool) -> None:  # noqa: FBT001
    """Nothing is read twice, and every day has all its rows."""
    mixed = [row for day in reversed(DAYS) for row in rows(day, ENOUGH)]
    if by_ad:
        mixed.sort(key=lambda row: str(row["ad_id"]))
    found = handed(mixed)
    assert [list(some) for some in found] == [DAYS]
    assert told(found) == dict.fromkeys(DAYS, ENOUGH)


def test_a_day_that_was_not_whole_is_taken_back_and_read_again() -> None:
    """One late row is enough; the days that were handed out come once more."""
    late = [
        *rows(DAYS[0], ENOUGH),
        *rows(DAYS[1], LIMIT),
        *rows(DAYS[2], LIMIT),
        {"ad_id": "late", "date_start": DAYS[0]},
    ]
    first, back, again = handed(late, late)
    assert told([first]) == {DAYS[0]: ENOUGH}
    assert back == {DAYS[0]: None}
    assert told([again]) == {DAYS[0]: ENOUGH + 1, DAYS[1]: LIMIT, DAYS[2]: LIMIT, DAYS[3]: 0}


@pytest.mark.parametrize("day", ["2026-10-05", "yesterday", "", None, ["2026-10-01"]])
def test_a_row_of_no_day_that_was_asked_for_is_no_answer(day: object) -> None:
    """It stops the stream, for the report is another's."""
    with pytest.raises(Fatal, match="not asked for"):
        handed([{"ad_id": "1", "date_start": day}])


@pytest.fixture
def month(ground: Ground) -> dict[tuple[str, str, str], int]:
    """An account of many ads on each day of a month; what they cost by account, day and ad."""
    ground.account(BERLIN, "Europe/Berlin", "EUR", created=str(TODAY.replace(month=10, day=6)))
    planted = {}
    for ad in map(str, range(100, 100 + ADS)):
        ground.ad(ad)
        for back in range(28):
            day = TODAY - timedelta(days=back)
            ground.day(ad, day, f"{back + 1}.{int(ad) % 100:02d}")
            planted[BERLIN, str(day), ad] = 100 * (back + 1) + int(ad) % 100
    return planted


def test_a_long_report_comes_in_pages_and_to_the_cent(puller: Puller, month: dict[Any, int]) -> None:
    """It is begun once; a page holds less than half of it."""
    pages = list(puller.open().pages(INSIGHTS, None, None))
    held = [sum(len(record.payload["rows"]) for record in page.records) for page in pages if page.records]
    for page in pages:
        puller.keep("insights", page)
    assert puller.spend() == month
    assert len(held) == 2
    assert max(held) < ENOUGH + LIMIT
    assert len(puller.sandbox.log.matching("/insights", "POST")) == 1


def test_a_run_that_is_killed_inside_a_report_reads_that_report_again(puller: Puller, month: dict[Any, int]) -> None:
    """From its first row and without beginning another; the days come as new versions of the same stamp."""
    pages = puller.open().pages(INSIGHTS, None, None)
    for page in pages:
        puller.keep("insights", page)
        if page.records:
            break
    assert 0 < len(puller.spend()) < len(month)
    as_of = puller.clock.now()
    puller.clock.advance(timedelta(minutes=5))
    puller.pull("insights", resume=puller.position)
    assert puller.spend() == month
    settled = [record for (_, day), record in puller.records.items() if day < str(TODAY - timedelta(days=1))]
    assert {record.updated_at for record in settled} == {as_of}
    assert len(puller.sandbox.log.matching("/insights", "POST")) == 1


def test_an_order_that_is_not_kept_loses_nothing(puller: Puller, month: dict[Any, int]) -> None:
    """Rows come by ad from the second page of days on: what was handed out is taken back, and then comes whole."""
    refused = 0
    for page in puller.open().pages(INSIGHTS, None, None):
        puller.keep("insights", page)
        puller.sandbox.state.conduct.unsorted = bool(puller.records)
        for record in page.records:
            if "rows" not in record.payload:
                refused += 1
                with pytest.raises(ValueError, match="rows"):
                    list(INSIGHTS.translate(record))
    assert refused > 0
    assert puller.spend() == month


def test_an_order_that_meta_knows_no_more_is_left_out(puller: Puller, month: dict[Any, int]) -> None:
    """The days are read all the same, and no column is said to be gone."""
    before = puller.open().columns(INSIGHTS)
    puller.sandbox.state.conduct.dead.add("date_start_ascending")
    _, source = puller.pull("insights")
    assert puller.spend() == month
    assert source.columns(INSIGHTS) == before
