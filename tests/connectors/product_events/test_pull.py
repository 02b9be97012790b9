"""What is read of a folder that lives: new files, files that grow, are replaced, broken or still being written."""

import gzip
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import chain

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.errors import Unsupported
from connectors.product_events import CONNECTOR
from connectors.product_events.formats import LONGEST
from connectors.product_events.lines import EPOCH
from connectors.product_events.pull import Limits
from models.keys import content_id
from tests.connectors.product_events.conftest import Folder, Landing, lines, track

AT = datetime(2026, 5, 9, 10, tzinfo=UTC)


def numbers(*wanted: int) -> list[str]:
    return [f"m-{number}" for number in wanted]


def test_only_new_files_are_read(folder: Folder):
    """In the order of their names; a second pull brings the file that came meanwhile, a third one nothing."""
    folder.write("2026-05-10.jsonl", lines(track(2)))
    folder.write("2026-05-09.jsonl", lines(track(1)))
    assert folder.ids() == numbers(1, 2)
    folder.write("2026-05-08.jsonl", lines(track(0)))
    assert folder.ids() == numbers(0)
    assert folder.ids() == []


def test_a_quiet_pull_makes_one_listing(folder: Folder):
    """And yields one empty page that carries the cursor on."""
    folder.write("a.jsonl", lines(track(1)))
    folder.ids()
    source = folder.open()
    (page,) = source.pages(CONNECTOR.streams_by_name["events"], folder.cursors["events"], None)
    assert (page.records, page.cursor) == ([], folder.cursors["events"])
    assert source.calls == {"window": 1}


def test_a_file_that_grew_is_read_on(folder: Folder):
    """Only what was added, with line numbers that go on counting."""
    folder.write("a.jsonl", lines(track(1), track(2)))
    assert folder.ids() == numbers(1, 2)
    folder.write("a.jsonl", lines(track(3), "oops"), add=True)
    assert folder.ids() == [*numbers(3), "a.jsonl:4"]


def test_a_line_that_is_still_being_written_waits(folder: Folder):
    """It is read once it ends, or once the file has not moved from one pull to the next."""
    folder.write("a.jsonl", lines(track(1)) + json.dumps(track(2))[:20])
    assert folder.ids() == numbers(1)
    folder.write("a.jsonl", json.dumps(track(2))[20:] + "\n" + json.dumps(track(3)), add=True)
    assert folder.ids() == numbers(2)
    assert folder.ids() == numbers(3)
    assert folder.ids() == []
    folder.write("a.jsonl", "\n" + lines(track(4)), add=True)
    assert folder.ids() == numbers(3, 4), "what has no line break might have gone on"


def test_a_line_that_is_finished_after_a_long_rest_is_read_whole(folder: Folder, landing: Landing):
    """A writer with a buffer stops anywhere and may be quiet for hours; what looked broken meanwhile is taken back."""
    whole = json.dumps(track(2))
    folder.write("a.jsonl", lines(track(1)) + whole[:20])
    landing.pull()
    landing.pull()
    assert landing.reasons() == ["a.jsonl:2 is not JSON"]
    folder.write("a.jsonl", f"{whole[20:]}\n{lines(track(3))}", add=True)
    landing.pull()
    assert landing.reasons() == []
    live = landing.lake.latest("product_events", "events").filter(~ibis._.deleted).to_pyarrow()
    assert sorted(live["id"].to_pylist()) == numbers(1, 2, 3)


def test_a_row_that_is_finished_after_a_long_rest_is_read_whole(folder: Folder):
    """Of a CSV file too, where half a row may be one that reads well."""
    folder.write("a.csv", CSV + "track,A,1,1778320800,,e-1,,\r\n" + "track,B,1,1778320800,,e-2,grow")
    assert folder.ids() == ["e-1"]
    assert folder.ids() == ["a.csv:3"]
    folder.write("a.csv", "th,\r\ntrack,C,1,1778320800,,e-3,,\r\n", add=True)
    assert [(record.key.id, record.deleted) for record in folder.pull()] == [
        ("a.csv:3", True), ("e-2", False), ("e-3", False),
    ]  # fmt: skip


