"""`sidecar state`: where streams stand, and sending one back to its beginning."""

from datetime import UTC, datetime

import pytest

from connectors.stripe import CONNECTOR
from pipelines.ingest.pull import PullReport, pull_stream
from pipelines.ingest.staging import claim
from pipelines.workspace import Workspace
from tests.service.conftest import Door


@pytest.fixture
def pulled(door: Door) -> Door:
    """Two customers have landed."""
    made = [{"id": f"cus_{n}", "object": "customer", "created": 1_600_000_000 + n} for n in range(2)]
    door.stripe.state.insert_many(made)
    door.connect()
    for stream in ("customers", "products"):
        pull(stream)
    return door


def pull(name: str) -> PullReport:
    """What the job does with one stream."""
    with Workspace.from_environment() as here:
        source, stream = CONNECTOR.open(CONNECTOR.settings(), here.clock), CONNECTOR.streams_by_name[name]
        place = {"lake": here.lake, "store": here.store, "staging": here.staging, "clock": here.clock}
        return pull_stream(source, CONNECTOR, stream, **place)


def customers(door: Door):
    return next(one for one in door.ask("state", "--json").json if one["stream"] == "customers")


def test_before_any_pull_there_is_nothing_to_say(door):
    """And nothing to reset."""
    door.connect()
    assert "No stream has been pulled yet" in door.ask("state").out
    assert door.ask("state", "--json").json == []
    answer = door.ask("state", "reset", "stripe", "--yes")
    assert answer.code == 2
    assert "never pulled" in answer.said


def test_every_stream_says_until_when_and_how_much(pulled):
    """In words for people; for machines with the connector's own cursor."""
    found = customers(pulled)
    assert (found["records"], found["rejected"], found["staged_pages"]) == (2, 0, 0)
    assert [set(each) >= {"events_from"} for each in found["cursor"].values()] == [True]
    assert datetime.fromisoformat(found["reached"]) <= datetime.now(UTC)
    said = pulled.ask("state").said
    assert f"customers: read until {found['reached'][:10]}" in said
    assert "· 2 records" in said


def test_a_reset_wants_to_be_sure(pulled):
    """Where nobody can be asked it says what it would do, and does nothing."""
    answer = pulled.ask("state", "reset", "stripe/customers")
    assert answer.code == 2
    assert "nothing is doubled" in answer.said
    assert "--yes" in answer.said
    assert customers(pulled)["cursor"]


def test_a_reset_stream_is_read_again_and_nothing_is_doubled(pulled):
    """It alone; its rows stay, and the next pull lands none of them again."""
    answer = pulled.ask("state", "reset", "stripe/customers", "--yes")
    assert answer.code == 0
    assert "reads stripe/customers from the beginning" in answer.said
    found = customers(pulled)
    assert (found["cursor"], found["records"]) == (None, 2)
    assert "nothing read yet" in pulled.ask("state").said
    assert all(one["cursor"] for one in pulled.ask("state", "--json").json if one["stream"] != "customers")
    again = pull("customers")
    assert (again.seen, again.rows) == (2, 0)


def test_a_vendor_is_reset_as_a_whole_or_not_at_all(pulled):
    """While one of its streams is being pulled, none is reset."""
    before = pulled.ask("state", "--json").json
    with (
        Workspace.from_environment() as workspace,
        claim(workspace.staging, "stripe", before[0]["account"], "products"),
    ):
        answer = pulled.ask("state", "reset", "stripe", "--yes")
    assert answer.code == 1
    assert "stripe/products" in answer.said
    assert pulled.ask("state", "--json").json == before
    assert pulled.ask("state", "reset", "stripe", "--yes").code == 0
    assert [one["cursor"] for one in pulled.ask("state", "--json").json] == [None]


@pytest.mark.parametrize(("name", "says"), [("strype", "choose from"), ("stripe/customer", "no stream called")])
def test_a_name_that_is_none_is_answered_with_those_that_are(door, name, says):
    """Vendor or stream."""
    answer = door.ask("state", "reset", name, "--yes")
    assert answer.code == 2
    assert says in answer.said
