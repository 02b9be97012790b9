"""Describe as SDK and connector read it. Source: REST guide 63.0, "sObject Describe"; SOAP guide, "DescribeSObjectResult"."""

import pytest
from simple_salesforce.exceptions import SalesforceResourceNotFound

from sandbox.salesforce.setup_objects import OBJECTS

PREFIXES = {
    "Account": "001", "Contact": "003", "Lead": "00Q", "Opportunity": "006", "OpportunityContactRole": "00K", "Task": "00T",
    "Event": "00U", "Case": "500", "CaseComment": "00a", "EmailMessage": "02s", "Campaign": "701", "CampaignMember": "00v",
    "User": "005", "Organization": "00D", "PermissionSet": "0PS",
}  # fmt: skip


def test_all_objects_are_listed_with_their_key_prefixes(sf):
    """The Tooling API's objects are not among them (help page "Standard Field Record ID Prefix Decoder")."""
    listed = {each["name"]: each["keyPrefix"] for each in sf.describe()["sobjects"]}
    assert PREFIXES.items() <= listed.items()
    assert "CustomField" not in listed


@pytest.mark.parametrize("name", sorted(PREFIXES))
def test_every_described_field_can_be_queried(sf, name):
    """What describe lists, a query may select, compound addresses included."""
    fields = [field["name"] for field in getattr(sf, name).describe()["fields"]]
    assert sf.query(f"SELECT {', '.join(fields)} FROM {name}")["done"]  # noqa: S608


def test_types_tell_compounds_references_and_lengths(sf):
    """An address is a compound of its parts; a lookup names its object and relationship; stamps cannot be written."""
    fields = {field["name"]: field for field in sf.Contact.describe()["fields"]}
    assert fields["MailingAddress"]["type"] == "address"
    assert fields["MailingCity"]["compoundFieldName"] == "MailingAddress"
    assert (fields["AccountId"]["referenceTo"], fields["AccountId"]["relationshipName"]) == (["Account"], "Account")
    assert fields["Title"]["length"] == 128
    assert not fields["SystemModstamp"]["updateable"]
    assert not fields["Name"]["createable"]
    assert not fields["LastName"]["nillable"]
    assert fields["Description"]["filterable"] is False


def test_a_lookup_to_several_objects_is_polymorphic(sf):
    """WhoId is a contact or a lead."""
    who = next(field for field in sf.Task.describe()["fields"] if field["name"] == "WhoId")
    assert who["polymorphicForeignKey"]
    assert set(who["referenceTo"]) == {"Contact", "Lead"}


def test_an_unknown_object_is_404(sf):
    """NOT_FOUND in the list of errors."""
    with pytest.raises(SalesforceResourceNotFound):
        sf.Shoe.describe()


def test_every_lookup_leads_to_an_object_that_exists():
    """The schema has no loose ends, and no field twice."""
    for sobject in OBJECTS.values():
        names = [field.name.lower() for field in sobject.fields]
        assert len(names) == len(set(names)), sobject.name
        for field in sobject.fields:
            assert set(field.refers) <= OBJECTS.keys(), f"{sobject.name}.{field.name}"
            assert all(sobject.get(part) for _, part in field.parts)
