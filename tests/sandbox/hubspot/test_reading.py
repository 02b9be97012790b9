"""Lists, single reads, batch reads and associations: guides "Contacts" and "Associations" of HubSpot's API reference."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import requests
from hubspot import HubSpot
from hubspot.crm import objects

from tests.conftest import Sandbox
from tests.sandbox.hubspot.conftest import plant, refused


def test_a_list_ends_with_its_last_page(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """`after` leads through all records once, in the order of their ids, and the last page has no paging."""
    plant(hubspot_sandbox, "contacts", 7, email="p{n}@x.example")
    seen, after, pages = [], None, 0
    while True:
        page = client.crm.contacts.basic_api.get_page(limit=3, after=after)
        seen += [one.id for one in page.results]
        pages += 1
        if page.paging is None:
            break
        after = page.paging.next.after
    assert seen == [str(n) for n in range(1, 8)]
    assert pages == 3


@pytest.mark.parametrize(
    "params", [{"limit": 101}, {"limit": 0}, {"after": "next"}, {"bogus": "1"}, {"properties": "emal"}]
)
def test_what_a_list_does_not_know_is_refused(get: Callable[..., requests.Response], params: dict[str, object]) -> None:
    """A page above 100 is 400 (SDK: basic_api.get_page); so is what no list has, which HubSpot may pass over in silence."""
    answer = get("/crm/v3/objects/contacts", **params)
    assert answer.status_code == 400
    assert answer.json()["category"] == "VALIDATION_ERROR"


def test_values_are_strings_and_instants_are_iso(
    hubspot_sandbox: Sandbox, get: Callable[..., requests.Response]
) -> None:
    """All values are strings, absent ones null, stamps in UTC with a fraction only where there is one (SDK: SimplePublicObject)."""
    row = {"id": "5", "createdAt": "2026-01-01T00:00:00.250Z", "properties": {"name": "Ærø", "numberofemployees": "12"}}
    hubspot_sandbox.state.insert_many("companies", [row])
    (one,) = get("/crm/v3/objects/companies", properties="name,numberofemployees,phone").json()["results"]
    assert one["properties"] == {
        "name": "Ærø", "numberofemployees": "12", "phone": None, "createdate": "2026-01-01T00:00:00.250Z",
        "hs_lastmodifieddate": "2026-01-01T00:00:00.250Z", "hs_object_id": "5",
    }  # fmt: skip
    assert set(one) <= set(objects.SimplePublicObjectWithAssociations.attribute_map.values())
    assert (one["createdAt"], one["archived"]) == ("2026-01-01T00:00:00.250Z", False)


def test_archived_records_are_in_a_list_of_their_own(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """`archived=True`, as the Python SDK writes it, gives the recycling bin with archivedAt; the plain list leaves it out."""
    plant(hubspot_sandbox, "contacts", 2, email="p{n}@x.example")
    client.crm.contacts.basic_api.archive("1")
    assert [one.id for one in client.crm.contacts.basic_api.get_page().results] == ["2"]
    (gone,) = client.crm.contacts.basic_api.get_page(archived=True).results
    assert (gone.id, gone.archived_at) == ("1", datetime(2026, 11, 2, 9, tzinfo=UTC))
    with refused() as no:
        client.crm.contacts.basic_api.get_by_id("1")
    assert no.status == 404
    assert client.crm.contacts.basic_api.get_by_id("1", archived=True).archived


def test_a_record_is_found_by_a_unique_property(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """idProperty=email finds the contact whatever the case; a property that is not unique is refused."""
    plant(hubspot_sandbox, "contacts", 2, email="p{n}@x.example")
    assert client.crm.contacts.basic_api.get_by_id("P2@x.example", id_property="email").id == "2"
    with refused() as no:
        client.crm.contacts.basic_api.get_by_id("Ada", id_property="firstname")
    assert no.status == 400


def test_a_batch_read_tells_what_is_missing(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """207 with the missing ids in the context; never silence (SDK: BatchResponseSimplePublicObjectWithErrors)."""
    plant(hubspot_sandbox, "contacts", 2, email="p{n}@x.example")
    asked = {"inputs": [{"id": one} for one in ("1", "2", "77")], "properties": ["email"], "propertiesWithHistory": []}
    data, status, _ = client.crm.contacts.batch_api.read_with_http_info(asked)
    assert status == 207
    assert [one.properties["email"] for one in data.results] == ["p1@x.example", "p2@x.example"]
    assert (data.num_errors, data.errors[0].context) == (1, {"ids": ["77"]})
    _, status, _ = client.crm.contacts.batch_api.read_with_http_info({**asked, "inputs": [{"id": "1"}]})
    assert status == 200


@pytest.mark.parametrize("number", [0, 101])
def test_a_batch_has_a_hundred_inputs_at_most(client: HubSpot, number: int) -> None:
    """None and too many are 400 (guide "Contacts", "Read in batches")."""
    with refused() as no:
        client.crm.contacts.batch_api.read({"inputs": [{"id": str(n)} for n in range(number)], "properties": []})
    assert no.status == 400


def test_associations_are_paged_beyond_a_hundred(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """Each page of a batch read has 100 and leads on; both ways, the first company of a contact being its primary one."""
    plant(hubspot_sandbox, "contacts", 130, email="p{n}@x.example")
    ties = {"contacts": [str(n) for n in range(1, 131)]}
    hubspot_sandbox.state.insert_many("companies", [{"id": "900", "properties": {"name": "A"}, "associations": ties}])
    hubspot_sandbox.state.insert_many(
        "companies", [{"id": "901", "properties": {}, "associations": {"contacts": ["1"]}}]
    )
    batch = client.crm.associations.v4.batch_api
    first = batch.get_page("companies", "contacts", {"inputs": [{"id": "900"}]}).results[0]
    second = batch.get_page(
        "companies", "contacts", {"inputs": [{"id": "900", "after": first.paging.next.after}]}
    ).results[0]
    assert [len(first.to), len(second.to), second.paging] == [100, 30, None]
    assert len({one.to_object_id for one in [*first.to, *second.to]}) == 130
    back = batch.get_page("contacts", "companies", {"inputs": [{"id": "1"}]}).results[0]
    labels = {one.to_object_id: [(each.type_id, each.label) for each in one.association_types] for one in back.to}
    assert labels == {"900": [(1, "Primary"), (279, None)], "901": [(279, None)]}


def test_a_record_without_associations_is_told_as_an_error(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """207 with NO_ASSOCIATIONS_FOUND and the id; an archived one does not count, and a pair that cannot be is 400."""
    plant(hubspot_sandbox, "contacts", 1, email="p{n}@x.example")
    call = {"id": "7", "properties": {"hs_timestamp": "2026-01-01T00:00:00Z"}, "associations": {"contacts": ["1"]}}
    hubspot_sandbox.state.insert_many("calls", [call])
    batch = client.crm.associations.v4.batch_api
    assert batch.get_page("contacts", "calls", {"inputs": [{"id": "1"}]}).results[0].to[0].to_object_id == "7"
    hubspot_sandbox.state.archive("calls", "7")
    data, status, _ = batch.get_page_with_http_info("contacts", "calls", {"inputs": [{"id": "1"}]})
    assert (status, data.results) == (207, [])
    assert data.errors[0].sub_category == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert data.errors[0].context["fromObjectId"] == ["1"]
    with refused() as no:
        batch.get_page("calls", "calls", {"inputs": [{"id": "7"}]})
    assert no.status == 400


def test_a_list_shows_a_hundred_associations_at_most(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """`associations=` cuts at 100, which is why it is not to be relied on (airbyte#56447)."""
    plant(hubspot_sandbox, "contacts", 101, email="p{n}@x.example")
    ties = {"contacts": [str(n) for n in range(1, 102)]}
    hubspot_sandbox.state.insert_many("companies", [{"id": "900", "properties": {}, "associations": ties}])
    (one,) = client.crm.companies.basic_api.get_page(associations=["contacts"]).results
    assert len(one.associations["contacts"].results) == 100
    assert one.associations["contacts"].results[0].type == "company_to_contact"


def test_the_cursor_of_associations_is_no_number_to_count_with(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """A token that belongs to its record (changelog, "Batch Read Limit for HubSpot Associations API"); another's is 400."""
    plant(hubspot_sandbox, "contacts", 130, email="p{n}@x.example")
    ties = {"contacts": [str(n) for n in range(1, 131)]}
    hubspot_sandbox.state.insert_many("companies", [{"id": "900", "properties": {}, "associations": ties}])
    batch = client.crm.associations.v4.batch_api
    after = batch.get_page("companies", "contacts", {"inputs": [{"id": "900"}]}).results[0].paging.next.after
    assert not after.isdecimal()
    for given in ({"id": "901", "after": after}, {"id": "900", "after": "100"}):
        with refused() as no:
            batch.get_page("companies", "contacts", {"inputs": [given]})
        assert no.status == 400


def test_the_id_of_a_merged_deal_has_no_associations(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """Asked for itself it leads to the new deal; of its associations nothing is told (changelog, "Deals now support merging")."""
    plant(hubspot_sandbox, "contacts", 1, email="p{n}@x.example")
    rows = [
        {
            "id": one,
            "properties": {"dealstage": "closedwon", "pipeline": "default"},
            "associations": {"contacts": ["1"]},
        }
        for one in ("901", "902")
    ]
    hubspot_sandbox.state.insert_many("deals", rows)
    new = str(hubspot_sandbox.state.merge("deals", "901", "902").id)
    batch = client.crm.associations.v4.batch_api
    assert client.crm.deals.basic_api.get_by_id("901").id == new
    assert batch.get_page("deals", "contacts", {"inputs": [{"id": "901"}]}).results == []
    assert len(batch.get_page("deals", "contacts", {"inputs": [{"id": new}]}).results[0].to) == 1
