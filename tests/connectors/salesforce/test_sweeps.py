"""What no stamp tells: formulas, new columns, and rows that are gone; and the other questions of the port."""

import logging
from datetime import timedelta

import pytest

from connectors.errors import Retryable
from connectors.salesforce import CONNECTOR
from connectors.salesforce.spans import Sizes
from sandbox.salesforce.ids import make_id
from tests.connectors.salesforce.conftest import ids, pull, records, stamp

CONTACTS = CONNECTOR.streams_by_name["contacts"]
DAY = timedelta(days=1)


@pytest.fixture
def scored(practice):
    """Contacts with a formula field."""
    practice.custom("Contact", "Score", type="Number", precision=5, scale=1, formula="Age__c * 2")
    return practice


def test_a_formula_that_changed_comes_within_a_day(scored):
    """Its version is younger than the one before, though the record's stamp is not."""
    contact, _ = scored.contacts(range(1, 3), Score__c=1.0)
    first = pull(scored.source())
    scored.sandbox.state.recalculate("Contact", contact, {"Score__c": 2.0})
    scored.clock.advance(timedelta(hours=23))
    hourly = pull(scored.source(), cursor=first[-1].cursor)
    assert ids(hourly) == []
    scored.clock.advance(timedelta(hours=2))
    daily = {record.key.id: record for record in records(pull(scored.source(), cursor=hourly[-1].cursor))}
    before = {record.key.id: record for record in records(first)}
    assert (before[contact].payload["Score__c"], daily[contact].payload["Score__c"]) == (1.0, 2.0)
    assert daily[contact].updated_at > before[contact].updated_at
    assert daily[contact].payload["SystemModstamp"] == before[contact].payload["SystemModstamp"]


def test_a_change_by_hand_after_a_formula_was_read_again_still_wins(scored):
    """Even one that committed late: the sweep's stamp is older than whatever may still come."""
    (contact,) = scored.contacts(range(1, 2))
    cursor = pull(scored.source())[-1].cursor
    scored.clock.advance(2 * DAY)
    swept = pull(scored.source(), cursor=cursor)
    row = scored.sandbox.state.get("Contact", contact)
    late = scored.clock.now() - timedelta(minutes=11)
    scored.sandbox.state.insert_many("Contact", [{**row, "LastName": "Late", "SystemModstamp": stamp(late)}])
    scored.clock.advance(timedelta(hours=1))
    (edited,) = records(pull(scored.source(), cursor=swept[-1].cursor))
    assert edited.payload["LastName"] == "Late"
    assert edited.updated_at >= records(swept)[-1].updated_at


def test_a_parents_new_value_comes_within_a_week(practice):
    """A campaign's name moves no stamp of its members."""
    at = practice.clock.now() - timedelta(hours=1)
    (contact,) = practice.contacts(range(1, 2))
    (campaign,) = practice.plant("Campaign", "701", range(1, 2), at, Name="Fair")
    practice.plant("CampaignMember", "00v", range(1, 2), at, CampaignId=campaign, ContactId=contact)
    first = pull(practice.source(), "campaign_members")
    practice.sandbox.state.update_as_user("Campaign", campaign, {"Name": "Show"})
    practice.clock.advance(7 * DAY + timedelta(hours=1))
    (member,) = records(pull(practice.source(), "campaign_members", cursor=first[-1].cursor))
    assert member.payload["Campaign"]["Name"] == "Show"


@pytest.fixture
def private(practice):
    """An org that keeps data privacy records."""
    practice.sandbox.state.security.protect_data()
    return practice


@pytest.mark.parametrize(
    ("stream", "object_name", "prefix"), [("contacts", "Contact", "003"), ("leads", "Lead", "00Q")]
)
def test_a_refusal_in_a_data_privacy_record_comes_within_a_day(private, stream, object_name, prefix):
    """It moves no stamp of the contact or lead that it is about."""
    at = private.clock.now() - timedelta(hours=1)
    (record,) = private.plant("Individual", "0PK", range(1, 2), at)
    more = {"Company": "Kolbe"} if object_name == "Lead" else {}
    about, other = private.plant(object_name, prefix, range(1, 3), at, **more)
    private.sandbox.state.update_as_user(object_name, about, {"IndividualId": record})
    private.clock.advance(timedelta(hours=1))
    first = pull(private.source(), stream)
    private.sandbox.state.update_as_user("Individual", record, {"ShouldForget": True})
    private.clock.advance(timedelta(hours=25))
    told = {one.key.id: one.payload["Individual"] for one in records(pull(private.source(), stream, first[-1].cursor))}
    assert told[about] == {"HasOptedOutProcessing": False, "HasOptedOutProfiling": False, "ShouldForget": True}
    assert told[other] is None


