"""The page that shows what a rep sees is the CRM's own values, and nothing that a customer wrote becomes markup."""

import pytest

from models.keys import RecordKey
from pipelines.write_back.fields import FIELDS, carried_by
from service.errors import UsageError
from service.screen import page
from tests.connectors.salesforce.conftest import Practice


@pytest.fixture
def practice(salesforce_sandbox, clock) -> Practice:
    return Practice(salesforce_sandbox, clock)


def test_a_record_is_drawn_as_the_crm_gives_it_back(practice):
    """Name, every visible field with its label and the reps' own; keys and hashes are nowhere; words stay words."""
    crm = practice.crm()
    crm.provision(FIELDS, dry_run=False)
    (ann,) = practice.contacts(range(1, 2), FirstName="Ann")
    said = {"BLF_Key__c": "k-123", "BLF_Summary__c": '1  -  <script>alert("x")</script>', "BLF_Confidence__c": 87.5}
    crm.update("Contact", [(ann, {**said, "BLF_Updated_At__c": "2026-05-09T10:00:00Z", "BLF_Lock__c": True})])
    drawn = page(crm, RecordKey("salesforce", crm.account, "Contact", ann))
    assert "&lt;script&gt;alert(&quot;x&quot;)" in drawn
    assert "<script" not in drawn
    for shown in (">87.5%<", "09 May 2026, 10:00", "&#9745;", f"<h1>Ann N{ann}</h1>"):
        assert shown in drawn, shown
    assert "k-123" not in drawn
    for spec in carried_by("person"):
        assert (f">{spec.label.removeprefix('Belief: ')}<" in drawn) is not spec.hidden, spec.name


def test_a_record_that_is_not_there_or_shows_no_beliefs_is_told(practice):
    """In words, with the objects that do."""
    crm = practice.crm()
    crm.provision(FIELDS, dry_run=False)
    (ann,) = practice.contacts(range(1, 2))
    practice.sandbox.state.delete("Contact", ann)
    with pytest.raises(UsageError, match="is not there"):
        page(crm, RecordKey("salesforce", crm.account, "Contact", ann))
    with pytest.raises(UsageError, match="Contact, Lead, Account, Opportunity"):
        page(crm, RecordKey("salesforce", crm.account, "Case", ann))
    with pytest.raises(UsageError, match=r"cannot be read .*MALFORMED_ID.*as `sidecar show` prints it"):
        page(crm, RecordKey("salesforce", crm.account, "Contact", "xyz"))
