"""Provisioning and its removal leave an org as it was found, and reps may do with our fields what they should."""

import pytest

from connectors.errors import Fatal
from pipelines.write_back.fields import ANSWERS, FIELDS, SUMMARY
from sandbox.salesforce.state import REP
from sandbox.salesforce.tokens import REP_CLIENT_ID, REP_CLIENT_SECRET

OBJECTS = ("Account", "Contact", "Lead", "Opportunity")
SETUP = ("CustomField", "PermissionSet", "FieldPermissions", "PermissionSetAssignment")
VIEW = "BLF_Drifting_This_Week"


@pytest.fixture
def crm(practice):
    """An org with all of our fields."""
    crm = practice.crm()
    crm.provision(FIELDS, dry_run=False)
    return crm


def snapshot(practice) -> tuple:
    """What an administrator sees of the org: custom fields, who may do what, list views and records, without ids of Setup rows."""
    state = practice.sandbox.state
    names = {row["Id"]: row["Name"] for row in state.rows("PermissionSet")}
    kept = ("FullName", "Metadata", "Name", "Label", "Field", "PermissionsRead", "PermissionsEdit", "AssigneeId")
    setup = sorted(
        repr((one, names.get(row.get("ParentId") or row.get("PermissionSetId")), [row.get(key) for key in kept]))
        for one in SETUP
        for row in state.rows(one)
    )
    return setup, state.list_views.names(), [state.rows(one) for one in OBJECTS]


def test_provisioning_then_removal_leaves_the_org_as_found(practice):
    """A customer's own field of our prefix, a set of theirs and all records are as before; the second provisioning is the first."""
    practice.contacts(range(1, 4))
    practice.custom("Contact", "BLF_Ours_Not", "Region")
    found = snapshot(practice)
    crm = practice.crm()
    crm.provision(FIELDS, dry_run=False)
    made = snapshot(practice)
    assert made != found
    planned = crm.unprovision(FIELDS, dry_run=True)
    assert snapshot(practice) == made
    assert crm.unprovision(FIELDS, dry_run=False) == planned
    assert snapshot(practice) == found
    assert [step.target for step in planned if step.action != "delete"] == ["Contact.BLF_Ours_Not__c"]
    assert not [step for step in crm.unprovision(FIELDS, dry_run=False) if step.action != "ok"]
    crm.provision(FIELDS, dry_run=False)
    assert snapshot(practice) == made


def test_the_org_is_asked_whether_it_would_take_the_fields_and_makes_none(practice):
    """Every field, refused with the org's own reason or taken; what is there is not asked about; who may not ask is told what to ask for."""
    room = practice.sandbox.state
    filled = {"type": "LongTextArea", "label": "x", "length": 131_072, "visibleLines": 3}
    practice.custom("Lead", *(f"Notes{number}" for number in range(12)), **filled)
    practice.custom("Lead", "Notes12", **{**filled, "length": 40_000})  # 25,536 characters are left
    found, crm = snapshot(practice), practice.crm()
    told = {step.target: step for step in crm.validate(FIELDS)}
    assert snapshot(practice) == found
    assert told.keys() == {
        step.target for step in crm.provision(FIELDS, dry_run=True) if step.target.split(".")[0] in OBJECTS
    }
    refused = {target: step.detail for target, step in told.items() if step.action == "refuse"}
    assert refused.keys() == {"Lead.BLF_Evidence__c"}
    assert "maximum of 1638400 characters" in refused["Lead.BLF_Evidence__c"]
    room.tables.run('DELETE FROM "CustomField" WHERE "DeveloperName" LIKE \'Notes%\'')
    room.tables.reload()
    crm.provision(FIELDS, dry_run=False)
    assert crm.validate(FIELDS) == []
    barred = [{"errorCode": "INSUFFICIENT_ACCESS", "message": "insufficient access rights on entity"}]
    practice.fault("/metadata/deployRequest", status=403, body=barred, method="POST")
    with pytest.raises(Fatal, match="Modify Metadata Through Metadata API Functions"):
        practice.crm(field_prefix="NEW_").validate(FIELDS)


