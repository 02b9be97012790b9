"""A shop of two days, Monday and Tuesday, in which something happens on Tuesday that we know of."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from models.facts import Fact, Payment, Profile, Scope, Touch
from pipelines.stitch.lens.calendar import Span, midnight
from pipelines.stitch.lens.measures import Measures, measure
from tests.pipelines.stitch.conftest import Bench, Hand
from tests.pipelines.stitch.market import run

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
BERLIN = ZoneInfo("Europe/Berlin")
INDUSTRIES = ("health", "retail", "energy")
NAMES = {"71": "Spring", "72": "Video"}


@dataclass(frozen=True)
class Day:
    """How a day goes, before chance.

    Units: `visits` by ad (None: organic search), `conversion` by industry, `price` in cents; an ad brings nobody from `stops` on (hours), and
    who comes by ad 71 pays `dear` times the price.
    """

    day: date
    visits: dict[str | None, int] = field(default_factory=lambda: {"71": 120, "72": 70, None: 110})
    conversion: dict[str, float] = field(default_factory=lambda: dict.fromkeys(INDUSTRIES, 0.45))
    price: int = 10_000
    dear: float = 1.0
    stops: dict[str, float] = field(default_factory=dict)
    large: int = 0
    refunded: float = 0.0


def write(bench: Bench, *days: Day, zone: ZoneInfo = BERLIN) -> None:
    """The days in the lake, stitched."""
    bench.hand.write(records(bench.hand, *days, zone=zone))
    run(bench)


def records(hand: Hand, *days: Day, zone: ZoneInfo = BERLIN) -> dict[str, Iterable[Fact]]:
    """The days as vendors tell of them: who came and who paid; every day has a chance of its own, the same in every run."""
    found: dict[str, Iterable[Fact]] = {}
    for one in days:
        chance = random.Random(f"{one.day}")  # a world, no secret
        for number, (ad, hour) in enumerate(_arrivals(one, chance)):
            name = f"{one.day}-{number}"
            found[name] = list(_visitor(hand.key(name), one, ad, hour, chance, zone))
        if one.large:
            whale, at = f"{one.day}-whale", midnight(one.day, zone) + timedelta(hours=11)
            found[whale] = [Profile(scope=Scope.person, name="W"), _paid(hand.key(whale), "charge", one.large, at)]
    return found


def measures(bench: Bench, *days: date, zone: ZoneInfo = BERLIN) -> list[Measures]:
    return measure(bench.lake, [Span(day, day, zone) for day in days])


def _arrivals(one: Day, chance: random.Random) -> Iterator[tuple[str | None, float]]:
    for ad, number in one.visits.items():
        for _ in range(number):
            hour = chance.uniform(0.1, 23.0)
            if hour < one.stops.get(ad or "", 24.0):
                yield ad, hour


def _visitor(key: str, one: Day, ad: str | None, hour: float, chance: random.Random, zone: ZoneInfo) -> Iterator[Fact]:
    at = midnight(one.day, zone) + timedelta(hours=hour)
    industry = chance.choice(INDUSTRIES)
    yield Profile(scope=Scope.person, name="V", industry=industry)
    yield Touch(subject=key, channel="paid_social" if ad else "organic_search", ad_id=ad, occurred_at=at)
    if chance.random() < one.conversion[industry]:
        amount = round(one.price * (one.dear if ad == "71" else 1) * chance.uniform(0.7, 1.3))
        yield _paid(key, "charge", amount, at + timedelta(minutes=5))
        if chance.random() < one.refunded:
            yield _paid(key, "refund", amount, at + timedelta(minutes=20))


def _paid(key: str, kind: str, amount: int, at: datetime) -> Payment:
    return Payment(payer=key, kind=kind, amount_minor=amount, currency="eur", occurred_at=at)
