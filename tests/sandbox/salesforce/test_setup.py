"""What administrators and reps may do: list views, permission sets, removal of fields. Each test names the vendor's page.

Who is who: the integration user may customise the org, the rep may not, each logged in through an app of their own.
"""

import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceError

from sandbox.salesforce.state import INTEGRATION_USER, REP
from sandbox.salesforce.tokens import REP_CLIENT_ID, REP_CLIENT_SECRET
from tests.sandbox.salesforce.conftest import ToSandbox
from tests.sandbox.salesforce.test_custom_fields import make, permit

VIEW = {
    "listViewApiName": "Late", "label": "Late", "visibility": "Public", "displayColumns": ["Name", "BLF_Trend__c"],
    "filteredByInfo": [{"fieldApiName": "BLF_Trend__c", "operandLabels": ["High"], "operator": "Equals"}],
}  # fmt: skip
DOOR = "ui-api/list-info/Contact"


@pytest.fixture
def rep(sandbox):
    """The SDK, logged in as a rep through the rep's own app."""
    session = requests.Session()
    session.mount("https://", ToSandbox(sandbox.url))
    told = {"domain": "acme.my", "consumer_key": REP_CLIENT_ID, "consumer_secret": REP_CLIENT_SECRET, "version": "63.0"}
    return Salesforce(**told, session=session)


@pytest.fixture
def trend(sf):
    """A picklist that the integration user sees; gives its Tooling id."""
    made = make(sf, "Contact.BLF_Trend__c", "Picklist")["id"]
    permit(sf, "Contact.BLF_Trend__c")
    return made


def refused(call, *given, **more) -> tuple[int, str]:
    with pytest.raises(SalesforceError) as answer:
        call(*given, **more)
    return answer.value.status, answer.value.content[0]["errorCode"]


def test_a_list_view_is_made_read_and_deleted(sf, trend):
    """201 and its List Info, then 200, then 204. Source: UI API guide 63.0, "Create a List View for an Object", "List Info"."""
    made = sf.restful(DOOR, method="POST", json=VIEW)
    assert (made["label"], made["listReference"]["listViewApiName"]) == ("Late", "Late")
    assert sf.restful(f"{DOOR}/Late") == made
    assert sf.restful(f"{DOOR}/Late", method="DELETE") is None
    assert refused(sf.restful, f"{DOOR}/Late") == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": "x" * 41}, {"visibility": "All"}, {"displayColumns": ["Nothing__c"]}, {"listViewApiName": "a__b"}, {"nonsense": 1},
        {"filteredByInfo": [{"fieldApiName": "BLF_Trend__c", "operandLabels": ["Odd"], "operator": "Equals"}]},
        {"filteredByInfo": [{"fieldApiName": "BLF_Trend__c", "operandLabels": ["High"], "operator": "eq"}]},
        {"filteredByInfo": [{"fieldApiName": "Description", "operandLabels": ["x"], "operator": "Contains"}]},
    ],
    ids=str,
)  # fmt: skip
def test_a_list_view_that_makes_no_sense_is_refused(sf, trend, wrong):
    """400, and there is none. Source: UI API guide, "List Info Post Input"; Metadata API guide, "ListView" and "ListViewFilter"."""
    assert refused(sf.restful, DOOR, method="POST", json={**VIEW, **wrong})[0] == 400
    assert refused(sf.restful, f"{DOOR}/Late")[0] == 404


def test_a_list_view_is_made_once(sf, trend):
    """The name is one per object. Source: Metadata API guide, "ListView" (fullName)."""
    sf.restful(DOOR, method="POST", json=VIEW)
    assert refused(sf.restful, DOOR, method="POST", json=VIEW) == (400, "DUPLICATE_DEVELOPER_NAME")


def test_a_field_that_something_refers_to_is_not_deleted(sf, state, trend):
    """A list view that filters by it, or a flow. Source: help page "Delete Custom Fields"; SOAP API guide, "StatusCode" (DEPENDENCY_EXISTS)."""
    sf.restful(DOOR, method="POST", json=VIEW)
    delete = {"action": f"sobjects/CustomField/{trend}", "method": "DELETE"}
    assert refused(sf.toolingexecute, **delete) == (400, "DEPENDENCY_EXISTS")
    sf.restful(f"{DOOR}/Late", method="DELETE")
    state.switches.referred["Contact.BLF_Trend__c"] = "Flow - Follow up"
    assert refused(sf.toolingexecute, **delete) == (400, "DEPENDENCY_EXISTS")
    state.switches.referred.clear()
    sf.toolingexecute(**delete)
    assert state.count("CustomField") == 0


def test_a_field_is_made_longer_and_never_shorter(sf):
    """400 for a shorter one. Source: help page "Custom Field Attributes" and "Notes on Changing Custom Field Types" (loss of data)."""
    made = make(sf)["id"]
    body = {"FullName": "Contact.BLF_Key__c", "Metadata": {"label": "Belief", "type": "Text", "length": 20}}
    assert refused(sf.toolingexecute, f"sobjects/CustomField/{made}", method="PATCH", data=body) == (
        400,
        "FIELD_INTEGRITY_EXCEPTION",
    )


def test_a_permission_set_that_users_hold_is_not_deleted(sf, state, trend):
    """Taken from its users, it goes with its field permissions. Source: help page "Delete Permission Sets"."""
    (made,) = (row["Id"] for row in state.rows("PermissionSet"))
    assert refused(sf.PermissionSet.delete, made) == (400, "DELETE_FAILED")
    held = [row["Id"] for row in state.rows("PermissionSetAssignment")]
    told = sf.restful("composite/sobjects", method="DELETE", params={"ids": ",".join(held), "allOrNone": "true"})
    assert [one["success"] for one in told] == [True]
    sf.PermissionSet.delete(made)
    assert (state.count("PermissionSet"), state.count("FieldPermissions")) == (0, 0)


def test_a_rep_customises_nothing(sf, rep, trend):
    """No Tooling API, no Setup rows, no public list view. Source: help pages "Customize Application", "Manage Public List Views"."""
    assert refused(rep.toolingexecute, "query/?q=SELECT+Id+FROM+CustomField") == (403, "INSUFFICIENT_ACCESS")
    made = sf.PermissionSet.create({"Name": "Theirs", "Label": "Theirs"})["id"]
    given = {"AssigneeId": REP, "PermissionSetId": made}
    assert refused(rep.PermissionSetAssignment.create, given)[1] == "INSUFFICIENT_ACCESS_OR_READONLY"
    assert (
        refused(rep.restful, DOOR, method="POST", json={**VIEW, "displayColumns": [], "filteredByInfo": []})[0] == 403
    )


def test_each_app_logs_in_its_own_run_as_user(sf, rep, trend):
    """The rep sees no field that nobody gave them. Source: help page "OAuth 2.0 Client Credentials Flow" (run-as user)."""
    assert INTEGRATION_USER != REP
    assert "BLF_Trend__c" in {one["name"] for one in sf.Contact.describe()["fields"]}
    assert "BLF_Trend__c" not in {one["name"] for one in rep.Contact.describe()["fields"]}
