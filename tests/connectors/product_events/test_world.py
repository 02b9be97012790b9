"""The planted files, pulled into the lake and compared with their truth."""

from collections import Counter
from pathlib import Path

import pytest

from connectors.product_events import CONNECTOR
from models.facts import Engagement, Identifier, Interaction, Touch
from pipelines.ingest.payload import load as load_payload
from pipelines.ingest.pull import PullReport
from pipelines.understand.text import canonical
from sandbox.world import Truth, World, build
from sandbox.world.documents import load
from tests.conftest import NOW
from tests.connectors.product_events.conftest import Landing


@pytest.fixture(scope="module")
def world() -> World:
    return build(300, 1, NOW)


@pytest.fixture
def reports(world: World, landing: Landing) -> dict[str, PullReport]:
    """Every stream of the planted files, landed."""
    for name, content in world.product_events.items():
        landing.folder.write(name, content)
    return {stream.name: landing.pull(stream.name) for stream in CONNECTOR.streams}


def here(truth: Truth, *objects: str) -> set[str]:
    return {
        record
        for person in truth.persons
        for record in person.records
        if record.startswith(tuple(f"product_events/app/{name}/" for name in objects))
    }


def test_the_records_of_persons_are_those_that_were_planted(world: World, landing: Landing, reports):
    """Users and participants, each with what ties them; a visitor who said nothing is nobody."""
    found = landing.lake.facts(Identifier)
    persons = set(found.filter(found.scope == "person").record.to_pyarrow().to_pylist())
    assert persons == here(world.truth, "user", "participant")
    assert len(here(world.truth, "user")) > 80
    assert len(here(world.truth, "participant")) > 1


def test_every_line_that_cannot_be_read_is_counted_and_nothing_else(world: World, reports):
    """As many as were planted; what was delivered twice and what is nobody's are no errors."""
    assert sum(reports["events"].rejected.values()) == world.truth.unreadable_events > 0
    assert not any(reports[name].rejected for name in ("users", "participants", "transcripts"))


def test_every_planted_touch_is_read_and_nothing_else(world: World, landing: Landing, reports):
    """With its ad where the address names one, and at its instant."""
    columns = ("subject", "channel", "source", "ad_id", "responded", "occurred_at")
    found = {tuple(row[column] for column in columns) for row in landing.lake.facts(Touch).to_pyarrow().to_pylist()}
    planted = {
        (touch.record, touch.channel, touch.source, touch.ad_id, touch.responded, touch.occurred_at)
        for person in world.truth.persons
        for touch in person.touches
        if touch.record.startswith("product_events/")
    }
    assert found == planted
    assert {touch[3] is None for touch in planted} == {True, False}


def test_every_planted_talk_is_read_word_by_word(world: World, landing: Landing, reports):
    """The canonical text is the document's own, its author is known, and it hangs on a record of its person."""
    texts = {text.doc_id: text for documents in load().values() for text in documents}
    rows = landing.lake.latest("product_events", "transcripts").to_pyarrow().to_pylist()
    payloads = {row["record"]: load_payload(row["payload"].encode()) for row in rows}
    facts = {row["record"]: row for row in landing.lake.facts(Interaction).to_pyarrow().to_pylist()}
    records = {person.id: person.records for person in world.truth.persons}
    planted = [one for one in world.truth.documents if one.record.startswith("product_events/")]
    assert facts.keys() == {one.record for one in planted} != set()
    for one in planted:
        text, fact = texts[one.doc_id], facts[one.record]
        assert canonical(payloads[one.record][one.field], "transcript") == canonical(text.text, "transcript")
        assert (fact["source"], fact["author"], fact["occurred_at"]) == (one.source, one.author, one.occurred_at)
        assert fact["subject"] in records[one.person]


def test_use_comes_in_sessions(landing: Landing, reports):
    """Deeds of one user follow each other within minutes, and users differ widely in how much they do."""
    deeds = [row for row in landing.lake.facts(Engagement).to_pyarrow().to_pylist() if row["kind"] == "product"]
    by_user = Counter(row["subject"] for row in deeds)
    assert max(by_user.values()) > 8 * min(by_user.values())
    assert max(row["occurred_at"] for row in deeds) <= NOW
    assert {row["action"] for row in deeds} > {"page", "Report opened", "Report exported"}


def test_a_second_pull_of_the_same_files_brings_nothing(landing: Landing, reports, tmp_path: Path):
    """One listing per stream, no row."""
    for stream in CONNECTOR.streams:
        report = landing.pull(stream.name)
        assert (report.seen, report.rows, report.calls) == (0, 0, {"window": 1})