@pytest.mark.parametrize("content", [lines(track(7)), lines(track(7), track(8), track(9), track(10))])
def test_a_file_that_was_replaced_is_read_anew(folder: Folder, content: str):
    """Whether it shrank or became longer: what stood before the old end is no longer there."""
    folder.write("a.jsonl", lines(track(1), track(2), track(3)))
    folder.ids()
    folder.write("a.jsonl", content)
    assert folder.ids() == [json.loads(line)["messageId"] for line in content.splitlines()]


def test_a_line_that_is_delivered_again_is_the_same_record(folder: Folder):
    """By its own id, else by its content, however its keys are ordered and its file is packed."""
    bare = {"type": "track", "event": "Opened", "userId": "ü-1", "timestamp": 1778320800}
    folder.write("a.jsonl", lines(track(1), bare))
    folder.write("b.jsonl.gz", gzip.compress(lines(dict(reversed(bare.items())), track(1)).encode()))
    ids = [record.key.id for page in folder.pages() for record in page.records]
    assert len(ids) == 2
    assert content_id(json.dumps(bare, sort_keys=True, ensure_ascii=False, separators=(",", ":"))) in ids


def test_files_of_the_same_name_in_two_folders_are_two_files(folder: Folder):
    """Each is known by its whole path."""
    folder.write("eu/events.jsonl", lines(track(1), "oops"))
    folder.write("us/events.jsonl", lines(track(2), "oops"))
    assert folder.ids() == ["m-1", "eu/events.jsonl:2", "m-2", "us/events.jsonl:2"]
    folder.write("us/events.jsonl", lines(track(3)), add=True)
    assert folder.ids() == numbers(3)


def test_hidden_and_other_files_are_left_alone(folder: Folder):
    """A writer's temporary files, markers of a finished job, and what holds no events."""
    for name in ("_SUCCESS", ".part-1.jsonl", "_temporary/part-2.jsonl", "notes.txt"):
        folder.write(name, lines(track(1)))
    assert folder.ids() == []


CSV = "type,event,user_id,timestamp,message_note,event_id,properties.plan,traits\r\n"


def test_a_csv_file_reads_like_lines(folder: Folder):
    """Dotted columns and JSON cells become objects, quoted line breaks and unicode survive, empty cells say nothing."""
    rows = [
        'track,Opened,17,2026-05-09 10:00:00,"two\nlines, ""quoted""",e-1,growth,"{""email"": ""ä@kolbe.example""}"',
        "page,,18,1778320800,,e-2,,",
    ]
    folder.write("a.csv", CSV + "\r\n".join(rows) + "\r\n")
    first, second = folder.pull()
    assert first.payload == {
        "type": "track", "event": "Opened", "user_id": "17", "timestamp": "2026-05-09 10:00:00", "event_id": "e-1",
        "message_note": 'two\nlines, "quoted"', "properties": {"plan": "growth"}, "traits": {"email": "ä@kolbe.example"},
    }  # fmt: skip
    assert second.payload == {"type": "page", "user_id": "18", "timestamp": "1778320800", "event_id": "e-2"}
    assert (first.updated_at, second.updated_at) == (AT, AT)


def test_a_csv_file_that_grew_is_read_on_below_its_header(folder: Folder):
    """A row that is cut inside a quoted field waits like any other unfinished line."""
    folder.write("a.csv", CSV + "track,A,1,1778320800,,e-1,,\r\n" + 'track,B,1,1778320800,"half\n')
    assert folder.ids() == ["e-1"]
    folder.write("a.csv", 'a note",e-2,,\r\ntrack,C,1,1778320800,,e-3,,\r\n', add=True)
    assert folder.ids() == ["e-2", "e-3"]


