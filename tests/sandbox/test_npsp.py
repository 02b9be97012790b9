"""A real org's data in the sandbox, read back through the SDK."""

import pytest

from sandbox.npsp import load, salesforce_id
from sandbox.salesforce.state import SalesforceState

COUNTS = {
    "Account": 1223, "Contact": 1024, "Opportunity": 1517, "CampaignMember": 1699, "OpportunityContactRole": 3499, "Campaign": 13,
}  # fmt: skip


@pytest.fixture
def state(tmp_path, clock):
    state = SalesforceState(tmp_path, clock)
    yield state
    state.close()


def test_all_rows_of_a_real_org_are_there(state, shared_data):
    """The numbers of `npsp/1k.sql`, and one row of each lookup followed by hand in the script."""
    assert load(shared_data / "npsp" / "1k.sql", state) == COUNTS
    assert {name: state.count(name) for name in COUNTS} == COUNTS
    deal = state.get("Opportunity", salesforce_id("Opportunity", 1))
    assert (deal["Amount"], deal["CloseDate"], deal["IsWon"]) == (811.0, "2016-11-25", True)
    assert deal["AccountId"] == salesforce_id("Account", 2)
    role = state.get("OpportunityContactRole", salesforce_id("OpportunityContactRole", 1))
    assert (role["ContactId"], role["OpportunityId"]) == (
        salesforce_id("Contact", 723),
        salesforce_id("Opportunity", 1248),
    )
    assert (role["Role"], role["IsPrimary"]) == ("Influencer", False)


def test_what_is_neither_mapped_nor_left_out_by_name_is_an_error(state, tmp_path):
    """A data set with a table or column that nobody thought of does not load in part."""
    script = tmp_path / "odd.sql"
    script.write_text('CREATE TABLE Campaign (id INTEGER, name TEXT, shoe TEXT); CREATE TABLE "Shoe__c" (id INTEGER);')
    with pytest.raises(ValueError, match=r"Shoe__c, Campaign\.shoe"):
        load(script, state)
    assert state.count("Campaign") == 0
