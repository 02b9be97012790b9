"""The attribution table in the asset graph."""

from collections.abc import Mapping
from datetime import timedelta

import dagster as dg

from models.facts import Spend, Touch
from pipelines.stitch.assets import GROUP, OWNERS, asset_key, columns_in_words, streams, table_schema
from pipelines.stitch.attribution.build import build_attribution
from pipelines.stitch.attribution.report import AttributionReport
from pipelines.stitch.attribution.rules import MODELS
from pipelines.stitch.attribution.settings import AttributionSettings
from pipelines.stitch.attribution.tables import COHORTS, CREDIT, RETURNS
from pipelines.stitch.rates import Rates
from pipelines.workspace import Workspace

BAR = 10
"""Characters of a full bar."""
TEXT = f"""Which contact with our marketing brought each customer's money, by eight models side by side, and what it cost.

Three tables of the lake: `{CREDIT.name}` (columns on this page: each purchase split among the touches before it), `{RETURNS.name}` (by
month, channel, campaign and ad: new customers, net money, spend, return on it) and `{COHORTS.name}` (what it cost to win a month's
customers). A customer is the account that paid, or the person where none is known; everybody at an account walks its path. First,
last, last non-direct, linear, position (40/20/40) and decay (by half in 7 days) look back `SIDECAR_ATTRIBUTION_LOOKBACK_DAYS` (90);
Markov's removal effect and Shapley's value are learnt from all journeys, those that came to nothing included, and weigh the same
touches. A refund goes back to whoever was credited with its charge. Money before which no touch is known stands apart, and so does
spend that brought nobody; no model changes either.

"""


def assets() -> list[dg.AssetsDefinition]:
    """The asset of this room."""

    @dg.asset(
        key=asset_key("attribution"),
        group_name=GROUP,
        deps=[asset_key("journeys"), *streams((Touch, Spend))],
        kinds={"duckdb", "table"},
        owners=OWNERS,
        description=TEXT + "".join(columns_in_words(derived) for derived in (RETURNS, COHORTS)),
        metadata={"dagster/column_schema": table_schema(CREDIT)},
    )
    def attribution(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
        lookback = timedelta(days=AttributionSettings().lookback_days)
        report = build_attribution(workspace.lake, Rates.of(workspace.settings), lookback)
        return dg.MaterializeResult(metadata=_metadata(report))

    return [attribution]


def _metadata(report: AttributionReport) -> dict[str, dg.MetadataValue]:
    """Counts and shares: what was earned and spent is the business's own affair."""
    counts = {
        "dagster/row_count": report.rows, "customers": sum(report.ways.values()), "purchases_with_touches": report.purchases,
        "amounts_without_rate": report.without_rate, "tables_written": len(report.written),
    }  # fmt: skip
    found: dict[str, dg.MetadataValue] = {name: dg.MetadataValue.int(number) for name, number in counts.items()}
    found["new_customers_by_model"] = dg.MetadataValue.md(_credit(report.customers))
    found["how_it_is_known"] = dg.MetadataValue.md(_ways(report))
    return found


def _credit(customers: Mapping[str, Mapping[str, float]]) -> str:
    """A bar per channel and model, side by side: shares of the new customers of all time."""
    whole = {model: sum(parts[model] for parts in customers.values()) for model in MODELS}
    lines = [f"| channel | {' | '.join(model.replace('_', ' ') for model in MODELS)} |", f"|---|{'---|' * len(MODELS)}"]
    for channel, parts in customers.items():
        bars = (_bar(parts[model] / whole[model] if whole[model] else 0) for model in MODELS)
        lines.append(f"| {channel.replace('_', ' ')} | {' | '.join(bars)} |")
    return "\n".join(lines)


def _ways(report: AttributionReport) -> str:
    """The classes by which spend meets customers, most exact first."""
    whole = sum(report.ways.values())
    lines = ["| how it is known who came by what | customers | of customers | of spend |", "|---|---:|---|---|"]
    for way, number in report.ways.items():
        spent = _bar(report.spend[way]) if report.spend else "-"
        lines.append(f"| {way} | {number} | {_bar(number / whole if whole else 0)} | {spent} |")
    return "\n".join(lines)


def _bar(share: float) -> str:
    return f"{'█' * round(BAR * share)} {share:.0%}"