def test_bad_rows_of_a_csv_file_are_kept_with_their_line(folder: Folder):
    """Too few fields, broken quotes, broken characters: each is named by the line it begins at, the rest goes on."""
    bad = ["track,A", 'track,"A"x,1,1778320800,,e-0,,', b"track,\xff,1,1778320800,,e-0,,", "track,A,1,someday,,e-0,,"]
    good = 'track,A,1,1778320800,"a\nb",e-1,,'
    content = b"\n".join(row if isinstance(row, bytes) else row.encode() for row in [CSV.strip(), *bad, good, "x"])
    folder.write("a.csv", content + b"\n")
    found = {record.key.id: record.payload.get("unreadable") for record in folder.pull()}
    assert {place: next(iter(fault)) for place, fault in found.items() if fault} == {
        "a.csv:2": "fields", "a.csv:3": "quotes", "a.csv:4": "encoding", "a.csv:5": "timestamp", "a.csv:8": "fields",
    }  # fmt: skip
    assert "e-1" in found


def test_a_parquet_file_reads_like_lines(folder: Folder):
    """Instants, structs, maps, decimals and nulls become what JSON has for them; an instant without a zone is UTC."""
    berlin = timezone(timedelta(hours=2))
    table = pa.table({
        "type": ["track", "identify", "track"],
        "event": ["Opened", None, "Closed"],
        "userId": [17, 17, 18],
        "timestamp": pa.array([AT.replace(tzinfo=None)] * 3, pa.timestamp("ns")),
        "seen": pa.array([AT.astimezone(berlin)] * 3, pa.timestamp("ms", "Europe/Berlin")),
        "event_id": ["e-1", "e-2", "e-3"],
        "context": [{"page": {"url": "https://x.example/?gclid=1"}}, None, None],
        "properties": pa.array([[("plan", "growth")], None, []], pa.map_(pa.string(), pa.string())),
        "price": [Decimal("9.90"), None, None],
    })  # fmt: skip
    pq.write_table(table, folder.path / "a.parquet", row_group_size=1)
    first, second = folder.pull()
    assert first.payload == {
        "type": "track", "event": "Opened", "userId": 17, "timestamp": "2026-05-09T10:00:00+00:00", "event_id": "e-1",
        "seen": "2026-05-09T12:00:00+02:00", "context": {"page": {"url": "https://x.example/?gclid=1"}},
        "properties": {"plan": "growth"}, "price": "9.90",
    }  # fmt: skip
    assert (first.updated_at, second.key.id) == (AT, "e-3")
    assert [record.key.id for record in folder.pull("users")] == ["17", "18"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-05-09T12:00:00+02:00", AT), ("2026-05-09T10:00:00.000Z", AT), ("2026-05-09 10:00:00", AT), (1778320800, AT),
        ("2026-05-09 10:00:00 UTC", AT), (1778320800000, AT), ("1778320800.5", AT + timedelta(seconds=0.5)), ("2026-05-09", AT.replace(hour=0)),
    ],
)  # fmt: skip
def test_instants_are_read_in_every_usual_form(folder: Folder, said: object, meant: datetime):
    """With a zone, without one (UTC), as seconds and as milliseconds."""
    folder.write("a.jsonl", lines(track(1, timestamp=said)))
    (record,) = folder.pull()
    assert record.updated_at == meant


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "json"), ("[1]", "object"), ("\udcff".encode("utf-8", "surrogateescape"), "json"), (track(1, timestamp="soon"), "timestamp"),
        (track(1, timestamp=True), "timestamp"), (track(1, timestamp="0001-01-01T00:00:00+14:00"), "timestamp"), (track(1, timestamp=None), "timestamp"),
        ({"timestamp": 1}, "type"), (track(1, type="dance"), "type"), (track(1, event=None), "event"), (track(1, userId={"a": 1}), "id"),
        (track(1, traits="none"), "nested"), (track(1, type="identify", timestamp=""), "timestamp"), ("x" * (LONGEST + 9), "length"),
    ],
)  # fmt: skip
def test_a_bad_line_is_kept_under_its_place(folder: Folder, line: object, fault: str):
    """With what stood there and what is wrong with it; the lines around it are read."""
    raw = line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()
    folder.write("a.jsonl", lines(track(1)).encode() + raw + b"\n\n" + lines(track(2)).encode())
    first, bad, second = folder.pull()
    assert [first.key.id, second.key.id] == numbers(1, 2)
    assert (bad.key.id, list(bad.payload["unreadable"])) == ("a.jsonl:2", [fault])
    assert folder.ids("users") == ["u-1"]


