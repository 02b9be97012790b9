"""What a changed definition means for records that nobody touched: those that read differently come at once, and no others."""

import logging
from datetime import timedelta

import pytest

from connectors.hubspot import CONNECTOR
from connectors.hubspot.client import ASSOCIATION_BATCH as PAGE
from connectors.hubspot.definitions import Definitions, Stage, meaning
from models.facts import Outcome
from pipelines.ingest.payload import content_hash, dump
from sandbox.hubspot.objects import object_type
from tests.connectors.hubspot.conftest import ids, pull, records

DEALS = CONNECTOR.streams_by_name["deals"]
SEARCH = "/crm/v3/objects/contacts/search"


def define(practice, *names, kind="contacts"):
    """Customer's own text properties."""
    group = "contactinformation"
    rows = [{"name": name, "label": name, "type": "string", "fieldType": "text", "groupName": group} for name in names]
    practice.sandbox.state.insert_many(f"properties/{kind}", rows)


def hashes(pages):
    return {one.key.id: content_hash(one.payload, DEALS.unstamped, dump(one.payload)[0]) for one in records(pages)}


def statuses(pages):
    return {
        one.key.id: fact.status for one in records(pages) for fact in DEALS.translate(one) if isinstance(fact, Outcome)
    }


@pytest.fixture
def deals(practice):
    """Two deals in one stage and one in another, long untouched, and the cursor behind them."""
    long_ago = practice.clock.now() - timedelta(days=30)
    practice.plant("deals", range(1, 3), long_ago, dealstage="contractsent", pipeline="default", amount="100")
    practice.plant("deals", range(3, 4), long_ago, dealstage="closedwon", pipeline="default", amount="200")
    return pull(practice.source(), "deals")


def test_a_renamed_stage_is_no_news_of_any_deal(practice, deals):
    """HubSpot stamps every deal of the pipeline (PipedreamHQ/pipedream#4209); each says what it said before."""
    practice.clock.advance(timedelta(hours=2))
    practice.sandbox.state.change_stage("deals", "default", "contractsent", {"label": "Paper is out"})
    practice.clock.advance(timedelta(minutes=1))
    source = practice.source()
    later = pull(source, "deals", deals[-1].cursor)
    assert sorted(ids(later)) == ["1", "2", "3"]
    assert records(later)[0].payload["stageLabel"] == "Paper is out"
    assert hashes(later) == hashes(deals)
    assert "sweep" not in source.calls


def test_a_probability_that_leaves_a_stage_open_is_no_news_either(practice, deals):
    """It moves calculated properties of every deal in the stage, which nobody decided."""
    practice.clock.advance(timedelta(hours=2))
    practice.sandbox.state.change_stage("deals", "default", "contractsent", {"metadata": {"probability": "0.7"}})
    practice.clock.advance(timedelta(minutes=1))
    later = pull(practice.source(), "deals", deals[-1].cursor)
    assert {one.payload["hs_deal_stage_probability"] for one in records(later)} == {"0.7", "1.0"}
    assert hashes(later) == hashes(deals)


def test_a_stage_that_means_something_else_brings_its_deals_at_once(practice, deals):
    """Although none of them was stamped; deals of other stages do not come, and the next run has no more news of them."""
    practice.clock.advance(timedelta(hours=2))
    practice.sandbox.state.pipelines.change("deals", "default", "contractsent", {"metadata": {"probability": "0.0"}})
    later = pull(practice.source(), "deals", deals[-1].cursor)
    assert statuses(deals) == {"1": "open", "2": "open", "3": "won"}
    assert statuses(later) == {"1": "lost", "2": "lost"}
    assert ids(pull(practice.source(), "deals", later[-1].cursor)) == []


def test_old_values_of_a_new_property_come_along_at_once(practice):
    """Of the records that have one, though their stamps are old; an hour later nobody asks again."""
    practice.contacts(range(1, 4), practice.clock.now() - timedelta(days=9))
    cursor = pull(practice.source())[-1].cursor
    practice.clock.advance(timedelta(hours=2))
    define(practice, "churn_reason", "renewal_note")
    practice.contacts(range(4, 5), practice.clock.now() - timedelta(days=8), churn_reason="price")
    practice.contacts(range(5, 6), practice.clock.now() - timedelta(days=8), renewal_note="soon")
    later = pull(practice.source(), cursor=cursor)
    assert {one.key.id: one.payload.get("churn_reason") for one in records(later)} == {"4": "price", "5": None}
    practice.clock.advance(timedelta(hours=1))
    again = practice.source()
    assert ids(pull(again, cursor=later[-1].cursor)) == []
    assert again.calls == {"definition": 2, "window": 1}


