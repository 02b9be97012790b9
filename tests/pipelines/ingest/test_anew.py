"""Facts that an earlier release read otherwise are read anew, once, and nobody sees half of them."""

import json
import os
import subprocess
import sys
from datetime import timedelta

import pyarrow as pa
import pytest
from sqlmodel import Session, select

from models.facts import Consent, Identifier, Profile, Scope
from models.operations import Rejection
from pipelines.ingest.anew import made_otherwise, read_anew
from pipelines.ingest.lake import READING, Lake
from pipelines.ingest.schemas import fact_schema
from pipelines.ingest.state import stream_states
from pipelines.ingest.tables import LakeBusyError
from tests.pipelines.ingest.killed import OTHERWISE, found, pull, say
from tests.pipelines.ingest.scripted import PAPER, ScriptedSource, loudly, person, reading, version
from tests.traces import traces

LOG = [
    version("1", 1, name="Ada", email="ada@kolbe.example"),
    version("2", 2, name="Bo", email="bo@kolbe.example"),
    version("1", 3, name="Ada Kolbe", email="ada@kolbe.example"),
]
FRIEND = version("9", 1, name="Cy", email="cy@kolbe.example")
TABLES = ("facts/profile/paper", "facts/identifier/paper")


def commits(place):
    return [place.lake.tables.version(path) for path in TABLES]


def names(lake, kind=Profile):
    return sorted(lake.written(kind).name.to_pyarrow().to_pylist())


def rejections(place):
    with Session(place.store) as session:
        return {row.record: (row.stream, row.batch) for row in session.exec(select(Rejection))}


def first_release(place):
    """Three windows of people and one of friends, which feed the same tables."""
    place.pull(LOG, page=1, window=1)
    place.pull([FRIEND], PAPER.streams_by_name["friends"])


def again(place, connector):
    """A pull of people that brings nothing, by this release."""
    return place.pull(LOG, connector.streams[0], connector)


def test_a_raised_reading_reads_every_stream_of_the_vendor_anew_in_one_commit_per_table(place):
    """All that was ever pulled, earlier versions too; and the next pull finds nothing to do."""
    first_release(place)
    before = commits(place)
    report = again(place, OTHERWISE)
    assert names(place.lake) == ["ADA", "ADA KOLBE", "BO", "Cy"]
    assert {key: [row["name"] for row in rows] for key, rows in place.facts(Profile).items()} == {
        "1": ["ADA KOLBE"], "2": ["BO"], "9": ["Cy"],
    }  # fmt: skip
    assert (report.rows, report.facts) == (0, {"profile": 4, "identifier": 4})
    assert commits(place) == [commit + 1 for commit in before]
    assert again(place, OTHERWISE).facts == {}
    assert commits(place) == [commit + 1 for commit in before]
    place.pull([*LOG, version("3", 4, name="Di")], OTHERWISE.streams[0], OTHERWISE)
    assert names(place.lake)[-1] == "DI"


def test_readers_see_the_old_facts_until_the_new_ones_are_whole(place):
    """Whoever looks while records are read anew finds every one of them as it was read before."""
    first_release(place)
    seen = []

    def looking(record):
        seen.append(names(Lake.open(str(place.root / "lake"))))
        return loudly(record)

    again(place, reading(2, looking, Profile, Identifier))
    assert seen == [["Ada", "Ada Kolbe", "Bo", "Cy"]] * 3
    assert names(place.lake) == ["ADA", "ADA KOLBE", "BO", "Cy"]


