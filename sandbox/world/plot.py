"""What the founder's questions should find in the demo: consumers whose visits and payments have causes that are known.

An ad stopped on a Tuesday, another brings nobody who pays, buyers who came by affiliates are worth four times the average, contracts
end in their third month, and some who bought twice a week have ceased to come. They belong to no company and stand in no CRM. Draws
from a chance of its own and is planted last, so that the rest of the world does not depend on it.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import product

from sandbox.world.ids import Ids
from sandbox.world.market import ACCOUNTS, Ad, AdDay
from sandbox.world.meta_ads import Ads
from sandbox.world.names import COUNTRIES, FAMILY_NAMES, FIRST_NAMES, Company
from sandbox.world.person import Face, Someone
from sandbox.world.product_events import Product
from sandbox.world.stripe import INTERVALS, PLANS, Object, Till
from sandbox.world.truth import PlantedPlot, PlantedTouch, product_key

PRIVATE = Company("private", "Nobody's company", next(one for one in COUNTRIES if one.code == "DE"), "", "")
"""The home of people who buy for themselves; no vendor is told of it."""
REGULARS, CEASED, AD_BUYERS, AD_LOOKERS, IDLERS, PARTNERS, LEAVERS, STAYERS = 40, 24, 27, 9, 40, 36, 64, 16
USUAL = (3000, 5000)
"""What one order of a consumer costs, euro cents."""
WEEKS = 9
"""So long the regulars have come on every Monday and Tuesday."""
TIMES = 4
"""What affiliates' buyers are worth, in worths of an average one."""
BREAKS = 3
"""Periods of 30 days after which most contracts of the plot end."""
ORGANIC = {"utm_source": "google", "utm_medium": "organic"}
AFFILIATE = {"utm_source": "guild-of-bookkeepers", "utm_medium": "affiliate"}


