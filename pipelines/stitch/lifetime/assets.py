"""Retention, lifetimes and what goes with them in the asset graph; shares and counts in metadata, amounts stay in the lake."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from models.facts import Discount, Engagement, Payment, Subscription
from pipelines.stitch.assets import Made, Metadata, table_asset
from pipelines.stitch.derived import RECEIPTS, read
from pipelines.stitch.lens.pictures import intervals, markdown
from pipelines.stitch.lens.settings import LensSettings
from pipelines.stitch.lifetime import derive, pictures
from pipelines.stitch.lifetime.calibration import Calibration
from pipelines.stitch.lifetime.cliffs import losses
from pipelines.stitch.lifetime.features import LESS, MORE
from pipelines.stitch.lifetime.fitting import Fit
from pipelines.stitch.lifetime.predict import Outlook
from pipelines.stitch.lifetime.retention import LAPSED_IN_WORDS, PAYMENTS, SUBSCRIPTIONS
from pipelines.stitch.lifetime.tables import FEATURES, LIFETIMES, RETENTION
from pipelines.workspace import Workspace

SHOWN = 12
"""Rows of a forest plot."""

TRIANGLE = f"""Who is still there, month after month, of those who came in one month: logos, gross and net revenue.

Months are those of the business's own zone (SIDECAR_ZONE); one that is not over has counts and no shares. A month is called a cliff
where clearly more leave than in the months before and after it (Newcombe's interval, corrected for the number of months, at least 30
payers at risk). Contracts that ended tell no amount any more, so gross and net are told by payments; a yearly payer is there once a year.
A trial is no contract until it is paid for. {LAPSED_IN_WORDS}

"""
LIFE = """What every payer brought so far and, apart from it, what they are likely to do next and to bring.

Without contract: BG/NBD and Gamma-Gamma; under contract: shifted beta-geometric by tenure. The chances of the next 30 days were tried
at three past cuts, 30 days apart, by models that knew nothing of what came after; `standing` says how far to trust them. Predicted
money reaches SIDECAR_LIFETIME_MONTHS ahead (12) and is discounted by SIDECAR_LIFETIME_DISCOUNT a year (0.1).

"""
USE = """Which use of the product, or way of working with us, goes with growth, and which with leaving. It does not say that one causes the other.

What payers did in the 90 days before a cut beside what became of them in the 90 days after, among payers of like tenure and activity
(Mantel-Haenszel), corrected for the number of looks (Benjamini-Hochberg). Who grew paid at least 1.2 times as much; under contract
the latest bill is compared with the one before the cut, so that a renewal is no growth. Who left paid nothing, or ended the contract.

"""


def assets() -> list[dg.AssetsDefinition]:
    """The assets of this room."""
    return [
        table_asset("retention", RETENTION, TRIANGLE, _retention, (Subscription, Payment)),
        table_asset("lifetime", LIFETIMES, LIFE, _lifetime, (Subscription, Discount, Payment)),
        table_asset("features", FEATURES, USE, _features, (Subscription, Payment, Engagement)),
    ]


def _retention(workspace: Workspace) -> Made:
    table = derive.retention(workspace.lake, workspace.clock.now(), LensSettings().home)
    rows, without = (
        table.to_pylist(),
        read(workspace.lake, RECEIPTS).value.isnull().sum().fill_null(0).to_pyarrow().as_py(),
    )
    metadata: Metadata = {"movements_without_rate": dg.MetadataValue.int(without)}
    for basis in (PAYMENTS, SUBSCRIPTIONS):
        of_basis = [row for row in rows if row["basis"] == basis]
        breaks = [loss.month for loss in losses(rows, basis) if loss.cliff]
        metadata[f"cliff_{basis}"] = dg.MetadataValue.text(", ".join(f"month {month}" for month in breaks) or "none")
        metadata[f"cohorts_{basis}"] = dg.MetadataValue.int(len({row["cohort"] for row in of_basis}))
        for share in ("logo", "gross", "net") if basis == PAYMENTS else ("logo",):
            if picture := _triangle(of_basis, share, breaks):
                metadata[f"{share}_{basis}"] = dg.MetadataValue.md(picture)
    return table, metadata


def _triangle(rows: Sequence[dict[str, Any]], share: str, breaks: Sequence[int]) -> str | None:
    if not any(row[share] is not None for row in rows):
        return None
    words = f"{share} retention by month of the first payment or contract (payers), months since; ▼ marks a cliff"
    return markdown(pictures.heat_map(rows, share, breaks), words)


def _lifetime(workspace: Workspace) -> Made:
    made = derive.lifetime(workspace)
    metadata: Metadata = {
        "payers_without_rate": dg.MetadataValue.int(made.unrated),
        "spending": dg.MetadataValue.text(made.worth.assumption if made.worth.spending else made.worth.reason),
        **_outlook("buys", made.buying, made.buying.model.fit if made.buying.model else None),
        **_outlook("ends", made.ending, made.ending.model.fit if made.ending.model else None),
    }
    return made.table, metadata


def _outlook(name: str, found: Outlook, fit: Fit | None) -> Metadata:
    """How far the chances can be trusted, with the picture of it."""
    metadata: Metadata = {
        f"{name}_standing": dg.MetadataValue.text(found.standing),
        f"{name}_told": dg.MetadataValue.int(len(found.who)),
    }
    if fit and fit.at_bound:
        metadata[f"{name}_flat"] = dg.MetadataValue.text(f"customers look alike in {', '.join(fit.at_bound)}")
    if found.calibration:
        metadata |= _calibration(name, found.calibration)
    return metadata


def _calibration(name: str, found: Calibration) -> Metadata:
    words = f"chances foretold at {found.cuts} past cuts beside what happened in the 30 days after; the dashed line is perfect"
    return {
        f"{name}_brier": dg.MetadataValue.float(found.brier),
        f"{name}_brier_of_base_rate": dg.MetadataValue.float(found.base),
        f"{name}_reliability": dg.MetadataValue.md(markdown(pictures.reliability(found), words)),
    }


def _features(workspace: Workspace) -> Made:
    table = derive.features(workspace)
    rows = table.to_pylist()
    clear = [row for row in rows if row["verdict"] in (MORE, LESS)]
    metadata: Metadata = {
        "looks": dg.MetadataValue.int(sum(row["chance"] is not None for row in rows)),
        "clear": dg.MetadataValue.int(len(clear)),
        "too_few": dg.MetadataValue.int(sum(row["chance"] is None for row in rows)),
    }
    told = sorted(
        (row for row in rows if row["ratio"]), key=lambda row: (row["chance"], row["outcome"], row["feature"])
    )
    if told:
        shown = [
            (f"{row['outcome']}: {row['feature']} (n={row['did']:,})", row["ratio"], row["low"], row["high"])
            for row in told[:SHOWN]
        ]
        words = "how many times as often payers grew or left who did it, beside their like, with 95 % intervals"
        metadata["goes_with"] = dg.MetadataValue.md(markdown(intervals(shown), words))
    return table, metadata
