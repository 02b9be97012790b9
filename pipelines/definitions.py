"""The map: every asset, check, job, schedule and sensor, collected from the rooms in flow order.

Vendors are found by the registry, so a new folder under `connectors/` appears here by itself. Groups of assets, as `dg list defs` prints
them: one per vendor, then stitch, understand, write_back.
"""

import gc

import dagster as dg

from pipelines.alerts import automation as alerts_automation
from pipelines.ingest import assets as ingest_assets
from pipelines.ingest import automation as ingest_automation
from pipelines.ingest import checks as ingest_checks
from pipelines.ingest.heap import SELDOM
from pipelines.resources import WorkspaceResource
from pipelines.stitch import assets as stitch_assets
from pipelines.stitch import automation as stitch_automation
from pipelines.stitch import checks as stitch_checks
from pipelines.stitch.attribution import assets as attribution_assets
from pipelines.stitch.attribution import checks as attribution_checks
from pipelines.stitch.lens import assets as lens_assets
from pipelines.stitch.lens import checks as lens_checks
from pipelines.stitch.lifetime import assets as lifetime_assets
from pipelines.stitch.lifetime import checks as lifetime_checks
from pipelines.stitch.suggest import assets as suggest_assets
from pipelines.stitch.suggest import checks as suggest_checks
from pipelines.understand import assets as understand_assets
from pipelines.understand import automation as understand_automation
from pipelines.understand import checks as understand_checks
from pipelines.understand.outlook import assets as outlook_assets
from pipelines.understand.outlook import checks as outlook_checks
from pipelines.write_back import assets as write_back_assets
from pipelines.write_back import automation as write_back_automation
from pipelines.write_back import checks as write_back_checks

ASSETS = (
    ingest_assets, stitch_assets, suggest_assets, attribution_assets, lens_assets, lifetime_assets, understand_assets, outlook_assets,
    write_back_assets,
)  # fmt: skip
CHECKS = (
    ingest_checks, stitch_checks, suggest_checks, attribution_checks, lens_checks, lifetime_checks, understand_checks, outlook_checks,
    write_back_checks,
)  # fmt: skip
AUTOMATION = (ingest_automation, stitch_automation, understand_automation, write_back_automation)


def build() -> dg.Definitions:
    """Everything Dagster needs, from the connectors that exist right now."""
    return dg.Definitions(
        assets=[asset for room in ASSETS for asset in room.assets()],
        asset_checks=[check for room in CHECKS for check in room.checks()],
        jobs=[job for room in AUTOMATION for job in room.jobs()],
        schedules=[schedule for room in AUTOMATION for schedule in room.schedules()],
        sensors=[*ingest_automation.sensors(), *alerts_automation.sensors()],
        resources={"workspace": WorkspaceResource()},
        executor=dg.in_process_executor,  # parallelism is runs and asyncio; a process per step costs 2 s each
    )


defs = build()

gc.set_threshold(*SELDOM)
