"""What must be true of the lens: parts add up to the whole, to the minor unit; metadata holds counts only."""

from collections.abc import Callable

import dagster as dg
import ibis.expr.types as ir

from pipelines.ingest.lake import Lake
from pipelines.stitch.assets import asset_key, counted_check
from pipelines.stitch.derived import RECEIPTS, SPEND, Derived
from pipelines.stitch.lens.bridge import BRIDGE
from pipelines.stitch.lens.economics import CHANNEL, ECONOMICS, EVER, REMAINDER
from pipelines.stitch.lens.idle import IDLE, uncosted
from pipelines.stitch.lens.segments import SEGMENTS


def checks() -> list[dg.AssetChecksDefinition]:
    """The checks of the lens."""
    return [
        _check(BRIDGE, "parts_add_up", "For every day and view the parts add up to the change of revenue.", split_off),
        _check(IDLE, "costs_are_the_spend", "The costs of sessions and the remainder add up to the spend, by currency.", costs_off),
        _check(SEGMENTS, "values_are_the_revenue", "The segments of every trait, and money of nobody, add up to all revenue.", traits_off),
        _check(ECONOMICS, "channels_are_the_whole", "Revenue of the channels and of nobody adds up to all revenue.", channels_off),
    ]  # fmt: skip


def _check(derived: Derived, name: str, description: str, off: Callable[[Lake], int]) -> dg.AssetChecksDefinition:
    return counted_check(asset_key(derived.name), name, description, off, "sums_off")


def split_off(lake: Lake) -> int:
    """Days and views whose parts do not add up to the change."""
    table = lake.table(BRIDGE.name)
    if table is None:
        return 0
    sums = table.group_by("day", "dimension").agg(parts=table.amount.sum(), change=table.change.max())
    return _count(sums.filter(sums.parts != sums.change))


def costs_off(lake: Lake) -> int:
    """Currencies whose costs do not add up to the spend."""
    table = lake.table(IDLE.name)
    return len(uncosted(lake, table)) if table is not None else int(lake.table(SPEND.name) is not None)


def traits_off(lake: Lake) -> int:
    """Traits whose segments do not add up to all revenue."""
    table = lake.table(SEGMENTS.name)
    if table is None:
        return 0
    sums = table.group_by("trait").agg(value=table.value.sum())
    return _count(sums.filter(sums.value != _revenue(lake)))


def channels_off(lake: Lake) -> int:
    """1 if channels and remainder do not add up to all revenue."""
    table = lake.table(ECONOMICS.name)
    if table is None:
        return 0
    parts = table.filter(table.level.isin([CHANNEL, REMAINDER]), table.cohort == EVER)
    return int((parts.revenue.sum().fill_null(0).to_pyarrow().as_py()) != _revenue(lake))


def _revenue(lake: Lake) -> int:
    """All movements of money that have a rate, in the reporting currency."""
    told = lake.table(RECEIPTS.name)
    return 0 if told is None else int(told.value.sum().fill_null(0).to_pyarrow().as_py())


def _count(table: ir.Table) -> int:
    return int(table.count().to_pyarrow().as_py())
