"""The vendor's count against the lake: exact where nothing moves, patient where something does."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from models.operations import StreamCount
from pipelines.ingest.counts import CAUGHT_UP, COUNT_EVERY
from tests.pipelines.ingest.scripted import NOW, START, ScriptedSource, version

HOUR = timedelta(hours=1)
TODAY = (NOW - START) / timedelta(days=1)
LOG = [version(str(n), n, name="x") for n in range(5)]


def found(place):
    """Missing, surplus, and whether that is final."""
    with Session(place.store) as session:
        row = session.exec(select(StreamCount)).one()
        return row.missing, row.surplus, row.settled


def pull(place, log, counted, after=HOUR):
    place.clock.advance(after)
    source = ScriptedSource(log, look_back=len(log), counted=counted)
    place.pull(source)
    return source.calls["count"]


def test_equal_counts_are_proof_at_once(place):
    """A first pull that brought everything says so."""
    pull(place, LOG, 5)
    assert found(place) == (0, 0, True)


def test_a_record_that_never_comes_is_missing(place):
    """The next pull that begins well after the count is sure of it, and it stays missing while a newer count waits."""
    pull(place, LOG[:4], 5)
    assert found(place) == (0, 0, False)
    pull(place, LOG[:4], 5)
    assert found(place) == (1, 0, True)
    pull(place, [*LOG[:4], version("9", TODAY, name="x")], 6)
    assert found(place) == (1, 0, False)


def test_a_missing_record_that_was_found_is_missing_no_more(place):
    """Brought by whatever pull, also with its old stamp."""
    for log in (LOG[:4], LOG[:4], LOG):
        pull(place, log, 5)
    assert found(place) == (0, 0, True)


def test_a_pull_right_after_the_count_judges_nothing(place):
    """The vendor may not have shown yet what it counted."""
    pull(place, LOG[:4], 5)
    pull(place, LOG[:4], 5, after=CAUGHT_UP - timedelta(seconds=1))
    assert found(place) == (0, 0, False)


def test_a_record_made_while_the_vendor_counted_is_not_missing(place):
    """It is counted, comes with the next pull, and nothing was ever said to be missing."""
    made = version("9", TODAY + HOUR / timedelta(days=1), name="x")
    pull(place, LOG, 6)
    assert found(place) == (0, 0, False)
    pull(place, [*LOG, made], 6)
    assert found(place) == (0, 0, True)


@pytest.mark.parametrize("counted", [4, 5])
def test_a_record_deleted_around_the_count_is_neither_missing_nor_too_many(place, counted):
    """Whether the vendor counted it or not."""
    gone = version("2", TODAY + HOUR / timedelta(days=1), deleted=True, name="x")
    pull(place, LOG, counted)
    pull(place, [*LOG, gone], 4)
    assert found(place) == (0, 0, True)


def test_changes_of_known_records_hide_no_missing_one(place):
    """However many were edited meanwhile: they were there before and still are."""
    pull(place, LOG[:4], 5)
    edited = [version(str(n), TODAY + 1, name="y") for n in range(4)]
    pull(place, [*LOG[:4], *edited], 5, after=timedelta(days=2))
    assert len(place.log()) == 8
    assert found(place)[:2] == (1, 0)


def test_records_that_the_vendor_has_no_more_are_too_many(place):
    """Their deletion was never told."""
    for _ in range(2):
        pull(place, LOG, 3)
    assert found(place) == (0, 2, True)


def test_a_quiet_stream_is_counted_once_a_day(place):
    """Nothing landed, so nothing is asked until the day is over."""
    assert pull(place, LOG, 5) == 1
    assert pull(place, LOG, 5) == 0
    assert pull(place, LOG, 5, after=COUNT_EVERY) == 1


def test_records_of_another_account_are_not_compared(place):
    """An org that was pulled before leaves its records in the log, and the new one is counted alone."""
    other = [one.__class__(one.key._replace(account="old"), one.updated_at, one.payload) for one in LOG]
    place.pull(ScriptedSource(other, account="old", counted=5))
    pull(place, LOG[:3], 3)
    with Session(place.store) as session:
        rows = {row.account: (row.missing, row.surplus, row.settled) for row in session.exec(select(StreamCount))}
    assert rows == {"old": (0, 0, True), "acct": (0, 0, True)}
