"""What alignment is worth, in the asset graph: beside the lead score it may replace. Figures and counts only."""

from collections.abc import Callable

import dagster as dg

from pipelines.stitch.assets import Metadata, table_schema
from pipelines.stitch.derived import put
from pipelines.stitch.lens.pictures import markdown
from pipelines.stitch.lifetime.pictures import reliability
from pipelines.understand.assets import GROUP, OWNERS, account_alignment
from pipelines.understand.outlook.compare import CHANCE, Estimate, Verdict
from pipelines.understand.outlook.pictures import forest
from pipelines.understand.outlook.predict import NEXT, RISKS, predict
from pipelines.understand.outlook.side_by_side import COMPARISON, SideBySide, compare
from pipelines.workspace import Workspace

RELIABLE = "chances foretold at past cuts beside what happened in the 90 days after; the dashed line is perfect"


def assets() -> list[dg.AssetsDefinition]:
    """The assets of this part of the room."""
    return [lead_score, risk]


@dg.asset(
    key=[GROUP, "lead_score"],
    group_name=GROUP,
    deps=[account_alignment],
    kinds={"duckdb", "table"},
    owners=OWNERS,
    metadata={"dagster/column_schema": table_schema(COMPARISON)},
)
def lead_score(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
    """Whether alignment tells who renews, grows and leaves better than the CRM's lead score, so that a team can decide to switch.

    Both as they stood before the start of a quarter, on the same customers, against what came in the 90 days after; AUC, Brier and
    lift with 90 % bootstrap intervals over customers, beside chance. The fields are named by SIDECAR_LEAD_SCORE_FIELDS, the customers
    by SIDECAR_LEAD_SCORE_SEGMENT. With fewer than 20 outcomes of either kind it says *insufficient*.
    """
    found = compare(workspace)
    table = found.table()
    written = put(workspace.lake, COMPARISON, table)
    metadata: Metadata = {
        "dagster/row_count": dg.MetadataValue.int(table.num_rows),
        "written": dg.MetadataValue.bool(written),
        **{f"cases_{kind}": dg.MetadataValue.int(verdicts[0].cases) for kind, verdicts in found.verdicts.items()},
        **{f"unknown_{kind}": dg.MetadataValue.int(number) for kind, number in found.unknown.items()},
        **{
            f"standing_{kind}": dg.MetadataValue.text(verdicts[0].standing) for kind, verdicts in found.verdicts.items()
        },
        **_pictures(found),
    }
    return dg.MaterializeResult(metadata=metadata)


@dg.asset(
    key=[GROUP, "risk"],
    group_name=GROUP,
    deps=[account_alignment, ["stitch", "lifetime"]],
    kinds={"duckdb", "table"},
    owners=OWNERS,
    metadata={"dagster/column_schema": table_schema(RISKS)},
)
def risk(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
    """Who may leave within 90 days, and what each person is likely to do next; why, says `sidecar risk`.

    Purchases (BG/NBD) and contracts (sBG) foretell, and alignment shifts their odds only where that has made past forecasts better on
    customers it was not fitted on. Every chance was tried at past cuts and says how far to trust it.
    """
    found = predict(workspace)
    put(workspace.lake, RISKS, found.risks)
    put(workspace.lake, NEXT, found.next_actions)
    metadata: Metadata = {
        "dagster/row_count": dg.MetadataValue.int(found.risks.num_rows),
        "persons_with_next_action": dg.MetadataValue.int(found.next_actions.num_rows),
        "next_action_standing": dg.MetadataValue.text(found.actions.standing),
    }
    for one in found.by_way:
        name = one.way.replace(" ", "_")
        metadata[f"{name}_standing"] = dg.MetadataValue.text(one.standing)
        metadata[f"{name}_by_alignment"] = dg.MetadataValue.bool(one.adjusted)
        if one.calibration:
            metadata[f"{name}_brier"] = dg.MetadataValue.float(one.calibration.brier)
            metadata[f"{name}_brier_of_base_rate"] = dg.MetadataValue.float(one.calibration.base)
            metadata[f"{name}_reliability"] = dg.MetadataValue.md(markdown(reliability(one.calibration), RELIABLE))
    return dg.MaterializeResult(metadata=metadata)


def _pictures(found: SideBySide) -> Metadata:
    auc = _rows(found, lambda verdict: verdict.auc)
    lift = _rows(found, lambda verdict: verdict.lift)
    if not auc:
        return {}
    most = max(2.0, *(one.high for _, one in lift))
    words = "with 90 % intervals; the dashed line is chance"
    return {
        "auc": dg.MetadataValue.md(markdown(forest(auc, 0.5, 1.0), f"AUC of both scores by outcome, {words}")),
        "lift": dg.MetadataValue.md(markdown(forest(lift, 1.0, most), f"lift of the top fifth by outcome, {words}")),
    }


def _rows(found: SideBySide, figure: Callable[[Verdict], Estimate | None]) -> list[tuple[str, Estimate]]:
    """Labelled estimates of what can differ from chance."""
    return [
        (f"{kind}: {verdict.predictor} (n={verdict.cases:,})", estimate)
        for kind, verdicts in found.verdicts.items()
        for verdict in verdicts
        if verdict.predictor != CHANCE and (estimate := figure(verdict))
    ]
