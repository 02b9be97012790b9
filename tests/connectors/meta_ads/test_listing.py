"""Campaigns, ad sets, ads, creatives and leads: nothing is lost and nothing is asked twice, over HTTP against the sandbox."""

import json
from datetime import datetime, timedelta

import pytest

from connectors.base import Position
from connectors.errors import Fatal, Retryable
from connectors.meta_ads import CONNECTOR
from connectors.meta_ads.paging import LIMIT
from sandbox.faults import Fault
from tests.conftest import NOW
from tests.connectors.meta_ads.conftest import BATCH, BERLIN, PACIFIC, REFUSED, TODAY, Ground, Puller, part

HOUR = timedelta(hours=1)
ADS = CONNECTOR.streams_by_name["ads"]
WORDS = "We fear that leaving again gets expensive."


def ids(puller: Puller) -> set[str]:
    return {number for _, number in puller.records}


def test_an_empty_page_in_the_middle_ends_nothing(puller: Puller, ground: Ground) -> None:
    """More than a page of ads, the second page empty, and every ad comes."""
    for number in range(LIMIT + 100):
        ground.ad(f"{number:04d}")
    puller.sandbox.state.conduct.empty_pages = True
    brought, source = puller.pull("ads")
    assert brought == len(ids(puller)) == LIMIT + 100
    assert source.calls["window"] == 3


def test_the_archived_and_deleted_come_too_the_deleted_as_tombstones(puller: Puller, ground: Ground) -> None:
    """An ad that is deleted later is told as well, though it is in no plain listing."""
    ground.ad("1")
    ground.ad("2", status="ARCHIVED")
    ground.ad("3", status="DELETED")
    puller.pull("ads")
    assert {number: record.deleted for (_, number), record in puller.records.items()} == {
        "1": False,
        "2": False,
        "3": True,
    }
    puller.clock.advance(HOUR)
    puller.sandbox.state.update("1", effective_status="DELETED")
    puller.clock.advance(HOUR)
    assert puller.pull("ads")[0] == 1
    assert puller.records[BERLIN, "1"].deleted


def test_only_what_was_touched_comes_again_the_second_of_the_last_pull_included(puller: Puller, ground: Ground) -> None:
    """Ties cannot be lost: a change in the very second in which the last pull began is read by the next."""
    for ad in ("1", "2"):
        ground.ad(ad)
    for stream in ("campaigns", "adsets", "ads"):
        puller.pull(stream)
    puller.sandbox.state.update("2", name="At the boundary")
    puller.clock.advance(HOUR)
    assert puller.pull("ads")[0] == 1
    assert puller.records[BERLIN, "2"].payload["name"] == "At the boundary"
    assert puller.records[BERLIN, "2"].updated_at == NOW
    assert puller.pull("campaigns")[0] == puller.pull("adsets")[0] == 0


def test_everything_is_listed_again_after_a_week(puller: Puller, ground: Ground) -> None:
    """For what moved no stamp; told apart as a sweep."""
    ground.ad("1")
    puller.pull("ads")
    puller.clock.advance(timedelta(days=7))
    brought, source = puller.pull("ads")
    assert (brought, dict(source.calls)) == (1, {"definition": 1, "sweep": 1})
    puller.clock.advance(HOUR)
    assert puller.pull("ads")[0] == 0


def test_creatives_have_no_stamp_and_are_listed_once_a_day(puller: Puller, ground: Ground) -> None:
    """With the tags that their links carry."""
    creative = {"id": "6", "account_id": BERLIN, "name": "Quote card", "url_tags": "utm_content={{ad.id}}"}
    puller.sandbox.state.insert_many("adcreative", [creative])
    assert puller.pull("creatives")[0] == 1
    puller.clock.advance(HOUR)
    brought, source = puller.pull("creatives")
    assert (brought, dict(source.calls)) == (0, {"definition": 1})
    puller.clock.advance(timedelta(days=1))
    assert puller.pull("creatives")[0] == 1
    assert puller.records[BERLIN, "6"].payload["url_tags"] == "utm_content={{ad.id}}"


def test_accounts_carry_their_currency_and_zone(puller: Puller, ground: Ground) -> None:
    """Both come in the call that opens the source."""
    ground.account(PACIFIC, "America/Los_Angeles", "USD")
    brought, source = puller.pull("ad_accounts")
    assert (brought, dict(source.calls)) == (2, {"definition": 1})
    assert puller.records[PACIFIC, PACIFIC].payload["timezone_name"] == "America/Los_Angeles"


def test_a_listing_goes_on_where_it_was_interrupted(puller: Puller, ground: Ground) -> None:
    """The second account and the second page, though the process ended after the first page of the first account."""
    ground.account(PACIFIC, "America/Los_Angeles", "USD")
    ground.ad("9999", account=PACIFIC)
    for number in range(LIMIT + 100):
        ground.ad(f"{number:04d}")
    first = next(puller.open().pages(ADS, None, None))
    puller.keep("ads", first)
    assert first.cursor is None
    puller.sandbox.log.clear()
    brought, _ = puller.pull("ads", resume=first.position)
    assert brought == 101
    assert len(puller.sandbox.log.matching("/ads")) == 2
    assert len(ids(puller)) == LIMIT + 101