def test_a_new_column_is_read_of_every_row_at_once(practice):
    """Not with the next change of each record."""
    planted = practice.contacts(range(1, 4))
    cursor = pull(practice.source())[-1].cursor
    practice.custom("Contact", "Shoe_Size")
    practice.sandbox.state.recalculate("Contact", planted[0], {"Shoe_Size__c": "44"})
    practice.clock.advance(timedelta(hours=1))
    pages = pull(practice.source(), cursor=cursor)
    assert {record.key.id: record.payload["Shoe_Size__c"] for record in records(pages)} == {
        planted[0]: "44", planted[1]: None, planted[2]: None,
    }  # fmt: skip
    practice.clock.advance(timedelta(hours=1))
    assert ids(pull(practice.source(), cursor=pages[-1].cursor)) == []


def test_a_column_that_comes_during_a_sweep_starts_it_anew(practice):
    """Rows that were swept without it are swept again; no row is lost."""
    tiny = Sizes(portion=2, bulk_from=100, page=2, chunk=2)
    planted = practice.contacts(range(1, 6))
    walk = practice.source(tiny).pages(CONTACTS, None, None)
    cursor = next(page.cursor for page in walk if page.cursor)
    practice.custom("Contact", "Shoe_Size")
    pages = pull(practice.source(tiny), cursor=cursor)
    assert {record.key.id for record in records(pages) if "Shoe_Size__c" in record.payload} == set(planted)
    assert pages[-1].cursor["sweep"] is None
    assert "Shoe_Size__c" in pages[-1].cursor["columns"]


def test_a_column_that_vanished_is_named_and_costs_nothing(practice, caplog):
    """No row is read again for it; where it comes back, it is a new one."""
    planted = practice.contacts(range(1, 4), Title="Owner")
    cursor = pull(practice.source())[-1].cursor
    practice.sandbox.state.security.hide("Contact.Title")
    practice.clock.advance(timedelta(hours=2))
    with caplog.at_level(logging.WARNING):
        pages = pull(practice.source(), cursor=cursor)
    assert "Title" in caplog.text
    assert ids(pages) == []
    practice.sandbox.state.security.show_all()
    practice.clock.advance(timedelta(hours=2))
    back = records(pull(practice.source(), cursor=pages[-1].cursor))
    assert {record.key.id: record.payload["Title"] for record in back} == dict.fromkeys(planted, "Owner")


def test_a_weekly_sweep_tells_what_it_holds_without_a_gap(practice):
    """The window of each portion covers its ids, from the first to the last."""
    tiny = Sizes(portion=2, bulk_from=100, page=2, chunk=2)
    planted = practice.contacts(range(1, 6))
    cursor = pull(practice.source())[-1].cursor
    practice.sandbox.state.hard_delete("Contact", planted[1])
    practice.clock.advance(40 * DAY)  # longer than getDeleted remembers
    pages = pull(practice.source(tiny), cursor=cursor)
    whole = [(page.whole.after, page.whole.upto) for page in pages if page.whole]
    assert whole == [(None, planted[2]), (planted[2], planted[4]), (planted[4], None)]
    assert planted[1] not in ids(pages)


def test_a_slow_walk_by_id_is_asked_in_smaller_queries(practice):
    """Ids cannot be halved like a stretch of time."""
    planted = practice.contacts(range(1, 30))
    slow = [{"message": "too long", "errorCode": "QUERY_TIMEOUT"}]
    practice.fault("LIMIT(%20|\\+)2000", status=400, body=slow)
    assert ids(pull(practice.source())) == planted


def test_a_window_that_goes_through_too_many_rows_is_halved(practice):
    """The vendor gives up above so many rows; each half is answered."""
    cursor = pull(practice.source())[-1].cursor
    practice.clock.advance(DAY)
    planted = [
        one
        for hour in range(1, 9)
        for one in practice.contacts(range(hour * 10, hour * 10 + 5), practice.clock.now() - timedelta(hours=hour))
    ]
    practice.sandbox.state.switches.slow_above = 12
    assert sorted(ids(pull(practice.source(), cursor=cursor))) == sorted(planted)


def test_an_object_with_short_pages_comes_whole(practice):
    """Fewer rows on a page than asked for (airbyte#9136)."""
    planted = practice.contacts(range(1, 30))
    practice.sandbox.state.switches.page_rows["Contact"] = 7
    assert ids(pull(practice.source())) == planted


def test_a_token_renewed_on_another_instance_is_used_there(practice):
    """The org has moved; the old host knows the token no more."""
    planted = practice.contacts(range(1, 30))
    practice.sandbox.state.switches.page_rows["Contact"] = 7
    source = practice.source(Sizes(chunk=10))
    walk = source.pages(CONTACTS, None, None)
    first = next(walk)
    practice.sandbox.state.switches.instance_url = "https://acme-moved.my.salesforce.com"
    practice.clock.advance(timedelta(hours=3))
    assert ids([first, *walk]) == planted
    assert source.calls["login"] == 2


