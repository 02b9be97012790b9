"""What must be true of the outlook: chances are chances, and a figure lies in its own interval."""

from collections.abc import Callable

import dagster as dg

from pipelines.ingest.lake import Lake
from pipelines.stitch.assets import counted_check
from pipelines.understand.assets import GROUP
from pipelines.understand.outlook.predict import NEXT, RISKS
from pipelines.understand.outlook.side_by_side import COMPARISON

CHANCES = {RISKS.name: ("risk", "base"), NEXT.name: ("chance",)}
FIGURES = ("auc", "brier", "lift")


def checks() -> list[dg.AssetChecksDefinition]:
    """The checks of this part of the room."""
    return [
        _check("risk", "chances_are_chances", "Every chance of leaving and of a next action lies between 0 and 1.", chances_off),
        _check("lead_score", "figures_lie_in_their_intervals", "No figure lies outside its own interval.", figures_off),
    ]  # fmt: skip


def _check(name: str, check: str, description: str, off: Callable[[Lake], int]) -> dg.AssetChecksDefinition:
    return counted_check(dg.AssetKey([GROUP, name]), check, description, off, blocking=False)


def chances_off(lake: Lake) -> int:
    """Payers and persons with an impossible chance."""
    wrong = 0
    for name, columns in CHANCES.items():
        if (table := lake.table(name)) is not None:
            wrong += sum(
                table.filter(~table[one].fill_null(0).between(0, 1)).count().to_pyarrow().as_py() for one in columns
            )
    return wrong


def figures_off(lake: Lake) -> int:
    """Figures outside their intervals, one for each kind of figure in a row."""
    table = lake.table(COMPARISON.name)
    if table is None:
        return 0
    return sum(
        table.filter((table[name] < table[f"{name}_low"]) | (table[name] > table[f"{name}_high"]))
        .count()
        .to_pyarrow()
        .as_py()
        for name in FIGURES
    )
