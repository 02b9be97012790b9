"""Custom fields and who may see them. Sources: Tooling API guide 63.0, "CustomField"; Object Reference, FieldPermissions."""

import pytest
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceResourceNotFound

from sandbox.salesforce.ids import make_id
from sandbox.salesforce.state import INTEGRATION_USER

ANN = make_id("003", 1)
KINDS = {
    "Text": {"length": 255},
    "LongTextArea": {"length": 8000, "visibleLines": 6},
    "Number": {"precision": 3, "scale": 0},
    "Percent": {"precision": 5, "scale": 2},
    "Currency": {"precision": 16, "scale": 2},
    "Picklist": {
        "valueSet": {
            "restricted": True,
            "valueSetDefinition": {
                "sorted": False,
                "value": [{"fullName": name, "label": name} for name in ("High", "Low")],
            },
        }
    },
    "Checkbox": {"defaultValue": "false"},
    "DateTime": {},
}
COLUMN = {
    "Text": "string", "LongTextArea": "textarea", "Number": "double", "Percent": "percent", "Currency": "currency",
    "Picklist": "picklist", "Checkbox": "boolean", "DateTime": "datetime",
}  # fmt: skip


@pytest.fixture(autouse=True)
def ann(state):
    state.insert_many("Contact", [{"Id": ANN, "LastName": "Ann"}])


def make(sf, name="Contact.BLF_Key__c", kind="Text", **changes):
    metadata = {"label": "Belief", "type": kind, **KINDS.get(kind, {}), **changes}
    return sf.toolingexecute("sobjects/CustomField", method="POST", data={"FullName": name, "Metadata": metadata})


def permit(sf, *names, edit=True):
    """A permission set for these fields, assigned to the integration user."""
    made = sf.PermissionSet.create({"Name": "BLF_Writer", "Label": "Writer"})["id"]
    for name in names:
        sf.FieldPermissions.create(
            {
                "ParentId": made,
                "SobjectType": name.split(".")[0],
                "Field": name,
                "PermissionsRead": True,
                "PermissionsEdit": edit,
            }
        )
    sf.PermissionSetAssignment.create({"AssigneeId": INTEGRATION_USER, "PermissionSetId": made})
    return made


def described(sf, name):
    return {field["name"]: field for field in sf.Contact.describe()["fields"]}.get(name)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_field_is_made_and_described(sf, kind):
    """201 with an id; once permitted, describe shows the type and sizes that were asked for."""
    assert make(sf, kind=kind)["success"]
    permit(sf, "Contact.BLF_Key__c")
    field = described(sf, "BLF_Key__c")
    assert (field["type"], field["label"], field["custom"], field["updateable"]) == (COLUMN[kind], "Belief", True, True)
    sizes = {key: field[key] for key in ("length", "precision", "scale") if key in KINDS[kind]}
    assert sizes == {key: value for key, value in KINDS[kind].items() if key in sizes}


def test_a_new_field_is_seen_by_nobody_until_permissions_say_so(sf, state):
    """Not in describe, INVALID_FIELD in a query and in a write, though the Tooling API knows it."""
    make(sf)
    assert described(sf, "BLF_Key__c") is None
    with pytest.raises(SalesforceMalformedRequest) as unseen:
        sf.query("SELECT BLF_Key__c FROM Contact")
    assert unseen.value.content[0]["errorCode"] == "INVALID_FIELD"
    with pytest.raises(SalesforceMalformedRequest) as unwritable:
        sf.Contact.update(ANN, {"BLF_Key__c": "x"})
    assert unwritable.value.content[0]["errorCode"] == "INVALID_FIELD"
    permit(sf, "Contact.BLF_Key__c")
    sf.Contact.update(ANN, {"BLF_Key__c": "x"})
    assert sf.query("SELECT BLF_Key__c FROM Contact")["records"][0]["BLF_Key__c"] == "x"