def test_a_range_of_dates_is_read_once_more(practice):
    """Half-open, in as many pages as it takes; only the last one has a cursor."""
    now = practice.clock.now()
    inside = practice.contacts(range(1, 8), now - 5 * DAY)
    practice.contacts(range(11, 13), now - 4 * DAY)
    practice.contacts(range(21, 23), now - 6 * DAY - timedelta(seconds=1))
    source = practice.source(Sizes(portion=3, bulk_from=100, page=2, chunk=2))
    pages = list(source.between(CONTACTS, now - 6 * DAY, now - 4 * DAY, None))
    assert ids(pages) == inside
    assert [page.cursor is not None for page in pages] == [False] * (len(pages) - 1) + [True]
    rest = list(source.between(CONTACTS, now - 6 * DAY, now - 4 * DAY, pages[0].position))
    assert ids([pages[0], *rest]) == inside


def test_records_are_read_by_id(practice):
    """As they are now: live, binned, and gone for good; what never was is absent."""
    live, binned, gone = practice.contacts(range(1, 4))
    practice.sandbox.state.delete("Contact", binned)
    practice.sandbox.state.hard_delete("Contact", gone)
    practice.clock.advance(timedelta(hours=1))
    found = practice.source().read(CONTACTS, [live, binned, gone, make_id("003", 99), "not an id", live])
    assert {record.key.id: record.deleted for record in found} == {live: False, binned: True, gone: True}
    assert practice.source().read(CONTACTS, []) == []


def test_the_vendors_count_is_of_live_records(practice):
    """What is in the bin is not counted; an object without a bin is counted whole."""
    practice.contacts(range(1, 6))
    practice.contacts(range(6, 8), IsDeleted=True)
    source = practice.source()
    assert source.count(CONTACTS) == 5
    assert source.count(CONNECTOR.streams_by_name["users"]) == 2


def test_columns_are_told_with_the_vendors_types(practice):
    """What is read, no less: a hidden field is not among them."""
    practice.sandbox.state.security.hide("Contact.Email")
    columns = practice.source().columns(CONTACTS)
    assert (columns["Id"], columns["Birthdate"], columns["DoNotCall"]) == ("id", "date", "boolean")
    assert not {"Email", "MailingAddress"} & columns.keys()
    assert practice.source().columns(CONNECTOR.streams_by_name["case_comments"])["Parent.Origin"] == "picklist"


def test_the_quota_is_the_orgs(practice):
    """As the newest answer told it."""
    source = practice.source()
    assert source.quota is None
    source.count(CONTACTS)
    assert source.quota is not None
    assert (source.quota.used, source.quota.allowed) == (
        practice.sandbox.state.usage.used, practice.sandbox.state.usage.limit,
    )  # fmt: skip


def test_one_run_spends_no_more_than_a_quarter_of_the_quota(practice):
    """What it has read is kept; the next run goes on from there."""
    planted = practice.contacts(range(1, 101))
    practice.sandbox.state.usage.limit = 60
    staged = []
    walk = practice.source(Sizes(chunk=5)).pages(CONTACTS, None, None)
    with pytest.raises(Retryable, match="this run has spent 15 of the org's 60") as stopped:
        staged.extend(walk)
    assert stopped.value.after == 3600
    practice.sandbox.state.usage.limit = 100_000
    rest = list(practice.source().pages(CONTACTS, None, staged[-1].position))
    assert ids([*staged, *rest]) == planted


def test_a_vendor_that_orders_ids_otherwise_buries_nobody(practice, caplog):
    """Where capitals stand beside small letters, a stretch of text is no stretch of the vendor's: a later portion holds less than it spans."""
    tables = practice.sandbox.state.tables
    ((made,),) = tables.run("SELECT sql FROM sqlite_master WHERE name = 'Contact'")
    tables.run('DROP TABLE "Contact"')
    tables.run(made.replace('"Id" TEXT', '"Id" TEXT COLLATE NOCASE'))
    tables.reload()
    small, capital, *_ = planted = [
        *practice.contacts(range(36, 37)),
        *practice.contacts(range(11, 12)),
        *practice.contacts(range(38, 40)),
    ]
    assert small > capital
    cursor = pull(practice.source())[-1].cursor
    practice.clock.advance(8 * DAY)
    with caplog.at_level(logging.WARNING):
        pages = pull(practice.source(Sizes(portion=2, bulk_from=100, page=2, chunk=2)), cursor=cursor)
    assert ids(pages) == planted
    assert [page.whole for page in pages if page.whole] == []
    assert "order" in caplog.text
