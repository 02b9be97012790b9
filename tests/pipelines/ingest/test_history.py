"""Reading a range of dates once more: beside the pulls, without touching where they stand."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from connectors.errors import Fatal, Retryable
from models.facts import Profile
from models.operations import Cursor
from pipelines.ingest.history import unfinished
from pipelines.ingest.staging import landing_turn
from tests.pipelines.ingest.scripted import START, Place, ScriptedSource, version

LOG = [version(str(n), n, name=f"name {n}") for n in range(10)]
DAY = timedelta(days=1)
SINCE, UNTIL = START + 2 * DAY, START + 7 * DAY
INSIDE = {"2", "3", "4", "5", "6"}


def cursors(place):
    with Session(place.store) as session:
        return {(row.stream, str(row.position)) for row in session.exec(select(Cursor))}


def test_a_range_lands_and_is_read_and_no_cursor_moves(place):
    """Records of the range and no others, with their facts."""
    report = place.pull_between(ScriptedSource(LOG), SINCE, UNTIL)
    assert (report.streams["people"].rows, report.streams["people"].seen) == (5, 5)
    assert set(place.latest()) == set(place.facts(Profile)) == INSIDE
    assert cursors(place) == set()
    assert not list(place.staging.rglob("*.parquet"))


def test_what_is_known_lands_no_second_time(place):
    """After a pull, or after the same range, nothing is new; a record that the pull missed is."""
    place.pull([one for one in LOG if one.key.id != "4"])
    before = cursors(place)
    assert place.pull_between(ScriptedSource(LOG), SINCE, UNTIL).streams["people"].rows == 1
    assert place.pull_between(ScriptedSource(LOG), SINCE, UNTIL).streams["people"].rows == 0
    assert cursors(place) == before
    assert len(place.log()) == 10


def test_an_interrupted_range_goes_on_where_it_stopped(place):
    """Pages are not asked for again, and neither is a stream that was read to its end."""
    source = ScriptedSource(LOG, page=2, fails_after=2)
    report = place.pull_between(source, SINCE, UNTIL)
    assert isinstance(report.failures["people"], Retryable)
    assert set(place.latest()) == set()
    assert unfinished(place.staging, "paper") == ["20260103T0000-20260108T0000"]
    again = ScriptedSource(LOG, page=2)
    assert place.pull_between(again, SINCE, UNTIL).failures == {}
    assert {(name, str(resume)) for name, _, _, resume in again.asked_between} == {
        ("people", "{'at': 4}"),
        ("friends", "{'at': 4}"),
    }
    assert unfinished(place.staging, "paper") == []
    assert set(place.latest()) == INSIDE


def test_one_stream_that_fails_stops_no_other_and_those_that_were_read_rest(place):
    """The second run asks for the failed stream alone."""

    class Refusing(ScriptedSource):
        def between(self, stream, *where):
            if stream.name == "people":
                raise Fatal("no permission to read people", vendor="paper")
            return super().between(stream, *where)

    report = place.pull_between(Refusing(LOG), SINCE, UNTIL)
    assert (set(report.streams), set(report.failures)) == ({"friends"}, {"people"})
    with pytest.raises(Fatal, match="no permission"):
        report.insist()
    again = ScriptedSource(LOG)
    assert place.pull_between(again, SINCE, UNTIL).failures == {}
    assert [name for name, *_ in again.asked_between] == ["people"]


def test_a_range_that_one_stream_never_ends_is_read_anew_when_it_is_asked_for_another_day(place):
    """A missing permission must not make every later backfill of the month pass over the streams that were read once."""

    class Refusing(ScriptedSource):
        def between(self, stream, since, until, resume):
            if stream.name == "friends":
                raise Fatal("not for you", vendor="paper", stream=stream.name)
            return super().between(stream, since, until, resume)

    place.pull_between(Refusing([one for one in LOG if one.key.id != "4"]), SINCE, UNTIL)
    place.clock.advance(2 * DAY)
    report = place.pull_between(Refusing(LOG), SINCE, UNTIL)
    assert isinstance(report.failures["friends"], Fatal)
    assert report.streams["people"].rows == 1
    assert set(place.latest()) == INSIDE


def test_streams_without_stamps_are_named(place):
    """They cannot be read by date, which is no failure."""
    report = place.pull_between(ScriptedSource(LOG, undated=frozenset({"friends"})), SINCE, UNTIL)
    assert (report.unsupported, set(report.streams), report.failures) == (["friends"], {"people"}, {})


def test_pages_that_end_early_are_refused(place):
    """A month that broke off is never taken for a whole one."""

    class Short(ScriptedSource):
        def between(self, *args):
            yield replace(next(super().between(*args)), cursor=None)

    report = place.pull_between(Short(LOG), SINCE, UNTIL)
    assert set(report.failures) == {"people", "friends"}
    assert place.log() == []


def test_a_pull_and_a_range_side_by_side_both_land(tmp_path, place):
    """Two writers of one stream, window by window: each record is in the log once, and is read."""
    log = [version(str(n), n % 28, name="x") for n in range(60)]
    failures = []

    def work(run):
        try:
            run(Place(tmp_path))
        except Exception as error:  # noqa: BLE001  # a thread's error would be lost
            failures.append(error)

    jobs = [
        lambda own: own.pull(ScriptedSource(log, page=3, window=1)),
        lambda own: own.pull_between(ScriptedSource(log, page=3), START, START + 28 * DAY).insist(),
    ]
    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(place.log()) == len(place.facts(Profile)) == 60


def test_landing_waits_for_its_turn(tmp_path, place):
    """While another process lands, a pull waits; afterwards it comes to its end."""
    reports = []
    waiting = threading.Thread(target=lambda: reports.append(Place(tmp_path).pull(LOG[:2])))
    with landing_turn(place.staging, "paper"):
        waiting.start()
        waiting.join(0.5)
        assert reports == []
    waiting.join()
    assert reports[0].rows == 2
