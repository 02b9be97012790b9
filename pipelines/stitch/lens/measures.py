"""What the business did in some spans of days: visits, orders and what they brought, by everything that tells visits and buyers apart.

A visit counts in every span that it reaches into. An order is a charge; its tax is taken off it. It belongs to the visit of its buyer
that began last before it, in the same span; an order without one, such as a renewal or an invoice, stands for a visit of its own.
What one buyer paid that dwarfs what others paid is a matter of its own, and of no channel.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from pipelines.ingest.lake import Lake
from pipelines.stitch.derived import SESSIONS
from pipelines.stitch.lens.calendar import Span, bounds
from pipelines.stitch.lens.decompose import Cell
from pipelines.stitch.lens.traits import TRAITS, buyers, money, traits

CHANNEL, AD = "channel", "ad"
DIMENSIONS = (CHANNEL, AD, *TRAITS)
"""What a change can be told apart by."""
DIRECT, NO_AD, NO_VISIT, UNKNOWN = "no click", "no ad", "no visit", "unknown"
"""Visits that nothing is known to have brought, visits by no ad, orders without a visit, and buyers of whom a trait is not known."""
LARGE_TIMES, LARGE_SHARE = 10, 20
"""A buyer is large in a span where they paid more than so many usual orders (medians), and more than one part in so many of all."""


class AdVisits(NamedTuple):
    """The channel of an ad's visits, and when the latest of a span was, UTC."""

    channel: str
    last_at: datetime


@dataclass(frozen=True)
class Measures:
    """What happened in one span.

    Shape: `cells` by dimension and member; every dimension has all visits and orders once, but those of large buyers, whose sums are in
    `large` by buyer (or record, where nobody is known). `ads` has what is known of each ad that brought a visit.
    Units: minor units of the reporting currency; refunds and disputes are negative. `unknown` movements have no rate and are left out.
    """

    span: Span
    cells: Mapping[str, Mapping[str, Cell]]
    refunds: int
    disputes: int
    large: Mapping[str, int]
    ads: Mapping[str, AdVisits]
    unknown: int

    @property
    def revenue(self) -> int:
        """Net of refunds, disputes and tax."""
        orders = sum(cell.amount for cell in self.cells[CHANNEL].values())
        return orders + sum(self.large.values()) + self.refunds + self.disputes


def measure(lake: Lake, spans: Sequence[Span]) -> list[Measures]:
    """What happened in each of these spans, which may overlap; zeros where nothing did."""
    when = bounds(spans)
    visits = _visits(lake, when).cache()
    moved = _moved(lake, when).cache()
    ordered = moved.filter(moved.kind.isin(["charge", "tax"]), moved.value.notnull())
    large = _large(ordered).cache()
    usual = ordered.anti_join(large, ["span", "payer"])
    events = _events(visits, usual).cache()
    known = traits(lake).cache()
    cells = {name: _cells(_told_apart(events, known, name)) for name in DIMENSIONS}
    sums = _by_span(moved.group_by("span", "kind").agg(value=moved.value.sum(), unknown=moved.value.isnull().sum()))
    by_ads = visits.filter(visits.ad.notnull()).group_by("span", "ad")
    ads = _by_span(by_ads.agg(channel=lambda t: t.channel.min(), last_at=lambda t: t.started_at.max()))
    larges = _by_span(large)
    return [
        Measures(
            span=span,
            cells={name: cells[name][number] for name in DIMENSIONS},
            refunds=_of(sums[number], "refund"),
            disputes=_of(sums[number], "dispute"),
            large={row["payer"]: row["value"] for row in larges[number]},
            ads={row["ad"]: AdVisits(row["channel"], row["last_at"]) for row in ads[number]},
            unknown=sum(row["unknown"] for row in sums[number]),
        )
        for number, span in enumerate(spans)
    ]


def _visits(lake: Lake, when: ir.Table) -> ir.Table:
    """`span, buyer_id, started_at, channel, ad`."""
    known = lake.derived(SESSIONS.name, SESSIONS.schema).join(buyers(lake), "person_id")
    found = known.join(when, [known.started_at < when.ends_at, known.ended_at >= when.starts_at])
    return found.select("span", "buyer_id", "started_at", channel="landing_channel", ad="landing_ad_id")