def test_more_new_properties_than_a_search_can_ask_for_are_read_with_everything(practice):
    """A search has five groups of filters."""
    planted = practice.contacts(range(1, 4), practice.clock.now() - timedelta(days=9))
    cursor = pull(practice.source())[-1].cursor
    practice.clock.advance(timedelta(hours=2))
    define(practice, *(f"extra_{number}" for number in range(6)))
    assert ids(pull(practice.source(), cursor=cursor)) == planted


def test_a_property_that_vanished_is_dropped_with_a_warning(practice, caplog):
    """Asking for it would be refused; the values that were pulled stay."""
    define(practice, "churn_reason")
    cursor = pull(practice.source())[-1].cursor
    practice.sandbox.state.properties.archive(object_type("contacts"), "churn_reason")
    practice.clock.advance(timedelta(hours=1))
    (fresh,) = practice.contacts(range(1, 2), practice.clock.now() - timedelta(minutes=1))
    with caplog.at_level(logging.WARNING):
        later = pull(practice.source(), cursor=cursor)
    assert ids(later) == [fresh]
    assert "no property churn_reason any more" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        pull(practice.source(), cursor=later[-1].cursor)
    assert caplog.text == ""


def test_a_window_cut_before_a_property_was_made_is_begun_anew(practice):
    """Its first rows were read without it."""
    planted = practice.contacts(range(1, PAGE + 51))
    walk = practice.source().pages(CONNECTOR.streams_by_name["contacts"], None, None)
    staged = next(walk)
    define(practice, "churn_reason")
    assert ids(pull(practice.source(), resume=staged.position)) == planted


def test_a_weekly_reading_cut_before_a_property_was_made_is_ended_before_it_is_begun_anew(practice):
    """Its rows land under the cursor that stood: among them, the new one would seem to hold what has gone since."""
    planted = practice.contacts(range(1, PAGE + 51), practice.clock.now() - timedelta(days=9))
    cursor = pull(practice.source())[-1].cursor
    practice.clock.advance(timedelta(days=8))
    staged = next(practice.source().pages(CONNECTOR.streams_by_name["contacts"], cursor, None))
    practice.sandbox.state.purge("contacts", planted[0])
    define(practice, "churn_reason")
    first, *rest = pull(practice.source(), cursor=cursor, resume=staged.position)
    assert (first.records, first.cursor, first.whole) == ([], cursor, None)
    assert ids(rest) == planted[1:]
    assert rest[-1].whole


def test_more_properties_than_an_address_can_name_are_all_read(practice):
    """They travel in the body of a POST, of which HubSpot names no limit (airweave-ai/airweave#1064)."""
    names = [f"a_rather_long_name_of_a_property_{number:04d}" for number in range(600)]
    define(practice, *names)
    practice.contacts(range(1, 2), **dict.fromkeys(names, "x"))
    (record,) = records(pull(practice.source()))
    assert set(names) <= record.payload.keys()
    assert sum(map(len, names)) > 2 * 8_192


@pytest.mark.parametrize(
    ("now", "news"),
    [
        ({}, []),
        ({"columns": {"a": "string"}}, []),
        ({"columns": dict.fromkeys("abc", "string")}, [{"propertyName": "c", "operator": "HAS_PROPERTY"}]),
        ({"stages": {"1": Stage("Renamed", "open")}}, []),
        ({"stages": {"1": Stage("One", "won")}}, [{"propertyName": "dealstage", "operator": "IN", "values": ["1"]}]),
        ({"stages": {"1": Stage("One", "open"), "2": Stage("New", None)}},
            [{"propertyName": "dealstage", "operator": "IN", "values": ["2"]}]),
        ({"currency": "usd"}, None),
        ({"columns": dict.fromkeys("abcdefgh", "string")}, None),
        ({"stages": {str(one): Stage("One", "won") for one in range(101)}}, None),
    ],
)  # fmt: skip
def test_what_changed_names_the_records_that_read_differently(now, news):
    """None is: any record may."""
    before = {"columns": {"a": "string", "b": "date"}, "stages": {"1": Stage("One", "open")}, "currency": "eur"}
    assert Definitions(**{**before, **now}).news(Definitions(**before).position()) == news


@pytest.mark.parametrize(
    ("metadata", "means"),
    [
        ({"isClosed": "true", "probability": "1.0"}, "won"),
        ({"isClosed": "true", "probability": "1"}, "won"),
        ({"isClosed": "true", "probability": "0.0"}, "lost"),
        ({"isClosed": "false", "probability": "1.0"}, "open"),
        ({"isClosed": "true", "probability": "likely"}, None),
        ({"probability": "1.0"}, None),
        ({}, None),
    ],
)
def test_a_stage_means_what_its_metadata_say(metadata, means):
    """One that does not say leaves it to the deal's own flags."""
    assert meaning(metadata) == means
