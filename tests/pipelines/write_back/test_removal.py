"""Removal: what stood in our fields is in the export and nowhere else, and a later provisioning starts anew."""

import json

from connectors.salesforce.enrich import SalesforceCrm
from models.keys import RecordKey
from pipelines.write_back.compare import Wanted
from pipelines.write_back.crm import provision
from pipelines.write_back.deliver import apply
from pipelines.write_back.fields import FIELDS
from pipelines.write_back.limits import Limits
from pipelines.write_back.plan import draw_up
from pipelines.write_back.removal import removal_plan, remove
from tests.connectors.hubspot.conftest import Practice as Portal
from tests.connectors.salesforce.conftest import Practice


def write(crm: SalesforceCrm, practice: Practice, store, record_id: str, **values) -> int:
    """Plan and deliver what one contact should show; gives how many fields were written."""
    key = RecordKey("salesforce", crm.account, "Contact", record_id)
    wanted = [Wanted(key, "person", "p1", values)]
    told = {"store": store, "clock": practice.clock, "limits": Limits()}
    planned = draw_up(crm, "salesforce", wanted, **told)
    return apply(crm, "salesforce", planned.id, **told).written


def test_values_are_exported_and_emptied_and_a_new_beginning_writes_them_again(
    salesforce_sandbox, clock, desk, tmp_path
):
    """A human's value and answer are in the export beside ours; afterwards no field of ours counts as emptied by a human."""
    practice = Practice(salesforce_sandbox, clock)
    crm = practice.crm()
    provision(crm)
    ann, bob = practice.contacts(range(1, 3))
    shown = {"key": "k", "top_belief": "Price \u2013 zu hoch \U0001f44d", "alignment_score": 58}
    first = write(crm, practice, desk.store, ann, **shown)
    practice.sandbox.state.update_as_user("Contact", ann, {"BLF_Top_Belief__c": "mine"})
    practice.sandbox.state.update_as_user("Contact", bob, {"BLF_Feedback__c": "Agree", "BLF_Lock__c": True})
    planned = removal_plan(crm, "salesforce")
    export = tmp_path / "export.jsonl"
    assert remove(crm, "salesforce", export, store=desk.store) == planned
    rows = {row["record"].split("/")[-1]: row["values"] for row in map(json.loads, export.read_text().splitlines())}
    assert (rows[ann]["BLF_Top_Belief__c"], rows[ann]["BLF_Alignment_Score__c"]) == ("mine", 58)
    assert (rows[bob]["BLF_Feedback__c"], rows[bob]["BLF_Lock__c"]) == ("Agree", True)
    assert not [row for row in practice.sandbox.state.rows("CustomField") if row["FullName"].startswith("Contact.BLF_")]
    crm.provision(FIELDS, dry_run=False)
    assert write(crm, practice, desk.store, ann, **shown) == first
    assert crm.read("Contact", [ann], ["BLF_Top_Belief__c"])[ann]["BLF_Top_Belief__c"] == shown["top_belief"]


def test_a_record_that_takes_no_write_is_told_and_stops_no_removal(salesforce_sandbox, clock, desk, tmp_path):
    """Its values are exported; that they could not be emptied first is a step with the CRM's reason."""
    practice = Practice(salesforce_sandbox, clock)
    crm = practice.crm()
    provision(crm)
    (ann,) = practice.contacts(range(1, 2))
    write(crm, practice, desk.store, ann, key="k", top_belief="x")
    practice.sandbox.state.refuse(ann, "FIELD_CUSTOM_VALIDATION_EXCEPTION", times=0)
    steps = remove(crm, "salesforce", tmp_path / "export.jsonl", store=desk.store)
    (refused,) = (step for step in steps if step.action == "refuse")
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION" in refused.detail
    assert practice.sandbox.state.count("CustomField") == 0


def test_a_portal_is_emptied_before_its_properties_go(hubspot_sandbox, clock, desk, tmp_path):
    """A zero and a lock are values too; each record is written to once, with nothing in its fields."""
    practice = Portal(hubspot_sandbox, clock)
    crm = practice.crm()
    provision(crm)
    ann, bob, _ = practice.plant("contacts", range(1, 4))
    crm.update("contact", [(ann, {"blf_engagement_score": 0}), (bob, {"blf_lock": True, "blf_summary": "x"})])
    planned = removal_plan(crm, "hubspot")
    hubspot_sandbox.log.clear()
    assert remove(crm, "hubspot", tmp_path / "export.jsonl", store=desk.store) == planned
    rows = [json.loads(line) for line in (tmp_path / "export.jsonl").read_text().splitlines()]
    told = [
        {name: value for name, value in row["values"].items() if value is not None and value is not False}
        for row in rows
    ]
    assert told == [{"blf_engagement_score": 0}, {"blf_lock": True, "blf_summary": "x"}]
    assert len(hubspot_sandbox.log.matching("/contacts/batch/update")) == 1
    assert not [one for one in practice.portal().properties("contacts") if one["name"].startswith("blf_")]