def test_reading_is_not_writing(sf):
    """Without PermissionsEdit the field is shown, but a write is INVALID_FIELD_FOR_INSERT_UPDATE; a change of the row opens it."""
    make(sf)
    permit(sf, "Contact.BLF_Key__c", edit=False)
    assert described(sf, "BLF_Key__c")["updateable"] is False
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.Contact.update(ANN, {"BLF_Key__c": "x"})
    assert refused.value.content[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    (row,) = sf.query("SELECT Id FROM FieldPermissions WHERE Field = 'Contact.BLF_Key__c'")["records"]
    sf.FieldPermissions.update(row["Id"], {"PermissionsEdit": True})
    assert sf.Contact.update(ANN, {"BLF_Key__c": "x"}) == 204
    sf.FieldPermissions.delete(row["Id"])
    assert described(sf, "BLF_Key__c") is None


def test_the_inventory_is_a_query_of_the_tooling_api(sf):
    """DeveloperName is without __c; Metadata may be asked for one row only (Tooling guide, "CustomField")."""
    make(sf)
    make(sf, "Lead.BLF_Lock__c", "Checkbox")
    rows = sf.toolingexecute(
        "query/?q=SELECT Id, DeveloperName, TableEnumOrId FROM CustomField WHERE DeveloperName LIKE 'BLF\\_%25'"
    )
    assert [(row["TableEnumOrId"], row["DeveloperName"]) for row in rows["records"]] == [
        ("Contact", "BLF_Key"),
        ("Lead", "BLF_Lock"),
    ]
    assert rows["records"][0]["attributes"]["url"].startswith("/services/data/v63.0/tooling/sobjects/CustomField/00N")
    one = sf.toolingexecute("query/?q=SELECT Metadata FROM CustomField WHERE TableEnumOrId = 'Lead'")
    assert one["records"][0]["Metadata"]["type"] == "Checkbox"
    with pytest.raises(SalesforceMalformedRequest):
        sf.toolingexecute("query/?q=SELECT Metadata FROM CustomField")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"length": 256}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"length": None}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"label": "x" * 41}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"inlineHelpText": "x" * 511}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"kind": "LongTextArea", "length": 255}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"kind": "LongTextArea", "length": 131_073}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"kind": "LongTextArea", "visibleLines": None}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"kind": "LongTextArea", "unique": True}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"kind": "Number", "precision": 19}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"kind": "Number", "scale": None}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"kind": "Checkbox", "defaultValue": None}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"kind": "Picklist", "valueSet": None}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"kind": "Shoe"}, "JSON_PARSER_ERROR"),
        ({"shoe": 1}, "JSON_PARSER_ERROR"),
        ({"name": "Contact.BLF_Key"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"name": "Contact.BLF__Key__c"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"name": f"Contact.{'x' * 41}__c"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"name": "Shoe.BLF_Key__c"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
    ],
)
def test_a_field_that_cannot_be_is_refused(sf, changes, code):
    """Limits of names, lengths and digits (Metadata API guide, "CustomField")."""
    with pytest.raises(SalesforceMalformedRequest) as refused:
        make(sf, **changes)
    assert refused.value.content[0]["errorCode"] == code


def test_the_same_field_twice_is_a_duplicate(sf):
    """DUPLICATE_DEVELOPER_NAME, whatever the case."""
    make(sf)
    with pytest.raises(SalesforceMalformedRequest) as refused:
        make(sf, "Contact.blf_key__c")
    assert refused.value.content[0]["errorCode"] == "DUPLICATE_DEVELOPER_NAME"


