"""The planted market, pulled whole: what was spent and whom ads brought, against the truth."""

import pytest

from connectors.meta_ads import CONNECTOR
from models.facts import Identifier, Spend, Touch
from sandbox.world import World, build
from tests.conftest import NOW
from tests.connectors.meta_ads.conftest import Puller


@pytest.fixture(scope="module")
def world() -> World:
    return build(300, 1, NOW)


@pytest.fixture
def planted(puller: Puller, world: World) -> Puller:
    """The sandbox with the world's ads."""
    for kind, rows in world.meta_ads.items():
        puller.sandbox.state.insert_many(kind, rows)
    return puller


def test_spend_equals_the_truth_to_the_minor_unit(planted: Puller, world: World) -> None:
    """Every ad and day of both accounts, in their own currencies and days, and nothing else."""
    planted.pull("insights")
    found = {
        (record.key.account, fact.day, fact.ad_id, fact.amount_minor, fact.currency)
        for record in planted.records.values()
        for fact in CONNECTOR.streams_by_name["insights"].translate(record)
        if isinstance(fact, Spend)
    }
    truth = {(one.account, one.day, one.ad_id, one.amount_minor, one.currency) for one in world.truth.spend}
    assert found == truth
    assert len(truth) > 4000


def test_leads_tell_the_planted_touches_and_nothing_more(planted: Puller, world: World) -> None:
    """Each form is its person's, by the ad and at the second that the truth names, and can be recognised."""
    planted.pull("leads")
    stream = CONNECTOR.streams_by_name["leads"]
    facts = [fact for record in planted.records.values() for fact in stream.translate(record)]
    told = {
        (fact.subject, fact.channel, fact.source, fact.source_id, fact.ad_id, fact.responded, fact.occurred_at)
        for fact in facts
        if isinstance(fact, Touch)
    }
    touches = [touch for person in world.truth.persons for touch in person.touches if touch.channel == "lead_ad"]
    assert told == {
        (one.record, one.channel, one.source, one.source_id, one.ad_id, one.responded, one.occurred_at)
        for one in touches
    }
    assert len(touches) >= 3
    assert {fact.kind for fact in facts if isinstance(fact, Identifier)} == {"email", "phone"}


def test_the_doctor_finds_nothing_wrong_with_the_planted_world(planted: Puller) -> None:
    """The Page whose form its leads filled in is there too."""
    assert all(finding.ok for finding in planted.open().diagnose(CONNECTOR.streams))


def test_every_object_is_listed(planted: Puller, world: World) -> None:
    """Deleted and archived ones too."""
    for stream, kind in (("campaigns", "campaign"), ("adsets", "adset"), ("ads", "ad"), ("creatives", "adcreative")):
        assert planted.pull(stream)[0] == len(world.meta_ads[kind])


def test_a_quiet_run_after_the_first_brings_nothing_new(planted: Puller) -> None:
    """No new version of anything, one window call per account and listed stream, two for insights, for leads one and one for the Page's forms."""
    for stream in CONNECTOR.streams_by_name:
        planted.pull(stream)
    planted.clock.advance(NOW - NOW.replace(hour=8))
    before = {key: record.payload for key, record in planted.records.items()}
    calls = {}
    for stream in CONNECTOR.streams_by_name:
        _, source = planted.pull(stream)
        calls[stream] = source.calls["window"]
    assert {key: record.payload for key, record in planted.records.items()} == before
    assert calls == {
        "ad_accounts": 0, "campaigns": 2, "adsets": 2, "ads": 2, "creatives": 0, "insights": 4, "leads": 3,
    }  # fmt: skip