@pytest.mark.parametrize(
    ("name", "content", "ids"),
    [
        ("a.jsonl.gz", gzip.compress(lines(track(1), *({"n": n} for n in range(999))).encode())[:-30], None),
        ("a.gz", b"not zipped", ["a.gz:1"]),
        ("a.parquet", b"PAR1 no more", ["a.parquet:0"]),
        ("a.csv", b"one,two\n1,2\n", ["a.csv:1"]),
        ("a.csv", b"", []),
        ("a.jsonl", b"", []),
        ("a.jsonl.gz", gzip.compress(b"", mtime=0), []),
    ],
)
def test_a_broken_file_is_one_bad_line(folder: Folder, name: str, content: bytes, ids: list[str] | None):
    """What could be read of it is kept; an empty file is none; once it is whole it is read anew and the complaint taken back."""
    folder.write(name, content)
    folder.write("b.jsonl", lines(track(2)))
    found = folder.ids()
    assert found[-1] == "m-2"
    assert ids is None or found[:-1] == ids
    assert folder.ids() == []


def test_a_complaint_is_taken_back_once_the_file_is_mended(folder: Folder):
    """The place that could not be read is told to be gone before the file is read anew."""
    folder.write("a.jsonl", lines(track(1), "oops", "oops again"))
    folder.ids()
    folder.write("a.jsonl", lines(track(1), track(2), "oops again, and longer"))
    told = {record.key.id: record.deleted for record in folder.pull()}
    assert told == {"a.jsonl:2": True, "m-1": False, "m-2": False, "a.jsonl:3": False}


def test_a_pull_that_broke_off_goes_on_in_the_middle_of_a_file(folder: Folder):
    """From any page's position the rest is read, no line is lost and none is read twice; so too in gzip and Parquet."""
    folder.limits = Limits(lines=3)
    folder.write("a.jsonl", lines(*map(track, range(4))))
    folder.write("b.jsonl.gz", gzip.compress(lines(*map(track, range(4, 11))).encode()))
    pq.write_table(pa.Table.from_pylist([track(n) for n in range(11, 18)]), folder.path / "c.parquet", row_group_size=2)
    folder.write(
        "d.csv", "type,event,timestamp,event_id\n" + "".join(f"track,A,1778320800,m-{n}\n" for n in range(18, 25))
    )
    pages = folder.pages()
    ids = [[record.key.id for record in page.records] for page in pages]
    assert [*chain(*ids)] == numbers(*range(25))
    for number, page in enumerate(pages[:-1], start=1):
        folder.cursors.clear()
        rest = folder.pages(resume=json.loads(json.dumps(page.position)))
        assert [record.key.id for other in rest for record in other.records] == [*chain(*ids[number:])]


def test_a_window_is_complete_every_so_many_pages(folder: Folder):
    """So that a first pull of years lands in parts; the cursor of each goes on in the middle of a file."""
    folder.limits = Limits(lines=2, pages=3)
    folder.write("a.jsonl", lines(*map(track, range(9))))
    pages = folder.pages()
    assert [page.cursor is not None for page in pages] == [False, False, True, False, True]
    folder.cursors["events"] = pages[2].cursor
    assert folder.ids() == numbers(6, 7, 8)


