"""Where streams stand, and how one is sent back to its beginning."""

from datetime import UTC, datetime

import pytest

from connectors.base import Notice
from connectors.errors import Retryable
from pipelines.ingest.dirty import mark
from pipelines.ingest.staging import StreamBusyError, claim
from pipelines.ingest.state import StreamState, reached, read_until, reset, stream_states
from tests.pipelines.ingest.scripted import NOW, PAPER, PEOPLE, ScriptedSource, version

LOG = [version(str(n), n, name="" if n == 3 else "x", email="x@x.example") for n in range(8)]


def states(place):
    return stream_states(place.lake, place.store, place.staging, {"paper": PAPER})


def interrupted(place):
    """Two windows have landed, of the third one page waits."""
    with pytest.raises(Retryable):
        place.pull(ScriptedSource(LOG, page=1, window=2, fails_after=5))


def test_nothing_has_left_no_trace(place):
    """A fresh place lists no stream."""
    assert states(place) == []


def test_a_stream_in_the_middle_of_a_window(place):
    """Cursor, landing, pages that wait with their rows and position, what could not be read, and what a webhook has named since."""
    interrupted(place)
    mark(place.store, "paper", [Notice("people", "9")], NOW)
    assert states(place) == [
        StreamState(
            vendor="paper",
            account="acct",
            stream="people",
            cursor={"at": 4},
            reached=None,
            landed_at=NOW,
            staged_pages=1,
            staged_rows=1,
            staged_position={"at": 5, "left": 1},
            records=4,
            rejected=1,
            dirty=1,
            landed=2,
            translated=2,
            anew=False,
        )
    ]


def test_a_first_window_that_waits_is_listed(place):
    """Although no cursor exists yet; an account's name survives the way through a folder's."""
    with pytest.raises(Retryable):
        place.pull(ScriptedSource(LOG, account="a/b:test", window=9, fails_after=1))
    (state,) = states(place)
    assert (state.account, state.cursor, state.staged_rows) == ("a/b:test", None, 2)


def test_a_reset_stream_is_read_again_and_nothing_is_doubled(place):
    """Cursor and waiting pages go, rows and facts stay, and the next pull asks for everything."""
    interrupted(place)
    reset(place.store, place.staging, states(place))
    (state,) = states(place)
    assert (state.account, state.cursor, state.staged_pages, state.records) == (None, None, 0, 4)
    again = ScriptedSource(LOG)
    place.pull(again)
    assert again.asked == [(None, None)]
    assert len(place.log()) == 8


def test_a_stream_that_is_being_pulled_is_not_reset(place):
    """And none of those that were to be reset with it is."""
    interrupted(place)
    place.pull(ScriptedSource(LOG), PAPER.streams_by_name["friends"])
    before = states(place)
    with claim(place.staging, "paper", "acct", "people"), pytest.raises(StreamBusyError, match="paper/people"):
        reset(place.store, place.staging, before)
    assert states(place) == before


@pytest.mark.parametrize(
    ("cursor", "until"),
    [
        (
            {"until": "2026-11-02T08:55:00+00:00", "swept": "2026-11-01T00:00:00+00:00"},
            datetime(2026, 11, 2, 8, 55, tzinfo=UTC),
        ),
        ({"until": 1_793_609_700_000, "swept": 0}, datetime(2026, 11, 2, 8, 55, tzinfo=UTC)),
        ({"events_from": 1_793_609_700, "seen": []}, datetime(2026, 11, 2, 8, 55, tzinfo=UTC)),
        ({"1": {"until": 1_793_609_700}, "2": {"until": 1_793_696_100}}, datetime(2026, 11, 2, 8, 55, tzinfo=UTC)),
        (
            {"version": 1, "accounts": {"1": {"read": "2026-11-02", "since": "2024-01-01"}}},
            datetime(2026, 11, 2, tzinfo=UTC),
        ),
        ({"files": {}, "until": -1}, None),
        ({"ids": ["1"]}, None),
        ({"until": "soon"}, None),
        (None, None),
    ],
)
def test_up_to_when_a_cursor_has_come(cursor, until):
    """Instants in every form that a connector writes; of several accounts the one that is furthest behind."""
    assert reached(cursor) == until


def test_a_cursor_in_words():
    """Until when, that it does not say, or that there is none."""
    assert read_until({"until": 1_793_609_700}) == "read until 2026-11-02 08:55:00 UTC"
    assert read_until({"ids": []}) == "read up to the last pull"
    assert read_until(None) == "nothing read yet; the next pull reads everything"


def test_every_stream_that_was_pulled_is_listed_by_name(place):
    """By vendor, stream and account."""
    for stream in (PAPER.streams_by_name["people"], PAPER.streams_by_name["friends"]):
        place.pull(LOG[:1], stream)
    assert [state.stream for state in states(place)] == ["friends", PEOPLE.name]
