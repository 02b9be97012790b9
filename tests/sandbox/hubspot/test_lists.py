"""Active lists (segments). Sources: the lists API's pages "Create list" and "List filters", and the SDK's `hubspot.crm.lists`."""

import pytest
from hubspot.crm import lists, properties

from tests.sandbox.hubspot.conftest import sdk

BAND = {"name": "band", "label": "Band", "groupName": "contactinformation", "type": "enumeration", "fieldType": "select",
        "options": [{"label": "High", "value": "High", "displayOrder": 0, "hidden": False}]}  # fmt: skip
IN = {
    "operationType": "ENUMERATION",
    "operator": "IS_ANY_OF",
    "values": ["High"],
    "includeObjectsWithNoValueSet": False,
}
LATELY = {
    "operationType": "ROLLING_DATE_RANGE", "operator": "IS_LESS_THAN_X_DAYS_AGO", "numberOfDays": 7,
    "requiresTimeZoneConversion": True, "includeObjectsWithNoValueSet": False,
}  # fmt: skip


def wanted(*filters, **other):
    told = [{"filterType": "PROPERTY", "property": name, "operation": operation} for name, operation in filters]
    both = {"filterBranchType": "AND", "filterBranches": [], "filters": told}
    root = {"filterBranchType": "OR", "filterBranches": [both], "filters": []}
    return {"name": "Late", "objectTypeId": "0-1", "processingType": "DYNAMIC", "filterBranch": root, **other}


@pytest.fixture
def door(client):
    """The lists API of a portal with a property of its own."""
    client.crm.properties.core_api.create("contacts", BAND)
    return client.crm.lists.lists_api


def refused(call, *given) -> tuple[int, str]:
    with pytest.raises((lists.ApiException, properties.ApiException)) as answer:
        call(*given)
    return answer.value.status, answer.value.body


def test_a_list_is_made_found_by_name_and_deleted(door):
    """Source: pages "Create list", "Fetch list by name", "Delete a list" (restorable for 90 days, gone meanwhile)."""
    made = door.create(wanted(("band", IN), ("createdate", LATELY))).list
    found = door.get_by_name("Late", "0-1").list
    assert (found.list_id, found.processing_type, found.object_type_id) == (made.list_id, "DYNAMIC", "0-1")
    door.remove(made.list_id)
    assert refused(door.get_by_name, "Late", "0-1")[0] == 404
    assert refused(door.remove, made.list_id)[0] == 404


@pytest.mark.parametrize(
    "wrong",
    [
        wanted(("nothing", IN)), wanted(("band", {**IN, "values": ["Odd"]})), wanted(("band", LATELY)),
        wanted(("createdate", {**LATELY, "operator": "IN_LAST"})), wanted(("band", IN), objectTypeId="9-9"),
        wanted(("band", IN), nonsense=1), wanted(), wanted(("band", IN), name=""),
    ],
    ids=str,
)  # fmt: skip
def test_a_list_that_makes_no_sense_is_refused(door, wrong):
    """400. Source: page "List filters overview": an OR of ANDs, operations by the type of the property."""
    assert refused(door.create, wrong)[0] == 400


def test_names_are_given_once_and_need_a_scope(door, hubspot_sandbox):
    """Source: page "Create list" (a name is unique; scopes crm.lists.read and crm.lists.write)."""
    door.create(wanted(("band", IN)))
    assert refused(door.create, wanted(("band", IN)))[0] == 400
    hubspot_sandbox.state.add_token("pat-few", scopes={"crm.lists.read"})
    few = sdk(hubspot_sandbox, "pat-few").crm.lists.lists_api
    assert few.get_by_name("Late", "0-1").list.name == "Late"
    status, body = refused(few.create, wanted(("band", IN), name="Other"))
    assert (status, "crm.lists.write" in body) == (403, True)


def test_a_property_that_a_list_filters_by_is_not_archived(door, client):
    """Source: https://knowledge.hubspot.com/properties/organize-and-export-properties (take it out where it is used first)."""
    made = door.create(wanted(("band", IN))).list
    archive = client.crm.properties.core_api.archive
    assert refused(archive, "contacts", "band")[0] == 400
    door.remove(made.list_id)
    archive("contacts", "band")
    assert refused(client.crm.properties.core_api.get_by_name, "contacts", "band")[0] == 404
