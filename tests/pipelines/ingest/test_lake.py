"""The lake as other rooms use it."""

import json
import os
from datetime import timedelta
from threading import Thread

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from models.facts import FACTS, Identifier, Interaction, Profile
from pipelines.ingest.lake import Lake, LakeError
from pipelines.ingest.landing import news, rows
from pipelines.ingest.schemas import RAW, fact_schema
from pipelines.ingest.staging import Mark, Staging
from pipelines.ingest.tables import LakeBusyError, portions
from tests.pipelines.ingest.scripted import NOW, PEOPLE, START, Place, version

ROW = {
    "vendor": "paper",
    "account": "acct",
    "object": "Person",
    "id": "1",
    "record": "paper/acct/Person/1",
    "record_hash": 7,
    "updated_at": START,
    "pulled_at": START,
    "deleted": False,
    "payload_hash": 1,
    "payload": "{}",
}
LANDED = pa.schema([field for field in RAW if field.name != "batch"])


@pytest.fixture
def lake(tmp_path):
    return Lake.open(str(tmp_path / "lake"))


def append(lake, *rows):
    table = pa.Table.from_pylist([ROW | row for row in rows], schema=LANDED)
    lake.append_raw("paper", "people", table.to_reader(), table.num_rows)


def profile(name, batch, record_hash=7):
    row = {"record_hash": record_hash, "batch": batch, "scope": "person", "name": name, "live": True}
    return pa.Table.from_pylist([row], schema=fact_schema(Profile))


@pytest.mark.parametrize("fact", FACTS)
def test_facts_that_do_not_exist_are_a_typed_empty_table(lake, fact):
    """Before anything has landed, every fact table has its columns and no row."""
    empty = lake.facts(fact).to_pyarrow()
    assert empty.schema.names == fact_schema(fact).names
    assert empty.num_rows == 0


def test_an_empty_stream_and_an_unwritten_table(lake):
    """Raw reads as an empty table, a derived table that was never written as None."""
    assert lake.latest("paper", "people").to_pyarrow().schema.names == RAW.names
    assert (lake.last_batch("paper", "people"), lake.streams(), lake.table("journeys")) == (0, [], None)


def test_schemas_follow_the_fact_classes():
    """Instants are UTC microseconds, lists are lists, scopes are text."""
    schema = fact_schema(Interaction)
    assert schema.field("occurred_at").type == pa.timestamp("us", "UTC")
    assert schema.field("participants").type == pa.list_(pa.string())
    assert fact_schema(Identifier).field("scope").type == pa.string()


def test_the_newest_stamp_is_latest_then_the_later_read_then_the_later_batch(lake):
    """Three versions that land in any order are told apart by stamp, by when we read them, and by landing."""
    later = START + timedelta(hours=1)
    append(lake, {"updated_at": later, "payload": "stamp"})
    append(lake, {"payload": "late"})
    assert lake.latest("paper", "people").payload.to_pyarrow().to_pylist() == ["stamp"]
    append(lake, {"updated_at": later, "pulled_at": later, "payload": "read"})
    append(lake, {"updated_at": later, "pulled_at": START, "payload": "earlier read"})
    assert lake.latest("paper", "people").payload.to_pyarrow().to_pylist() == ["read"]
    append(lake, {"updated_at": later, "pulled_at": later, "payload": "landed last"})
    assert lake.latest("paper", "people").payload.to_pyarrow().to_pylist() == ["landed last"]


def test_facts_of_superseded_versions_do_not_hold(lake):
    """A fact is current only if it was read from its record's latest version."""
    append(lake, {})
    lake.append_facts(Profile, "paper", "people", profile("old", 1), 1, reading=1)
    append(lake, {"payload_hash": 2})
    assert lake.facts(Profile).to_pyarrow().num_rows == 0
    lake.append_facts(Profile, "paper", "people", profile("new", 2), 2, reading=1)
    assert lake.facts(Profile).name.to_pyarrow().to_pylist() == ["new"]
    assert lake.translated(Profile, "paper", "people") == 2


def test_a_batch_of_facts_lands_once(lake):
    """Whoever translated the same batch meanwhile is told to run again, and no fact stands twice."""
    append(lake, {})
    lake.append_facts(Profile, "paper", "people", profile("one", 1), 1, reading=1)
    with pytest.raises(LakeBusyError, match="run again"):
        lake.append_facts(Profile, "paper", "people", profile("one", 1), 1, reading=1)
    assert lake.facts(Profile).to_pyarrow().num_rows == 1


def test_facts_are_the_union_of_vendors(lake):
    """Facts of every vendor come back together."""
    append(lake, {})
    lake.append_facts(Profile, "paper", "people", profile("one", 1), 1, reading=1)
    lake.append_raw("ink", "people", pa.Table.from_pylist([ROW], schema=LANDED).to_reader(), 1)
    lake.append_facts(Profile, "ink", "people", profile("two", 1), 1, reading=1)
    assert sorted(lake.facts(Profile).name.to_pyarrow().to_pylist()) == ["one", "two"]


