"""Writing to the org: fields that can be made any number of times, and rows that fail alone."""

from dataclasses import replace

import pytest

from connectors.base import ProvisionStep
from connectors.errors import Fatal, Retryable
from connectors.salesforce.fields import api_name, difference, metadata
from tests.connectors.salesforce.conftest import EVERYBODY, SPECS

OBJECTS = ("Account", "Contact", "Lead", "Opportunity")
WRITES = ("POST", "PATCH", "DELETE")


def counts(steps: list[ProvisionStep]) -> dict[str, int]:
    found: dict[str, int] = {}
    for step in steps:
        found[step.action] = found.get(step.action, 0) + 1
    return found


def written(practice) -> int:
    """Requests that changed something."""
    harmless = ("/oauth2/token", "/composite/batch")
    return sum(one.method in WRITES and not one.path.endswith(harmless) for one in practice.sandbox.log.entries)


def test_provisioning_makes_every_field_visible_and_writable(practice):
    """Afterwards describe shows each field with its length, on every object of its subjects."""
    crm = practice.crm()
    crm.provision(SPECS, dry_run=False)
    for name in OBJECTS:
        wanted = {crm.field_name(spec): spec for spec in SPECS if spec.subjects == EVERYBODY}
        there = crm.writable(name)
        assert wanted.keys() <= there.keys()
        assert there["BLF_Summary__c"] == 8000
    assert "BLF_Revenue_To_Date__c" in crm.writable("Lead")
    assert "BLF_Revenue_To_Date__c" not in crm.writable("Account")


def test_provisioning_again_changes_nothing(practice):
    """Every step says ok, and no request writes."""
    practice.crm().provision(SPECS, dry_run=False)
    crm = practice.crm()
    practice.sandbox.log.clear()
    assert counts(crm.provision(SPECS, dry_run=False)).keys() == {"ok"}
    assert written(practice) == 0


def test_a_dry_run_says_what_it_would_do_and_does_nothing(practice):
    """The same creations, none of them made."""
    crm = practice.crm()
    practice.sandbox.log.clear()
    planned = crm.provision(SPECS, dry_run=True)
    assert written(practice) == 0
    done = crm.provision(SPECS, dry_run=False)
    assert {step.target for step in planned if step.action == "create"} == {
        step.target for step in done if step.action == "create"
    }


def test_a_field_is_widened_and_never_shrunk_or_converted(practice):
    """A longer text is a change; a shorter one is left as it is; another type is refused by name."""
    crm = practice.crm()
    short = replace(SPECS[0], length=100)
    crm.provision([short], dry_run=False)
    steps = {step.target: step for step in crm.provision([SPECS[0]], dry_run=False)}
    assert (steps["Contact.BLF_Top_Belief__c"].action, steps["Contact.BLF_Top_Belief__c"].detail) == (
        "change",
        "length",
    )
    assert crm.writable("Contact")["BLF_Top_Belief__c"] == 255
    assert counts(crm.provision([short], dry_run=False)).keys() == {"ok"}
    number = replace(SPECS[0], kind="number", length=3)
    refused = {step.target: step for step in crm.provision([number], dry_run=False)}["Contact.BLF_Top_Belief__c"]
    assert (refused.action, "is Text, we need Number" in refused.detail) == ("refuse", True)


def test_reps_read_what_is_not_hidden_and_edit_only_their_answers(practice):
    """The reader's permission set says so field by field."""
    practice.crm().provision(SPECS, dry_run=False)
    soql = "SELECT Field, PermissionsRead, PermissionsEdit FROM FieldPermissions WHERE Parent.Name = 'BLF_Reader'"
    rows = practice.org().query("test", soql, about="FieldPermissions")["records"]
    contact = {
        row["Field"].removeprefix("Contact."): row["PermissionsEdit"]
        for row in rows
        if row["Field"].startswith("Contact.")
    }
    assert "BLF_Run_Id__c" not in contact
    assert {name for name, edit in contact.items() if edit} == {"BLF_Lock__c", "BLF_Feedback__c"}


def test_provisioning_that_was_cut_off_is_finished_by_the_next(practice):
    """A creation that may have happened is not repeated blindly, but looked for."""
    practice.fault("/tooling/sobjects/CustomField", kind="html", status=502, method="POST", calls=(5,))
    with pytest.raises(Retryable):
        practice.crm().provision(SPECS, dry_run=False)
    practice.crm().provision(SPECS, dry_run=False)
    assert counts(practice.crm().provision(SPECS, dry_run=False)).keys() == {"ok"}