def test_a_cursor_that_has_expired_means_the_listing_again(puller: Puller, ground: Ground) -> None:
    """Meta refuses it as a bad parameter; nothing is lost."""
    for number in range(LIMIT + 100):
        ground.ad(f"{number:04d}")
    first = next(puller.open().pages(ADS, None, None))
    stale = {**first.position, "in": {**first.position["in"], "after": "!"}}
    assert puller.pull("ads", resume=stale)[0] == LIMIT + 100


def test_a_refused_account_stops_nothing_but_itself(puller: Puller, ground: Ground) -> None:
    """The other account's ads come and its place moves; then the refusal is raised, and the next pull reads both."""
    ground.account(PACIFIC, "America/Los_Angeles", "USD")
    ground.ad("1")
    ground.ad("2", account=PACIFIC)
    body = {"error": {"message": "x", "type": "OAuthException", "code": 200}}
    puller.sandbox.faults.add(Fault(path="act_111/ads", status=403, body=body))
    with pytest.raises(Fatal, match="ads_read") as refused:
        puller.pull("ads")
    assert not refused.value.credentials
    assert ids(puller) == {"2"}
    assert (puller.cursors["ads"] or {}).keys() == {PACIFIC}
    puller.sandbox.faults.clear()
    puller.pull("ads")
    assert ids(puller) == {"1", "2"}


def test_a_listing_that_goes_round_in_circles_is_left(puller: Puller, ground: Ground) -> None:
    """A server that repeats its cursor is noticed at the first repetition."""
    body = {"data": [], "paging": {"cursors": {"after": "MQ=="}, "next": "https://graph.facebook.com/x"}}
    puller.sandbox.faults.add(Fault(path="act_111/ads", status=200, body=body))
    with pytest.raises(Retryable, match="repeats a page"):
        puller.pull("ads")


# leads ----------------------------------------------------------------------------------------------------------------


def test_leads_come_from_the_ads_that_were_shown(puller: Puller, ground: Ground) -> None:
    """Of both accounts, deleted ads included; what is older than ninety days is not served any more."""
    ground.account(PACIFIC, "America/Los_Angeles", "USD")
    for ad, account, status in (
        ("1", BERLIN, "ACTIVE"),
        ("2", BERLIN, "DELETED"),
        ("3", PACIFIC, "ACTIVE"),
        ("4", BERLIN, "PAUSED"),
    ):
        ground.ad(ad, account, status)
    for ad, account in (("1", BERLIN), ("2", BERLIN), ("3", PACIFIC)):
        ground.day(ad, TODAY, "1.00", account)
    ground.lead("91", "1", "2026-10-30T10:00:00+0000", email="dana@kolbe.example", why=WORDS)
    ground.lead("92", "2", "2026-10-30T10:00:00+0000", email="rosa@kolbe.example")
    ground.lead("93", "3", "2026-10-30T10:00:00+0000", PACIFIC, email="jo@kolbe.example")
    ground.lead("94", "1", "2026-08-03T10:00:00+0000", email="old@kolbe.example")
    brought, source = puller.pull("leads")
    assert puller.records.keys() == {(BERLIN, "91"), (BERLIN, "92"), (PACIFIC, "93")}
    assert (brought, dict(source.calls)) == (3, {"definition": 4, "window": 2})
    assert puller.records[BERLIN, "91"].payload["answer:why"] == WORDS


def test_new_leads_come_with_the_next_pull_ties_and_late_ones_included(puller: Puller, ground: Ground) -> None:
    """Two in the second of the last pull, and one that is listed half an hour after it was made."""
    ground.ad("1")
    ground.day("1", TODAY, "1.00")
    puller.pull("leads")
    for lead, at in (("91", NOW), ("92", NOW), ("93", NOW - timedelta(minutes=30))):
        ground.lead(lead, "1", at.strftime("%Y-%m-%dT%H:%M:%S+0000"), email=f"{lead}@kolbe.example")
    puller.clock.advance(2 * HOUR)
    assert puller.pull("leads")[0] == 3
    puller.clock.advance(2 * HOUR)
    assert puller.pull("leads")[0] == 0


def test_many_leads_of_one_ad_come_page_by_page(puller: Puller, ground: Ground) -> None:
    """The first page comes in the batch, the rest by itself, with an empty page between."""
    ground.ad("1")
    ground.day("1", TODAY, "1.00")
    for number in range(LIMIT + 20):
        ground.lead(f"9{number:04d}", "1", "2026-10-30T10:00:00+0000", email=f"{number}@kolbe.example")
    puller.sandbox.state.conduct.empty_pages = True
    assert puller.pull("leads")[0] == LIMIT + 20


