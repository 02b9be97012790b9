"""What is pulled from Meta Ads, and how each object reads as facts."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.base import Stream, raw_only
from connectors.marks import META
from connectors.meta_ads.payload import Payload
from models.channels import LEAD_AD, ORGANIC_LEAD
from models.facts import Engagement, Fact, Identifier, Interaction, Profile, Scope, Spend, Touch
from models.records import Record

EMAILS = ("email", "work_email")
PHONES = ("phone_number", "work_phone_number")
POSTCODES = ("zip_code", "post_code", "zip")
ACCOUNT_SPEND = "account_spend"
"""Of a day's record: what the account as a whole says that the day cost, as Meta writes it; absent where it was not told."""
UNKNOWN = "unknown"
"""Id of whichever ads Meta names no more; its own are numbers."""
COUNTRY = re.compile(r"[A-Z]{2}")


def day(record: Record) -> Iterator[Fact]:
    """What each ad cost on one day of its account; the day of an ad that was not shown has no row.

    What the account says beyond that is the cost of an ad that Meta names no more: ads are deleted, and their cost stays.
    """
    read = Payload(record)
    currency, zone, on = read.currency(), _zone(read), _date(read)
    starts_at, ends_at = bounds(on, zone)
    common: dict[str, Any] = {
        "channel": "paid_social",
        "day": str(on),
        "zone": zone.key,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "currency": currency,
    }
    left = read.amount(ACCOUNT_SPEND, currency) if read.text(ACCOUNT_SPEND) else 0
    for row in read.rows("rows"):
        ad = row.text("ad_id")
        if ad is None:
            raise ValueError("a row names no ad")
        cost = row.amount("spend", currency) if row.text("spend") else 0
        left -= cost
        yield Spend(
            ad_id=ad,
            ad=row.text("ad_name"),
            campaign_id=row.text("campaign_id"),
            campaign=row.text("campaign_name"),
            amount_minor=cost,
            impressions=row.count("impressions"),
            clicks=row.count("clicks"),
            **common,
        )
    if left > 0:
        yield Spend(ad_id=UNKNOWN, amount_minor=left, impressions=0, clicks=0, **common)


def lead(record: Record) -> Iterator[Fact]:
    """A person who filled in a form: who they are, which ad brought them, if any did, and what they wrote in their own words."""
    read = Payload(record)
    at, said, ad = read.moment("created_time"), read.answers(), read.text("ad_id")
    names = [said[name] for name in ("first_name", "last_name") if name in said]
    country = said.get("country")
    region = country.upper() if country and COUNTRY.fullmatch(country.upper()) else None
    yield Profile(
        scope=Scope.person,
        name=said.get("full_name") or " ".join(names) or None,
        title=said.get("job_title"),
        company=said.get("company_name"),
        email=next((said[name] for name in EMAILS if name in said), None),
        phone=next((said[name] for name in PHONES if name in said), None),
        country=country,
        city=said.get("city"),
        postcode=next((said[name] for name in POSTCODES if name in said), None),
        created_at=at,
    )
    for name in EMAILS:
        yield from Identifier.of(Scope.person, "email", said.get(name))
    for name in PHONES:
        yield from Identifier.of(Scope.person, "phone", said.get(name), region)
    yield Touch(
        subject=read.own_key,
        channel=ORGANIC_LEAD if read.flag("is_organic") and not ad else LEAD_AD,
        source=read.text("ad_name") or read.text("campaign_name"),
        source_id=read.text("campaign_id"),
        ad_id=ad,
        platform=META,
        responded=True,
        occurred_at=at,
    )
    yield Engagement(subject=read.own_key, kind="form", direction="inbound", occurred_at=at)
    for key in read.words():
        if read.text(key):
            yield Interaction(subject=read.own_key, source="form", author="customer", field=key, occurred_at=at)


def _zone(read: Payload) -> ZoneInfo:
    try:
        return ZoneInfo(read.text("zone") or "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("zone is no time zone") from None


def _date(read: Payload) -> date:
    try:
        return date.fromisoformat(read.text("day") or "")
    except ValueError:
        raise ValueError("day is no date") from None


def _stream(
    name: str,
    object_name: str,
    description: str,
    translate: Callable[[Record], Iterable[Fact]],
    *facts: type[Fact],
    stamps: str = "",
) -> Stream:
    return Stream(name, object_name, description, translate, facts, frozenset(stamps.split()))


STREAMS = (
    _stream("ad_accounts", "adaccount", "Who pays for ads, in which currency and time zone.", raw_only),
    _stream("campaigns", "campaign", "What ads are for, ended and deleted ones included.", raw_only, stamps="updated_time"),
    _stream("adsets", "adset", "Whom ads are shown to, and on which budget.", raw_only, stamps="updated_time"),
    _stream("ads", "ad", "Every ad, with the names of its ad set, campaign and creative.", raw_only, stamps="updated_time"),
    _stream("creatives", "adcreative", "What ads look like, and the tags that their links carry.", raw_only),
    _stream("insights", "insights_day", "What each ad cost and did on each day of its account.", day, Spend),
    _stream(
        "leads", "lead", "People who filled in a form on an ad.", lead,
        Profile, Identifier, Touch, Engagement, Interaction,
    ),
)  # fmt: skip


def bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """First instant of a day and of the next one, in UTC; 23 or 25 hours apart where the clocks change."""
    start = datetime.combine(day, time(), zone)
    return start.astimezone(UTC), datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