def _moved(lake: Lake, when: ir.Table) -> ir.Table:
    """Movements of money with their span; `payer` is the record where no buyer is known."""
    told = money(lake)
    found = told.join(when, [told.occurred_at >= when.starts_at, told.occurred_at < when.ends_at])
    return found.mutate(payer=ibis.coalesce(found.buyer_id, found.record)).drop("starts_at", "ends_at")


def _large(ordered: ir.Table) -> ir.Table:
    """What large buyers paid: `span, payer, value`."""
    charges = ordered.filter(ordered.kind == "charge", ordered.value > 0)
    usual = charges.group_by("span").agg(median=charges.value.median())
    whole = ordered.group_by("span").agg(whole=ordered.value.sum())
    paid = ordered.group_by("span", "payer").agg(value=ordered.value.sum().cast("int64"))
    known = paid.join(usual, "span").join(whole, "span")
    found = known.filter(known.value > LARGE_TIMES * known.median, known.value * LARGE_SHARE > known.whole)
    return found.select("span", "payer", "value")


def _events(visits: ir.Table, usual: ir.Table) -> ir.Table:
    """Visits and orders in one: `span, buyer_id, channel, ad, visits, orders, amount`."""
    at = ["span", "buyer_id", "started_at"]
    places = visits.group_by(*at).agg(channel=visits.channel.min(), ad=visits.ad.min())
    moments = usual.select("span", "buyer_id", "occurred_at").distinct()
    earlier = moments.join(places.select(*at), ["span", "buyer_id"]).filter(lambda t: t.started_at <= t.occurred_at)
    latest = earlier.group_by("span", "buyer_id", "occurred_at").agg(started_at=earlier.started_at.max())
    placed = usual.left_join(latest, ["span", "buyer_id", "occurred_at"]).select(*usual.columns, "started_at")
    placed = placed.left_join(places, at).select(*placed.columns, "channel", "ad")
    alone, order = placed.started_at.isnull(), (placed.kind == "charge").ifelse(1, 0).cast("int64")
    bought = placed.select(
        "span", "buyer_id",
        channel=alone.ifelse(NO_VISIT, placed.channel.fill_null(DIRECT)),
        ad=alone.ifelse(NO_VISIT, placed.ad.fill_null(NO_AD)),
        visits=alone.ifelse(order, 0).cast("int64"),
        orders=order,
        amount=placed.value,
    )  # fmt: skip
    came = visits.select(
        "span", "buyer_id",
        channel=visits.channel.fill_null(DIRECT), ad=visits.ad.fill_null(NO_AD),
        visits=ibis.literal(1, "int64"), orders=ibis.literal(0, "int64"), amount=ibis.literal(0, "int64"),
    )  # fmt: skip
    return came.union(bought)


def _told_apart(events: ir.Table, known: ir.Table, dimension: str) -> ir.Table:
    """The events with the member of one dimension that each belongs to, as `which`."""
    if dimension in {CHANNEL, AD}:
        return events.mutate(which=events[dimension])
    trait = known.filter(known.trait == dimension).select("buyer_id", "which")
    told = events.left_join(trait, "buyer_id").drop("buyer_id_right")
    return told.mutate(which=told.which.fill_null(UNKNOWN))


def _cells(events: ir.Table) -> Mapping[int, dict[str, Cell]]:
    counts = ("visits", "orders", "amount")
    sums = events.group_by("span", "which").agg(**{name: events[name].sum().cast("int64") for name in counts})
    found: dict[int, dict[str, Cell]] = defaultdict(dict)
    for row in sums.to_pyarrow().to_pylist():
        found[row["span"]][row["which"]] = Cell(*(row[name] for name in counts))
    return found


def _by_span(table: ir.Table) -> Mapping[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    rows: pa.Table = table.to_pyarrow()
    for row in rows.to_pylist():
        found[row["span"]].append(row)
    return found


def _of(rows: Iterable[Mapping[str, Any]], kind: str) -> int:
    return sum(row["value"] or 0 for row in rows if row["kind"] == kind)
