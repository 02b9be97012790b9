"""The walk through a search that is never paged: on any set of stamps it reads every row, and it ends."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hubspot.span import LAG, Span

START, END = 10_000_000, 10_000_000 + 2 * LAG
PAGE = 4


def instant(stamp: int) -> datetime:
    """As an answer shows it."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=stamp)


def search(rows: list[tuple[int, int]], query: dict, slack: int = 0) -> list[tuple[int, int]]:
    """What HubSpot gives for the query: (id, stamp) of the rows that meet the filters, in order, and some that miss a bound by `slack`."""
    wider = {"GTE": -slack, "LT": slack}
    values = {"stamp": lambda row: row[1], "hs_object_id": lambda row: row[0]}
    tests = {"EQ": int.__eq__, "GT": int.__gt__, "GTE": int.__ge__, "LT": int.__lt__}
    filters = query["filterGroups"][0]["filters"]
    kept = [
        row
        for row in rows
        if all(
            tests[one["operator"]](values[one["propertyName"]](row), int(one["value"]) + wider.get(one["operator"], 0))
            for one in filters
        )
    ]
    return sorted(kept, key=values[query["sorts"][0]["propertyName"]])


def walk(rows: list[tuple[int, int]], span: Span, slack: int = 0) -> list[int]:
    """Ids in the order in which the walk gives them; from JSON to JSON, as if every page were another process."""
    found: list[int] = []
    left: Span | None = span
    for _ in range(10 * len(rows) + 10):
        if left is None:
            return found
        left = Span(**left.position())
        page = search(rows, left.query("stamp"), slack)
        some = [(str(one), instant(stamp)) for one, stamp in page[:PAGE]]
        place, rest = left.behind(some, more=len(page) > PAGE)
        found += [int(one) for one, at in some[:place] if left.holds(at)]
        left = rest
    raise AssertionError("the walk does not end")


stamps = st.lists(
    st.integers(START, START + 3) | st.integers(START - 2, END + 2) | st.integers(END - LAG - 2, END - LAG + 2),
    max_size=40,
)


@given(stamps)
def test_a_window_is_read_whole_and_once(stamps):
    """Whatever shares a millisecond, wherever a page ends, and whatever lies outside."""
    rows = list(enumerate(stamps, start=1))
    inside = [one for one, stamp in rows if START <= stamp < END]
    assert sorted(walk(rows, Span(START, END))) == inside


@given(stamps)
def test_everything_is_read_in_the_order_of_ids(stamps):
    """Without a window there are no stamps to mind."""
    rows = list(enumerate(stamps, start=1))
    assert walk(rows, Span(None, END)) == [one for one, _ in rows]


@pytest.mark.parametrize("rows", [[("5", instant(START))], []])
def test_a_page_by_id_that_leads_no_further_is_an_error(rows):
    """Instead of a walk without end."""
    with pytest.raises(ValueError, match="repeats a page"):
        Span(None, END, after="5").behind(rows, more=True)


@given(stamps, st.integers(1, 50))
def test_a_search_that_misses_its_window_is_read_to_its_end(stamps, slack):
    """A page of rows of another time tells no place to go on from, so the window is read by id."""
    rows = list(enumerate(stamps, start=1))
    inside = [one for one, stamp in rows if START <= stamp < END]
    assert sorted(set(walk(rows, Span(START, END), slack))) == inside
    far = [*((one, START - 1) for one in range(100, 100 + 3 * PAGE)), (7, START + 3)]
    assert walk(far, Span(START, END), slack) == [7]


@pytest.mark.parametrize("rows", [[("1", instant(START - 5))], []])
def test_a_page_of_another_time_or_of_nothing_begins_the_window_again_by_id(rows):
    """Nothing on it is taken."""
    assert Span(START, END).behind(rows, more=True) == (0, Span(START, END, after="0", upto=END))


def test_ids_are_numbers_not_words():
    """9 comes before 10."""
    place, rest = Span(None, END, after="9").behind([("10", instant(START))], more=True)
    assert (place, rest) == (1, Span(None, END, after="10"))
