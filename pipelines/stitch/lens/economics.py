"""What a customer costs and gives back: CAC, ROAS, payback and worth to date, by month of acquisition, channel and ad.

A cohort is the customers whose acquisition fell in one month of the business's own calendar, beside what ads cost in that month. Who
brought whom is told by a credit table: rows of `CREDITS`, whose weights add up to 1 per buyer. First touch is one such table; any
other model of attribution is another. What cannot be divided is none, never infinite.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from pipelines.ingest.lake import Lake
from pipelines.ingest.schemas import INSTANT
from pipelines.stitch.arrivals import ads, is_paid
from pipelines.stitch.derived import JOURNEYS, SPEND, Derived, read
from pipelines.stitch.lens.calendar import Span, bounds, local_day, months
from pipelines.stitch.lens.traits import buyers, money
from pipelines.stitch.rates import Rates

CREDIT_COLUMNS: dict[str, pa.DataType] = {
    "buyer_id": pa.string(),
    "acquired_at": INSTANT,
    "channel": pa.string(),
    "ad_id": pa.string(),
    "weight": pa.float64(),
}
CREDITS = pa.schema(CREDIT_COLUMNS)
"""Columns of a credit table: who was won when, by which channel and ad, with which part of the credit."""
BLENDED, PAID_ONLY, CHANNEL, AD, REMAINDER = LEVELS = ("blended", "paid", "channel", "ad", "remainder")
"""All customers against all spend; those of paid channels against it; each channel and ad against its own; money and spend of nobody."""
Spent = tuple[str, str, int]
"""Month, ad and what it cost, minor units of the reporting currency."""
EVER = "all"
"""The cohort of all cohorts."""
NO_TOUCH, NO_ARRIVAL, NOBODY = "no touch known", "brought nobody we know", "nobody"

ECONOMICS = Derived(
    "economics",
    "What customers cost and gave back, by month of acquisition, channel and ad; channels and remainder add up to all spend and revenue.",
    ("level", "which", "cohort"),
    {
        "level": (pa.string(), f"{', '.join(LEVELS)}"),
        "which": (pa.string(), "the channel or ad"),
        "cohort": (pa.string(), f"month of acquisition and of spend, as 2026-01; {EVER!r} for all together"),
        "currency": (pa.string(), "the reporting currency"),
        "spend": (pa.int64(), "what ads cost, minor units"),
        "customers": (pa.float64(), "buyers who paid, by their weights"),
        "revenue": (pa.int64(), "what they have paid to date, net, minor units"),
        "cac": (pa.float64(), "spend per customer, minor units; empty without customers"),
        "roas": (pa.float64(), "revenue over spend; empty without spend"),
        "payback_month": (pa.int64(), "first calendar month, that of acquisition being 1, by which margin has covered CAC; empty if none has"),
        "worth": (pa.float64(), "gross margin per customer to date, minor units; empty without customers"),
    },
)  # fmt: skip


@dataclass(frozen=True)
class Economy:
    """One cohort of one channel, one ad or all.

    Units: minor units of the reporting currency; `customers` may be a fraction where credit is shared.
    """

    level: str
    which: str
    cohort: str
    spend: int
    customers: float
    revenue: int
    margin: float
    payback_month: int | None = None

    @property
    def cac(self) -> float | None:
        """Spend per customer; None without customers."""
        return self.spend / self.customers if self.customers else None

    @property
    def roas(self) -> float | None:
        """Revenue over spend; None without spend."""
        return self.revenue / self.spend if self.spend else None

    @property
    def worth(self) -> float | None:
        """Gross margin per customer to date; None without customers."""
        return self.revenue * self.margin / self.customers if self.customers else None


@dataclass
class Pot:
    """What is added up of one place: spend, customers and revenue by cohort and by age in months."""

    spend: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    customers: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    revenue: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(float)))


def first_touch(lake: Lake) -> ir.Table:
    """All credit to what first brought anybody of the buyer; a credit table."""
    people = read(lake, JOURNEYS)
    told = people.join(buyers(lake), "person_id").filter(lambda t: t.first_touch_at.notnull())
    order = [told.first_touch_at, told.person_id]
    ranked = told.mutate(place=ibis.row_number().over(group_by="buyer_id", order_by=order))
    return ranked.filter(ranked.place == 0).select(
        "buyer_id", acquired_at="first_touch_at", channel="first_touch_channel", ad_id="first_touch_ad_id", weight=ibis.literal(1.0)
    )  # fmt: skip


def economics(
    lake: Lake, credit: ir.Table, rates: Rates, zone: ZoneInfo, now: datetime, margin: float
) -> list[Economy]:
    """Every cohort of every level that spent or earned anything, by level, name and cohort.

    `margin` is the share of revenue that is left after the cost of what was sold. Money without a known rate is left out.
    """
    spent, won = _spent(lake, rates), _won(lake, credit).cache()
    calendar = _calendar(lake, won, spent, zone, now)
    if not calendar:
        return _loose(lake, margin)
    names = [f"{span.first:%Y-%m}" for span in calendar]
    pots: dict[tuple[str, str], Pot] = defaultdict(Pot)
    channels = _channels(lake, credit)
    for month, ad, amount in spent:
        for place in _places(channels.get(ad, NO_ARRIVAL), ad, paid=True):
            pots[place].spend[month] += amount
    for one in _earned(lake, won, bounds(calendar)):
        channel = channels.get(one["ad_id"]) or one["channel"] or NO_TOUCH
        for place in _places(channel, one["ad_id"], paid=one["paid"]):
            pots[place].customers[names[one["cohort"]]] += one["customers"]
            pots[place].revenue[names[one["cohort"]]][one["month"] - one["cohort"]] += one["value"]
    rows = [row for place, pot in sorted(pots.items()) for row in _rows(*place, pot, names, margin)]
    return rows + _loose(lake, margin)


def table(found: Sequence[Economy], currency: str | None) -> pa.Table:
    """The cohorts as rows of the derived table."""
    names = [name for name in ECONOMICS.columns if name != "currency"]
    rows = [{**{name: getattr(one, name) for name in names}, "currency": currency} for one in found]
    made = pa.Table.from_pylist(rows, schema=ECONOMICS.schema)
    return made.sort_by([(name, "ascending") for name in ECONOMICS.key])


def payback(cac: float | None, gains: Sequence[float]) -> int | None:
    """The first month, from 1, by which the gains per customer have covered what one cost; None if none has or nothing was spent."""
    if not cac:
        return None
    total = 0.0
    for month, gain in enumerate(gains, 1):
        total += gain
        if total >= cac:
            return month
    return None


def _won(lake: Lake, credit: ir.Table) -> ir.Table:
    """Buyers who paid, with their credits; what touched them only after their first payment has not won them, and nobody knows what has."""
    paid = money(lake).filter(lambda t: t.value.notnull() & t.buyer_id.notnull())
    firsts = paid.group_by("buyer_id").agg(
        first_at=paid.occurred_at.min(), most=(paid.value * (paid.kind == "charge").ifelse(1, 0)).max()
    )
    known = firsts.left_join(credit, "buyer_id").drop("buyer_id_right")
    by = known.acquired_at <= known.first_at
    won = known.select(
        "buyer_id",
        channel=by.ifelse(known.channel, None),
        ad_id=by.ifelse(known.ad_id, None),
        acquired_at=by.ifelse(known.acquired_at, known.first_at).fill_null(known.first_at),
        weight=known.weight.fill_null(1.0),
        counts=(known.most > 0).ifelse(1.0, 0.0),
    )
    return won.mutate(paid=is_paid(won))


def _calendar(lake: Lake, won: ir.Table, spent: Sequence[Spent], zone: ZoneInfo, now: datetime) -> list[Span]:
    """The months from the first acquisition or cost to the last movement of money; empty if there is none."""
    paid = money(lake)
    first = won.agg(at=won.acquired_at.min()).to_pyarrow()["at"][0].as_py()
    last = paid.agg(at=paid.occurred_at.max()).to_pyarrow()["at"][0].as_py()
    ends = [local_day(at, zone) for at in (first, last) if at] + [
        date.fromisoformat(f"{month}-01") for month, *_ in spent
    ]
    return months(min(ends), max(*ends, local_day(now, zone)), zone) if ends else []


def _earned(lake: Lake, won: ir.Table, calendar: ir.Table) -> list[dict[str, Any]]:
    """Cohort and month (as numbers of the calendar), channel and ad, with new customers and revenue; customers count in their first month."""

    def placed(told: ir.Table, instant: str, number: str) -> ir.Table:
        met = told.join(calendar, [told[instant] >= calendar.starts_at, told[instant] < calendar.ends_at])
        return met.rename({number: "span"}).drop("starts_at", "ends_at")

    cohorts = placed(won, "acquired_at", "cohort").cache()
    paid = money(lake).filter(lambda t: t.value.notnull()).select("buyer_id", "occurred_at", "value")
    paid = placed(paid.join(cohorts, "buyer_id"), "occurred_at", "month")
    place = ["cohort", "month", "channel", "ad_id", "paid"]
    sums = paid.group_by(*place).agg(customers=ibis.literal(0.0), value=(paid.value * paid.weight).sum())
    counted = cohorts.mutate(month=cohorts.cohort)
    heads = counted.group_by(*place).agg(customers=(counted.weight * counted.counts).sum(), value=ibis.literal(0.0))
    found: list[dict[str, Any]] = sums.union(heads).order_by(*place).to_pyarrow().to_pylist()
    return found


def _spent(lake: Lake, rates: Rates) -> list[Spent]:
    """Month of the ad account, ad and amount in the reporting currency."""
    told = read(lake, SPEND)
    daily = told.group_by("day", "ad_id", "currency").agg(amount=told.amount.sum().cast("int64"))
    known = rates.converted(lake, daily, amount="amount", currency="currency", day="day", as_="value")
    sums = known.filter(known.value.notnull()).group_by("ad_id", month=known.day.substr(0, 7)).agg(value=lambda t: t.value.sum().cast("int64"))  # fmt: skip
    return sorted((row["month"], row["ad_id"], row["value"]) for row in sums.to_pyarrow().to_pylist())


def _channels(lake: Lake, credit: ir.Table) -> dict[str, str]:
    """The one channel of each ad, for what it cost and whom it brought: as its platform says, else that of most of the credit which names it."""
    told = credit.filter(credit.ad_id.notnull(), credit.channel.notnull())
    sums = told.group_by("ad_id", "channel").agg(weight=told.weight.sum())
    marketed = (
        ads(lake)
        .filter(lambda t: t.marketed_as.notnull())
        .select("ad_id", channel="marketed_as", weight=ibis.literal(float("inf")))
    )
    rows = sums.union(marketed.select(*sums.columns)).to_pyarrow().to_pylist()
    return {row["ad_id"]: row["channel"] for row in sorted(rows, key=lambda row: (row["weight"], row["channel"]))}


def _places(channel: str, ad: str | None, *, paid: bool) -> Iterable[tuple[str, str]]:
    yield BLENDED, BLENDED
    yield CHANNEL, channel
    if paid:
        yield PAID_ONLY, PAID_ONLY
    if ad:
        yield AD, ad


def _rows(level: str, which: str, pot: Pot, names: Sequence[str], margin: float) -> Iterator[Economy]:
    ages = {name: len(names) - number for number, name in enumerate(names)}  # months seen, the first included
    cohorts = [name for name in names if pot.spend[name] or pot.customers[name] or pot.revenue[name]]
    for cohort in [*cohorts, EVER]:
        chosen = cohorts if cohort == EVER else [cohort]
        made = Economy(
            level, which, cohort,
            spend=sum(pot.spend[name] for name in chosen),
            customers=sum(pot.customers[name] for name in chosen),
            revenue=round(sum(sum(pot.revenue[name].values()) for name in chosen)),
            margin=margin,
        )  # fmt: skip
        paid_back = payback(made.cac, _gains(pot, {name: ages[name] for name in chosen}, margin))
        yield Economy(**{**vars(made), "payback_month": paid_back})


def _gains(pot: Pot, ages: Mapping[str, int], margin: float) -> list[float]:
    """Gross margin per customer in each month since acquisition; of each month, only cohorts that have lived to see it."""
    gains = []
    for age in range(max(ages.values(), default=0)):
        alive = [name for name, seen in ages.items() if seen > age]
        customers = sum(pot.customers[name] for name in alive)
        earned = sum(pot.revenue[name][age] for name in alive)
        gains.append(earned * margin / customers if customers else 0.0)
    return gains


def _loose(lake: Lake, margin: float) -> list[Economy]:
    """Money of which no payer is known: part of revenue, and of nobody's cohort."""
    paid = money(lake).filter(lambda t: t.value.notnull() & t.buyer_id.isnull())
    value = paid.agg(value=paid.value.sum().cast("int64")).to_pyarrow()["value"][0].as_py()
    return [Economy(REMAINDER, NOBODY, EVER, 0, 0.0, value, margin)] if value else []