def test_of_two_writers_at_the_same_moment_one_lands(lake):
    """Whoever started from the same batch and commits second is told to run again, and none of its rows lands."""
    other = Lake.open(str(lake.tables.folder))

    def rows():
        # while this append is under way, another one lands; a thread, for a writer cannot wait inside a writer
        meanwhile = Thread(target=append, args=(other, {"payload_hash": 2}))
        meanwhile.start()
        meanwhile.join()
        yield from pa.Table.from_pylist([ROW], schema=LANDED).to_batches()

    with pytest.raises(LakeBusyError, match="run again"):
        lake.append_raw("paper", "people", pa.RecordBatchReader.from_batches(LANDED, rows()), 1)
    assert lake.raw("paper", "people").payload_hash.to_pyarrow().to_pylist() == [2]
    assert lake.last_batch("paper", "people") == 1


def test_a_derived_table_is_replaced_whole(lake):
    """The new rows and columns stand in the place of the old, with the version they were derived at."""
    lake.replace("membership", pa.table({"record": ["a", "b"]}), version=4)
    lake.replace("membership", pa.table({"person": ["p"]}), description="Who is who.", version=5)
    assert lake.table("membership").to_pyarrow().to_pylist() == [{"person": "p"}]
    assert lake.version("membership") == 5
    lake.replace("membership", pa.table({"person": pa.array([], pa.string())}), version=6)
    assert lake.table("membership").to_pyarrow().num_rows == 0


def test_an_expression_made_before_an_append_still_reads_what_it_meant(lake):
    """A reader keeps the files it started from, also after compaction; a new expression sees the new rows."""
    append(lake, {})
    before = lake.raw("paper", "people")
    append(lake, {"payload_hash": 2})
    assert lake.compact() == 1
    assert before.count().to_pyarrow().as_py() == 1
    assert lake.raw("paper", "people").count().to_pyarrow().as_py() == 2


def test_a_file_that_never_came_into_force_goes_with_the_next_compaction_but_one_of_today_stays(lake, tmp_path):
    """A killed writer leaves it; another one may be at work on the other."""
    append(lake, {})
    table = next((tmp_path / "lake").rglob("_delta_log")).parent
    lost, young = table / "part-lost.parquet", table / "part-young.parquet"
    for file in (lost, young):
        file.write_bytes(b"half a file")
    os.utime(lost, (0, 0))
    lake.compact()
    assert (lost.exists(), young.exists()) == (False, True)
    assert lake.raw("paper", "people").count().to_pyarrow().as_py() == 1


@pytest.mark.parametrize("name", ["plain", "with space", "ünï 名", "a*b?c", "x#y&z", "50%"])
def test_any_usual_folder_name_works(tmp_path, name):
    """Spaces, accents and wildcards in the lake's path are only characters."""
    place = Place(tmp_path / name)
    place.pull([version("1", 1, name="Ada", email="ada@kolbe.example")])
    assert set(place.facts(Identifier)) == {"1"}


def test_a_url_reads_and_writes_like_a_folder(tmp_path):
    """Through a store's URL, the way S3 goes, the same rows land and are read."""
    (tmp_path / "lake").mkdir()
    place = Place(tmp_path)
    place.lake = Lake.open((tmp_path / "lake").as_uri())
    log = [version("1", 1, name="Ada"), version("1", 2, name="Ada Kolbe")]
    for end in (1, 2):
        place.pull(log[:end])
    assert len(place.log()) == 2
    assert place.facts(Profile)["1"][0]["name"] == "Ada Kolbe"
    assert place.lake.streams() == [("paper", "people")]
    assert Lake.open(str(tmp_path / "lake")).facts(Profile).name.to_pyarrow().to_pylist() == ["Ada Kolbe"]


@pytest.mark.parametrize(
    ("url", "engine", "says"),
    [
        ("", "duckdb", "SIDECAR_LAKE"),
        ("ftp://host/lake", "duckdb", "unknown store 'ftp'"),
        ("/proc/lake", "duckdb", "cannot be made"),
        ("/tmp/a[b]", "duckdb", "brackets"),  # noqa: S108  # nothing is written there
        ("az://container/lake", "duckdb", "does not answer"),
        ("s3://bucket/lake", "spark", "reads a lake in a folder"),
        ("lake", "oracle", "unknown engine 'oracle'"),
    ],
)
def test_an_unusable_lake_is_one_plain_sentence(url, engine, says):
    """A wrong URL or engine is told with the variable to mend, in one line."""
    with pytest.raises(LakeError, match=says) as caught:
        Lake.open(url, engine=engine)
    assert "SIDECAR_" in str(caught.value)
    assert "\n" not in str(caught.value)


CHANGES = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["A", "B", ""]), st.booleans()), max_size=14)


