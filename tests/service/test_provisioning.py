"""`sidecar provision`: plan, apply and remove, as an administrator types them."""

import json


def test_what_was_made_is_removed_once_it_is_said_so(door):
    """Without --yes all that would go is shown and nothing goes; an export is never overwritten; the file is its owner's alone."""
    door.connect()
    assert {step["action"] for step in door.ask("provision", "plan", "--json").json["salesforce"]} == {"create"}
    assert door.ask("provision", "apply").code == 0
    state = door.salesforce.state
    fields = state.count("CustomField")
    state.insert_many("Contact", [{"LastName": "Ann", "BLF_Top_Belief__c": "too dear"}])
    export = door.folder / "values.jsonl"
    asked = door.ask("provision", "remove", "--export", str(export))
    assert (asked.code, state.count("CustomField"), export.exists()) == (2, fields, False)
    assert "delete Contact.BLF_Top_Belief__c" in asked.said
    assert "values on Contact 1 records" in asked.said
    assert "--yes" in asked.err
    assert door.ask("provision", "remove", "--export", str(export), "--yes").code == 0
    assert (state.count("CustomField"), state.count("PermissionSet")) == (0, 0)
    (row,) = map(json.loads, export.read_text().splitlines())
    assert row["values"]["BLF_Top_Belief__c"] == "too dear"
    assert export.stat().st_mode & 0o077 == 0
    again = door.ask("provision", "remove", "--export", str(export), "--yes")
    assert (again.code, "never overwritten" in again.said) == (2, True)


def test_the_doctor_names_a_field_that_was_deleted_in_the_crm(door):
    """And says which command brings it back, which it does."""
    door.connect()
    door.ask("provision", "apply")
    state = door.salesforce.state
    (gone,) = (row["Id"] for row in state.rows("CustomField") if row["FullName"] == "Lead.BLF_Confidence__c")
    state.tables.drop_column("Lead", "BLF_Confidence__c")
    state.tables.run('DELETE FROM "FieldPermissions" WHERE "Field" = ?', ["Lead.BLF_Confidence__c"])
    state.tables.run('DELETE FROM "CustomField" WHERE "Id" = ?', [gone])
    state.tables.reload()
    told = door.ask("doctor").said
    assert "Lead.BLF_Confidence__c is missing" in told
    assert "sidecar provision apply" in told
    assert door.ask("provision", "apply").code == 0
    assert "our fields on Lead" not in door.ask("doctor").said
