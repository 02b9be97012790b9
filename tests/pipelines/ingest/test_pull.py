"""What a pull leaves behind, however the vendor behaves."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from weakref import ref

import pytest
from sqlmodel import Session, select

from connectors.base import Page, Position, Stream
from connectors.errors import Fatal, Retryable
from models.facts import Identifier, Profile, Scope
from models.operations import Cursor, Rejection
from pipelines.ingest.staging import StreamBusyError, claim
from tests.pipelines.ingest.scripted import NOW, PEOPLE, ScriptedSource, version

ADA = version("1", 1, name="Ada", email="ada@kolbe.example")
BO = version("2", 2, name="Bo", email=None)


def cursor(place):
    with Session(place.store) as session:
        row = session.exec(select(Cursor)).one_or_none()
        return row and row.position


def rejections(place):
    with Session(place.store) as session:
        return {row.record: row.reason for row in session.exec(select(Rejection))}


def test_rows_cursor_and_facts_land(place):
    """A first pull brings every record, its facts and where to go on."""
    report = place.pull([ADA, BO])
    assert (report.rows, report.seen, report.windows) == (2, 2, 1)
    assert report.facts == {"profile": 2, "identifier": 1}
    assert cursor(place) == {"at": 2}
    assert report.lag_s == (NOW - BO.updated_at).total_seconds()
    assert place.facts(Identifier)["1"][0]["value"] == "ada@kolbe.example"
    row = place.latest()["1"]
    assert (row["record"], row["record_hash"], row["deleted"]) == (str(ADA.key), ADA.key.hash, False)
    assert (row["updated_at"], row["pulled_at"]) == (ADA.updated_at, NOW)


def test_an_unchanged_pull_lands_nothing(place):
    """Reading the same versions again appends no row and no fact."""
    place.pull([ADA, BO])
    report = place.pull([ADA, BO], look_back=2)
    assert (report.rows, report.seen, report.facts) == (0, 2, {})


def test_a_new_stamp_alone_is_no_change(place):
    """A version that differs only in keys that say nothing about content is not kept again."""
    place.pull([version("1", 1, name="Ada", stamp="x")])
    assert place.pull([version("1", 1, name="Ada", stamp="x"), version("1", 2, name="Ada", stamp="y")]).rows == 0


def test_there_and_back_is_three_versions(place):
    """A, then B, then A again are three rows of the log, and A is the latest."""
    log = []
    for day, name in enumerate(["A", "B", "A"]):
        log.append(version("1", day, name=name))
        assert place.pull(log).rows == 1
    assert len(place.log()) == 3
    assert place.facts(Profile)["1"][0]["name"] == "A"


def test_of_one_window_the_newest_version_lands(place):
    """Versions of a record that arrive together land once: the newest stamp, and of equal stamps the last."""
    place.pull([version("1", 3, name="new"), version("1", 2, name="old")], page=1, window=9)
    place.pull([ADA, BO, version("3", 5, name="first"), version("3", 5, name="last")], page=1, window=9)
    assert [row["id"] for row in place.log()] == ["1", "3"]
    assert place.facts(Profile)["3"][0]["name"] == "last"


def test_a_late_older_version_does_not_win(place):
    """A look-back that brings a version older than the known one changes nothing, however often it comes."""
    place.pull([version("1", 9, name="new")])
    for _ in range(2):
        place.pull([version("1", 9, name="new"), version("1", 2, name="old")])
    assert place.facts(Profile)["1"][0]["name"] == "new"
    assert len(place.log()) == 1


def test_a_deletion_is_a_version_and_takes_the_facts_along(place):
    """A deleted record stays in the log, marked, and says nothing any more; undeleted, it speaks again."""
    log = [ADA, version("1", 4, deleted=True, **ADA.payload)]
    place.pull(log[:1])
    assert place.pull(log).rows == 1
    assert place.latest()["1"]["deleted"]
    assert place.facts(Profile) == place.facts(Identifier) == {}
    place.pull([*log, version("1", 5, name="Ada", email="ada@kolbe.example")])
    assert set(place.facts(Identifier)) == {"1"}


def test_a_deleted_record_of_a_lasting_stream_still_speaks(place):
    """Where a deletion does not undo what somebody was, the facts are read from the deleted version."""
    gone = version("1", 4, deleted=True, name="Ada", email="ada@kolbe.example")
    place.pull([ADA, gone], replace(PEOPLE, lasting=True))
    assert place.latest()["1"]["deleted"]
    assert set(place.facts(Identifier)) == {"1"}


def test_facts_of_a_changed_record_are_replaced(place):
    """The old name goes, and an address that was removed is gone although nothing was deleted."""
    place.pull([ADA])
    place.pull([ADA, version("1", 3, name="Ada Kolbe", email=None)])
    assert [row["name"] for row in place.facts(Profile)["1"]] == ["Ada Kolbe"]
    assert place.facts(Identifier) == {}


def test_a_fact_table_that_is_behind_catches_up_and_the_others_rest(place):
    """After a crash between two tables, or in a version that reads more out of a stream, no fact stands twice."""

    def named(record):
        yield Profile(scope=Scope.person, name=record.payload["name"])

    place.pull([ADA, BO], replace(PEOPLE, translate=named, facts=(Profile,)))
    report = place.pull([ADA, BO], look_back=2)
    assert (report.rows, report.facts) == (0, {"identifier": 1})
    assert set(place.facts(Identifier)) == {"1"}
    assert [len(facts) for facts in place.facts(Profile).values()] == [1, 1]


def test_a_record_without_sense_is_kept_counted_and_recovers(place):
    """It stays in raw with a reason that quotes nobody, the rest flows, and a better version clears it."""
    log = [version("1", 1, name="", email="ada@kolbe.example"), BO]
    report = place.pull(log)
    assert report.rows == 2
    assert report.rejected == {"name is empty, not …": 1}
    assert rejections(place) == {str(ADA.key): "name is empty, not …"}
    assert set(place.facts(Profile)) == {"2"}
    report = place.pull([*log, version("1", 3, name="Ada", email="ada@kolbe.example")])
    assert (report.recovered, rejections(place)) == (1, {})
    assert set(place.facts(Profile)) == {"1", "2"}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"name": ["Ada"]}, "name: string_type"),
        ({"name": "Ada", "created": "Ada's birthday"}, "created_at: datetime_from_date_parsing"),
        ({"surname": "Kolbe"}, "KeyError in person"),
        ({"name": "Ada", "email": 7}, "AttributeError"),
    ],
)
def test_the_reason_of_a_rejection_names_the_field_and_no_value(place, payload, reason):
    """Wrong types, unreadable dates and missing keys reject one record and are told apart."""
    (why,) = place.pull([version("1", 1, **payload), BO]).rejected
    assert why.startswith(reason)
    assert "Ada" not in why
    assert "Kolbe" not in why
    assert set(place.facts(Profile)) == {"2"}


@pytest.mark.parametrize(
    "odd",
    [
        version("1", 1, name="half \ud83d", email="ada@kolbe.example"),
        version("\ud83d", 1, name="Ada"),
        version("1", 1, name="nul \0 \0", note="\0"),
        version("1", 1, name="big", note="x" * 10_000_000),
        version("1", 1, name="number", amount=10**30, ratio=float("nan")),
        version("Ünïcode / with spaces?*[x]%20", 1, name="名"),
        version("1", -700_000, name="long ago"),
    ],
    ids=["surrogate", "surrogate-id", "nul", "10MB", "numbers", "unicode", "year-110"],
)
def test_odd_content_is_kept(place, odd):
    """Broken text, NUL, ten megabytes, huge numbers and dates of antiquity land and are found unchanged the next time."""
    report = place.pull([odd, BO])
    assert (report.rows, report.rejected) == (2, {})
    assert report.mended == (1 if "\ud83d" in odd.payload["id"] + odd.payload["name"] else 0)
    assert len(place.facts(Profile)) == 2
    assert place.pull([odd, BO], look_back=9).rows == 0


def test_a_stamp_from_the_future_does_not_silence_later_versions(place):
    """A record stamped in the year 9999 by mistake can still be corrected."""
    place.pull([version("1", 2_900_000, name="wrong")])
    place.clock.advance(timedelta(days=1))
    place.pull([BO, version("1", 0, name="right")._replace(updated_at=place.clock.now())])
    assert place.facts(Profile)["1"][0]["name"] == "right"


def test_pages_of_an_unfinished_window_are_not_asked_for_again(place):
    """After a failure the source is told where the last whole page ended."""
    log = [version(str(n), n, name="x") for n in range(8)]
    with pytest.raises(Retryable):
        place.pull(ScriptedSource(log, page=2, window=4, fails_after=2))
    assert place.log() == []
    again = ScriptedSource(log, page=2, window=4)
    report = place.pull(again)
    assert again.asked == [(None, {"at": 4, "left": 2})]
    assert (report.pages, report.rows) == (2, 8)


def test_staged_pages_of_another_start_are_thrown_away(place):
    """If the store lost its cursor, pages that continue from that cursor are worth nothing."""
    log = [version(str(n), n, name="x") for n in range(8)]
    with pytest.raises(Retryable):
        place.pull(ScriptedSource(log, page=1, window=2, fails_after=3))
    with Session(place.store) as session:
        session.delete(session.exec(select(Cursor)).one())
        session.commit()
    again = ScriptedSource(log)
    place.pull(again)
    assert again.asked == [(None, None)]
    assert len(place.log()) == 8


def test_windows_before_a_failure_are_kept(place):
    """A source that fails in its third window leaves two windows in raw and in facts."""
    log = [version(str(n), n, name="x") for n in range(6)]
    with pytest.raises(Retryable):
        place.pull(ScriptedSource(log, page=2, window=1, fails_after=2))
    assert len(place.log()) == len(place.facts(Profile)) == 4
    assert cursor(place) == {"at": 4}


def test_pages_that_end_early_are_refused(place):
    """A source that stops without completing its window is an error, never a smaller result."""

    class Short(ScriptedSource):
        def pages(self, *args):
            yield replace(next(super().pages(*args)), cursor=None)

    with pytest.raises(Fatal, match="ended before"):
        place.pull(Short([ADA]))
    assert cursor(place) is None


def test_nothing_new_still_moves_the_cursor(place):
    """An empty window lands no row, and its cursor is saved."""
    report = place.pull([])
    assert (report.rows, report.lag_s) == (0, None)
    assert cursor(place) == {"at": 0}
    assert place.facts(Profile) == {}


def test_a_second_run_on_the_same_stream_stops_and_says_so(place):
    """While one process pulls a stream, another is told which stream it is, and may run when the first has ended."""
    with claim(place.staging, "paper", "acct", "people"), pytest.raises(StreamBusyError, match="paper/people"):
        place.pull([ADA])
    assert place.pull([ADA]).rows == 1


def test_accounts_of_one_vendor_do_not_mix(place):
    """Two accounts keep their own cursors and pages and share one log."""
    place.pull([ADA])
    other = ADA._replace(key=ADA.key._replace(account="acct:test"))
    place.pull(ScriptedSource([other], account="acct:test"))
    assert {row["account"] for row in place.log()} == {"acct", "acct:test"}


def test_calls_of_this_pull_alone_are_reported(place):
    """An account that stays open between streams counts on; the report holds what this pull cost."""
    source = ScriptedSource([ADA], look_back=1)
    source.calls["login"] = 1
    assert place.pull(source).calls == {"window": 1}
    assert place.pull(source).calls == {"window": 1}


class Watchful(ScriptedSource):
    """Looks, whenever it is asked for the next page, whether the one before is still held by somebody."""

    held: bool = False

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        pages, before = super().pages(stream, cursor, resume), None
        while some := list(islice(pages, 1)):
            self.held = self.held or (before is not None and before() is not None)
            before = ref(some[0])
            yield some.pop()


def test_a_page_is_let_go_before_the_next_is_asked_for(place):
    """A page may have some ten MB; two at once would be twice as much, whatever windows they are of."""
    source = Watchful([version(str(n), n, name="Ada") for n in range(7)], page=1, window=3)
    assert place.pull(source).rows == 7
    assert not source.held