def test_the_cursor_stays_small_and_nothing_is_passed_over(folder: Folder):
    """Old files are known by sums alone; an old file that comes late, changes or goes never hides another."""
    folder.limits = Limits(files=5)
    for number in range(40):
        folder.write(f"{number:03}.jsonl", lines(track(number)))
    assert folder.ids() == numbers(*range(40))
    assert len(folder.cursors["events"]["files"]) == 5
    assert folder.ids() == []
    folder.written = 10  # a file with an old date
    folder.write("late.jsonl", lines(track(100)))
    assert "m-100" in folder.ids()
    assert folder.ids() == []
    (folder.path / "003.jsonl").unlink()
    assert set(folder.ids()) <= set(numbers(*range(40), 100))
    assert folder.ids() == []
    folder.written = 60
    folder.write("007.jsonl", lines(track(200)), add=True)
    assert "m-200" in folder.ids()
    assert folder.ids() == []


def test_files_that_are_closed_while_others_wait_hide_none_of_them(folder: Folder):
    """The first names are the youngest files: closing them says nothing about older ones that this pull has yet to read."""
    folder.limits = Limits(lines=1, pages=1, files=2)
    for number in reversed(range(12)):
        folder.write(f"{number:02}.jsonl", lines(track(number)))
    assert folder.ids() == numbers(*range(12))
    assert folder.ids() == []


def test_a_header_in_another_encoding_is_one_bad_line_and_stops_no_other_file(folder: Folder):
    """Said once, under the place of the header."""
    folder.write("a.csv", "timestamp,event,userId,größe\n2026-05-09T10:00:00Z,A,u-1,3\n".encode("latin-1"))
    folder.write("b.jsonl", lines(track(1)))
    bad, good = folder.pull()
    assert (bad.key.id, list(bad.payload["unreadable"]), good.key.id) == ("a.csv:1", ["encoding"], "m-1")
    assert folder.ids() == []


def test_a_user_is_known_by_the_latest_traits(folder: Folder):
    """One record each, from identify lines and from columns; a mention alone, or a line without an address, replaces nothing."""
    known = {
        "type": "identify",
        "userId": "u-1",
        "timestamp": "2026-05-09T10:00:00Z",
        "traits": {"email": "old@kolbe.example"},
    }
    newer = {
        **known,
        "timestamp": "2026-05-10T10:00:00Z",
        "traits": {"email": "dana@kolbe.example", "name": "Dana Kolbe"},
    }
    partial = {**known, "timestamp": "2026-05-11T10:00:00Z", "traits": {"plan": "scale"}}
    flat = {"type": "track", "event": "A", "user_id": 7, "email": "luis@kolbe.example", "timestamp": 1778320800}
    bare = track(1, userId="u-3")
    folder.write("a.jsonl", lines(newer, known, partial, track(1), flat, bare, track(2, userId=None)))
    found = {record.key.id: (record.payload["traits"], record.updated_at) for record in folder.pull("users")}
    assert found == {
        "u-1": (newer["traits"], AT + timedelta(days=1)), "7": ({"email": "luis@kolbe.example"}, AT), "u-3": ({}, EPOCH),
    }  # fmt: skip


def test_a_quote_that_is_never_closed_costs_its_own_line_only(folder: Folder):
    """The rows behind it are read: at once where a later quote shows that it was one, else once the file has ended."""
    head, row = "type,event,timestamp,event_id\n", "track,A,1778320800,m-{}\n"
    bad, quoted = 'track,"A,1778320800,m-0\n', 'track,"B, ""b""",1778320800,m-4\n'
    folder.write("a.csv", head + bad + row.format(1) + row.format(2))
    folder.write("b.csv", head + bad + row.format(3) + quoted + row.format(5) + bad)
    assert folder.ids() == ["b.csv:2", *numbers(3, 4, 5)]
    assert folder.ids() == ["a.csv:2", *numbers(1, 2), "b.csv:6"]
    assert folder.ids() == []


def test_a_quote_that_is_never_closed_waits_for_no_more_than_a_mebibyte(folder: Folder):
    """A file that is still written goes on being read."""
    rows = [f"track,{'A' * 1000},1778320800,m-{n}\n" for n in range(1200)]
    folder.write("a.csv", "type,event,timestamp,event_id\n" + 'track,"A,1778320800,m-x\n' + "".join(rows))
    assert folder.ids() == ["a.csv:2", *numbers(*range(1200))]


