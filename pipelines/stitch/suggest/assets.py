"""The review queue in the asset graph."""

from collections.abc import Sequence

import dagster as dg

from models.identity import Suggestion
from pipelines.stitch.assets import GROUP, OWNERS, asset_key
from pipelines.stitch.suggest.settings import SuggestSettings
from pipelines.stitch.suggest.suggest import BINS, SCOPES, SuggestReport, suggest
from pipelines.workspace import Workspace

BAR = 20
"""Characters of a full bar."""
KEY = asset_key("suggestions")
SUGGESTIONS = """Who might be the same though no identifier says so: pairs of persons, and of companies, for a human to decide.

Persons are compared by name, company, location and pieces of phone and address, companies by name, web site, phone, location and
people in common (`pipelines/stitch/suggest/comparing.py`), with Splink. From a probability of SIDECAR_SUGGEST_REVIEW_FROM on, the best
pair of each and source waits in the table `suggestion` until `sidecar suggestions accept` or `refuse`; what was decided never comes
again. Nobody is joined without a human unless SIDECAR_SUGGEST_JOIN_FROM says from which probability on.
"""


def _columns() -> dg.TableSchema:
    fields = Suggestion.model_fields.items()
    return dg.TableSchema([dg.TableColumn(name, description=field.description) for name, field in fields])


def assets() -> list[dg.AssetsDefinition]:
    """The asset of this room."""
    return [suggestions]


@dg.asset(
    key=KEY,
    group_name=GROUP,
    deps=[asset_key("persons"), asset_key("accounts")],
    kinds={"duckdb", "sql"},
    owners=OWNERS,
    description=SUGGESTIONS,
    metadata={"dagster/column_schema": _columns()},
)
def suggestions(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
    """Both scopes, one after the other."""
    settings = SuggestSettings()
    reports = [suggest(workspace.lake, workspace.store, workspace.clock, scope, settings) for scope in SCOPES]
    metadata: dict[str, dg.MetadataValue] = {}
    for report in reports:
        metadata |= _metadata(report)
    waiting = sum(report.standing.get("open", 0) for report in reports)
    return dg.MaterializeResult(metadata={"dagster/row_count": dg.MetadataValue.int(waiting), **metadata})


def _metadata(report: SuggestReport) -> dict[str, dg.MetadataValue]:
    own = f"{report.scope}s"
    counts = {
        **{f"{own}_{status}": number for status, number in report.standing.items()},
        **{f"{own}_newly_{change.replace(' ', '_')}": number for change, number in sorted(report.changes.items())},
        f"{own}_joined_without_a_human": report.joined,
    }
    found: dict[str, dg.MetadataValue] = {name: dg.MetadataValue.int(number) for name, number in counts.items()}
    found[f"{own}_looked_at"] = dg.MetadataValue.bool(report.computed)
    if report.learned is not None:
        found[f"{own}_compared"] = dg.MetadataValue.int(report.rows)
        found[f"{own}_blocks_too_large"] = dg.MetadataValue.int(report.learned.bounded)
        found[f"{own}_probabilities"] = dg.MetadataValue.md(_histogram(report.histogram))
        found[f"{own}_rest_on"] = dg.MetadataValue.md(_rest_on(report))
    return found


def _histogram(counts: Sequence[int]) -> str:
    """How many pairs are how likely; unlikely ones, below 1 %, are not counted."""
    most = max(counts, default=0)
    rows = [
        f"| {place / BINS:.0%} to {(place + 1) / BINS:.0%} | {number} | {'█' * round(BAR * number / most) if most else ''} |"
        for place, number in enumerate(counts)
    ]
    return "\n".join(["| probability | pairs | |", "|---|---:|---|", *rows])


def _rest_on(report: SuggestReport) -> str:
    """Which shares were estimated from these rows, and which were assumed because too little was known."""
    learned = report.learned
    assert learned is not None  # noqa: S101  # asked for only where there is one
    rows = [f"| {signal} | {how} | {learned.others} |" for signal, how in sorted(learned.signals.items())]
    chance = f"{learned.certain} pairs are certain; two at random are the same with {learned.expected:.2g}."
    return "\n".join(["| signal | among the same | among others |", "|---|---|---|", *rows, "", chance])