@pytest.mark.parametrize("deaths", [4, pytest.param(36, marks=pytest.mark.slow)])
def test_killed_at_any_line_the_next_pull_reads_anew_to_the_end(tmp_path, place, deaths):
    """Between two tables, too: nothing is lost, nothing doubled."""
    say(place)
    pull(place)
    pull(place, OTHERWISE)
    wanted = found(place)
    (tmp_path / "killed").mkdir()
    command = [sys.executable, "-m", "tests.pipelines.ingest.killed", str(tmp_path / "killed"), str(deaths), "anew"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()  # our own module
    assert [json.loads(line) for line in lines] == [{"died": 9, **wanted}] * deaths


def test_where_one_table_was_exchanged_and_the_other_was_not_only_that_one_is_read_anew(place):
    """What a run leaves that dies between the two."""
    first_release(place)
    half = place.lake.anew(Profile, "paper")
    half.take_over({"people": 3, "friends": 1}, 2)  # as if nobody had a profile
    before = commits(place)
    assert made_otherwise(place.lake, OTHERWISE) == [Identifier]
    assert again(place, OTHERWISE).facts == {"identifier": 4}
    assert commits(place) == [before[0], before[1] + 1]


def test_a_lake_of_a_release_that_kept_no_reading_is_read_anew_once(place):
    """Its tables bear the marks of streams alone."""
    place.pull(LOG)
    rows = place.lake.written(Profile).to_pyarrow()
    for fact, path in zip((Profile, Identifier), TABLES, strict=True):
        place.lake.tables.drop(path)
        old = rows if fact is Profile else fact_schema(fact).empty_table()
        place.lake.tables.append(path, fact_schema(fact), old.to_batches(), mark="people", before=0, after=1)
    assert [place.lake.reading(fact, "paper") for fact in (Profile, Identifier)] == [0, 0]
    assert again(place, PAPER).facts == {"profile": 2, "identifier": 2}
    assert [place.lake.reading(fact, "paper") for fact in (Profile, Identifier)] == [1, 1]
    assert again(place, PAPER).facts == {}


def test_a_new_table_bears_its_reading_from_the_first_commit_on(place):
    """So that a run that dies right behind it leaves nothing to be read anew."""
    place.lake.append_facts(Profile, "paper", "people", fact_schema(Profile).empty_table(), 1, reading=7)
    first = place.lake.tables.find(TABLES[0])
    first.load_as_version(0)
    assert first.transaction_version(READING) == 7


def test_an_older_release_reads_anew_as_well(place):
    """Going back is another reading, too."""
    place.pull(LOG, OTHERWISE.streams[0], OTHERWISE)
    again(place, PAPER)
    assert names(place.lake) == ["Ada Kolbe", "Bo"]


def test_facts_that_nobody_reads_any_more_go_and_new_kinds_come(place):
    """A table whose kind no stream is read as is emptied; one that was never there is made whole, in one commit."""

    def refuses(record):
        yield Consent(subject=str(record.key), channel="email", granted=False)

    first_release(place)
    friends = PAPER.streams_by_name["friends"]
    place.pull([FRIEND], friends, reading(2, refuses, Consent))
    assert (names(place.lake), set(place.facts(Consent))) == (["Cy"], {"1", "2"})
    assert place.lake.tables.version("facts/consent/paper") == 1  # behind the one that made it


def test_no_fact_of_another_reading_is_added_to_a_table(place):
    """Two releases that pull at once do not mix their facts; the one that comes late runs again."""
    place.pull(LOG)
    with pytest.raises(LakeBusyError, match="run again"):
        place.lake.append_facts(Profile, "paper", "people", fact_schema(Profile).empty_table(), 2, reading=2)


@pytest.mark.parametrize("meanwhile", ["appended", "compacted", "erased"])
def test_a_table_that_changes_while_it_is_read_anew_is_left_to_the_next_run(place, meanwhile):
    """Another machine that appends, joins files or forgets somebody is not written over."""
    first_release(place)
    table = place.lake.anew(Profile, "paper")
    other = Lake.open(str(place.root / "lake"))
    if meanwhile == "appended":
        other.append_facts(Profile, "paper", "people", fact_schema(Profile).empty_table(), 4, reading=1)
    elif meanwhile == "compacted":
        other.compact()
    else:
        other.erase([LOG[0].key.hash])
    with pytest.raises(LakeBusyError, match="run again"):
        table.take_over({"people": 3, "friends": 1}, 2)
    assert "Cy" in names(place.lake)


def test_rejections_follow_the_new_reading(place):
    """Who made no sense and does now is recovered; who made sense and does not is remembered, by the newest version alone."""
    log = [version("1", 1, name="", email="a@kolbe.example"), *(version(str(n), n, name="Bo") for n in (2, 3))]
    log.append(version("3", 4, name="Bo Kolbe"))
    place.pull(log, page=1, window=1)
    assert rejections(place) == {"paper/acct/Person/1": ("paper/people", 1)}

    def strict(record):
        if record.payload["name"] == "Bo":
            raise ValueError("a name has two words")
        return [Profile(scope=Scope.person, name=record.payload["name"])]

    place.lake.compact()  # versions lie in one file now, in whichever order
    connector = reading(2, strict, Profile)
    report = place.pull(log, connector.streams[0], connector)
    assert (report.recovered, report.rejected) == (1, {"a name has two words": 1})
    assert rejections(place) == {"paper/acct/Person/2": ("paper/people", 2)}
    assert set(place.facts(Profile)) == {"1", "3"}


def test_whoever_was_forgotten_between_two_readings_stays_so(place):
    """Neither raw nor what a killed run had set aside knows them any more."""
    words = ["ada@kolbe.example", "Ada Kolbe"]
    first_release(place)
    ada = place.lake.written(Identifier).filter(lambda row: row.id == "1").to_pyarrow()
    lost = place.lake.anew(Identifier, "paper")
    for _ in range(2):  # until it is written, as a run that dies leaves it
        lost.add(pa.concat_tables([ada.cast(fact_schema(Identifier))] * 10_000))
    assert list((place.root / "lake/facts/identifier/paper").glob("aside-*"))
    place.lake.erase([LOG[0].key.hash])
    assert traces(place.root / "lake", place.store, words) == set()
    again(place, OTHERWISE)
    assert names(place.lake) == ["BO", "Cy"]
    assert traces(place.root / "lake", place.store, words) == set()


def test_files_of_a_run_that_died_go_with_compaction(place):
    """They are never in force, and a week later they are gone."""
    place.pull(LOG)
    lost = place.root / "lake" / TABLES[0] / "aside-lost.parquet"
    lost.write_bytes(b"half a file")
    os.utime(lost, (0, 0))
    place.lake.compact()
    assert not lost.exists()


def test_facts_are_read_some_at_a_time(place, monkeypatch):
    """Many files take the place of the old ones in the same commit."""
    monkeypatch.setattr("pipelines.ingest.lake.BATCH_ROWS", 1)
    first_release(place)
    before = commits(place)
    again(place, OTHERWISE)
    assert commits(place) == [commit + 1 for commit in before]
    assert len(place.lake.tables.find(TABLES[0]).file_uris()) > 1
    assert names(place.lake) == ["ADA", "ADA KOLBE", "BO", "Cy"]


def test_a_backfill_reads_anew_as_a_pull_does(place):
    """Whichever of them is the first of the new release."""
    first_release(place)
    before, source = commits(place), ScriptedSource(LOG, undated=frozenset({"friends"}))
    place.pull_between(source, LOG[0].updated_at, LOG[0].updated_at + timedelta(days=9), OTHERWISE)
    assert names(place.lake) == ["ADA", "ADA KOLBE", "BO", "Cy"]
    assert commits(place) == [commit + 1 for commit in before]


def test_the_state_of_a_stream_says_that_it_will_be_read_anew(place):
    """Until the next pull of any stream of the vendor."""
    first_release(place)
    states = lambda: [  # noqa: E731
        one.anew for one in stream_states(place.lake, place.store, place.staging, {"paper": OTHERWISE})
    ]
    assert states() == [True, True]
    read_anew(place.lake, place.store, OTHERWISE, place.clock)
    assert states() == [False, False]


def test_a_record_that_no_table_can_hold_any_more_is_rejected(place):
    """As in a translation, with all that it said."""

    def huge(record):
        yield from person(record)
        yield Consent(subject="\ud800", channel="email", granted=True)

    place.pull(LOG)
    again(place, reading(2, huge, Profile, Identifier, Consent))
    assert rejections(place).keys() == {"paper/acct/Person/1", "paper/acct/Person/2"}
