"""Whether credit agrees with the receipts that it splits, purchase by purchase, and returns with all that was received."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
from ibis import _

from pipelines.ingest.lake import Lake
from pipelines.stitch.attribution.build import costs_by_channel, derived_or_empty
from pipelines.stitch.attribution.rules import MODELS
from pipelines.stitch.attribution.tables import CREDIT, PURCHASE, RETURNS
from pipelines.stitch.derived import RECEIPTS, SPEND
from pipelines.stitch.rates import Rates

CLOSE = 1e-9
"""How far weights may be from 1: what adding floats costs."""


def uneven(lake: Lake) -> Mapping[str, int]:
    """Amounts whose weights do not add up to 1, by model; empty if all do."""
    split = derived_or_empty(lake, CREDIT).group_by("basis", "model", "customer_id", "conversion", "currency")
    sums = split.agg(weight=lambda rows: rows.weight.sum())
    return _counted(sums.filter((sums.weight - 1).abs() > CLOSE))


def miscredited(lake: Lake) -> Mapping[str, int]:
    """Purchases that are credited with another amount than their receipts amount to, by model; empty if none is."""
    purchase = ["customer_id", "conversion", "currency"]
    received = _received(lake).group_by(*purchase).agg(net=_.amount.sum().cast("int64"))
    credited = derived_or_empty(lake, CREDIT).filter(_.basis == PURCHASE)
    parts = credited.group_by("model", *purchase).agg(amount=_.amount.sum().cast("int64"))
    both = parts.left_join(received, purchase)
    return _counted(both.filter(both.net.isnull() | (both.net != both.amount)))


def unreturned(lake: Lake) -> Mapping[str, int]:
    """What `returns` has more (or less, negative) than was received, by model, in minor units of the reporting currency."""
    received = _received(lake)
    alone = received.customer_id.isnull().ifelse(received.record, None)  # each receipt of nobody stands for itself
    whole = received.group_by("customer_id", "conversion", "currency", alone=alone).agg(
        value=_.value.sum(), known=_.value.count(), all_=_.count()
    )
    rated = whole.filter(whole.known == whole.all_)
    return _off(lake, "net", rated.value.sum())


def unspent(lake: Lake, rates: Rates) -> Mapping[str, int]:
    """What `returns` has more (or less, negative) than ads cost, by model, in minor units of the reporting currency."""
    costs = costs_by_channel(lake, derived_or_empty(lake, SPEND), rates)
    return _off(lake, "spend", costs.value.sum())


def _off(lake: Lake, column: str, whole: ir.IntegerScalar) -> dict[str, int]:
    """Where a column of `returns` does not add up to the whole, by model."""
    total = whole.fill_null(0).cast("int64").to_pyarrow().as_py()
    table = derived_or_empty(lake, RETURNS)
    found = table.group_by("model").agg(total=table[column].sum().cast("int64")).to_pyarrow().to_pylist()
    sums = dict.fromkeys(MODELS, 0) | {row["model"]: row["total"] for row in found}
    return {model: number - total for model, number in sums.items() if number != total}


def _received(lake: Lake) -> ir.Table:
    told = derived_or_empty(lake, RECEIPTS)
    return told.mutate(customer_id=ibis.coalesce(told.account_id, told.person_id), conversion=told.purchase)


def _counted(off: ir.Table) -> dict[str, int]:
    rows = off.group_by("model").agg(number=lambda found: found.count()).order_by("model").to_pyarrow().to_pylist()
    return {row["model"]: row["number"] for row in rows}
