"""How payloads in the shape of the pinned API version read as facts."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adcreative import AdCreative
from facebook_business.adobjects.adreportrun import AdReportRun
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.adsinsights import AdsInsights
from facebook_business.adobjects.campaign import Campaign
from facebook_business.adobjects.lead import Lead
from facebook_business.api import FacebookAdsApi

from connectors.meta_ads import CONNECTOR, accounts, insights, leads
from connectors.meta_ads.feeds import FEEDS
from connectors.meta_ads.payload import free_text
from connectors.meta_ads.records import bounds
from connectors.meta_ads.reports import WINDOWS
from connectors.meta_ads.settings import MetaAdsSettings
from models.facts import Engagement, Fact, Identifier, Interaction, Profile, Scope, Spend, Touch
from models.keys import RecordKey
from models.records import Record

PAYLOADS = Path(__file__).parent / "payloads"
OBJECTS = {stream.object: stream for stream in CONNECTOR.streams}
DANA = "meta_ads/1180000000000001/lead/1204000000000401"
AT = datetime(2026, 10, 30, 17, 5, 21, tzinfo=UTC)


def facts(name: str, **changes: Any) -> list[Fact]:
    payload = json.loads((PAYLOADS / f"{name}.json").read_text()) | changes
    record_id = payload.get("id", payload.get("day"))
    record = Record(RecordKey("meta_ads", "1180000000000001", name, str(record_id)), AT, payload)
    return list(OBJECTS[name].translate(record))


def names(enum: type) -> set[str]:
    return {value for key, value in vars(enum).items() if not key.startswith("_")}


def test_a_day_is_what_each_of_its_ads_cost():
    """Exact cents, and the bounds of a day that had 25 hours; an ad that was shown for nothing cost nothing."""
    first, second = facts("insights_day")
    assert first == Spend(
        ad_id="120210000000000301",
        ad="ROI calculator - Video A",
        campaign_id="120210000000000101",
        campaign="ROI calculator",
        channel="paid_social",
        day="2026-10-25",
        zone="Europe/Berlin",
        starts_at=datetime(2026, 10, 24, 22, tzinfo=UTC),
        ends_at=datetime(2026, 10, 25, 23, tzinfo=UTC),
        amount_minor=1435,
        currency="eur",
        impressions=900,
        clicks=12,
    )
    assert isinstance(second, Spend)
    assert (second.amount_minor, second.impressions, second.clicks) == (0, 3, 0)
    assert facts("insights_day", rows=[]) == []


@pytest.mark.parametrize(
    ("currency", "written", "minor"),
    [
        ("eur", "0.29", 29),  # 28.999999999999996 as a float
        ("usd", "1005.01", 100501),
        ("jpy", "1200", 1200),
        ("kwd", "1.234", 1234),
        ("eur", "99999999999.99", 9_999_999_999_999),
        ("eur", "0.125", 12),
    ],
)
def test_money_is_exact(currency: str, written: str, minor: int):
    """As many digits as the currency has; what is finer is rounded half to even."""
    (found,) = facts("insights_day", currency=currency, rows=[{"ad_id": "1", "spend": written}])
    assert isinstance(found, Spend)
    assert (found.amount_minor, found.currency) == (minor, currency)


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-03-29", "Europe/Berlin", 23), ("2026-10-25", "Europe/Berlin", 25), ("2026-11-02", "Europe/Berlin", 24),
        ("2026-03-08", "America/Los_Angeles", 23), ("2026-11-01", "America/Los_Angeles", 25),
        ("2026-09-06", "America/Santiago", 23),  # where the clocks change at midnight: the day begins at one
    ],
)  # fmt: skip
def test_a_day_is_as_long_as_its_zone_makes_it(day: str, zone: str, hours: int):
    """23 and 25 hours where the clocks change, and no gap to the next day."""
    start, end = bounds(date.fromisoformat(day), ZoneInfo(zone))
    assert end - start == timedelta(hours=hours)
    assert bounds(date.fromisoformat(day) + timedelta(days=1), ZoneInfo(zone))[0] == end


def test_a_lead_is_a_person_and_the_ad_that_brought_them():
    """Both addresses, the number in the form of its country, the touch, the form, and the answer in free words."""
    found = facts("lead")
    assert found[0] == Profile(
        scope=Scope.person,
        name="Dana Kolbe",
        title="CFO",
        company="Kolbe Stanztechnik GmbH",
        email="Dana.Kolbe@Kolbe.example",
        phone="0711 2345678",
        country="de",
        created_at=AT,
    )
    assert found[1:-3] == [
        *Identifier.of(Scope.person, "email", "dana.kolbe@kolbe.example"),
        *Identifier.of(Scope.person, "email", "dk@kolbe.example"),
        *Identifier.of(Scope.person, "phone", "+497112345678"),
    ]
    touch = Touch(
        subject=DANA,
        channel="lead_ad",
        source="ROI calculator - Video A",
        source_id="120210000000000101",
        ad_id="120210000000000301",
        platform="meta_ads",
        responded=True,
        occurred_at=AT,
    )
    form = Engagement(subject=DANA, kind="form", direction="inbound", occurred_at=AT)
    words = Interaction(subject=DANA, source="form", author="customer", field="answer:what_keeps_you?", occurred_at=AT)
    assert found[-3:] == [touch, form, words]


def test_a_form_that_no_ad_brought_is_not_paid_for():
    """Meta says so; where an ad is named or Meta does not say, an ad brought it."""
    said = {
        "organic": {"is_organic": True, "ad_id": None},
        "unseen": {"ad_id": None},
        "of an ad": {"is_organic": False},
    }
    channels = {
        name: fact.channel for name, told in said.items() for fact in facts("lead", **told) if isinstance(fact, Touch)
    }
    assert channels == {"organic": "organic_lead", "unseen": "lead_ad", "of an ad": "lead_ad"}


def test_a_lead_without_full_name_or_ad_name_is_read_all_the_same():
    """First and last name make a name, the campaign's name stands in for the ad's, a number without a country is none."""
    answers = [
        {"name": name, "values": [value]}
        for name, value in (("first_name", "Dana"), ("last_name", "Kolbe"), ("phone_number", "0711 2345678"))
    ]
    profile, mark, touch, form = facts("lead", field_data=answers, ad_name=None, **{"answer:what_keeps_you?": None})
    assert isinstance(profile, Profile)
    assert (mark.kind, mark.value) == ("unreadable", "phone")
    assert isinstance(touch, Touch)
    assert isinstance(form, Engagement)
    assert (profile.name, touch.source) == ("Dana Kolbe", "ROI calculator")


def test_free_words_are_four_at_least_and_no_question_of_meta_s_own():
    """A choice, a street and a list of odd things are none."""
    given = [
        {"name": "size", "values": ["11 to 50"]},
        {"name": "street_address", "values": ["12 Long Street in Town"]},
        {"name": "why?", "values": ["  Our old tool is slow. "]},
        {"name": "odd", "values": [7]},
        {"name": "none", "values": []},
        "odd",
    ]
    assert free_text(given) == {"answer:why?": "Our old tool is slow."}
    assert free_text("odd") == free_text(None) == {}


@pytest.mark.parametrize("name", ["adaccount", "campaign", "adset", "ad", "adcreative"])
def test_the_rest_is_kept_and_says_nothing(name: str):
    """Raw only."""
    assert facts(name) == []


SURPRISES: dict[str, tuple[str, dict[str, Any], str]] = {
    "no zone": ("insights_day", {"zone": None}, "zone is no time zone"),
    "odd zone": ("insights_day", {"zone": "../etc/passwd"}, "zone is no time zone"),
    "odd day": ("insights_day", {"day": "yesterday"}, "day is no date"),
    "odd currency": ("insights_day", {"currency": "EUROS"}, "currency is not"),
    "no rows": ("insights_day", {"rows": None}, "rows is NoneType"),
    "no ad": ("insights_day", {"rows": [{"spend": "1"}]}, "names no ad"),
    "number for money": ("insights_day", {"rows": [{"ad_id": "1", "spend": 14.35}]}, "spend is float"),
    "odd money": ("insights_day", {"rows": [{"ad_id": "1", "spend": "1e9"}]}, "spend is no amount"),
    "negative money": ("insights_day", {"rows": [{"ad_id": "1", "spend": "-1"}]}, "spend is no amount"),
    "odd count": ("insights_day", {"rows": [{"ad_id": "1", "spend": "1", "clicks": "many"}]}, "clicks is no count"),
    "no date": ("lead", {"created_time": None}, "no date"),
    "odd date": ("lead", {"created_time": "2026-13-01T00:00:00+0000"}, "created_time is no instant"),
    "odd answers": ("lead", {"field_data": {"email": "x"}}, "field_data is dict"),
}


@pytest.mark.parametrize(("name", "changes", "reason"), SURPRISES.values(), ids=SURPRISES)
def test_a_payload_that_makes_no_sense_is_refused_with_the_key(name: str, changes: dict[str, Any], reason: str):
    """ValueError that names the key; ingest keeps the record and counts it as rejected."""
    with pytest.raises(ValueError, match=reason):
        facts(name, **changes)


def test_everything_asked_for_is_known_to_the_sdk():
    """Fields, states and attribution windows are those of the SDK's enum classes, and so is the version."""
    classes = {"campaigns": Campaign, "adsets": AdSet, "ads": Ad, "creatives": AdCreative}
    for stream, feed in FEEDS.items():
        assert set(feed.fields) <= names(classes[stream].Field), stream
        if feed.statuses:
            assert set(feed.statuses) == names(classes[stream].EffectiveStatus), stream
    assert set(insights.FIELDS) <= names(AdsInsights.Field)
    assert set(leads.FIELDS) <= names(Lead.Field)
    assert set(accounts.FIELDS) <= names(AdAccount.Field)
    assert set(WINDOWS) <= names(AdsInsights.ActionAttributionWindows)
    assert {"async_status", "async_percent_completion", "error_code", "error_subcode"} <= names(AdReportRun.Field)
    assert MetaAdsSettings().api_version == FacebookAdsApi.API_VERSION


@pytest.mark.parametrize(("given", "read"), [("act_1, 2,,", ("1", "2")), ("", ()), ("  ", ()), ("act_118", ("118",))])
def test_accounts_are_named_by_commas(given: str, read: tuple[str, ...], monkeypatch: pytest.MonkeyPatch):
    """With or without act_ in front."""
    monkeypatch.setenv("META_ADS_ACCOUNT_IDS", given)
    assert MetaAdsSettings().account_ids == read
