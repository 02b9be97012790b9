"""Which ads ran, what they cost each day, and whom each of them brought: drawn once, told by every vendor in its own way.

Days are those of the ad account's own time zone. A person who came by an ad shows it as a lead form filled in on Meta, as an
address with `utm_content=<ad id>`, or as a bare click id that says "an ad" and not which.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from typing import Literal
from zoneinfo import ZoneInfo

from sandbox.world.moments import BEGIN
from sandbox.world.person import Someone

Way = Literal["lead_form", "utm", "click_id"]
WAYS: tuple[Way, ...] = ("lead_form", "utm", "click_id")

CAMPAIGNS = (
    ("Price calculator", ("Finance teams", "Owners")), ("Switch without tears", ("Operations", "IT leads")),
    ("Half a day a week", ("Office managers",)), ("Demo Thursdays", ("Lookalike", "Retargeting")),
)  # fmt: skip
CREATIVES = ("Video A", "Carousel", "Quote card")
RUN_DAYS = (45, 120)
"""An ad runs for so many days, at least and at most."""
LEADS_SERVED = timedelta(days=85)
"""How long ago a form may have been filled in: Meta serves leads for 90 days, and what no vendor tells cannot be true."""
COME_BY_AD, HEARD_COME_BY_AD = 0.45, 0.8
"""Share that an ad brought of the people who can be traced at all; and of those with texts, by whom the product is shown."""


@dataclass(frozen=True)
class AdAccount:
    """One ad account, with the zone that its days are counted in."""

    id: str
    name: str
    currency: str
    zone: str


@dataclass(frozen=True)
class Ad:
    """One ad in its ad set and campaign, and the days it ran."""

    id: str
    name: str
    adset_id: str
    adset_name: str
    campaign_id: str
    campaign_name: str
    account: AdAccount
    first_day: date
    last_day: date


@dataclass(frozen=True)
class Arrival:
    """How one person came: when, by which ad, and how that shows."""

    person: str
    at: datetime
    ad: Ad
    way: Way


@dataclass(frozen=True)
class AdDay:
    """What one ad did on one day of its account. Money in minor units; a day may cost nothing."""

    spend: int
    impressions: int
    clicks: int


ACCOUNTS = (
    AdAccount("1180000000000001", "Acme Europe", "eur", "Europe/Berlin"),
    AdAccount("1180000000000002", "Acme Americas", "usd", "America/Los_Angeles"),
)


@dataclass
class Market:
    """The ads of every account. Draws from a chance of its own, so that the rest of the world does not depend on it."""

    seed: int
    now: datetime
    ads: list[Ad] = field(default_factory=list)
    days: dict[tuple[Ad, date], AdDay] = field(default_factory=dict)
    arrivals: dict[str, Arrival] = field(default_factory=dict)
    """By person id."""

    def __post_init__(self) -> None:
        self.rng = random.Random(f"market/{self.seed}")  # noqa: S311  # repeatable chance, not secrets
        for account in ACCOUNTS:
            self._advertise(account)

    def bring(self, people: Iterable[Someone]) -> None:
        """Draw whom an ad brought: a while before their first record, among people who can be recognised."""
        for person in people:
            share = HEARD_COME_BY_AD if person.documents else COME_BY_AD
            if person.trap is None and self.rng.random() < share:
                at = min([face.created for face in person.faces] or [person.born]) - timedelta(
                    minutes=self.rng.randint(1, 3 * 24 * 60)
                )
                self._brought(person, max(at, BEGIN))

    def _brought(self, person: Someone, at: datetime) -> None:
        shown = [ad for ad in self.ads if self._costs(ad, at)]
        if shown:
            ad, way = self.rng.choice(shown), self.rng.choice(WAYS)
            if way != "click_id":  # an older form is not served any more; an address tells of it instead
                way = "lead_form" if at >= self.now - LEADS_SERVED else "utm"
            self.arrivals[person.id] = Arrival(person.id, at, ad, way)

    def _costs(self, ad: Ad, at: datetime) -> bool:
        """Whether somebody may have come by the ad just then: a click is paid for."""
        day = self.days.get((ad, at.astimezone(ZoneInfo(ad.account.zone)).date()))
        return day is not None and day.spend > 0

    def _advertise(self, account: AdAccount) -> None:
        numbers = count(int(account.id[-1]) * 10**6 + 1)
        zone, start = ZoneInfo(account.zone), BEGIN.date()
        today = self.now.astimezone(zone).date()
        for campaign_name, audiences in CAMPAIGNS:
            campaign = _id("601", numbers)
            for audience in audiences:
                adset = _id("602", numbers)
                first = start + timedelta(days=self.rng.randint(0, 30))
                while first < today:
                    last = min(today, first + timedelta(days=self.rng.randint(*RUN_DAYS)))
                    name = f"{campaign_name} - {self.rng.choice(CREATIVES)} {first:%b %y}"
                    ad = Ad(_id("603", numbers), name, adset, audience, campaign, campaign_name, account, first, last)
                    self.ads.append(ad)
                    self._spend(ad)
                    first = last + timedelta(days=self.rng.randint(20, 150))

    def _spend(self, ad: Ad) -> None:
        for number in range((ad.last_day - ad.first_day).days + 1):
            impressions = self.rng.randint(0, 900) if self.rng.random() > 0.04 else 0
            if impressions:  # on a day without any, Meta has no row
                spend = 0 if self.rng.random() < 0.02 else self.rng.randint(3, 4 * impressions + 3)
                day = AdDay(spend, impressions, self.rng.randint(0, impressions // 20))
                self.days[ad, ad.first_day + timedelta(days=number)] = day


def _id(prefix: str, numbers: "count[int]") -> str:
    return f"{prefix}{next(numbers):014d}"