def test_a_batch_answers_row_by_row_in_order(practice):
    """A row that is gone fails alone, with the vendor's code."""
    crm = practice.crm()
    crm.provision(SPECS, dry_run=False)
    first, gone, last = practice.contacts(range(1, 4))
    practice.sandbox.state.delete("Contact", gone)
    results = crm.update("Contact", [(one, {"BLF_Top_Belief__c": one}) for one in (first, gone, last)])
    assert [(one.id, one.ok) for one in results] == [(first, True), (gone, False), (last, True)]
    assert results[1].code == "ENTITY_IS_DELETED"
    assert crm.read("Contact", [first, gone, last], ["BLF_Top_Belief__c"]) == {
        one: {"BLF_Top_Belief__c": one} for one in (first, last)
    }


@pytest.mark.parametrize(
    ("code", "retry"), [("UNABLE_TO_LOCK_ROW", True), ("FIELD_CUSTOM_VALIDATION_EXCEPTION", False)]
)
def test_only_a_passing_refusal_is_worth_trying_again(practice, code, retry):
    """A locked row frees itself; a validation rule does not."""
    error = {"statusCode": code, "message": "no", "fields": ["BLF_Trend__c"]}
    practice.fault("/composite/sobjects", status=200, body=[{"success": False, "errors": [error]}])
    (result,) = practice.crm().update("Contact", [("003A", {"BLF_Trend__c": "x"})])
    assert (result.ok, result.code, result.retry) == (False, code, retry)
    assert "BLF_Trend__c" in result.message


@pytest.mark.parametrize("body", [[], {}, [{"success": True, "id": "003A"}] * 2])
def test_answers_that_do_not_match_the_rows_are_refused(practice, body):
    """A silent no-op must not look like success."""
    practice.fault("/composite/sobjects", status=200, body=body)
    with pytest.raises(Fatal, match="answers to 1 written rows"):
        practice.crm().update("Contact", [("003A", {"BLF_Trend__c": "Steady"})])


def test_a_batch_holds_two_hundred_rows(practice):
    """More are refused before anything is sent; none are no call at all."""
    crm = practice.crm()
    practice.sandbox.log.clear()
    with pytest.raises(ValueError, match="201 rows"):
        crm.update("Contact", [("003A", {})] * 201)
    assert crm.update("Contact", []) == []
    assert practice.asked("/") == 0


def test_reading_leaves_out_what_takes_no_writes(practice):
    """Deleted records and converted leads are absent; two thousand ids are one call."""
    at = practice.clock.now()
    open_lead = practice.plant("Lead", "00Q", range(1, 1902), at, Company="K")
    converted = practice.plant("Lead", "00Q", range(2001, 2002), at, Company="K", IsConverted=True)
    crm = practice.crm()
    practice.sandbox.log.clear()
    assert set(crm.read("Lead", [*open_lead, *converted], ["Company"])) == set(open_lead)
    assert practice.asked("/composite/sobjects/Lead") == 1


def test_a_write_that_met_a_busy_vendor_is_repeated(practice):
    """Setting a value twice is setting it once."""
    crm = practice.crm()
    crm.provision(SPECS, dry_run=False)
    contacts = practice.contacts(range(1, 3))
    practice.fault("/composite/sobjects", status=503, method="PATCH", calls=(1,))
    results = crm.update("Contact", [(one, {"BLF_Alignment_Score__c": 58}) for one in contacts])
    assert all(one.ok for one in results)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_field_needs_nothing_once_it_is_as_wanted(spec):
    """The difference between what we ask for and itself is empty."""
    assert difference(metadata(spec), metadata(spec)) == ({}, "")


def test_values_that_people_added_to_a_picklist_stay(practice):
    """Ours are added beside them."""
    theirs = metadata(replace(SPECS[4], values=("Mixed",)))
    changes, refused = difference(metadata(SPECS[4]), theirs)
    names = [value["valueName"] for value in changes["valueSet"]["valueSetDefinition"]["value"]]
    assert (names, refused) == (["Mixed", "Converging", "Steady"], "")


def test_names_carry_the_prefix_and_fit():
    """Title case between underscores; what Salesforce would refuse is refused here."""
    assert api_name(replace(SPECS[0], name="revenue_12m"), "BLF_") == "BLF_Revenue_12M__c"
    with pytest.raises(ValueError, match="longer than 40"):
        api_name(replace(SPECS[0], name="x" * 40), "BLF_")
