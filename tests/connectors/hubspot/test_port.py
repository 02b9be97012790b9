"""What the port offers beside pulling: ranges of dates, records by id, counts, columns and the quota."""

from datetime import timedelta

import pytest

from connectors.base import Quota
from connectors.errors import Unsupported
from connectors.hubspot import CONNECTOR
from connectors.hubspot.client import ASSOCIATION_BATCH as PAGE
from connectors.hubspot.client import BATCH, SEARCH_PAGE
from tests.connectors.hubspot.conftest import ids
from tests.connectors.hubspot.test_lists import CONTACT, fill_in, plant_forms

CONTACTS, DEALS, OWNERS = (CONNECTOR.streams_by_name[name] for name in ("contacts", "deals", "owners"))
FORMS = CONNECTOR.streams_by_name["form_submissions"]


def test_a_range_of_dates_is_read_once_more_and_nothing_beside_it(practice):
    """From its first millisecond up to, and without, its last; only the last page says that it is complete."""
    since, until = practice.clock.now() - timedelta(days=3), practice.clock.now() - timedelta(days=2)
    tick = timedelta(milliseconds=1)
    practice.contacts(range(1, 2), since - tick)
    inside = [*practice.contacts(range(2, 3), since), *practice.contacts(range(3, 4), until - tick)]
    practice.contacts(range(4, 5), until)
    pages = list(practice.source().between(CONTACTS, since, until, None))
    assert ids(pages) == inside
    assert [page.cursor is not None for page in pages] == [False, True]


def test_a_range_that_was_cut_goes_on_behind_its_last_page(practice):
    """Also in the middle of one millisecond."""
    at = practice.clock.now() - timedelta(days=3)
    planted = practice.contacts(range(1, 2 * PAGE + 11), at)
    since, until = at - timedelta(hours=1), at + timedelta(hours=1)
    walk = practice.source().between(CONTACTS, since, until, None)
    staged = [next(walk), next(walk)]
    rest = list(practice.source().between(CONTACTS, since, until, staged[-1].position))
    assert sorted([*ids(staged), *ids(rest)], key=int) == planted


def test_a_range_from_the_beginning_of_time_asks_for_no_instant_zero(practice):
    """HubSpot answers 500 to it."""
    planted = practice.contacts(range(1, 4))
    epoch = practice.clock.now() - timedelta(milliseconds=practice.clock.now().timestamp() * 1000)
    assert sorted(ids(list(practice.source().between(CONTACTS, epoch, practice.clock.now(), None)))) == planted


def test_submissions_of_a_range_are_read_once_more(practice):
    """By when they were submitted."""
    plant_forms(practice, CONTACT)
    fill_in(practice, CONTACT, range(10), minutes_ago=60)
    wanted = fill_in(practice, CONTACT, range(100, 180), minutes_ago=600)
    fill_in(practice, CONTACT, range(200, 210), minutes_ago=6000)
    now = practice.clock.now()
    pages = list(practice.source().between(FORMS, now - timedelta(hours=20), now - timedelta(hours=2), None))
    assert sorted(ids(pages)) == sorted(wanted)
    assert pages[-1].cursor


def test_records_are_read_by_their_ids_in_as_many_batches_as_it_takes(practice):
    """Each once, with its ties, as the pull would give it."""
    practice.plant("companies", range(501, 502), name="Kolbe")
    planted = practice.plant("contacts", range(1, BATCH + 21), tied={"companies": ["501"]})
    found = practice.source().read(CONTACTS, [*planted, *planted[:3]])
    assert [record.key.id for record in found] == planted
    assert found[0].payload["associations"]["companies"][0]["toObjectId"] == 501


def test_of_records_that_are_gone_what_is_in_the_bin_comes_marked_and_what_never_was_is_absent(practice):
    """A webhook may tell of each of them."""
    living, binned = practice.contacts(range(1, 3))
    practice.sandbox.state.archive("contacts", binned)
    found = practice.source().read(CONTACTS, [living, binned, "77"])
    assert {record.key.id: record.deleted for record in found} == {living: False, binned: True}
    assert found[1].updated_at == practice.clock.now()


