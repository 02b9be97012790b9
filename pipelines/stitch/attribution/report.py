"""What the tables of this room say: counts and shares for an operator, and money for whoever asks at the command line."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipelines.ingest.lake import Lake
from pipelines.stitch.arrivals import UNKNOWN, WAYS
from pipelines.stitch.attribution.rules import MODELS
from pipelines.stitch.attribution.tables import COHORTS, CREDIT, PURCHASE, RETURNS

Row = dict[str, Any]
SUMMED = ("customers", "net", "lifetime", "spend", "without_rate")


@dataclass(frozen=True)
class AttributionReport:
    """Counts and shares.

    Shape: `rows` are those of `credit`; `customers` is by channel and model, new customers in whole and in parts; `ways` by how exactly it is known how customers
    came, most exact first; `spend` by the same, as shares of all that has a rate (0 to 1, empty where nothing was spent): what
    brought nobody we know stands under `UNKNOWN`; `written` names the tables whose content changed.
    """

    rows: int
    customers: Mapping[str, Mapping[str, float]]
    purchases: int
    without_rate: int
    ways: Mapping[str, int]
    spend: Mapping[str, float]
    written: tuple[str, ...]


def report(
    tables: Mapping[str, pa.Table], ways: pa.Table, costs: pa.Table, written: tuple[str, ...]
) -> AttributionReport:
    """Count what the tables, by name, say; `ways` has `exact, customers` and `costs` `way, value`."""
    returned = tables[RETURNS.name]
    sums = returned.group_by(["channel", "model"]).aggregate([("customers", "sum")]).to_pylist()
    credited = (
        tables[CREDIT.name]
        .select(["basis", "customer_id", "conversion"])
        .group_by(["basis", "customer_id", "conversion"])
    )
    customers: dict[str, dict[str, float]] = {}
    for row in sums:
        customers.setdefault(row["channel"], dict.fromkeys(MODELS, 0.0))[row["model"]] = row["customers_sum"]
    known = {row["exact"]: row["customers"] for row in ways.to_pylist()}
    return AttributionReport(
        rows=tables[CREDIT.name].num_rows,
        customers=dict(sorted(customers.items(), key=lambda one: (-one[1]["linear"], one[0]))),
        purchases=sum(row["basis"] == PURCHASE for row in credited.aggregate([]).to_pylist()),
        without_rate=round(sum(row["without_rate"] for row in returned.to_pylist() if row["model"] == MODELS[0])),
        ways={way: known.get(rank, 0) for rank, way in enumerate(WAYS)},
        spend=_shares(costs),
        written=written,
    )


def channels(lake: Lake, model: str) -> list[Row]:
    """Each channel over all months: `channel` and the columns of `RETURNS` that add up, with `roas` and `cac`; most net money first."""
    return _summed(_rows(lake, RETURNS.name, model), ("channel",))


def ads(lake: Lake, model: str) -> list[Row]:
    """Each ad that cost or brought something, likewise, with `platform, campaign_id, campaign, ad_id, ad`."""
    named = [row for row in _rows(lake, RETURNS.name, model) if row["ad_id"]]
    return _summed(named, ("platform", "campaign_id", "campaign", "ad_id", "ad"))


def months(lake: Lake, model: str) -> list[Row]:
    """The rows of `COHORTS` in order of time."""
    return sorted(_rows(lake, COHORTS.name, model), key=lambda row: str(row["month"]))


def ratio(part: float, whole: float) -> float | None:
    """Their ratio; None where there is no whole."""
    return part / whole if whole > 0 else None


def _rows(lake: Lake, name: str, model: str) -> list[Row]:
    table = lake.table(name)
    found: list[Row] = [] if table is None else table.filter(table.model == model).to_pyarrow().to_pylist()
    return found


def _summed(rows: Sequence[Row], by: tuple[str, ...]) -> list[Row]:
    sums: dict[tuple[Any, ...], Counter[str]] = {}
    for row in rows:
        sums.setdefault(tuple(row[name] for name in by), Counter()).update({name: row[name] for name in SUMMED})
    found = [
        {**dict(zip(by, place, strict=True)), **one, "roas": ratio(one["net"], one["spend"]), "cac": ratio(one["spend"], one["customers"])}
        for place, one in sums.items()
    ]  # fmt: skip
    return sorted(found, key=lambda row: (-row["net"], -row["spend"], *(str(row[name]) for name in by)))


def _shares(costs: pa.Table) -> dict[str, float]:
    sums = costs.group_by("way").aggregate([("value", "sum")]).to_pylist()
    spent = {row["way"] or UNKNOWN: row["value_sum"] or 0 for row in sums}
    whole = sum(spent.values())
    return {way: spent.get(way, 0) / whole for way in WAYS} if whole else {}