def test_a_rep_reads_all_and_edits_lock_and_feedback_alone(practice, crm):
    """Shown by describe as that user, logged in for real, and by what the org takes from them."""
    (ann,) = practice.contacts(range(1, 2))
    practice.sandbox.state.insert_many(
        "PermissionSetAssignment",
        [{"PermissionSetId": one["Id"], "AssigneeId": REP} for one in practice.sandbox.state.rows("PermissionSet")
         if one["Name"] == "BLF_Reader"],
    )  # fmt: skip
    practice.sandbox.state.tables.version += 1
    rep = practice.crm(client_id=REP_CLIENT_ID, client_secret=REP_CLIENT_SECRET)
    for name in OBJECTS:
        described = practice.org(client_id=REP_CLIENT_ID, client_secret=REP_CLIENT_SECRET).describe([name])[name]
        seen = {one["name"] for one in described["fields"] if one["name"].startswith("BLF_")}
        ours = crm.writable(name)
        hidden = {crm.field_name(spec) for spec in FIELDS if spec.hidden}
        assert seen == ours.keys() - hidden
        assert rep.writable(name).keys() == {crm.field_name(spec) for spec in ANSWERS}
    told = rep.update(
        "Contact", [(ann, {"BLF_Feedback__c": "Agree", "BLF_Feedback_Belief__c": 1, "BLF_Lock__c": True})]
    )
    assert told[0].ok
    assert rep.update("Contact", [(ann, {"BLF_Top_Belief__c": "mine"})])[0].code == "INVALID_FIELD_FOR_INSERT_UPDATE"
    with pytest.raises(Fatal, match="access refused"):
        rep.provision(FIELDS, dry_run=True)


def test_everything_that_stands_in_our_fields_is_told_before_they_go(practice, crm):
    """Long texts and reps' answers too, page after page; records without a value of ours are left out."""
    written, answered, _bare = practice.contacts(range(1, 4))
    practice.sandbox.state.switches.page_rows["Contact"] = 1
    long = "x" * SUMMARY
    crm.update("Contact", [(written, {"BLF_Key__c": "k", "BLF_Summary__c": long}), (answered, {"BLF_Lock__c": True})])
    held = dict(crm.holding("Contact", FIELDS))
    assert held.keys() == {written, answered}
    assert (held[written]["BLF_Summary__c"], held[answered]["BLF_Lock__c"]) == (long, True)


def test_a_field_that_something_refers_to_stays_with_its_permissions_and_the_reason(practice, crm):
    """The others go; freed, the rest goes the next time."""
    practice.sandbox.state.switches.referred["Contact.BLF_Risk__c"] = "unused"
    practice.sandbox.state.switches.referred["Contact.BLF_Trend__c"] = "Flow - Follow up"
    steps = {step.target: step for step in crm.unprovision(FIELDS, dry_run=False)}
    assert "Flow - Follow up" in steps["Contact.BLF_Trend__c"].detail
    refused = {target for target, step in steps.items() if step.action == "refuse"}
    assert refused == {"Contact.BLF_Trend__c", "PermissionSet BLF_Writer", "PermissionSet BLF_Reader"}
    practice.sandbox.state.switches.referred.clear()
    left = crm.unprovision(FIELDS, dry_run=False)
    assert [step.target for step in left] == [
        "Contact.BLF_Trend__c",
        "PermissionSet BLF_Writer",
        "PermissionSet BLF_Reader",
    ]
    assert {step.action for step in left} == {"delete"}


def test_what_cannot_be_exported_or_is_not_ours_is_not_deleted(practice, crm):
    """A field that our user was barred from is refused with what to do; one that was remade as another type is left alone."""
    state = practice.sandbox.state
    ids = {
        row["Field"]: row["Id"]
        for row in state.rows("FieldPermissions")
        if row["ParentId"] == _set(state, "BLF_Writer")
    }
    practice.org().request("test", "DELETE", f"sobjects/FieldPermissions/{ids['Lead.BLF_Key__c']}", about="test")
    (score,) = (row for row in state.rows("CustomField") if row["FullName"] == "Lead.BLF_Alignment_Score__c")
    org = practice.org()
    org.request("test", "DELETE", f"tooling/sobjects/CustomField/{score['Id']}", about="test")
    body = {"FullName": score["FullName"], "Metadata": {"type": "Text", "label": "Mine", "length": 10}}
    org.request("test", "POST", "tooling/sobjects/CustomField", about="test", body=body)
    steps = {step.target: step for step in crm.unprovision(FIELDS, dry_run=False)}
    assert "run: sidecar provision apply" in steps["Lead.BLF_Key__c"].detail
    assert (steps["Lead.BLF_Key__c"].action, steps["Lead.BLF_Alignment_Score__c"].action) == ("refuse", "ok")
    assert {row["FullName"] for row in state.rows("CustomField")} == {"Lead.BLF_Key__c", "Lead.BLF_Alignment_Score__c"}


