"""Removal: what stood in our fields is in the export and nowhere else, and a later provisioning starts anew."""

import json

import pytest

from pipelines.write_back.crm import provision
from pipelines.write_back.removal import removal_plan, remove
from tests.pipelines.write_back.real import Office

SHOWN = {"key": "k", "top_belief": "Price \u2013 zu hoch \U0001f44d", "alignment_score": 58, "engagement_score": 0}
EMPTY_BOX = {"salesforce": False, "hubspot": None}


@pytest.fixture
def office(vendor, request, clock, desk) -> Office:
    return Office.ready(vendor, request.getfixturevalue(f"{vendor}_sandbox"), clock, desk.store)


@pytest.mark.parametrize("vendor", ["salesforce", "hubspot"])
def test_values_are_exported_and_emptied_and_a_new_beginning_writes_them_again(office, vendor, tmp_path):
    """A human's value and answer are in the export beside ours, a zero is a value, each record is emptied in one write; afterwards no
    field of ours counts as emptied by a human.
    """
    ann, bob, _bare = office.practice.contacts(range(1, 4))
    first = office.run([office.contact(ann, **SHOWN)]).written
    office.edit(ann, top_belief="mine")
    office.edit(bob, feedback="Agree", lock=True)
    planned, export = removal_plan(office.crm, vendor), tmp_path / "export.jsonl"
    office.sandbox.log.clear()
    assert remove(office.crm, vendor, export, store=office.store) == planned
    assert office.writes() == 1
    rows = {row["record"].split("/")[-1]: row["values"] for row in map(json.loads, export.read_text().splitlines())}
    names = (*SHOWN, "feedback", "lock")
    told = {one: {name: values[office.api(name)] for name in names} for one, values in rows.items()}
    assert told == {
        ann: {**SHOWN, "top_belief": "mine", "feedback": None, "lock": EMPTY_BOX[vendor]},
        bob: {**dict.fromkeys(SHOWN), "feedback": "Agree", "lock": True},
    }
    assert {step.action for step in removal_plan(office.crm, vendor)} <= {"ok"}
    provision(office.crm)
    assert office.run([office.contact(ann, **SHOWN)]).written == first
    assert [office.value(ann, name) for name in SHOWN] == list(SHOWN.values())


@pytest.mark.parametrize("vendor", ["salesforce"])  # a portal has no rule that refuses a record
def test_a_record_that_takes_no_write_is_told_and_stops_no_removal(office, vendor, tmp_path):
    """Its values are exported; that they could not be emptied first is a step with the CRM's reason."""
    (ann,) = office.practice.contacts(range(1, 2))
    office.run([office.contact(ann, key="k", top_belief="x")])
    office.sandbox.state.refuse(ann, "FIELD_CUSTOM_VALIDATION_EXCEPTION", times=0)
    steps = remove(office.crm, vendor, tmp_path / "export.jsonl", store=office.store)
    (refused,) = (step for step in steps if step.action == "refuse")
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION" in refused.detail
    assert office.sandbox.state.count("CustomField") == 0
