"""Property definitions and groups: guide "Properties" of HubSpot's API reference and the SDK's models."""

from typing import Any

import orjson
import pytest
from hubspot import HubSpot
from hubspot.crm.properties import ModelProperty

from tests.conftest import Sandbox
from tests.sandbox.hubspot.conftest import plant, refused

GROUP = {"name": "blf_beliefs", "label": "Beliefs"}
SCORE = {
    "name": "blf_score",
    "label": "Score",
    "type": "number",
    "fieldType": "number",
    "groupName": "blf_beliefs",
    "formField": False,
}
LOCK = {
    "name": "blf_lock", "label": "Lock", "type": "bool", "fieldType": "booleancheckbox", "groupName": "blf_beliefs",
    "options": [{"label": label, "value": value, "hidden": False} for label, value in (("Yes", "true"), ("No", "false"))],
}  # fmt: skip
TREND = {
    "name": "blf_trend", "label": "Trend", "type": "enumeration", "fieldType": "select", "groupName": "blf_beliefs",
    "options": [{"label": each, "value": each, "hidden": False} for each in ("Up", "Down")],
}  # fmt: skip


@pytest.fixture
def grouped(client: HubSpot) -> HubSpot:
    """The SDK, with our group on contacts."""
    client.crm.properties.groups_api.create("contacts", GROUP)
    return client


def test_definitions_have_the_vendors_shape(client: HubSpot) -> None:
    """Every object lists its properties with nothing that the SDK's ModelProperty does not know; HubSpot's own are read-only."""
    for kind in ("contacts", "companies", "deals", "tickets", "calls", "emails", "meetings", "notes", "communications"):
        answer = client.crm.properties.core_api.get_all(kind, _preload_content=False)
        (some, *_) = rows = orjson.loads(answer.data)["results"]
        assert set().union(*rows) <= set(ModelProperty.attribute_map.values())
        assert some["modificationMetadata"]["readOnlyDefinition"]
        names = {row["name"] for row in rows}
        assert {"hs_object_id", "hubspot_owner_id"} <= names
    stage = client.crm.properties.core_api.get_by_name("deals", "dealstage")
    assert ("closedwon", "Closed Won") in [(option.value, option.label) for option in stage.options]


def test_properties_are_created_once(grouped: HubSpot) -> None:
    """201, then 409; in a batch the taken one is told with 207 and the others are made."""
    core = grouped.crm.properties.core_api
    made, status, _ = core.create_with_http_info("contacts", SCORE)
    assert (status, made.name, made.hubspot_defined, made.archived) == (201, "blf_score", False, False)
    with refused() as no:
        core.create("contacts", SCORE)
    assert no.status == 409
    data, status, _ = grouped.crm.properties.batch_api.create_with_http_info(
        "contacts", {"inputs": [SCORE, LOCK, TREND]}
    )
    assert (status, [one.name for one in data.results], data.num_errors) == (207, ["blf_lock", "blf_trend"], 1)
    names = [one.name for one in core.get_all("contacts").results]
    assert {"blf_score", "blf_lock", "blf_trend"} <= set(names)
    assert "blf_score" not in [one.name for one in core.get_all("companies").results]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Blf Score"}, {"name": "9lives"}, {"fieldType": "select"}, {"fieldType": "nonsense"}, {"type": "money"}, {"groupName": "none"},
        {"type": "enumeration", "fieldType": "select"}, {"type": "bool", "fieldType": "booleancheckbox"}, {"bogus": 1}, {"label": None},
    ],
)  # fmt: skip
def test_definitions_without_sense_are_refused(grouped: HubSpot, wrong: dict[str, Any]) -> None:
    """400 for names, types and field types that are none or do not fit, groups that are not there, absent options and labels."""
    with refused() as no:
        grouped.crm.properties.core_api.create("contacts", {**SCORE, **wrong})
    assert no.status == 400


def test_custom_values_are_checked_by_type(hubspot_sandbox: Sandbox, grouped: HubSpot) -> None:
    """Numbers, booleans and options must be such; what fits is read back as it was written."""
    plant(hubspot_sandbox, "contacts", 1, email="p{n}@x.example")
    grouped.crm.properties.batch_api.create("contacts", {"inputs": [SCORE, LOCK, TREND]})
    for name, value, code in (
        ("blf_score", "high", "INVALID_NUMBER"),
        ("blf_lock", "True", "INVALID_OPTION"),
        ("blf_trend", "up", "INVALID_OPTION"),
    ):
        with refused() as no:
            grouped.crm.contacts.basic_api.update("1", {"properties": {name: value}})
        assert no.codes == [code]
    values = {"blf_score": "0.72", "blf_lock": "true", "blf_trend": "Up"}
    grouped.crm.contacts.basic_api.update("1", {"properties": values})
    kept = grouped.crm.contacts.basic_api.get_by_id("1", properties=list(values)).properties
    assert {name: kept[name] for name in values} == values


