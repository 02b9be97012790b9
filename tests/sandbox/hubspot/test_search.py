"""Search: https://developers.hubspot.com/docs/api-reference/search/guide; where it is silent, what others met."""

from datetime import timedelta
from typing import Any

import pytest
from hubspot import HubSpot

from models.clock import FrozenClock
from tests.conftest import Sandbox
from tests.sandbox.hubspot.conftest import plant, refused

MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


def found(client: HubSpot, *filters: dict[str, Any], kind: str = "contacts", **more: Any) -> list[str]:
    asked = {
        "filterGroups": [{"filters": list(filters)}] if filters else [],
        "sorts": ["hs_object_id"],
        "limit": 200,
        **more,
    }
    return [one.id for one in client.crm.objects.search_api.do_search(kind, asked).results]


def by(name: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    given = {"values": value} if isinstance(value, list) else {"value": value}
    return {"propertyName": name, "operator": operator, **({} if value is None else given), **more}


@pytest.fixture
def people(hubspot_sandbox: Sandbox) -> None:
    """Ada 1 to 3 at x.example, in 2026, one second apart; the second has no city, the third opted for another stage."""
    rows: list[dict[str, str]] = [
        {"email": "ada@x.example", "firstname": "Ada", "city": "Köln", "lifecyclestage": "lead"},
        {"email": "bob@x.example", "firstname": "Bob", "lifecyclestage": "lead"},
        {"email": "cy.li@y.example", "firstname": "Cy Ada", "city": "Cork", "lifecyclestage": "customer"},
    ]
    stamped = [
        {"id": str(n), "createdAt": f"2026-01-01T00:00:0{n}.500Z", "properties": values}
        for n, values in enumerate(rows, 1)
    ]
    hubspot_sandbox.state.insert_many("contacts", stamped)


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ([by("firstname", "EQ", "ADA")], ["1"]),
        ([by("city", "NEQ", "Cork")], ["1", "2"]),
        ([by("lifecyclestage", "EQ", "lead")], ["1", "2"]),
        ([by("firstname", "IN", ["ada", "bob"])], ["1", "2"]),
        ([by("firstname", "IN", ["Ada"])], []),
        ([by("city", "NOT_IN", ["köln"])], ["2", "3"]),
        ([by("city", "HAS_PROPERTY")], ["1", "3"]),
        ([by("city", "NOT_HAS_PROPERTY")], ["2"]),
        ([by("email", "CONTAINS_TOKEN", "*@x.example")], ["1", "2"]),
        ([by("firstname", "CONTAINS_TOKEN", "ada")], ["1", "3"]),
        ([by("firstname", "NOT_CONTAINS_TOKEN", "ada")], ["2"]),
        ([by("hs_object_id", "GT", "1")], ["2", "3"]),
        ([by("lastmodifieddate", "GTE", str(MS + 2500))], ["2", "3"]),
        ([by("lastmodifieddate", "GT", str(MS + 2500))], ["3"]),
        ([by("lastmodifieddate", "LT", "2026-01-01T00:00:02.500Z")], ["1"]),
        ([by("lastmodifieddate", "LTE", "2026-01-01T00:00:02.500Z")], ["1", "2"]),
        ([by("createdate", "BETWEEN", str(MS + 1500), highValue=str(MS + 2500))], ["1", "2"]),
        ([by("lifecyclestage", "EQ", "lead"), by("city", "HAS_PROPERTY")], ["1"]),
    ],
)
@pytest.mark.usefixtures("people")
def test_filters(client: HubSpot, filters: list[dict[str, Any]], ids: list[str]) -> None:
    """Every operator of the SDK's Filter; filters of a group must all hold, strings of IN come in lower case (guide)."""
    assert found(client, *filters) == ids


@pytest.mark.usefixtures("people")
def test_groups_are_alternatives_and_numbers_are_compared_as_such(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """One group or another; 9 is less than 10."""
    asked = {"filterGroups": [{"filters": [by("firstname", "EQ", "bob")]}, {"filters": [by("city", "EQ", "cork")]}]}
    assert client.crm.contacts.search_api.do_search(asked).total == 2
    for number in ("9", "10", "11.5"):
        hubspot_sandbox.state.insert_many("companies", [{"properties": {"numberofemployees": number}}])
    assert len(found(client, by("numberofemployees", "GTE", "10"), kind="companies")) == 2


def test_sorting_and_paging(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """`after` is an offset, `total` counts all, 200 are a page; one sort, as a word or as an object, either way."""
    plant(hubspot_sandbox, "contacts", 250, email="p{n}@x.example")
    search = client.crm.contacts.search_api.do_search
    first = search({"sorts": ["createdate"], "limit": 200})
    second = search({"sorts": ["createdate"], "limit": 200, "after": first.paging.next.after})
    assert (first.total, first.paging.next.after, len(second.results), second.paging) == (250, "200", 50, None)
    newest = search({"sorts": [{"propertyName": "lastmodifieddate", "direction": "DESCENDING"}], "limit": 1})
    assert newest.results[0].id == search({"sorts": ["-lastmodifieddate"], "limit": 1}).results[0].id == "250"
    assert len(search({}).results) == 10


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 201}, {"sorts": ["createdate", "email"]}, {"sorts": ["nothing"]}, {"bogus": 1}, {"limit": "9"}, {"properties": ["emal"]},
        {"filterGroups": [{"filters": [by("nothing", "EQ", "1")]}]}, {"filterGroups": [{"filters": [by("email", "LIKE", "1")]}]},
        {"filterGroups": [{"filters": [by("email", "EQ")]}]}, {"filterGroups": [{"filters": [by("createdate", "GT", "soon")]}]},
        {"filterGroups": [{"filters": [by("email", "HAS_PROPERTY")] * 7}]}, {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [by("email", "IN", ["x"] * 101)]}]},
    ],
)  # fmt: skip
def test_what_search_does_not_know_is_refused(client: HubSpot, asked: dict[str, Any]) -> None:
    """400 for pages above 200, a second sort, unknown properties, operators and keys, absent values, too many filters and values."""
    with refused() as no:
        client.crm.contacts.search_api.do_search(asked)
    assert (no.status, no.body["category"]) == (400, "VALIDATION_ERROR")