def test_the_news_of_a_window_are_the_same_in_however_many_parts(place):
    """Each record is asked about in one part, and none is passed over."""
    place.pull([version(str(who), 0, name=f"N{who}") for who in range(300)])
    changed = [version(str(who), day, name=f"N{who + day * (who % 3)}") for day in (1, 2) for who in range(200, 600)]
    staged = Staging(place.root / "window")
    staged.add(1, rows(changed, PEOPLE, NOW, 1)[0], Mark(None, {}, None))
    whole = news(place.lake, "paper", "people", staged.pages(), 1)
    assert len(whole) == 300 + 67
    for parts in (2, 7, 1_000):
        assert news(place.lake, "paper", "people", staged.pages(), parts).tolist() == whole.tolist()


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHANGES, st.integers(1, 4), st.integers(1, 3), st.integers(0, 3), st.lists(st.integers(0, 14), max_size=2))
def test_any_chunking_ends_in_the_truth(tmp_path_factory, changes, page, window, look_back, stops):
    """However a history is cut into pulls, windows and pages, the latest records and their facts are the history's last words."""
    log = [
        version(str(who), day, deleted=deleted, name=name, email=f"{name}{day}@x.example")
        for day, (who, name, deleted) in enumerate(changes)
    ]
    truth = {record.key.id: record for record in log}
    place = Place(tmp_path_factory.mktemp("place"))
    for stop in [*sorted(stops), len(log)]:
        place.pull(log[:stop], page=page, window=window, look_back=look_back)
    latest = place.latest()
    assert {key: (json.loads(row["payload"]), row["deleted"]) for key, row in latest.items()} == {
        key: (record.payload, record.deleted) for key, record in truth.items()
    }
    alive = {key: record for key, record in truth.items() if record.payload["name"] and not record.deleted}
    assert {key: [fact["value"] for fact in facts] for key, facts in place.facts(Identifier).items()} == {
        key: [record.payload["email"].lower()] for key, record in alive.items()
    }
    log_rows = place.log()
    assert len({(row["record"], row["batch"]) for row in log_rows}) == len(log_rows) <= len(log)
    assert place.pull(log, look_back=len(log)).rows == 0


def one_row(**columns):
    return pa.Table.from_pylist([columns]).to_batches()


def test_a_table_gains_the_columns_that_it_lacks(lake):
    """A release that knows more of a thing writes on, and what was written before reads as null there."""
    few, many = pa.schema([("a", pa.int64())]), pa.schema([("a", pa.int64()), ("b", pa.string())])
    lake.tables.append("facts/x/paper", few, one_row(a=1), mark="m", before=0, after=1)
    lake.tables.append("facts/x/paper", many, one_row(a=2, b="two"), mark="m", before=1, after=2)
    rows = lake.tables.read("facts/x/paper", many).to_pyarrow().to_pylist()
    assert sorted(rows, key=lambda row: row["a"]) == [{"a": 1, "b": None}, {"a": 2, "b": "two"}]


def test_of_two_writers_at_the_same_moment_one_is_told_to_run_again(lake):
    """A mark that moves while rows are still being written keeps them out of the table, whole."""
    schema = pa.schema([("a", pa.int64())])

    def meanwhile():
        lake.tables.append("facts/x/paper", schema, one_row(a=1), mark="m", before=0, after=1)
        yield from one_row(a=2)

    with pytest.raises(LakeBusyError, match="run again"):
        lake.tables.append("facts/x/paper", schema, meanwhile(), mark="m", before=0, after=1)
    assert lake.tables.read("facts/x/paper").a.to_pyarrow().to_pylist() == [1]


def test_no_rows_move_the_mark_all_the_same(lake):
    """A batch without a single fact has been read, too."""
    lake.tables.append("facts/x/paper", pa.schema([("a", pa.int64())]), iter(()), mark="m", before=0, after=1)
    assert lake.tables.mark("facts/x/paper", "m") == 1


def test_a_long_query_draws_nothing_on_standard_output(tmp_path, capfd):
    """What a command prints as JSON stays JSON, however long the lake takes to answer."""
    connection = Lake.open(str(tmp_path)).tables.con
    connection.execute("SET progress_bar_time = 0")
    connection.execute("SELECT sum(a.range * b.range) FROM range(20_000) a, range(5_000) b").fetchall()
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("at_once", [1, 3, 4, 5, 100])
@pytest.mark.parametrize("groups", [[0, 1, 2], [1], [2, 0], []])
def test_portions_are_all_rows_of_the_groups_and_never_more_at_once(tmp_path, at_once, groups):
    """Whether a group is one portion, several, or less than one."""
    written = [[0, 1, 2, 3], [4], [5, 6, 7, 8, 9, 10, 11]]
    schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
    with pq.ParquetWriter(tmp_path / "x.parquet", schema) as writer:
        for group in written:
            writer.write_table(pa.table({"a": group, "b": [f"{n} ü" for n in group]}, schema=schema))
    with pq.ParquetFile(tmp_path / "x.parquet") as file:
        some = list(portions(file, at_once, groups, ["b"]))
    assert [text for rows in some for text in rows["b"].to_pylist()] == [f"{n} ü" for g in groups for n in written[g]]
    assert all(0 < rows.num_rows <= at_once for rows in some)
    assert all(rows.schema.names == ["b"] for rows in some)
