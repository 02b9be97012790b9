"""What must be true of this room: shares are shares, ratios rest on enough payers, and what payers brought is all that was paid."""

from collections.abc import Callable

import dagster as dg

from pipelines.ingest.lake import Lake
from pipelines.stitch.assets import asset_key, counted_check
from pipelines.stitch.derived import RECEIPTS, read
from pipelines.stitch.lifetime.features import FEWEST
from pipelines.stitch.lifetime.tables import FEATURES, LIFETIMES, RETENTION

CHANCES = ("buys_30d", "has_left", "ends_30d")


def checks() -> list[dg.AssetChecksDefinition]:
    """The checks of this room."""
    return [
        _check("retention", "gross_is_a_share", "No cohort keeps more of its logos or gross revenue than it had.", shares_off),
        _check("lifetime", "chances_are_chances", "Every chance lies between 0 and 1.", chances_off),
        _check("lifetime", "historic_is_all_revenue", "What payers and nobody brought adds up to all receipts.", historic_off),
        _check("features", "ratios_are_sure", "Every ratio lies in its interval and rests on enough payers.", ratios_off),
    ]  # fmt: skip


def _check(name: str, check: str, description: str, off: Callable[[Lake], int]) -> dg.AssetChecksDefinition:
    return counted_check(asset_key(name), check, description, off)


def shares_off(lake: Lake) -> int:
    """Months of a cohort with impossible shares."""
    table = lake.table(RETENTION.name)
    if table is None:
        return 0
    wrong = ~table.logo.fill_null(0).between(0, 1) | ~table.gross.fill_null(0).between(0, 1)
    return int(table.filter(wrong | (table.kept > table.customers)).count().to_pyarrow().as_py())


def chances_off(lake: Lake) -> int:
    """Payers with an impossible chance."""
    table = lake.table(LIFETIMES.name)
    if table is None:
        return 0
    wrong = [table.filter(~table[name].fill_null(0).between(0, 1)).count().to_pyarrow().as_py() for name in CHANCES]
    return sum(wrong)


def ratios_off(lake: Lake) -> int:
    """Ratios outside their interval, or of too few payers; and outcomes of more payers than there are."""
    table = lake.table(FEATURES.name)
    if table is None:
        return 0
    sure = (table.low <= table.ratio) & (table.ratio <= table.high) & (table.did >= FEWEST) & (table.rest >= FEWEST)
    wrong = (table.ratio.notnull() & ~sure) | (table.did_and > table.did) | (table.rest_and > table.rest)
    return int(table.filter(wrong).count().to_pyarrow().as_py())


def historic_off(lake: Lake) -> int:
    """1 where the historic values do not add up to the receipts that have a rate."""
    table = lake.table(LIFETIMES.name)
    if table is None:
        return 0
    told, paid = (
        column.sum().fill_null(0).to_pyarrow().as_py() for column in (table.historic, read(lake, RECEIPTS).value)
    )
    return int(told != paid)
