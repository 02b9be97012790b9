"""What the derived tables say, in counts and shares: what an operator may see of them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from models.facts import Scope
from pipelines.stitch.arrivals import WAYS, way
from pipelines.stitch.derived import JOURNEYS, OUTCOMES, RECEIPTS, REVENUE, SESSIONS, SPEND, UNASSIGNED
from pipelines.stitch.movements import TAX
from pipelines.stitch.spend import AD_DAY


@dataclass(frozen=True)
class Allocation:
    """How much of one currency's spend is known to have brought somebody.

    Units: `ad_days` of which `with_persons` brought somebody; `share` of the money, 0 to 1, None where nothing was spent.
    """

    ad_days: int
    with_persons: int
    share: float | None


@dataclass(frozen=True)
class JourneyReport:
    """What the derived tables say.

    Shape: `ways` counts persons by how exactly it is known how they came, most exact first; `spend` is by currency; `written`
    names the tables whose content changed. `refunded_above_charge` counts purchases of which more was given back than was taken.
    """

    persons: int
    with_account: int
    touched: int
    engaged: int
    paying: int
    payments: int
    unassigned_payments: int
    refunded_above_charge: int
    deals: int
    sessions: int
    ways: Mapping[str, int]
    spend: Mapping[str, Allocation]
    written: tuple[str, ...]


def report(tables: Mapping[str, pa.Table], written: tuple[str, ...]) -> JourneyReport:
    """Count what the tables, by name, say."""
    people, money = tables[JOURNEYS.name], tables[REVENUE.name].to_pylist()
    deals = tables[OUTCOMES.name].to_pylist()
    return JourneyReport(
        persons=people.num_rows,
        with_account=_filled(people, "account_id"),
        touched=_filled(people, "first_touch_at"),
        engaged=_filled(people, "first_engaged_at"),
        paying=len({row["entity_id"] for row in money if row["scope"] == Scope.person and row["payments"]}),
        payments=sum(row["payments"] for row in money),
        unassigned_payments=sum(row["payments"] for row in money if row["scope"] == UNASSIGNED),
        refunded_above_charge=_overdrawn(tables[RECEIPTS.name]),
        deals=sum(row[status] for row in deals for status in ("open", "won", "lost")),
        sessions=tables[SESSIONS.name].num_rows,
        ways=_ways(people),
        spend=_allocations(tables[SPEND.name]),
        written=written,
    )


def _overdrawn(receipts: pa.Table) -> int:
    """Purchases of which more was given and called back than was ever taken."""
    left = receipts.group_by(["purchase", "currency", "kind"]).aggregate([("amount", "sum"), ("tax_returned", "sum")])
    moved: Counter[tuple[str, str]] = Counter()
    for row in left.to_pylist():
        if row["kind"] != TAX:
            moved[row["purchase"], row["currency"]] += row["amount_sum"] - row["tax_returned_sum"]
    return sum(amount < 0 for amount in moved.values())


def _ways(people: pa.Table) -> dict[str, int]:
    """Persons by what their first touch tells; only those of the first two ways can be given a cost."""
    first = ibis.memtable(people).select(channel="first_touch_channel", ad_id="first_touch_ad_id")
    counted = first.group_by(way=way(first)).agg(persons=first.count()).to_pyarrow().to_pylist()
    return dict.fromkeys(WAYS, 0) | {row["way"]: row["persons"] for row in counted}


def _allocations(spend: pa.Table) -> dict[str, Allocation]:
    brought = spend.filter(pc.is_valid(spend["person_id"]))
    days, with_persons = _days(spend), _days(brought)
    cost, allocated = _sums(spend), _sums(brought)
    return {
        currency: Allocation(
            days[currency],
            with_persons.get(currency, 0),
            allocated.get(currency, 0) / cost[currency] if cost[currency] else None,
        )
        for currency in sorted(days)
    }


def _days(spend: pa.Table) -> dict[str, int]:
    days = spend.group_by(AD_DAY).aggregate([]).group_by("currency").aggregate([([], "count_all")])
    return {row["currency"]: row["count_all"] for row in days.to_pylist()}


def _sums(spend: pa.Table) -> dict[str, int]:
    sums = spend.group_by("currency").aggregate([("amount", "sum")])
    return {row["currency"]: row["amount_sum"] for row in sums.to_pylist()}


def _filled(table: pa.Table, column: str) -> int:
    return table.num_rows - table[column].null_count
