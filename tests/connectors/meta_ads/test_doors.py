"""Meta Ads by range, by id and by count; leads by form; and what is left when Meta drops a field."""

import json
import logging
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.base import Position
from connectors.errors import Fatal, Unsupported
from connectors.meta_ads import CONNECTOR
from connectors.meta_ads.client import KINDS, MetaApi
from connectors.meta_ads.feeds import FEEDS
from connectors.meta_ads.refusals import AccountLimited, Unknown
from connectors.meta_ads.settings import MetaAdsSettings
from sandbox.faults import Fault
from tests.conftest import NOW, Serve
from tests.connectors.meta_ads.conftest import BATCH, BERLIN, PACIFIC, REFUSED, TODAY, Ground, Puller, part

STREAMS = CONNECTOR.streams_by_name
PAGE = "777"
LIMIT_17 = {"error": {"message": "x", "type": "OAuthException", "code": 17, "error_subcode": 2446079}}


def between(
    puller: Puller, stream: str, since: str, until: str, resume: Position | None = None
) -> set[tuple[str, str]]:
    """Keys of what the range holds; only the last page may carry a cursor."""
    pages = list(puller.open().between(STREAMS[stream], at(since), at(until), resume))
    assert [page.cursor is not None for page in pages] == [False] * (len(pages) - 1) + [True]
    return {record.key[1:4:2] for page in pages for record in page.records}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# forms ----------------------------------------------------------------------------------------------------------------


def test_a_form_that_was_filled_in_without_an_ad_is_a_lead_of_its_page(puller: Puller, ground: Ground) -> None:
    """Beside those of ads, which are of the ad's account; those of an ad that nobody can see any more are the Page's."""
    ground.ad("1")
    ground.day("1", TODAY, "1.00")
    ground.page(PAGE, "f1", "f2")
    ground.lead("91", "1", "2026-10-30T10:00:00+0000", email="ad@kolbe.example")
    ground.lead("92", None, "2026-10-30T10:00:00+0000", form="f2", email="page@kolbe.example")
    ground.lead("93", "8888", "2026-10-30T10:00:00+0000", email="gone@kolbe.example")
    ground.lead("94", None, "2026-07-30T10:00:00+0000", form="f2", email="old@kolbe.example")
    puller.pull("leads")
    assert puller.records.keys() == {(BERLIN, "91"), (PAGE, "92"), (PAGE, "93")}
    assert (puller.cursors["leads"] or {}).keys() == {BERLIN, PAGE}


def test_a_lead_of_an_ad_that_has_not_been_shown_since_comes_by_its_form(puller: Puller, ground: Ground) -> None:
    """Somebody kept the form open for a week. The lead is of the ad's account, as if the ad had been asked."""
    ground.ad("1")
    ground.day("1", TODAY - timedelta(days=7), "1.00")
    ground.page(PAGE, "f1")
    puller.pull("leads")
    ground.lead("91", "1", NOW.strftime("%Y-%m-%dT%H:%M:%S+0000"), email="slow@kolbe.example")
    puller.clock.advance(timedelta(hours=1))
    puller.pull("leads")
    assert puller.records.keys() == {(BERLIN, "91")}


def test_a_lead_that_is_told_by_its_ad_and_by_its_form_is_one_record(puller: Puller, ground: Ground) -> None:
    """Key, stamp and payload are the same, so it lands once."""
    ground.ad("1")
    ground.day("1", TODAY, "1.00")
    ground.page(PAGE, "f1")
    ground.lead("91", "1", "2026-10-30T10:00:00+0000", email="ad@kolbe.example", why="we lose a day per week to it")
    by_ad, by_form = [record for page in puller.open().pages(STREAMS["leads"], None, None) for record in page.records]
    assert by_ad == by_form
    assert by_ad.key.account == BERLIN


def test_a_form_brings_leads_of_accounts_that_are_not_read(puller: Puller, ground: Ground) -> None:
    """They were sent to our Page: under the account that the ad names, and by id the same."""
    ground.account(PACIFIC, "America/Los_Angeles", "USD")
    puller.account_ids = (BERLIN,)
    ground.ad("3", PACIFIC)
    ground.day("3", TODAY, "1.00", PACIFIC)
    ground.page(PAGE, "f1")
    ground.lead("93", "3", "2026-10-30T10:00:00+0000", PACIFIC, email="jo@kolbe.example")
    puller.pull("leads")
    assert puller.records.keys() == {(PACIFIC, "93")}
    assert puller.open().read(STREAMS["leads"], ["93"]) == list(puller.records.values())


