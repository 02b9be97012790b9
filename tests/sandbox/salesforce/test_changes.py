"""What a reader must notice: deletes, merges, late commits. Sources: REST guide 63.0, "Get Deleted", "Get Updated"."""

from datetime import UTC, datetime, timedelta

import pytest
from simple_salesforce.exceptions import SalesforceMalformedRequest

from sandbox.salesforce.ids import make_id
from sandbox.salesforce.state import SalesforceState
from tests.conftest import NOW

ANN, BOB, CAL = (make_id("003", number) for number in (1, 2, 3))
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def people(state):
    rows = ({"Id": each, "LastName": "x", "CreatedDate": NOW - 10 * DAY} for each in (ANN, BOB, CAL))
    state.insert_many("Contact", rows)


def deleted(sf, start: datetime, end: datetime) -> list[str]:
    return [row["id"] for row in sf.Contact.deleted(start, end)["deletedRecords"]]


def test_deleted_tells_of_the_bin_and_of_what_left_it(sf, state, clock):
    """A hard delete is in no query, only in getDeleted; the span's end is exclusive."""
    state.delete("Contact", ANN)
    clock.advance(DAY)
    state.hard_delete("Contact", BOB)
    assert deleted(sf, NOW - DAY, NOW + 2 * DAY) == [ANN, BOB]
    assert deleted(sf, NOW - DAY, NOW + DAY) == [ANN]
    assert sf.query("SELECT COUNT() FROM Contact", include_deleted=True)["totalSize"] == 2
    assert state.get("Contact", BOB) is None


def test_updated_tells_of_changes_in_the_span(sf, state):
    """Ids whose SystemModstamp lies in the span, without the deleted."""
    state.update_as_user("Contact", CAL, {"Title": "x"})
    state.delete("Contact", ANN)
    assert sf.Contact.updated(NOW - DAY, NOW + DAY)["ids"] == [CAL]


@pytest.mark.parametrize(
    ("start", "end"),
    [(NOW - 31 * DAY, NOW), (NOW, NOW), (NOW, NOW - DAY)],
)
def test_a_span_must_be_recent_and_forward(sf, start, end):
    """Before the last 30 days, or end not after start: INVALID_REPLICATION_DATE."""
    with pytest.raises(SalesforceMalformedRequest) as refused:
        deleted(sf, start, end)
    assert refused.value.content[0]["errorCode"] == "INVALID_REPLICATION_DATE"


def test_a_span_needs_both_ends_and_an_object_that_is_replicated(sf):
    """Missing or unreadable dates are refused; setup objects cannot be replicated."""
    for params in ({}, {"start": "2026-11-01", "end": "x"}, {"start": "2026-11-01", "end": "2026-11-02"}):
        with pytest.raises(SalesforceMalformedRequest):
            sf.restful("sobjects/Contact/deleted/", params=params)
    with pytest.raises(SalesforceMalformedRequest):
        sf.PermissionSet.deleted(NOW - DAY, NOW)


def test_a_late_commit_is_seen_after_its_stamp(sf, state, clock):
    """The row carries a stamp that a reader has already passed (airbyte#27146)."""
    dora = {"Id": make_id("003", 9), "LastName": "Dora", "CreatedDate": NOW - timedelta(minutes=1)}
    state.insert_late("Contact", dora, visible_from=NOW + timedelta(minutes=3))
    asked = "SELECT SystemModstamp FROM Contact WHERE LastName = 'Dora'"
    assert sf.query(asked, include_deleted=True)["totalSize"] == 0
    clock.advance(timedelta(minutes=3))
    (row,) = sf.query(asked)["records"]
    assert row["SystemModstamp"] == "2026-11-02T08:59:00.000+0000"


def test_data_may_change_between_two_pages(sf, state):
    """A result keeps its rows; a later page shows them as they are then, and leaves out what is gone for good."""
    leads = [make_id("00Q", number) for number in range(1, 2004)]
    state.insert_many("Lead", ({"Id": each, "LastName": "x", "Company": "C"} for each in leads))
    page = sf.query("SELECT Id, Title FROM Lead ORDER BY Id")
    state.update_as_user("Lead", leads[2000], {"Title": "new"})
    state.hard_delete("Lead", leads[2001])
    rest = sf.query_more(page["nextRecordsUrl"], identifier_is_url=True)["records"]
    assert [(row["Id"], row["Title"]) for row in rest] == [(leads[2000], "new"), (leads[2002], None)]