def test_many_ads_are_asked_fifty_at_once_and_go_on_where_they_were_interrupted(puller: Puller, ground: Ground) -> None:
    """120 ads are three calls; killed after the first, the next run asks for the seventy that are left."""
    for number in range(120):
        ground.ad(f"{number:03d}")
        ground.day(f"{number:03d}", TODAY, "1.00")
        ground.lead(f"9{number:03d}", f"{number:03d}", "2026-10-30T10:00:00+0000", email=f"{number}@kolbe.example")
    first = next(puller.open().pages(CONNECTOR.streams_by_name["leads"], None, None))
    puller.keep("leads", first)
    assert (len(first.records), first.cursor) == (50, None)
    brought, source = puller.pull("leads", resume=first.position)
    assert (brought, source.calls["window"]) == (70, 2)
    assert len(puller.records) == 120


def test_an_ad_that_cannot_be_seen_any_more_stops_no_other(
    puller: Puller, ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    """Its days are still told; its leads are not, which is written down."""
    ground.ad("1")
    for ad in ("1", "2"):
        ground.day(ad, TODAY, "1.00")
    ground.lead("91", "1", "2026-10-30T10:00:00+0000", email="dana@kolbe.example")
    assert puller.pull("leads")[0] == 1
    assert "2 cannot be seen" in caplog.text


def test_without_leads_retrieval_leads_stop_and_ads_flow(puller: Puller, ground: Ground) -> None:
    """The refusal says which permission, and where it is given."""
    ground.ad("1")
    ground.day("1", TODAY, "1.00")
    puller.token = "EAAfew"
    puller.sandbox.state.add_token("EAAfew", permissions={"ads_read"})
    with pytest.raises(Fatal, match="leads_retrieval") as refused:
        puller.pull("leads")
    assert not refused.value.credentials
    assert puller.pull("ads")[0] == 1


def test_an_ad_whose_page_lets_nobody_in_holds_back_its_own_leads_only(puller: Puller, ground: Ground) -> None:
    """Those of other ads land; its own come once access is given, also if the run was killed in between."""
    for number in range(60):
        ground.ad(f"{number:02d}")
        ground.day(f"{number:02d}", TODAY, "1.00")
        ground.lead(f"9{number:02d}", f"{number:02d}", "2026-10-30T10:00:00+0000", email=f"{number}@kolbe.example")
    none = part(200, {"data": []})
    answer = [part(403, REFUSED), *[none] * 49]
    puller.sandbox.faults.add(Fault(path=BATCH, method="POST", calls=(1, 3), status=200, body=answer))
    with pytest.raises(Fatal, match="leads_retrieval"):
        puller.pull("leads")
    assert {lead for _, lead in puller.records} == {f"9{number}" for number in range(50, 60)}
    killed = next(puller.open().pages(CONNECTOR.streams_by_name["leads"], puller.cursors["leads"], None))
    puller.pull("leads", resume=json.loads(json.dumps(killed.position)))
    puller.pull("leads")
    assert len(puller.records) == 60


def test_a_clock_that_was_a_year_ahead_hides_nothing(puller: Puller, ground: Ground) -> None:
    """Once it is put back ads are listed anew, and leads read as far back as Meta keeps them."""
    ahead: Position = {
        BERLIN: {"until": int(NOW.timestamp()) + 365 * 86400, "listed": int(NOW.timestamp()) + 365 * 86400}
    }
    puller.cursors = {"ads": ahead, "leads": ahead}
    ground.ad("1")
    ground.day("1", TODAY, "1.00")
    ground.lead("91", "1", "2026-10-30T10:00:00+0000", email="dana@kolbe.example")
    assert (puller.pull("ads")[0], puller.pull("leads")[0]) == (1, 1)
    assert puller.cursors["ads"] == {BERLIN: {"until": int(NOW.timestamp()), "listed": int(NOW.timestamp())}}
    assert puller.cursors["leads"] == {BERLIN: {"until": int(NOW.timestamp())}}


def test_a_lead_without_a_date_is_kept_and_stops_no_other(puller: Puller, ground: Ground) -> None:
    """It is refused when it is read as facts."""
    ground.ad("1")
    ground.day("1", TODAY, "1.00")
    leads = [{"id": "91", "field_data": []}, {"id": "92", "created_time": "2026-10-30T10:00:00+0000", "field_data": []}]
    puller.sandbox.faults.add(Fault(path=BATCH, method="POST", status=200, body=[part(200, {"data": leads})]))
    puller.pull("leads")
    assert ids(puller) == {"91", "92"}
    with pytest.raises(ValueError, match="no date"):
        list(CONNECTOR.streams_by_name["leads"].translate(puller.records[BERLIN, "91"]))


def test_a_lead_is_stamped_with_its_own_instant(puller: Puller, ground: Ground) -> None:
    """In UTC, whatever offset Meta writes."""
    ground.ad("1")
    ground.day("1", TODAY, "1.00")
    ground.lead("91", "1", "2026-10-30T10:00:00-0700", email="dana@kolbe.example")
    puller.pull("leads")
    assert puller.records[BERLIN, "91"].updated_at == datetime.fromisoformat("2026-10-30T17:00:00+00:00")
