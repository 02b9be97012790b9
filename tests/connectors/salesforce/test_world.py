"""The planted world, pulled through the real client and compared with its truth."""

import pytest

from connectors.salesforce import CONNECTOR
from models.facts import Fact, Interaction, Touch
from sandbox.world import Truth, build
from sandbox.world.truth import PlantedDocument
from tests.conftest import NOW
from tests.connectors.salesforce.conftest import pull, records


@pytest.fixture
def truth(practice) -> Truth:
    world = build(120, 1, NOW)
    for name, rows in world.salesforce.items():
        practice.sandbox.state.insert_many(name, rows)
    return world.truth


def spoken_here(truth: Truth) -> list[PlantedDocument]:
    return [text for text in truth.documents if text.record.startswith("salesforce/")]


@pytest.fixture
def read(practice, truth) -> list[tuple[str, Fact]]:
    """Every fact of every live record, with the record's key."""
    source = practice.source()
    return [
        (str(record.key), fact)
        for stream in CONNECTOR.streams
        for record in records(pull(source, stream.name))
        if not record.deleted
        for fact in stream.translate(record)
    ]


def test_every_planted_text_is_found_where_it_is_and_nothing_else(truth, read):
    """By record and field, with its source, its author and whether it is markup."""
    found = {
        (key, fact.field, fact.source, fact.author, fact.html) for key, fact in read if isinstance(fact, Interaction)
    }
    planted = {(text.record, text.field, text.source, text.author, text.html) for text in spoken_here(truth)}
    assert found == planted


def test_every_text_hangs_on_a_record_of_its_person(truth, read):
    """The subject is one of the contacts and leads that show the person."""
    records_of = {person.id: set(person.records) for person in truth.persons}
    person_of = {text.record: text.person for text in truth.documents}
    for key, fact in read:
        if isinstance(fact, Interaction):
            assert fact.subject in records_of[person_of[key]]


def test_every_planted_touch_is_read_and_nothing_else(truth, read):
    """Campaigns and lead sources, at their instant."""
    found = {
        (fact.subject, fact.channel, fact.source, fact.source_id, fact.responded, fact.occurred_at)
        for _, fact in read
        if isinstance(fact, Touch)
    }
    planted = {
        (touch.record, touch.channel, touch.source, touch.source_id, touch.responded, touch.occurred_at)
        for person in truth.persons
        for touch in person.touches
        if touch.record.startswith("salesforce/")
    }
    assert found == planted