def test_an_ad_that_we_may_not_read_holds_back_no_lead(puller: Puller, ground: Ground) -> None:
    """An agency's, say, in an account of its own: Meta refuses to tell whose the ad is, and the lead is the Page's."""
    ground.page(PAGE, "f1")
    ground.lead("91", "8888", "2026-10-30T10:00:00+0000", email="agency@kolbe.example")
    puller.sandbox.faults.add(Fault(path=BATCH, method="POST", calls=(2, 4), status=200, body=[part(403, REFUSED)]))
    puller.pull("leads")
    assert puller.records.keys() == {(PAGE, "91")}
    assert puller.open().read(STREAMS["leads"], ["91"]) == list(puller.records.values())


def test_a_quiet_hour_costs_two_calls_for_all_ads_and_three_for_a_page(puller: Puller, ground: Ground) -> None:
    """Which ads were shown, and their leads; which Pages there are, their forms, and their leads. One more opens the source."""
    ground.ad("1")
    ground.day("1", TODAY, "1.00")
    ground.page(PAGE, "f1", "f2")
    puller.pull("leads")
    puller.clock.advance(timedelta(hours=1))
    brought, source = puller.pull("leads")
    assert (brought, dict(source.calls)) == (0, {"definition": 4, "window": 2})


def test_a_pages_token_is_kept_nowhere(puller: Puller, ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in records nor in positions, cursors or lines of a log."""
    ground.page(PAGE, "f1")
    ground.lead("92", None, "2026-10-30T10:00:00+0000", email="page@kolbe.example")
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="urllib3"):
        pages = list(puller.open().pages(STREAMS["leads"], None, None))
    assert any(page.records for page in pages)
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn")]
    assert "EAApage" not in repr(pages) + repr(ours)


def test_many_forms_go_on_where_they_were_interrupted(puller: Puller, ground: Ground) -> None:
    """Sixty forms are two calls; killed after the first, the next run asks for the ten that are left."""
    forms = [f"f{number:02d}" for number in range(60)]
    ground.page(PAGE, *forms)
    for number, form in enumerate(forms):
        ground.lead(f"9{number:02d}", None, "2026-10-30T10:00:00+0000", form=form, email=f"{number}@kolbe.example")
    pages = puller.open().pages(STREAMS["leads"], None, None)
    for page in pages:
        puller.keep("leads", page)
        if page.records:
            break
    assert puller.pull("leads", resume=json.loads(json.dumps(puller.position)))[0] == 10
    assert len(puller.records) == 60


def test_a_page_that_lets_nobody_in_stops_no_other(puller: Puller, ground: Ground) -> None:
    """Leads of ads land, and the refusal says which permission is missing."""
    ground.ad("1")
    ground.day("1", TODAY, "1.00")
    ground.page(PAGE, "f1")
    ground.lead("91", "1", "2026-10-30T10:00:00+0000", email="ad@kolbe.example")
    puller.sandbox.faults.add(Fault(path=f"{PAGE}/leadgen_forms", status=403, body=REFUSED))
    with pytest.raises(Fatal, match="leads_retrieval"):
        puller.pull("leads")
    assert puller.records.keys() == {(BERLIN, "91")}


# ranges ---------------------------------------------------------------------------------------------------------------


def test_days_of_a_range_are_those_of_each_account(puller: Puller, ground: Ground) -> None:
    """From midnight in Berlin: in Los Angeles it is still the day before. No cursor of the pull moves."""
    ground.account(PACIFIC, "America/Los_Angeles", "USD")
    ground.ad("1")
    ground.day("1", "2026-10-20", "1.50")
    found = between(puller, "insights", "2026-10-19T22:00:00", "2026-10-21T22:00:00")
    assert found == {
        *((BERLIN, f"2026-10-{day}") for day in (20, 21)),
        *((PACIFIC, f"2026-10-{day}") for day in (19, 20, 21)),
    }


def test_a_range_of_days_goes_on_where_it_was_interrupted(puller: Puller, ground: Ground) -> None:
    """The spans that have come are not asked for again."""
    ground.account(BERLIN, "Europe/Berlin", "EUR", created="2026-01-01")
    stream, since, until = STREAMS["insights"], at("2026-06-01T00:00:00"), at("2026-09-01T00:00:00")
    pages, days = puller.open().between(stream, since, until, None), set()
    for page in pages:
        days |= {record.key.id for record in page.records}
        if days:
            break
    left = list(puller.open().between(stream, since, until, json.loads(json.dumps(page.position))))
    again = {record.key.id for page in left for record in page.records}
    assert not days & again
    assert len(days | again) == 93  # 1 June to 1 September in Berlin, which is two hours ahead


def test_objects_of_a_range_are_those_that_were_changed_in_it(puller: Puller, ground: Ground) -> None:
    """The first second belongs to it, the last does not."""
    for ad, stamp in (("1", "10:00:00"), ("2", "10:59:59"), ("3", "11:00:00"), ("4", "09:59:59")):
        ground.ad(ad, updated=f"2026-10-20T{stamp}+0000")
    assert between(puller, "ads", "2026-10-20T10:00:00", "2026-10-20T11:00:00") == {(BERLIN, "1"), (BERLIN, "2")}


def test_leads_of_a_range_come_from_ads_and_forms(puller: Puller, ground: Ground) -> None:
    """By the second they were made in."""
    ground.ad("1")
    ground.day("1", "2026-10-20", "1.00")
    ground.page(PAGE, "f1")
    for lead, ad, stamp in (("91", "1", "10:00:00"), ("92", "1", "11:00:00"), ("93", None, "10:59:59")):
        ground.lead(lead, ad, f"2026-10-20T{stamp}+0000", email=f"{lead}@kolbe.example")
    assert between(puller, "leads", "2026-10-20T10:00:00", "2026-10-20T11:00:00") == {(BERLIN, "91"), (PAGE, "93")}


def test_a_range_beyond_metas_memory_is_empty_and_complete(puller: Puller, ground: Ground) -> None:
    """Leads are kept for 90 days and days for 37 months; what lies ahead has not happened."""
    ground.page(PAGE, "f1")
    for stream in ("leads", "insights"):
        assert between(puller, stream, "2020-01-01T00:00:00", "2020-02-01T00:00:00") == set()
        assert between(puller, stream, "2027-01-01T00:00:00", "2027-02-01T00:00:00") == set()


@pytest.mark.parametrize("stream", ["creatives", "ad_accounts"])
def test_what_has_no_stamps_has_no_ranges(puller: Puller, ground: Ground, stream: str) -> None:
    """Unsupported says so, instead of an empty range."""
    with pytest.raises(Unsupported, match="by date"):
        puller.open().between(STREAMS[stream], NOW - timedelta(days=1), NOW, None)


# by id, and by count --------------------------------------------------------------------------------------------------


def test_objects_are_read_by_id(puller: Puller, ground: Ground) -> None:
    """A deleted one comes marked; one that is not there, and one of an account that is not read, are absent."""
    ground.account(PACIFIC, "America/Los_Angeles", "USD")
    puller.account_ids = (BERLIN,)
    ground.ad("1")
    ground.ad("2", status="DELETED")
    ground.ad("3", PACIFIC)
    found = puller.open().read(STREAMS["ads"], ["1", "2", "3", "4"])
    assert {(record.key.id, record.deleted) for record in found} == {("1", False), ("2", True)}
    assert found[0].updated_at == at("2026-10-01T00:00:00")


def test_leads_are_read_by_id_as_the_webhook_names_them(puller: Puller, ground: Ground) -> None:
    """Each with the key that a pull gives it, so that the two are one record."""
    ground.ad("1")
    ground.day("1", TODAY, "1.00")
    ground.page(PAGE, "f1")
    ground.lead("91", "1", "2026-10-30T10:00:00+0000", email="ad@kolbe.example", why="we lose a day per week to it")
    ground.lead("92", None, "2026-10-30T10:00:00+0000", email="page@kolbe.example")
    ground.ad("2")
    ground.lead("94", "2", "2026-10-30T10:00:00+0000", email="slow@kolbe.example")
    ground.lead("95", "8888", "2026-10-30T10:00:00+0000", email="gone@kolbe.example")
    named = ["91", "92", "93", "94", "95"]
    read = {record.key: record.payload for record in puller.open().read(STREAMS["leads"], named)}
    puller.pull("leads")
    assert read == {record.key: record.payload for record in puller.records.values()}
    assert len(read) == 4


def test_more_than_fifty_are_read_by_id(puller: Puller, ground: Ground) -> None:
    """A batch holds fifty."""
    for number in range(70):
        ground.ad(f"{number:02d}")
    assert len(puller.open().read(STREAMS["campaigns"], [f"c{number:02d}" for number in range(70)])) == 70


@pytest.mark.parametrize("stream", ["insights", "ad_accounts"])
def test_days_and_accounts_have_no_ids_to_read_by(puller: Puller, ground: Ground, stream: str) -> None:
    """Unsupported, instead of nothing."""
    with pytest.raises(Unsupported, match="by id"):
        puller.open().read(STREAMS[stream], ["2026-10-30"])


def test_meta_counts_what_a_pull_brings(puller: Puller, ground: Ground) -> None:
    """Of all accounts, archived ones too, without what is deleted."""
    ground.account(PACIFIC, "America/Los_Angeles", "USD")
    for ad, account, status in (("1", BERLIN, "ACTIVE"), ("2", BERLIN, "DELETED"), ("3", PACIFIC, "ARCHIVED")):
        ground.ad(ad, account, status)
    puller.pull("ads")
    assert puller.open().count(STREAMS["ads"]) == sum(not record.deleted for record in puller.records.values()) == 2


@pytest.mark.parametrize("stream", ["insights", "leads", "ad_accounts"])
def test_what_meta_does_not_count_is_said(puller: Puller, ground: Ground, stream: str) -> None:
    """Unsupported, instead of a zero."""
    with pytest.raises(Unsupported, match="counted"):
        puller.open().count(STREAMS[stream])


def test_the_quota_is_told_in_percent(puller: Puller, ground: Ground) -> None:
    """Of the limit that is used most."""
    puller.sandbox.state.conduct.limits.account = 20
    source = puller.open()
    list(source.pages(STREAMS["ads"], None, None))
    list(source.pages(STREAMS["ads"], None, None))
    assert source.quota
    assert (source.quota.used, source.quota.allowed) == (10, 100)


def test_a_limited_account_holds_up_no_other(puller: Puller, ground: Ground) -> None:
    """Nothing is waited for; the others land, and the error says when to ask again."""
    ground.account(PACIFIC, "America/Los_Angeles", "USD")
    ground.ad("1")
    ground.ad("2", PACIFIC)
    puller.sandbox.faults.add(Fault(path="act_111/ads", status=400, body=LIMIT_17, calls=(1,)))
    with pytest.raises(AccountLimited) as limited:
        puller.pull("ads")
    assert (limited.value.after, puller.pauses) == (300, [])
    assert puller.records.keys() == {(PACIFIC, "2")}
    puller.pull("ads")
    assert puller.records.keys() == {(BERLIN, "1"), (PACIFIC, "2")}


def test_an_account_passed_over_is_tried_first_by_the_run_that_goes_on(puller: Puller, ground: Ground) -> None:
    """A run that died behind it does not skip it."""
    ground.account(PACIFIC, "America/Los_Angeles", "USD")
    ground.ad("1")
    ground.ad("2", PACIFIC)
    puller.sandbox.faults.add(Fault(path="act_111/ads", status=400, body=LIMIT_17, calls=(1,)))
    died = next(puller.open().pages(STREAMS["ads"], None, None))
    assert puller.pull("ads", resume=json.loads(json.dumps(died.position)))[0] == 2


# drift ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stream", "gone", "kept"),
    [
        ("ads", {"creative"}, "name"),
        ("campaigns", {"buying_type", "objective", "stop_time"}, "status"),
        ("creatives", {"object_url"}, "id"),
        ("leads", {"platform", "is_organic"}, "field_data"),
        ("ad_accounts", {"business"}, "currency"),
    ],
)
def test_a_field_that_meta_drops_costs_itself_and_no_more(
    puller: Puller, ground: Ground, caplog: pytest.LogCaptureFixture, stream: str, gone: set[str], kept: str
) -> None:
    """It is found by halves, named in a warning, and missing among the columns; the rest is read."""
    ground.ad("1")
    ground.day("1", TODAY, "1.00")
    ground.lead("91", "1", "2026-10-30T10:00:00+0000", email="a@kolbe.example")
    ground.sandbox.state.insert_many("adcreative", [{"id": "5", "account_id": BERLIN, "name": "Blue"}])
    puller.sandbox.state.conduct.dead = gone
    brought, source = puller.pull(stream)
    assert brought == 1
    assert all(name in caplog.text for name in gone)
    (record,) = puller.records.values()
    assert kept in record.payload
    assert not gone & set(source.columns(STREAMS[stream]))


def test_a_field_and_a_window_that_go_leave_the_days_whole(
    puller: Puller, ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    """By report and at once; the windows kept with a day are those that were used."""
    ground.ad("1")
    for day in range(1, 21):
        ground.day("1", date(2026, 10, day), f"{day}.00")
    puller.sandbox.state.conduct.dead = {"reach", "28d_click"}
    puller.pull("insights")
    assert {key[1]: cents for key, cents in puller.spend().items()} == {
        str(date(2026, 10, day)): 100 * day for day in range(1, 21)
    }
    assert "reach, 28d_click" in caplog.text
    record = puller.records[BERLIN, "2026-10-20"]
    assert record.payload["windows"] == ["1d_click", "7d_click", "1d_view"]


def test_a_refusal_that_is_no_fields_fault_stands(puller: Puller, ground: Ground) -> None:
    """Where not even the id may be asked for, nothing is dropped."""
    body = {"error": {"message": "x", "type": "OAuthException", "code": 100}}
    puller.sandbox.faults.add(Fault(path="act_111/ads", status=400, body=body))
    with pytest.raises(Unknown, match="our mistake"):
        puller.pull("ads")


def test_columns_have_the_sdks_types(puller: Puller, ground: Ground) -> None:
    """Every field that is read now, of every stream."""
    source = puller.open()
    assert source.columns(STREAMS["insights"])["spend"] == "string"
    assert source.columns(STREAMS["ads"])["creative"] == "AdCreative"
    assert {name: len(source.columns(STREAMS[name])) for name in FEEDS} == {
        name: len(feed.fields) for name, feed in FEEDS.items()
    }
    assert set(KINDS) == set(STREAMS)


def test_half_a_character_is_no_reason_to_lose_a_page(serve: Serve) -> None:
    """A lone surrogate, and text that is not ASCII, come as Meta sent them."""
    body = b'{"data": [{"id": "1", "name": "\\ud83d"}, {"id": "2", "name": "K\xc3\xb6nig"}]}'

    async def answer(_: Request) -> Response:
        return Response(body, media_type="application/json")

    url = serve(Starlette(routes=[Route("/{path:path}", answer)]))
    settings = MetaAdsSettings(access_token=SecretStr("t"), app_id="1", app_secret=SecretStr("s"), base_url=url)
    page = MetaApi(settings).get("window", ("act_1", "ads"), {})
    assert [row["name"] for row in page["data"]] == ["\ud83d", "König"]


def test_parts_that_a_batch_leaves_out_are_asked_for_again(puller: Puller, ground: Ground) -> None:
    """Null parts, as the SDK knows them (FacebookAdsApiBatch.execute); and no other part is asked twice."""
    for number in range(4):
        ground.ad(str(number))
    puller.sandbox.state.conduct.left_out = 3
    assert len(puller.open().read(STREAMS["ads"], ["0", "1", "2", "3"])) == 4
    assert len(puller.sandbox.log.matching("/v26.0/", "POST")) == 2
    puller.sandbox.faults.add(Fault(path=BATCH, method="POST", calls=(1,), status=200, body=[part(500, {}), None]))
    assert len(puller.open().read(STREAMS["ads"], ["0", "1"])) == 2