def test_a_definition_changes_in_parts(grouped: HubSpot) -> None:
    """Label and options may change, the type not; HubSpot's own definitions never (SDK: PropertyUpdate)."""
    core = grouped.crm.properties.core_api
    core.create("contacts", TREND)
    more = [*TREND["options"], {"label": "Flat", "value": "Flat", "hidden": False}]
    changed = core.update("contacts", "blf_trend", {"label": "Direction", "options": more})
    assert (changed.label, len(changed.options)) == ("Direction", 3)
    for name, change in (("blf_trend", {"type": "string", "fieldType": "text"}), ("email", {"label": "Mail"})):
        with refused() as no:
            core.update("contacts", name, change)
        assert no.status == 400


def test_an_archived_property_takes_its_values_along(hubspot_sandbox: Sandbox, grouped: HubSpot) -> None:
    """204 as often as one likes; the values are gone, also when the name is used anew (guide "Properties", "Archive")."""
    plant(hubspot_sandbox, "contacts", 1, email="p{n}@x.example")
    properties = grouped.crm.properties
    properties.core_api.create("contacts", SCORE)
    grouped.crm.contacts.basic_api.update("1", {"properties": {"blf_score": "1"}})
    for _ in range(2):
        properties.batch_api.archive("contacts", {"inputs": [{"name": "blf_score"}]})
    assert [one.name for one in properties.core_api.get_all("contacts", archived=True).results] == ["blf_score"]
    with refused() as no:
        properties.core_api.get_by_name("contacts", "blf_score")
    assert no.status == 404
    properties.core_api.create("contacts", SCORE)
    found = grouped.crm.contacts.basic_api.get_by_id("1", properties=["blf_score", "email"]).properties
    assert (found["blf_score"], found["email"]) == (None, "p1@x.example")


def test_definitions_are_read_in_batches(grouped: HubSpot) -> None:
    """207 names the ones that are not there."""
    asked = {"archived": False, "inputs": [{"name": "email"}, {"name": "nothing"}]}
    data, status, _ = grouped.crm.properties.batch_api.read_with_http_info("contacts", asked)
    assert (status, data.results[0].name, data.errors[0].context) == (207, "email", {"ids": ["nothing"]})


def test_groups_are_kept(grouped: HubSpot) -> None:
    """Listed with HubSpot's own, created once, renamed, and removed only when nothing is in them."""
    groups = grouped.crm.properties.groups_api
    assert {"blf_beliefs", "contactinformation"} <= {one.name for one in groups.get_all("contacts").results}
    with refused() as no:
        groups.create("contacts", GROUP)
    assert no.status == 409
    assert groups.update("contacts", "blf_beliefs", {"label": "What they believe"}).label == "What they believe"
    grouped.crm.properties.core_api.create("contacts", SCORE)
    with refused() as no:
        groups.archive("contacts", "blf_beliefs")
    assert no.status == 400
    grouped.crm.properties.core_api.archive("contacts", "blf_score")
    groups.archive("contacts", "blf_beliefs")
    with refused() as no:
        groups.get_by_name("contacts", "blf_beliefs")
    assert no.status == 404


def test_a_unique_property_finds_its_record(hubspot_sandbox: Sandbox, grouped: HubSpot) -> None:
    """hasUniqueValue: a second record with the value is 409, and batches may go by it."""
    key = {**SCORE, "name": "blf_key", "type": "string", "fieldType": "text", "hasUniqueValue": True}
    grouped.crm.properties.core_api.create("contacts", key)
    plant(hubspot_sandbox, "contacts", 2, email="p{n}@x.example")
    grouped.crm.contacts.basic_api.update("1", {"properties": {"blf_key": "K-1"}})
    with refused() as no:
        grouped.crm.contacts.basic_api.update("2", {"properties": {"blf_key": "k-1"}})
    assert no.status == 409
    asked = {"idProperty": "blf_key", "inputs": [{"id": "K-1"}], "properties": [], "propertiesWithHistory": []}
    assert grouped.crm.contacts.batch_api.read(asked).results[0].id == "1"