def test_a_merge_moves_what_belonged_to_the_loser(sf, state):
    """Tasks and roles of the losing contact point to the winner; the loser lies in the bin and names its master."""
    task, (winner, loser) = make_id("00T", 1), (ANN, BOB)
    state.insert_many("Task", [{"Id": task, "Subject": "Call", "WhoId": loser}])
    state.merge("Contact", winner, loser)
    assert sf.Task.get(task)["WhoId"] == winner
    (gone,) = sf.query("SELECT Id, MasterRecordId FROM Contact WHERE IsDeleted = true", include_deleted=True)["records"]
    assert (gone["Id"], gone["MasterRecordId"]) == (loser, winner)


def test_the_org_outlives_its_process(state, tmp_path, clock):
    """Rows, custom fields and numbers are there when the folder is opened again."""
    first = state.tables.new_id(state.tables.objects["Contact"])
    state.close()
    again = SalesforceState(tmp_path, clock)
    try:
        assert again.count("Contact") == 3
        assert again.tables.new_id(again.tables.objects["Contact"]) != first
    finally:
        again.close()


def test_loaders_bring_their_own_stamps_and_only_known_fields(state):
    """Instants may be text or datetimes of any zone; an unknown field is a ValueError and loads nothing."""
    born = datetime(2020, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
    row = {
        "Id": make_id("003", 7),
        "LastName": "x",
        "CreatedDate": born,
        "LastModifiedDate": "2020-05-06T09:08:10+02:00",
    }
    state.insert_many("Contact", [row])
    found = state.get("Contact", make_id("003", 7))
    assert found["CreatedDate"] == "2020-05-06T07:08:09.000+0000"
    assert found["SystemModstamp"] == found["LastModifiedDate"] == "2020-05-06T07:08:10.000+0000"
    with pytest.raises(ValueError, match="no field Shoe"):
        state.insert_many("Contact", [{"LastName": "y"}, {"LastName": "z", "Shoe": 44}])
    assert state.count("Contact") == 4


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("Lead", {"FirstName": "Ann", "LastName": "Lee", "Company": "C"}, {"Name": "Ann Lee", "Status": "Open - Not Contacted"}),
        (
            "Opportunity",
            {"Name": "D", "StageName": "Needs Analysis", "CloseDate": "2026-12-01", "Amount": 500},
            {"Probability": 20, "IsClosed": False, "ExpectedRevenue": 100, "ForecastCategory": "Pipeline"},
        ),
        ("Opportunity", {"Name": "D", "StageName": "Closed Lost", "CloseDate": "2026-12-01"}, {"IsClosed": True, "IsWon": False}),
        ("Task", {"Subject": "x", "Status": "Completed"}, {"IsClosed": True, "CompletedDateTime": "2026-11-02T09:00:00.000+0000"}),
        (
            "Event",
            {"Subject": "x", "ActivityDateTime": "2026-11-02T23:30:00Z", "DurationInMinutes": 45},
            {"EndDateTime": "2026-11-03T00:15:00.000+0000", "ActivityDate": "2026-11-02"},
        ),
        ("Event", {"Subject": "x", "ActivityDate": "2026-11-02", "IsAllDayEvent": True}, {"StartDateTime": None}),
        ("Case", {"Subject": "x", "Status": "Closed"}, {"IsClosed": True, "CaseNumber": "00001001"}),
        ("CampaignMember", {"CampaignId": make_id("701", 1), "LeadId": make_id("00Q", 1), "Status": "Responded"},
         {"Type": "Lead", "LeadOrContactId": make_id("00Q", 1), "HasResponded": True, "FirstRespondedDate": "2026-11-02"}),
    ],
)  # fmt: skip
def test_salesforce_works_out_what_follows(state, name, given, expected):
    """Object Reference 63.0: whole names, probability of a stage, closing of tasks and cases, ends of meetings."""
    state.insert_many(name, [given])
    (found,) = state.rows(name)
    assert {key: found[key] for key in expected} == expected


def test_a_new_stage_brings_its_own_probability(state):
    """Unless the rep says otherwise in the same save."""
    deal = make_id("006", 1)
    row = {"Id": deal, "Name": "D", "StageName": "Prospecting", "CloseDate": "2026-12-01", "Probability": 33}
    state.insert_many("Opportunity", [row])
    state.update_as_user("Opportunity", deal, {"StageName": "Closed Won"})
    assert (state.get("Opportunity", deal)["Probability"], state.get("Opportunity", deal)["IsWon"]) == (100, True)