@dataclass
class Plot:
    """The consumers while they are being planted, with what is true of them."""

    seed: int
    now: datetime
    ids: Ids
    ads: Ads
    product: Product
    till: Till
    people: list[Someone] = field(default_factory=list)
    touches: defaultdict[str, list[PlantedTouch]] = field(default_factory=lambda: defaultdict(list))
    """By person id."""

    def __post_init__(self) -> None:
        self.rng = random.Random(f"plot/{self.seed}")  # noqa: S311  # repeatable chance, not secrets
        self.monday = self.now.date() - timedelta(days=self.now.weekday() + 7)
        names = list(product(FIRST_NAMES, FAMILY_NAMES))
        self.names = iter(self.rng.sample(names, len(names)))
        self.stopped = self._ad(8, "Autumn offer - Video B", self.monday - timedelta(days=1), self.monday, 12000)
        self.idle = self._ad(9, "Win a tablet - Carousel", self.monday - timedelta(days=70), self.monday - timedelta(days=30), 3000)  # fmt: skip
        self.truth = PlantedPlot(
            monday=str(self.monday), tuesday=str(self.monday + timedelta(days=1)), stopped=self.stopped.name,
            idle=self.idle.name, segment="affiliate", breaks=BREAKS, drifting=[],
        )  # fmt: skip

    def plant(self) -> None:
        """Everybody, in the order in which the questions are asked."""
        for _ in range(REGULARS):
            self._comes_weekly(self.monday + timedelta(days=1))
        for number in range(CEASED):
            last = self.monday - timedelta(days=6 + 7 * (number % 3))
            self.truth.drifting.append(self._comes_weekly(last).email)
        for number in range(AD_BUYERS + AD_LOOKERS):
            self._comes_once(self.stopped, self.monday, buys=number < AD_BUYERS)
        for _ in range(IDLERS):
            self._comes_once(self.idle, self._day(self.idle.first_day, self.idle.last_day), buys=False)
        for number in range(LEAVERS + STAYERS):
            self._signs(BREAKS if number < LEAVERS else 60)
        self._partners()

    def _comes_weekly(self, last: date) -> Someone:
        """Every Monday and Tuesday up to a day: a visit by search, and an order."""
        first = self.monday - timedelta(weeks=WEEKS)
        person, user, payer = self._somebody(first)
        for day in (first + timedelta(days=number) for number in range((last - first).days + 1)):
            if day.weekday() < 2:
                self._orders(payer, self._visits(person, user, day, ORGANIC))
        return person

    def _comes_once(self, ad: Ad, day: date, *, buys: bool) -> None:
        person, user, payer = self._somebody(day)
        at = self._visits(person, user, day, _marks(ad), ad)
        if buys:
            self._orders(payer, at)

    def _signs(self, stays: int) -> None:
        """A monthly contract; begun and ended in the midst of months, so that its months can be counted by any zone's calendar."""
        months = self.rng.randint(5, 17)  # June 2025 to June 2026
        begins = datetime(2025 + months // 12, months % 12 + 1, self.rng.randint(6, 24), 12, tzinfo=UTC)
        _, _, payer = self._somebody(begins.date())
        self.till.subscribes(payer, PRIVATE.country, "Starter", "month", 1, begins, stays)

    def _partners(self) -> None:
        """Yearly contracts so large that their buyers are worth `TIMES` the average, at par of all currencies."""
        found = sum(sum(parts.values()) for parts in self.till.earned.values())
        buyers = len(self.till.customers) + PARTNERS
        worth = TIMES * found / (buyers - TIMES * PARTNERS)
        quantity = max(1, round(worth / (INTERVALS["year"] * dict(PLANS)["Starter"])))
        for _ in range(PARTNERS):
            day = self._day(date(2026, 1, 10), date(2026, 9, 20))
            person, user, payer = self._somebody(day)
            at = self._visits(person, user, day, AFFILIATE)
            self.till.subscribes(payer, PRIVATE.country, "Starter", "year", quantity, at + timedelta(minutes=20), 60)

    def _somebody(self, day: date) -> tuple[Someone, Face, Object]:
        """A person, as whom the product knows them and as a customer, from the first hour of a day on."""
        (first, spelled), (last, family) = next(self.names)
        number, born = len(self.people), datetime.combine(day, time(5), UTC)
        person = Someone(
            id=f"consumer-{number:04d}", first=first, last=last, title=None, company=PRIVATE,
            email=f"{spelled}.{family}.{number}@gmx.de", country=PRIVATE.country, national="", born=born,
        )  # fmt: skip
        user = self.product.signs_up(person, born)
        payer = Face("customer", self.ids.next("customer"), born, person.email)
        person.faces.append(payer)
        self.people.append(person)
        return person, user, self.till.customer(person, payer, None)

    def _visits(self, person: Someone, user: Face, day: date, marks: dict[str, str], ad: Ad | None = None) -> datetime:
        at = datetime.combine(day, time(7), UTC) + timedelta(minutes=self.rng.randint(0, 10 * 60))
        self.product.visits(user, at, marks, "Credits looked at")
        self.touches[person.id].append(
            PlantedTouch(
                record=product_key("user", user.id), channel="paid_social" if ad else _channel(marks),
                source=marks.get("utm_campaign", marks["utm_source"]), ad_id=ad.id if ad else None,
                responded=True, occurred_at=at,
            )
        )  # fmt: skip
        return at

    def _orders(self, payer: Object, at: datetime) -> None:
        self.till.pays(payer, at + timedelta(minutes=self.rng.randint(3, 20)), self.rng.randint(*USUAL))

    def _day(self, first: date, last: date) -> date:
        return first + timedelta(days=self.rng.randint(0, (last - first).days))

    def _ad(self, number: int, name: str, first: date, last: date, spend: int) -> Ad:
        """An ad that costs the same every day, in a campaign of its own."""
        ids = [f"60{kind}{900_000 + number:014d}" for kind in (3, 2, 1)]
        ad = Ad(ids[0], name, ids[1], "Consumers", ids[2], name.partition(" - ")[0], ACCOUNTS[0], first, last)
        days = [first + timedelta(days=day) for day in range((last - first).days + 1)]
        self.ads.advertise(ad, {day: AdDay(spend, 4000, 60) for day in days})
        return ad


def _marks(ad: Ad) -> dict[str, str]:
    return {
        "utm_source": "facebook",
        "utm_medium": "paid_social",
        "utm_campaign": ad.campaign_name,
        "utm_content": ad.id,
    }


def _channel(marks: dict[str, str]) -> str:
    return "organic_search" if marks is ORGANIC else marks["utm_medium"]
