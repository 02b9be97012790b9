"""What vendors say has changed is read before the walk, and changes nothing about what is true in the end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlmodel import select

from connectors.base import Notice, Stream
from connectors.errors import Fatal, RecordRejected, Retryable
from models.facts import Profile
from models.operations import Dirty
from models.records import Record
from models.store import transaction
from pipelines.ingest.dirty import BATCH, MOST, dirty_streams, mark
from tests.pipelines.ingest.scripted import PAPER, Place, ScriptedSource, version

OLD = version("1", 1, name="Ada")
NEW = version("1", 5, name="Ada Kolbe")


def say(place: Place, *ids: str, account: str | None = "acct", stream: str = "people") -> None:
    mark(place.store, "paper", [Notice(stream, one, account) for one in ids], place.clock.now())


def marked(place: Place) -> list[str]:
    with transaction(place.store) as session:
        return sorted(row.id for row in session.exec(select(Dirty)).all())


def names(place: Place) -> dict[str, str]:
    return {one: facts[0]["name"] for one, facts in place.facts(Profile).items()}


def test_a_marked_record_is_there_at_once(place: Place):
    """The walk does not show it yet; the mark is gone, and no window has moved for it."""
    place.pull([OLD])
    say(place, "1")
    report = place.pull(ScriptedSource([OLD], now={"1": NEW}))
    assert (names(place), marked(place)) == ({"1": "Ada Kolbe"}, [])
    assert (report.rows, report.cursor) == (1, {"at": 1})
    assert list(place.staging.rglob("*.parquet")) == []


def test_the_walk_neither_doubles_nor_loses_what_was_read_before(place: Place):
    """The same version later lands nothing, an older one neither, a newer one does."""
    say(place, "1")
    place.pull(ScriptedSource([], now={"1": NEW}))
    newest = version("1", 6, name="Ada Smith")
    assert place.pull([OLD, NEW]).rows == 0
    assert place.pull([OLD, NEW, newest]).rows == 1
    assert [row["payload"] for row in place.log()] == ['{"id":"1","name":"Ada Kolbe"}', '{"id":"1","name":"Ada Smith"}']


def test_a_deletion_that_was_said_is_a_deletion(place: Place):
    """A record that is gone comes marked deleted; one that never was leaves nothing but its mark's end."""
    place.pull([OLD])
    say(place, "1", "never")
    place.pull(ScriptedSource([OLD], now={"1": version("1", 5, deleted=True)}))
    assert ({one: row["deleted"] for one, row in place.latest().items()}, marked(place)) == ({"1": True}, [])
    assert names(place) == {}


def test_what_cannot_be_read_by_id_is_walked(place: Place):
    """The vendor lacks it, or refuses it, or knows no such id: the marks go once the walk has told."""
    refusals = [
        Fatal("that id makes no sense", vendor="paper"),
        RecordRejected("that one", vendor="paper"),
    ]
    for day, source in enumerate(
        [ScriptedSource([OLD]), *(ScriptedSource([OLD], now={}, refusal=one) for one in refusals)], start=2
    ):
        say(place, "1")
        place.pull(replace(source, log=[OLD, version("1", day, name=f"Ada {day}")]))
        assert marked(place) == []
    assert names(place)["1"].startswith("Ada")


@pytest.mark.parametrize(
    "error", [Retryable("busy", after=1, vendor="paper"), Fatal("no entry", vendor="paper", credentials=True)]
)
def test_a_vendor_that_is_away_leaves_the_marks(place: Place, error: Exception):
    """The next pull reads them."""
    say(place, "1")
    with pytest.raises(type(error)):
        place.pull(ScriptedSource([], now={"1": NEW}, refusal=error))
    assert marked(place) == ["1"]
    place.pull(ScriptedSource([], now={"1": NEW}))
    assert (names(place), marked(place)) == ({"1": "Ada Kolbe"}, [])


def test_a_walk_that_fails_leaves_the_marks_it_was_to_serve(place: Place):
    """Those that were read have landed already."""
    say(place, "1")
    with pytest.raises(Retryable):
        place.pull(ScriptedSource([OLD], fails_after=0))
    assert marked(place) == ["1"]
    with pytest.raises(Retryable):
        place.pull(ScriptedSource([OLD], fails_after=0, now={"1": NEW}))
    assert (names(place), marked(place)) == ({"1": "Ada Kolbe"}, [])


@dataclass
class Talkative(ScriptedSource):
    """Says something while it is being read from."""

    say: Callable[[], None] = lambda: None

    def read(self, stream: Stream, ids: Sequence[str]) -> list[Record]:
        found = super().read(stream, ids)
        self.say()
        return found


def test_a_record_that_is_marked_again_meanwhile_stays_marked(place: Place):
    """It was read before it changed once more."""

    def again() -> None:
        place.clock.advance(timedelta(microseconds=1))
        say(place, "1", "2")

    say(place, "1")
    place.pull(Talkative([], now={"1": OLD}, say=again))
    assert marked(place) == ["1", "2"]


def test_marks_of_another_account_are_nobodys(place: Place):
    """They are not read, and do not stay; those that name none are this one's; another stream's wait for it."""
    say(place, "1", account="other")
    say(place, "2", account=None)
    say(place, "3", stream="friends")
    everybody = {one: version(one, 3, name=one) for one in "123"}
    place.pull(ScriptedSource([], now=everybody))
    assert (names(place), marked(place)) == ({"2": "2"}, ["3"])


def test_many_marks_are_read_in_batches_and_too_many_walked(place: Place):
    """A vendor is asked for so many at a time; an import at the vendor is not read one by one."""
    people = {str(n): version(str(n), 3, name=str(n)) for n in range(MOST + 1)}
    some = list(people)[: BATCH * 2 + 1]
    say(place, *some)
    source = ScriptedSource([], now=people)
    assert (place.pull(source).rows, source.calls["by-id"], marked(place)) == (len(some), 3, [])
    say(place, *people)
    source = ScriptedSource([], now=people)
    assert (place.pull(source).rows, source.calls["by-id"], marked(place)) == (0, 0, [])


def test_said_twice_it_is_one_mark_with_the_later_instant(place: Place):
    """On every database; the sensor's look tells the streams that wait."""
    say(place, "1", "1")
    place.clock.advance(timedelta(seconds=5))
    say(place, "1")
    say(place, "x", stream="gone_stream")
    assert dirty_streams(place.store, PAPER) == {PAPER.streams_by_name["people"]: place.clock.now()}
