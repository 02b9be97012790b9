"""Provisioning and its removal leave a portal as it was found."""

import pytest

from connectors.errors import Unsupported
from pipelines.write_back.fields import FIELDS

KINDS = ("contacts", "companies", "deals")


@pytest.fixture
def crm(practice):
    """A portal with all of our properties."""
    crm = practice.crm()
    crm.provision(FIELDS, dry_run=False)
    return crm


def snapshot(practice) -> tuple:
    """What an administrator sees of the portal: properties, groups, lists and records, without the stamps of definitions."""
    portal, state = practice.portal(), practice.sandbox.state
    stamps = {"createdAt", "updatedAt"}
    properties = [
        (kind, {key: value for key, value in one.items() if key not in stamps})
        for kind in KINDS
        for one in portal.properties(kind)
    ]
    records = [portal.page("test", kind, [], None).rows for kind in KINDS]
    return properties, [portal.groups(kind) for kind in KINDS], state.lists.names(), records


def test_provisioning_then_removal_leaves_the_portal_as_found(practice):
    """A customer's own property of our prefix and all records are as before; the second provisioning is the first."""
    practice.plant("contacts", range(1, 4), lastname="Ann")
    theirs = {
        "name": "blf_region",
        "label": "Region",
        "groupName": "contactinformation",
        "type": "string",
        "fieldType": "text",
    }
    practice.portal().create_property("contacts", theirs)
    found = snapshot(practice)
    crm = practice.crm()
    crm.provision(FIELDS, dry_run=False)
    made = snapshot(practice)
    assert made != found
    planned = crm.unprovision(FIELDS, dry_run=True)
    assert snapshot(practice) == made
    assert crm.unprovision(FIELDS, dry_run=False) == planned
    assert snapshot(practice) == found
    assert [step.target for step in planned if step.action != "delete"] == ["contact.blf_region"]
    crm.provision(FIELDS, dry_run=False)
    assert snapshot(practice) == made


def test_a_portal_cannot_be_asked_whether_it_would_take_the_properties(practice):
    """And says what to go by instead; where nothing is missing there is nothing to ask."""
    with pytest.raises(Unsupported, match="sidecar provision plan"):
        practice.crm().validate(FIELDS)
    made = practice.crm().provision(FIELDS, dry_run=False)
    assert {step.action for step in practice.crm().validate(FIELDS)} == {"ok"}
    assert len(practice.crm().validate(FIELDS)) == len(made)


def test_everything_that_stands_in_our_properties_is_told_before_they_go(practice, crm):
    """Reps' answers too, from the first to the last of several pages; records without a value of ours are left out."""
    ids = practice.plant("contacts", range(1, 131))
    crm.update("contact", [(ids[0], {"blf_summary": "x" * 8000}), (ids[-1], {"blf_correction": "no"})])
    held = dict(crm.holding("contact", FIELDS))
    assert held.keys() == {ids[0], ids[-1]}
    assert (held[ids[0]]["blf_summary"], held[ids[-1]]["blf_correction"]) == ("x" * 8000, "no")


def test_a_property_in_use_stays_with_its_group_and_the_reason(practice, crm):
    """A list of the customer's filters by it; the others go, and once it is free, the rest goes too."""
    operation = {
        "operationType": "ENUMERATION",
        "operator": "IS_ANY_OF",
        "values": ["High"],
        "includeObjectsWithNoValueSet": False,
    }
    used = {"filterType": "PROPERTY", "property": "blf_alignment_band", "operation": operation}
    both = {"filterBranchType": "AND", "filterBranches": [], "filters": [used]}
    practice.portal().create_list(
        {"name": "VIP", "objectTypeId": "0-1", "processingType": "DYNAMIC",
         "filterBranch": {"filterBranchType": "OR", "filterBranches": [both], "filters": []}}
    )  # fmt: skip
    steps = {step.target: step for step in crm.unprovision(FIELDS, dry_run=False)}
    refused = {target: step.detail for target, step in steps.items() if step.action == "refuse"}
    assert refused.keys() == {"contact.blf_alignment_band", "group contact.blf_beliefs"}
    assert "Used in" in refused["contact.blf_alignment_band"]
    practice.portal().delete_list(practice.portal().list_id("0-1", "VIP"))
    left = [step.target for step in crm.unprovision(FIELDS, dry_run=False)]
    assert left == ["contact.blf_alignment_band", "group contact.blf_beliefs"]


def test_a_group_that_holds_somebody_elses_property_is_kept(practice, crm):
    """It is named, with what to do."""
    theirs = {"name": "theirs", "label": "Theirs", "groupName": "blf_beliefs", "type": "string", "fieldType": "text"}
    practice.portal().create_property("deals", theirs)
    refused = [step for step in crm.unprovision(FIELDS, dry_run=False) if step.action == "refuse"]
    assert [(step.target, "theirs are still in it" in step.detail) for step in refused] == [
        ("group deal.blf_beliefs", True)
    ]


def test_who_drifts_this_week_is_a_list_on_every_kind_of_object(practice, crm):
    """Made once; without the scope for lists the properties are made all the same, and the step names the scope."""
    assert practice.sandbox.state.lists.names() == {f"Beliefs: {kind} drifting this week" for kind in KINDS}
    assert {step.action for step in crm.provision(FIELDS, dry_run=False)} == {"ok"}
    crm.unprovision(FIELDS, dry_run=False)
    scopes = {
        f"crm.{what}.{kind}.{way}" for what in ("objects", "schemas") for kind in KINDS for way in ("read", "write")
    }
    practice.sandbox.state.add_token("pat-few", scopes=scopes)
    steps = practice.crm(access_token="pat-few").provision(FIELDS, dry_run=False)
    assert {step.target for step in steps if step.action == "refuse"} == {
        f"list Beliefs: {kind} drifting this week" for kind in KINDS
    }
    assert all("crm.lists" in step.detail for step in steps if step.action == "refuse")