def test_who_drifts_this_week_is_a_public_list_view_that_people_may_change(practice, crm):
    """One on each object, by trend and the day of the last change; one that is there is not made anew."""
    views = practice.sandbox.state.list_views
    assert views.names() == {f"{name}.{VIEW}" for name in OBJECTS}
    found = practice.org().request("test", "GET", f"ui-api/list-info/Contact/{VIEW}", about="test")
    filters = [(one["fieldApiName"], one["operator"], one["operandLabels"]) for one in found["filteredByInfo"]]
    assert filters == [
        ("BLF_Trend__c", "Equals", ["Diverging"]),
        ("BLF_Updated_At__c", "Equals", ["LAST_N_DAYS:7"]),
    ]
    assert (found["visibility"], found["label"]) == ("Public", "Drifting this week")
    assert {step.action for step in crm.provision(FIELDS, dry_run=False)} == {"ok"}


def test_a_list_view_that_is_refused_stops_nothing_else(practice):
    """All else is made; the step says which permission is missing and where it is shown how to make the view by hand."""
    refusal = [{"errorCode": "INSUFFICIENT_ACCESS", "message": "insufficient access rights on entity"}]
    practice.fault("/ui-api/list-info/Lead", status=403, body=refusal, method="POST")
    steps = practice.crm().provision(FIELDS, dry_run=False)
    (refused,) = (step for step in steps if step.action == "refuse")
    assert refused.target == f"ListView Lead.{VIEW}"
    assert "Manage Public List Views" in refused.detail


@pytest.mark.parametrize("prefix", ["X_", "ABCDEFGHIJKLMNOPQRS_"])
def test_any_prefix_makes_names_that_the_vendor_takes(practice, prefix):
    """Up to forty characters; a longer prefix is refused where it is set."""
    steps = practice.crm(field_prefix=prefix).provision(FIELDS, dry_run=False)
    assert not [step for step in steps if step.action == "refuse"]
    with pytest.raises(ValueError, match="at most 20"):
        practice.settings(field_prefix="A" * 20 + "_")


def test_a_picklist_value_that_was_removed_comes_back_and_theirs_stay(practice, crm):
    """The change is named, values that the customer added are kept."""
    org, state = practice.org(), practice.sandbox.state
    (trend,) = (row for row in state.rows("CustomField") if row["FullName"] == "Contact.BLF_Trend__c")
    kept = [one for one in trend["Metadata"]["valueSet"]["valueSetDefinition"]["value"] if one["valueName"] != "Steady"]
    theirs = {**kept[0], "valueName": "Odd", "fullName": "Odd", "label": "Odd"}
    value_set = {**trend["Metadata"]["valueSet"], "valueSetDefinition": {"sorted": False, "value": [*kept, theirs]}}
    body = {"FullName": trend["FullName"], "Metadata": {**trend["Metadata"], "valueSet": value_set}}
    org.request("test", "PATCH", f"tooling/sobjects/CustomField/{trend['Id']}", about="test", body=body)
    steps = {step.target: step for step in crm.provision(FIELDS, dry_run=False)}
    assert (steps["Contact.BLF_Trend__c"].action, steps["Contact.BLF_Trend__c"].detail) == ("change", "valueSet")
    column = next(one for one in org.describe(["Contact"])["Contact"]["fields"] if one["name"] == "BLF_Trend__c")
    assert {one["value"] for one in column["picklistValues"]} >= {"Steady", "Odd", "Diverging"}


def _set(state, name: str) -> str:
    return next(row["Id"] for row in state.rows("PermissionSet") if row["Name"] == name)