def test_long_texts_of_one_object_have_a_common_limit(sf):
    """1,638,400 characters over all long texts (help, "Rich Text Area Field Limits")."""
    for number in range(12):
        make(sf, f"Contact.BLF_L{number}__c", "LongTextArea", length=131_072)
    with pytest.raises(SalesforceMalformedRequest) as refused:
        make(sf, "Contact.BLF_More__c", "LongTextArea", length=131_072)
    assert refused.value.content[0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"


def test_a_definition_is_read_and_replaced_as_a_whole(sf):
    """GET shows Metadata, PATCH replaces it; a type cannot be changed this way."""
    field_id = make(sf)["id"]
    path = f"sobjects/CustomField/{field_id}"
    found = sf.toolingexecute(path)
    assert (found["FullName"], found["Metadata"]["length"]) == ("Contact.BLF_Key__c", 255)
    changed = {**found["Metadata"], "label": "Belief key", "inlineHelpText": "who it is"}
    sf.toolingexecute(path, method="PATCH", data={"FullName": "Contact.BLF_Key__c", "Metadata": changed})
    permit(sf, "Contact.BLF_Key__c")
    assert (described(sf, "BLF_Key__c")["label"], described(sf, "BLF_Key__c")["inlineHelpText"]) == (
        "Belief key",
        "who it is",
    )
    other = {"label": "x", "type": "Number", **KINDS["Number"]}
    for full, metadata in (("Contact.BLF_Key__c", other), ("Contact.BLF_Other__c", changed)):
        with pytest.raises(SalesforceMalformedRequest):
            sf.toolingexecute(path, method="PATCH", data={"FullName": full, "Metadata": metadata})


def test_a_deleted_field_takes_values_and_permissions_along(sf):
    """Made again, it is empty and hidden."""
    field_id = make(sf)["id"]
    permit(sf, "Contact.BLF_Key__c")
    sf.Contact.update(ANN, {"BLF_Key__c": "x"})
    sf.toolingexecute(f"sobjects/CustomField/{field_id}", method="DELETE")
    assert sf.query("SELECT COUNT() FROM FieldPermissions")["totalSize"] == 0
    with pytest.raises(SalesforceResourceNotFound):
        sf.toolingexecute(f"sobjects/CustomField/{field_id}")
    make(sf)
    assert described(sf, "BLF_Key__c") is None


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("Picklist", "Middle", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Text", "x" * 256, "STRING_TOO_LONG"),
        ("Number", 1000, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("DateTime", "yesterday", "JSON_PARSER_ERROR"),
        ("Checkbox", "true", "JSON_PARSER_ERROR"),
    ],
)
def test_values_must_fit_their_field(sf, kind, value, code):
    """A custom field refuses what the vendor's would."""
    make(sf, kind=kind)
    permit(sf, "Contact.BLF_Key__c")
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.Contact.update(ANN, {"BLF_Key__c": value})
    assert refused.value.content[0]["errorCode"] == code


def test_permissions_make_sense_or_are_refused(sf):
    """An unknown field, edit without read, the same row twice, a required field: each is an error; a set's name is unique."""
    make(sf)
    parent = permit(sf, "Contact.BLF_Key__c")
    row = {"ParentId": parent, "SobjectType": "Contact", "Field": "Contact.BLF_Key__c", "PermissionsRead": True}
    for changes, code in (
        ({}, "DUPLICATE_VALUE"),
        ({"Field": "Contact.Shoe__c"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"SobjectType": "Lead"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"PermissionsRead": False, "PermissionsEdit": True}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"Field": "Contact.LastName"}, "FIELD_INTEGRITY_EXCEPTION"),
    ):
        with pytest.raises(SalesforceMalformedRequest) as refused:
            sf.FieldPermissions.create({**row, **changes})
        assert refused.value.content[0]["errorCode"] == code
    with pytest.raises(SalesforceMalformedRequest):
        sf.PermissionSet.create({"Name": "BLF_Writer", "Label": "Again"})


def test_a_unique_field_holds_a_value_once(sf, state):
    """DUPLICATE_VALUE for the second record."""
    make(sf, unique=True)
    permit(sf, "Contact.BLF_Key__c")
    bob = make_id("003", 2)
    state.insert_many("Contact", [{"Id": bob, "LastName": "Bob"}])
    sf.Contact.update(ANN, {"BLF_Key__c": "x"})
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.Contact.update(bob, {"BLF_Key__c": "x"})
    assert refused.value.content[0]["errorCode"] == "DUPLICATE_VALUE"


def test_data_privacy_records_are_there_once_the_org_keeps_them(sf, state):
    """Source: Object Reference 63.0, Individual: available if Data Protection and Privacy is enabled; boxes are never null."""
    query = "SELECT Individual.ShouldForget, Individual.HasOptedOutProcessing FROM Contact"
    for soql in (query, "SELECT Id FROM Individual"):
        with pytest.raises(SalesforceMalformedRequest):
            sf.query(soql)
    assert described(sf, "IndividualId") is None
    state.security.protect_data()
    made = sf.Individual.create({"LastName": "Kolbe", "FirstName": "Ann", "HasOptedOutProcessing": True})
    sf.Contact.update(ANN, {"IndividualId": made["id"]})
    (row,) = sf.query(query)["records"]
    assert (row["Individual"]["ShouldForget"], row["Individual"]["HasOptedOutProcessing"]) == (False, True)
    assert sf.query("SELECT Name FROM Individual")["records"][0]["Name"] == "Ann Kolbe"
    assert described(sf, "IndividualId")["relationshipName"] == "Individual"


def test_objects_and_standard_fields_can_be_hidden(sf, state):
    """An administrator takes a permission away: INVALID_TYPE and NOT_FOUND for the object, INVALID_FIELD for the field."""
    state.security.hide("Case")
    state.security.hide("Contact.Email")
    with pytest.raises(SalesforceMalformedRequest) as hidden:
        sf.query("SELECT Id FROM Case")
    assert hidden.value.content[0]["errorCode"] == "INVALID_TYPE"
    with pytest.raises(SalesforceResourceNotFound):
        sf.Case.describe()
    assert "Case" not in {each["name"] for each in sf.describe()["sobjects"]}
    assert described(sf, "Email") is None
    with pytest.raises(SalesforceMalformedRequest):
        sf.query("SELECT Email FROM Contact")
    state.security.show_all()
    assert sf.query("SELECT Email FROM Contact")["totalSize"] == 1