def test_the_ten_thousandth_row_is_out_of_reach(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """10,050 rows of one millisecond: the total tells them, the last page ends at 10,000, what follows is 400; ids lead on."""
    rows = [{"id": str(n), "createdAt": "2026-01-01T00:00:00Z", "properties": {}} for n in range(1, 10_051)]
    hubspot_sandbox.state.insert_many("contacts", rows)
    search = client.crm.contacts.search_api.do_search
    last = search({"sorts": ["hs_object_id"], "limit": 200, "after": "9800"})
    assert (last.total, last.results[-1].id, last.paging.next.after) == (10_050, "10000", "10000")
    with refused() as no:
        search({"sorts": ["hs_object_id"], "limit": 200, "after": last.paging.next.after})
    assert no.status == 400
    instant, beyond = by("lastmodifieddate", "EQ", str(MS)), by("hs_object_id", "GT", "10000")
    assert len(found(client, instant, beyond)) == 50


@pytest.mark.usefixtures("people")
def test_the_instant_zero_breaks_it(client: HubSpot) -> None:
    """Epoch 0 in a filter is 500, as connectors found that began there; the millisecond after is fine."""
    with refused() as no:
        found(client, by("lastmodifieddate", "GTE", "0"))
    assert no.status == 500
    assert len(found(client, by("lastmodifieddate", "GTE", "1"))) == 3


@pytest.mark.usefixtures("people")
def test_the_index_lags(hubspot_sandbox: Sandbox, client: HubSpot, clock: FrozenClock) -> None:
    """With a lag, a change is found once it has passed; the list shows it at once (estuary#1861, hubspot-api-php#59)."""
    hubspot_sandbox.state.index_lag = timedelta(minutes=30)
    client.crm.contacts.basic_api.update("2", {"properties": {"city": "Lyon"}})
    assert found(client, by("city", "EQ", "lyon")) == []
    assert client.crm.contacts.basic_api.get_by_id("2", properties=["city"]).properties["city"] == "Lyon"
    clock.advance(timedelta(minutes=30))
    assert found(client, by("city", "EQ", "lyon")) == ["2"]


@pytest.mark.usefixtures("people")
def test_rows_outside_the_window_may_come(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """With a slack, search gives rows that lie a little outside (estuary#2210)."""
    window = [by("lastmodifieddate", "GTE", str(MS + 2500)), by("lastmodifieddate", "LT", str(MS + 3000))]
    assert found(client, *window) == ["2"]
    hubspot_sandbox.state.search_slack = timedelta(seconds=1)
    assert found(client, *window) == ["1", "2", "3"]


@pytest.mark.usefixtures("people")
def test_archived_records_are_never_found(client: HubSpot) -> None:
    """What is in the recycling bin is in no search."""
    client.crm.contacts.basic_api.archive("1")
    assert found(client) == ["2", "3"]


@pytest.mark.usefixtures("people")
def test_searching_by_words_is_not_played(client: HubSpot) -> None:
    """The sandbox says so instead of answering something."""
    with refused() as no:
        client.crm.contacts.search_api.do_search({"query": "ada"})
    assert "not by query" in no.body["message"]


@pytest.mark.usefixtures("people")
def test_a_lagging_index_finds_a_record_where_it_was_and_shows_it_as_it_is(
    hubspot_sandbox: Sandbox, client: HubSpot, clock: FrozenClock
) -> None:
    """So a row may stand outside the window that was asked for (estuary/connectors#2210), and a new one is not found yet."""
    hubspot_sandbox.state.index_lag = timedelta(minutes=30)
    client.crm.contacts.basic_api.update("2", {"properties": {"lifecyclestage": "customer"}})
    client.crm.contacts.basic_api.create({"properties": {"lifecyclestage": "lead"}})
    search = client.crm.contacts.search_api.do_search
    asked = {"filterGroups": [{"filters": [by("lifecyclestage", "EQ", "lead")]}], "properties": ["lifecyclestage"]}
    assert [(one.id, one.properties["lifecyclestage"]) for one in search(asked).results] == [
        ("1", "lead"),
        ("2", "customer"),
    ]
    client.crm.contacts.basic_api.archive("2")
    assert [one.id for one in search(asked).results] == ["1"]
    clock.advance(timedelta(minutes=30))
    assert [one.properties["lifecyclestage"] for one in search(asked).results] == ["lead", "lead"]
