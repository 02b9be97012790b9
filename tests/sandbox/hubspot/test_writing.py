"""Creates, updates, batches, archives and merges: guide "Contacts" of HubSpot's API reference and error-handling."""

from datetime import timedelta
from typing import Any

import pytest
from hubspot import HubSpot

from models.clock import FrozenClock
from tests.conftest import Sandbox
from tests.sandbox.hubspot.conftest import plant, refused


def test_a_contact_is_created_and_found(client: HubSpot, clock: FrozenClock) -> None:
    """201 with the values as HubSpot keeps them: addresses in lower case, stamps of now."""
    made, status, _ = client.crm.contacts.basic_api.create_with_http_info(
        {"properties": {"email": " Ada@X.Example", "city": "Köln"}}
    )
    assert (status, made.properties["email"], made.created_at) == (201, "ada@x.example", clock.now())
    kept = client.crm.contacts.basic_api.get_by_id(made.id, properties=["city"]).properties
    assert kept["city"] == "Köln"


def test_an_address_belongs_to_one_contact(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """409 CONFLICT with the existing id in the message; archiving sets the address free."""
    plant(hubspot_sandbox, "contacts", 2, email="p{n}@x.example")
    for write in (
        lambda: client.crm.contacts.basic_api.create({"properties": {"email": "P1@x.example"}}),
        lambda: client.crm.contacts.basic_api.update("2", {"properties": {"email": "p1@x.example"}}),
    ):
        with refused() as no:
            write()
        assert (no.status, no.body["category"]) == (409, "CONFLICT")
        assert no.body["message"] == "Contact already exists. Existing ID: 1"
    client.crm.contacts.basic_api.archive("1")
    assert client.crm.contacts.basic_api.create({"properties": {"email": "p1@x.example"}}).id


@pytest.mark.parametrize(
    ("kind", "values", "code"),
    [
        ("contacts", {"emal": "a@x.example"}, "PROPERTY_DOESNT_EXIST"), ("contacts", {"email": "nobody"}, "INVALID_EMAIL"),
        ("contacts", {"hs_object_id": "5"}, "READ_ONLY_VALUE"), ("contacts", {"lifecyclestage": "Lead"}, "INVALID_OPTION"),
        ("contacts", {"hubspot_owner_id": "4"}, "INVALID_OWNER_ID"), ("contacts", {"lifecyclestage": " lead"}, "LEADING_TRAILING_WHITESPACE"),
        ("contacts", {"city": "x" * 65_537}, "STRING_TOO_LONG"), ("companies", {"numberofemployees": "many"}, "INVALID_NUMBER"),
        ("companies", {"numberofemployees": "NaN"}, "INVALID_NUMBER"), ("deals", {"closedate": "soon", "dealstage": "closedwon"}, "INVALID_DATE"),
        ("deals", {"dealname": "A"}, "REQUIRED_FIELD"), ("deals", {"dealstage": "1", "pipeline": "default"}, "INVALID_OPTION"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused(client: HubSpot, kind: str, values: dict[str, str], code: str) -> None:
    """400 with property and code, in `errors` and as JSON in the message (HubSpot changelog, "Property Validations")."""
    with refused() as no:
        client.crm.objects.basic_api.create(kind, {"properties": values})
    assert (no.status, no.codes[0]) == (400, code)
    assert no.body["errors"][0]["context"]["propertyName"][0] in {*values, "dealstage"}
    assert f'"error":"{code}"' in no.body["message"]


@pytest.mark.parametrize(
    "body", [{"properties": {"city": 5}}, {"properties": {"city": None}}, {"values": {}}, {}, {"properties": []}]
)
def test_values_are_strings_on_the_wire(client: HubSpot, body: dict[str, Any]) -> None:
    """Numbers, nulls and unknown keys are 400 (SDK: SimplePublicObjectInput.properties is dict[str, str])."""
    plain = {"method": "POST", "path": "/crm/v3/objects/contacts", "body": body}
    answer = HubSpot(access_token="pat-eu1-sandbox", base_url=client.config["host"]).api_request(plain)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Invalid input JSON")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("1767225600000", "2026-01-01T00:00:00Z"), ("2026-01-01T01:00:00.125+01:00", "2026-01-01T00:00:00.125Z"),
        ("2026-01-01", "2026-01-01T00:00:00Z"),
    ],
)  # fmt: skip
def test_instants_come_in_two_forms_and_go_in_one(client: HubSpot, given: str, kept: str) -> None:
    """Milliseconds or ISO 8601 in, UTC out (guide "Properties", date and datetime)."""
    made = client.crm.deals.basic_api.create({"properties": {"dealstage": "closedwon", "closedate": given}})
    assert made.properties["closedate"] == kept


def test_every_change_moves_the_stamp(hubspot_sandbox: Sandbox, client: HubSpot, clock: FrozenClock) -> None:
    """Also a second one within the same millisecond, an archive, and clearing a value with an empty string."""
    plant(hubspot_sandbox, "contacts", 1, email="p{n}@x.example", city="Cork")
    stamps = []
    for city in ("Lyon", "Lyon", ""):
        changed = client.crm.contacts.basic_api.update("1", {"properties": {"city": city}})
        stamps.append(changed.properties["lastmodifieddate"])
    client.crm.contacts.basic_api.archive("1")
    stamps.append(client.crm.contacts.basic_api.get_by_id("1", archived=True).properties["lastmodifieddate"])
    assert stamps == sorted(set(stamps), key=lambda text: (len(text), text))
    assert client.crm.contacts.basic_api.get_by_id("1", archived=True, properties=["city"]).properties["city"] is None


def test_a_batch_update_tells_who_is_gone(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """207: the rest is written, ids and trace ids of the missing are in the contexts, and successes echo theirs."""
    plant(hubspot_sandbox, "contacts", 3, email="p{n}@x.example")
    client.crm.contacts.basic_api.archive("3")
    inputs = [
        {"id": one, "objectWriteTraceId": f"row-{one}", "properties": {"city": "Lyon"}} for one in ("1", "2", "3", "99")
    ]
    data, status, _ = client.crm.contacts.batch_api.update_with_http_info({"inputs": inputs})
    assert status == 207
    assert [one.object_write_trace_id for one in data.results] == ["row-1", "row-2"]
    assert [error.context for error in data.errors] == [
        {"ids": ["3"], "objectWriteTraceId": ["row-3"]}, {"ids": ["99"], "objectWriteTraceId": ["row-99"]},
    ]  # fmt: skip
    assert hubspot_sandbox.state.get("contacts", "2").values["city"] == "Lyon"


def test_one_bad_value_refuses_the_whole_batch(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """400 and nothing is written (rudder-transformer PR#3308); the same for an id that comes twice."""
    plant(hubspot_sandbox, "companies", 2, name="Co {n}")
    bad = [{"id": "1", "properties": {"name": "New"}}, {"id": "2", "properties": {"numberofemployees": "many"}}]
    for inputs in (bad, [bad[0], bad[0]]):
        with refused() as no:
            client.crm.companies.batch_api.update({"inputs": inputs})
        assert no.status == 400
    assert hubspot_sandbox.state.get("companies", "1").values["name"] == "Co 1"


def test_batch_creates_and_upserts(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """201 for new records, with trace ids 207 for a part; an upsert by e-mail says which were new."""
    created, status, _ = client.crm.contacts.batch_api.create_with_http_info(
        {"inputs": [{"properties": {"email": "a@x.example"}}, {"properties": {"email": "b@x.example"}}]}
    )
    assert (status, len(created.results)) == (201, 2)
    traced = [{"objectWriteTraceId": one, "properties": {"email": f"{one}@x.example"}} for one in ("b", "c")]
    data, status, _ = client.crm.contacts.batch_api.create_with_http_info({"inputs": traced})
    assert (status, data.errors[0].category, data.errors[0].context) == (207, "CONFLICT", {"objectWriteTraceId": ["b"]})
    with refused() as no:
        client.crm.contacts.batch_api.create(
            {"inputs": [{"properties": {"email": f"{one}@x.example"}} for one in "dc"]}
        )
    assert no.status == 409
    assert hubspot_sandbox.state.count("contacts") == 3
    inputs = [{"id": f"{one}@x.example", "idProperty": "email", "properties": {"city": "Lyon"}} for one in "ae"]
    assert [one.new for one in client.crm.contacts.batch_api.upsert({"inputs": inputs}).results] == [False, True]


def test_a_batch_archive_asks_no_questions(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """204 whether the records were there or not."""
    plant(hubspot_sandbox, "contacts", 2, email="p{n}@x.example")
    for _ in range(2):
        client.crm.contacts.batch_api.archive({"inputs": [{"id": "1"}, {"id": "99"}]})
    assert hubspot_sandbox.state.count("contacts") == 1


def test_two_contacts_become_a_third(hubspot_sandbox: Sandbox, client: HubSpot, clock: FrozenClock) -> None:
    """A merge makes a new record that knows both old ids and addresses; the old ids lead to it, in reads and in writes.

    Source: https://developers.hubspot.com/changelog/updated-merge-functionality-for-contacts-and-companies.
    """
    plant(hubspot_sandbox, "contacts", 3, email="p{n}@x.example", city="City {n}")
    hubspot_sandbox.state.insert_many(
        "companies", [{"id": "900", "properties": {}, "associations": {"contacts": ["2"]}}]
    )
    clock.advance(timedelta(seconds=1))
    merged = client.crm.contacts.basic_api.merge({"primaryObjectId": "1", "objectIdToMerge": "2"})
    assert merged.id not in {"1", "2", "3"}
    names = ["email", "city", "hs_additional_emails", "hs_merged_object_ids"]
    for one in ("1", "2", merged.id):
        found = client.crm.contacts.basic_api.get_by_id(one, properties=names)
        assert found.id == merged.id
    assert [found.properties[name] for name in names] == ["p1@x.example", "City 1", "p2@x.example", "1;2"]
    assert [one.id for one in client.crm.contacts.basic_api.get_page().results] == ["3", merged.id]
    assert client.crm.contacts.basic_api.get_page(archived=True).results == []
    ties = client.crm.associations.v4.batch_api.get_page("companies", "contacts", {"inputs": [{"id": "900"}]})
    assert ties.results[0].to[0].to_object_id == merged.id
    written = client.crm.contacts.batch_api.update({"inputs": [{"id": "2", "properties": {"city": "Lyon"}}]})
    assert written.results[0].id == merged.id
    again = client.crm.contacts.basic_api.merge({"primaryObjectId": "3", "objectIdToMerge": "1"})
    assert hubspot_sandbox.state.get("contacts", "2").id == int(again.id)
    with refused() as no:
        client.crm.contacts.basic_api.create({"properties": {"email": "p2@x.example"}})
    assert no.status == 409


def test_associations_are_made_alone_and_with_a_record(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """A create names type ids (guide "Associations"), a batch makes unlabelled ones; both show from the other side."""
    plant(hubspot_sandbox, "contacts", 2, email="p{n}@x.example")
    ties = [{"to": {"id": "1"}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]}]
    note = client.crm.objects.notes.basic_api.create({"properties": {"hs_note_body": "Hi"}, "associations": ties})
    inputs = [{"from": {"id": note.id}, "to": {"id": "2"}}, {"from": {"id": note.id}, "to": {"id": "77"}}]
    data = client.crm.associations.v4.batch_api.create_default("notes", "contacts", {"inputs": inputs})
    assert (data.results[0].association_spec.association_type_id, len(data.results), data.num_errors) == (202, 1, 1)
    found = client.crm.associations.v4.batch_api.get_page("contacts", "notes", {"inputs": [{"id": "1"}, {"id": "2"}]})
    assert [[end.to_object_id for end in one.to] for one in found.results] == [[note.id], [note.id]]
    ties[0]["types"] = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]
    with refused() as no:
        client.crm.objects.notes.basic_api.create({"properties": {}, "associations": ties})
    assert no.status == 400
