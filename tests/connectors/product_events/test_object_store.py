"""The same files in an object store: Arrow's own S3 client over real HTTP, against the S3 that SIDECAR_TEST_S3 names, such as moto's."""

import os
from datetime import UTC, datetime

import pytest
from pyarrow import fs

from connectors.errors import Fatal
from connectors.product_events import CONNECTOR
from connectors.product_events.settings import ProductEventsSettings
from models.clock import FrozenClock
from models.records import Record
from tests.connectors.product_events.conftest import lines, track

EVENTS = CONNECTOR.streams_by_name["events"]
PAGE = 1000  # keys that S3 lists at a time: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html


@pytest.fixture
def host() -> str:
    """Host and port of an S3; moto's has a `python-dateutil` that the product must not, so it runs in an environment of its own."""
    if named := os.environ.get("SIDECAR_TEST_S3"):
        return named
    pytest.skip("needs an S3: uvx --from 'moto[server]' moto_server -p 5055, and SIDECAR_TEST_S3=127.0.0.1:5055")


@pytest.fixture
def bucket(host: str, monkeypatch: pytest.MonkeyPatch) -> fs.FileSystem:
    """The bucket `events` as its owner writes to it; the connector finds the same credentials in the environment."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    store = fs.S3FileSystem(
        endpoint_override=host, scheme="http", region="us-east-1", allow_bucket_creation=True, allow_delayed_open=True
    )
    store.create_dir("events")
    return fs.SubTreeFileSystem("events", store)


def put(bucket: fs.FileSystem, name: str, content: str) -> None:
    with bucket.open_output_stream(name) as file:
        file.write(content.encode())


def pull(host: str, place: str, cursor: dict[str, object] | None = None) -> tuple[list[Record], dict[str, object]]:
    url = f"s3://{place}?endpoint_override={host}&scheme=http&region=us-east-1"
    source = CONNECTOR.open(
        ProductEventsSettings(url=url, account="app"), FrozenClock(datetime(2026, 11, 2, tzinfo=UTC))
    )
    pages = list(source.pages(EVENTS, cursor, None))
    assert pages[-1].cursor is not None
    return [record for page in pages for record in page.records], pages[-1].cursor


def test_a_prefix_is_read_and_then_only_what_is_new(host: str, bucket: fs.FileSystem):
    """Names with blanks, unicode and plus signs, hidden ones, an object that grew, one that was replaced, one that went."""
    put(bucket, "one/day=1/a.jsonl", lines(track(1)))
    put(bucket, "one/day=1/b c+ü.jsonl", lines(track(2)))
    put(bucket, "one/_tmp/x.jsonl", lines(track(9)))
    put(bucket, "two/a.jsonl", lines(track(8)))
    records, cursor = pull(host, "events/one")
    assert [record.key.id for record in records] == ["m-1", "m-2"]
    assert pull(host, "events/one", cursor)[0] == []
    put(bucket, "one/day=1/a.jsonl", lines(track(1), track(3)))
    bucket.delete_file("one/day=1/b c+ü.jsonl")
    records, cursor = pull(host, "events/one", cursor)
    assert [record.key.id for record in records] == ["m-3"]
    assert pull(host, "events/one", cursor)[0] == []


@pytest.mark.slow
def test_a_listing_of_several_pages_is_followed_to_its_end(host: str, bucket: fs.FileSystem):
    """S3 lists a thousand keys at a time, and what is to be read lies behind them; a pattern finds it, too."""
    for number in range(PAGE):
        put(bucket, f"many/{number:04}.txt", "")
    put(bucket, "many/events.jsonl", lines(track(1)))
    for place in ("events/many", "events/many/ev*"):
        assert [record.key.id for record in pull(host, place)[0]] == ["m-1"]


@pytest.mark.parametrize("place", ["events/nothing", "nobody"])
def test_a_prefix_or_bucket_that_is_not_there_is_said(host: str, bucket: fs.FileSystem, place: str):
    """The variable is named."""
    with pytest.raises(Fatal, match="PRODUCT_EVENTS_URL"):
        pull(host, place)