@pytest.mark.parametrize(
    "head", ["Type,Event,Timestamp,Event_ID,UserId,Traits.plan", "TYPE,EVENT,TIMESTAMP,EVENT_ID,USERID,TRAITS.plan"]
)
def test_names_of_columns_may_be_capital(folder: Folder, head: str):
    """Spreadsheets do that; what is below a column keeps its spelling."""
    folder.write("a.csv", f"{head}\ntrack,A,1778320800,m-1,u-1,growth\n")
    (record,) = folder.pull()
    assert (record.key.id, record.updated_at.year, record.payload["userId"]) == ("m-1", 2026, "u-1")
    assert record.payload["traits"] == {"plan": "growth"}


def test_every_complaint_is_taken_back_once_a_file_is_mended(folder: Folder):
    """Of a file that was broken throughout, too."""
    folder.write("a.jsonl", lines(*["oops"] * 1000, track(1), "oops"))
    assert len(folder.ids()) == 1002
    folder.write("a.jsonl", lines(track(1)))
    gone = [record.key.id for record in folder.pull() if record.deleted]
    assert gone == [f"a.jsonl:{n}" for n in (*range(1, 1001), 1002)]


def test_a_range_of_dates_reads_the_files_of_that_time_again(folder: Folder):
    """By the instant of the file, whole, from any page on; the pull's own cursor knows nothing of it."""
    folder.limits = Limits(lines=2, pages=1)
    for number in range(1, 4):
        folder.write(f"{number}.jsonl", lines(*(track(number * 10 + n) for n in range(3))))
    folder.ids()
    since, until = (datetime.fromtimestamp(second, UTC) for second in (2, 4))
    stream, source = CONNECTOR.streams_by_name["events"], folder.open()
    pages = list(source.between(stream, since, until, None))
    ids = [[record.key.id for record in page.records] for page in pages]
    assert [*chain(*ids)] == numbers(20, 21, 22, 30, 31, 32)
    assert [page.cursor is not None for page in pages] == [False, False, False, True]
    rest = source.between(stream, since, until, json.loads(json.dumps(pages[0].position)))
    assert [record.key.id for page in rest for record in page.records] == [*chain(*ids[1:])]
    assert folder.ids() == []


def test_what_files_cannot_be_asked_for_is_said(folder: Folder):
    """One line by its id, a number of lines without reading them, types of columns."""
    stream, source = CONNECTOR.streams_by_name["events"], folder.open()
    for ask in (lambda: source.read(stream, ["m-1"]), lambda: source.count(stream), lambda: source.columns(stream)):
        with pytest.raises(Unsupported):
            ask()


def test_an_instant_beyond_the_calendar_costs_its_own_row_only(folder: Folder):
    """In a Parquet file, which may hold the year 148,108: under `timestamp` the row is refused, elsewhere it is kept as text."""
    far, near = 2**62, 1778320800000000
    table = pa.table({
        "type": ["track"] * 3, "event": ["A"] * 3, "messageId": ["m-1", "m-2", "m-3"],
        "timestamp": pa.array([near, far, near], pa.timestamp("us")), "due": pa.array([near, near, far], pa.timestamp("us")),
        "seen": pa.array([[near], [near], [far]], pa.list_(pa.timestamp("us"))),
    })  # fmt: skip
    pq.write_table(table, folder.path / "a.parquet")
    first, bad, third = folder.pull()
    assert [first.key.id, bad.key.id, third.key.id] == ["m-1", "a.parquet:2", "m-3"]
    assert list(bad.payload["unreadable"]) == ["timestamp"]
    assert (first.updated_at, third.updated_at) == (AT, AT)
    assert str(far) in third.payload["due"]
    assert first.payload["seen"] == ["2026-05-09T10:00:00+00:00"]