def test_the_id_of_a_merged_record_gives_what_it_became_and_its_own_remains(practice):
    """As the pull tells of a merge."""
    old = practice.contacts(range(1, 3))
    new = str(practice.sandbox.state.merge("contacts", *old).id)
    found = {record.key.id: record.payload.get("mergedInto") for record in practice.source().read(CONTACTS, old)}
    assert found == {new: None, old[0]: new, old[1]: new}


def test_deals_by_id_have_their_history_and_their_stage_too(practice):
    """A record is the same whichever way it came."""
    practice.plant("deals", range(1, 2), dealstage="closedwon", pipeline="default")
    (by_id,) = practice.source().read(DEALS, ["1"])
    (pulled,) = [record for page in practice.source().pages(DEALS, None, None) for record in page.records]
    assert by_id == pulled


def test_live_records_are_counted_by_the_vendor(practice):
    """What is in the recycling bin does not count."""
    practice.contacts(range(1, SEARCH_PAGE + 51))
    practice.sandbox.state.archive("contacts", "1")
    source = practice.source()
    assert source.count(CONTACTS) == SEARCH_PAGE + 49
    assert source.calls["count"] == 1


def test_a_count_that_may_have_stopped_is_not_believed(practice):
    """HubSpot's searches end at ten thousand rows; whether their total does, it does not say."""
    practice.fault("/search", status=200, body={"total": 10_000, "results": []})
    with pytest.raises(Unsupported, match="stopped counting at 10000"):
        practice.source().count(CONTACTS)


def test_columns_have_the_vendors_own_types(practice):
    """Those that are read: no counters that run by themselves, nothing of ours."""
    columns = practice.source().columns(DEALS)
    assert (columns["amount"], columns["closedate"], columns["dealstage"]) == ("number", "datetime", "enumeration")


def test_the_quota_is_the_portals_day(practice):
    """Whoever else asks the portal is counted too; under OAuth it is not told."""
    source = practice.source()
    assert source.quota == Quota(1, 650_000)
    practice.sandbox.state.add_token("CJSP5qf1KhIBAQ")
    assert practice.source(access_token="CJSP5qf1KhIBAQ").quota is None  # a token of the sandbox


def test_what_hubspot_does_not_offer_is_unsupported(practice):
    """Short lists are read whole and know no dates, ids or counts."""
    source, now = practice.source(), practice.clock.now()
    for ask in (
        lambda: source.between(OWNERS, now, now, None),
        lambda: source.read(OWNERS, ["1"]),
        lambda: source.count(OWNERS),
        lambda: source.columns(FORMS),
    ):
        with pytest.raises(Unsupported, match=r"owners|form_submissions"):
            ask()


@pytest.mark.parametrize("stream", [CONTACTS, CONNECTOR.streams_by_name["companies"]], ids=lambda stream: stream.name)
def test_what_was_merged_away_is_counted_by_neither_side(practice, stream):
    """A count that called it missing at the vendor would warn of every merge for ever; it still names somebody."""
    old = practice.plant(stream.name, range(1, 3))
    practice.plant(stream.name, range(5, 6))
    practice.sandbox.state.merge(stream.name, *old)
    found = [record for page in practice.source().pages(stream, None, None) for record in page.records]
    assert sum(not record.deleted for record in found) == practice.source().count(stream) == 2
    assert all(list(stream.translate(record)) for record in found)
    assert stream.lasting


@pytest.mark.parametrize("stream", [CONTACTS, CONNECTOR.streams_by_name["companies"]], ids=lambda stream: stream.name)
def test_what_was_deleted_says_nothing(practice, stream):
    """Neither without content nor, where a reading of everything missed it, with its last."""
    (one,) = practice.plant(stream.name, range(1, 2))
    (record,) = practice.source().read(stream, [one])
    practice.sandbox.state.archive(stream.name, one)
    (gone,) = practice.source().read(stream, [one])
    assert [list(stream.translate(each)) for each in (gone, record._replace(deleted=True))] == [[], []]
