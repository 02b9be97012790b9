"""Where the files may lie, what `sidecar doctor` says of the place, and what happens when it cannot be read."""

import os
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs
from pydantic import ValidationError

from connectors.errors import ConnectorError, Fatal, Retryable
from connectors.product_events import CONNECTOR, open_source
from connectors.product_events.client import Files
from connectors.product_events.pull import ProductEventsSource
from connectors.product_events.settings import ProductEventsSettings
from models.clock import FrozenClock
from tests.connectors.product_events.conftest import Folder, lines, track

EVENTS = CONNECTOR.streams_by_name["events"]


class Refusing(fs.FileSystemHandler):
    """A store of our own behind Arrow's real port: one file, that can be listed and not read."""

    def __init__(self, error: OSError) -> None:
        self.error = error

    def get_type_name(self) -> str:
        return "refusing"

    def get_file_info(self, paths: list[str]) -> list[fs.FileInfo]:
        return [fs.FileInfo(path, fs.FileType.Directory) for path in paths]

    def get_file_info_selector(self, selector: fs.FileSelector) -> list[fs.FileInfo]:
        return [fs.FileInfo(f"{selector.base_dir}/a.jsonl", fs.FileType.File, mtime_ns=1, size=9)]

    def open_input_file(self, path: str) -> Any:
        raise self.error

    def _never(self, *_: Any) -> Any:
        raise AssertionError("a source only reads")

    normalize_path = staticmethod(lambda path: path)
    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = delete_file = _never
    move = copy_file = open_input_stream = open_output_stream = open_append_stream = _never


def source(store: fs.FileSystem, root: str, clock: FrozenClock) -> ProductEventsSource:
    return ProductEventsSource(Files(store, root), "app", clock)


def test_a_folder_a_url_and_a_pattern_name_the_same_files(folder: Folder, tmp_path: Path):
    """Plain path, file URL, one file, and patterns that stay in a folder or go through all of them."""
    folder.write("2026/05/a.jsonl", lines(track(1)))
    folder.write("2026/b.jsonl", lines(track(2)))
    folder.write("2026/b.csv", "type,event,timestamp,event_id\n")
    urls = {
        str(folder.path): ["m-1", "m-2"], folder.path.as_uri(): ["m-1", "m-2"], str(folder.path / "2026/b.jsonl"): ["m-2"],
        f"{folder.path}/2026/*.jsonl": ["m-2"], f"{folder.path.as_uri()}/**/*.jsonl": ["m-1", "m-2"],
        f"{folder.path}/2026/0?/a.jsonl": ["m-1"], f"{folder.path}/20*": [],
    }  # fmt: skip
    for url, ids in urls.items():
        folder.cursors.clear()
        assert folder.ids(url=url) == ids, url


def test_a_store_that_is_no_disk_reads_the_same(clock: FrozenClock):
    """Arrow's in-memory store, which like an object store has no folders that one could walk on this machine."""
    store, root = fs.FileSystem.from_uri("mock:///bucket/prefix")
    store.create_dir(f"{root}/day=1")
    with store.open_output_stream(f"{root}/day=1/a.jsonl") as file:
        file.write(lines(track(1), track(2)).encode())
    (page,) = source(store, root, clock).pages(EVENTS, None, None)
    assert [record.key.id for record in page.records] == ["m-1", "m-2"]
    (quiet,) = source(store, root, clock).pages(EVENTS, page.cursor, None)
    assert quiet.records == []


def test_a_part_of_a_store_reads_the_same(folder: Folder, clock: FrozenClock):
    """A file system that is rooted below another, as a bucket's prefix is."""
    folder.write("prefix/a.jsonl", lines(track(1)))
    below = fs.SubTreeFileSystem(str(folder.path), fs.LocalFileSystem())
    (page,) = source(below, "prefix", clock).pages(EVENTS, None, None)
    assert [record.key.id for record in page.records] == ["m-1"]


def test_the_account_is_named_by_the_place(monkeypatch: pytest.MonkeyPatch):
    """The same place has the same name, whatever its slash, region or the folder one works in; another place another one."""
    names = [
        ProductEventsSettings(url=url).name
        for url in (
            "s3://b/events",
            "s3://b/events/?region=eu-central-1",
            "s3://b/other",
            "/data/events",
            "/data/events/",
        )
    ]
    assert names[0] == names[1]
    assert names[3] == names[4]
    assert len(set(names)) == 3
    monkeypatch.chdir("/")
    assert ProductEventsSettings(url="data/events").name == names[3]
    assert ProductEventsSettings(url="s3://b/events", account="app").name == "app"


def test_a_url_with_a_password_is_refused_without_repeating_it():
    """URLs are shown; credentials belong in the environment."""
    with pytest.raises(ValidationError) as refused:
        ProductEventsSettings(url="s3://key:hush-hush@bucket/events")
    assert "AWS_ACCESS_KEY_ID" in str(refused.value)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("url", ["nope://x/y", "mailto://"])
def test_an_unknown_store_is_refused_with_those_that_are_known(url: str, clock: FrozenClock):
    """At the door, before anything is listed."""
    with pytest.raises(Fatal, match="a folder or a URL of s3, gs, abfs or file"):
        open_source(ProductEventsSettings(url=url), clock)


def findings(source: ProductEventsSource) -> list[tuple[str, bool]]:
    found = source.diagnose(CONNECTOR.streams)
    assert all(one.ok or one.remedy for one in found)
    return [(one.message, one.ok) for one in found]


def test_doctor_counts_the_files_of_each_stream(folder: Folder):
    """A file beside a transcript belongs to it and is no file of events."""
    folder.write("a.jsonl", lines(track(1)))
    folder.write("talks/a.vtt", "WEBVTT\n")
    folder.write("talks/a.json", "{}")
    assert findings(folder.open()) == [("1 files", True)] * 4


def test_doctor_says_that_the_folder_is_not_there(folder: Folder):
    """And a pull stops the whole vendor."""
    missing = folder.open(f"{folder.path}/nowhere")
    ((message, ok),) = findings(missing)
    assert (ok, "PRODUCT_EVENTS_URL" in message) == (False, True)
    with pytest.raises(Fatal, match="nothing at the place") as refused:
        list(missing.pages(EVENTS, None, None))
    assert refused.value.credentials


def test_doctor_says_that_no_file_fits(folder: Folder):
    """An empty folder is pulled without complaint, for files may come; doctor says what it looked for."""
    folder.write("notes.txt", "x")
    ((message, ok),) = findings(folder.open())
    assert (message, ok) == ("none of the 1 files there is one that can be read", False)
    assert folder.ids() == []


@pytest.mark.parametrize(
    ("error", "reaction"),
    [(PermissionError(13, "no"), Fatal), (OSError(5, "AWS Error ACCESS_DENIED: key AKIA123"), Retryable)],
)
def test_a_file_that_may_not_be_read_stops_the_stream(
    error: OSError, reaction: type[ConnectorError], clock: FrozenClock
):
    """Nothing moves; doctor tries to read a file too, and neither repeats the store's own words."""
    refusing = source(fs.PyFileSystem(Refusing(error)), "bucket", clock)
    with pytest.raises(reaction) as refused:
        list(refusing.pages(EVENTS, None, None))
    assert "AKIA123" not in str(refused.value)
    assert findings(refusing)[-1][1] is False


def test_a_file_that_is_cleared_away_meanwhile_is_passed_over(clock: FrozenClock):
    """It was listed and is gone; the next listing will not show it."""
    gone = source(fs.PyFileSystem(Refusing(FileNotFoundError(2, "gone"))), "bucket", clock)
    (page,) = gone.pages(EVENTS, None, None)
    assert page.records == []
    assert page.cursor is not None
    assert page.cursor["files"] == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_listed_says_so(folder: Folder):
    """The remedy is read access."""
    folder.path.chmod(0)
    try:
        with pytest.raises(Fatal, match="read access"):
            folder.ids()
    finally:
        folder.path.chmod(0o700)
