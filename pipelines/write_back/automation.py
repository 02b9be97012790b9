"""When CRMs are written: one job and one running schedule each, so that no CRM waits for another."""

from typing import TypeAlias

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,  # no public name in 1.13
)

from connectors.base import Connector
from pipelines.ingest.sources import unusable_variables
from pipelines.write_back.assets import asset_key
from pipelines.write_back.opening import crms

Job: TypeAlias = dg.JobDefinition | UnresolvedAssetJobDefinition

HOURLY = "58 * * * *"
"""After what was said in the same hour has been understood."""


def jobs() -> list[Job]:
    """`write_back_<vendor>` for each CRM."""
    return [
        dg.define_asset_job(
            f"write_back_{connector.name}",
            dg.AssetSelection.assets(asset_key(connector)),
            description=f"Plans what should change in {connector.label} and delivers it.",
        )
        for connector in crms()
    ]


def schedules() -> list[dg.ScheduleDefinition]:
    """One running schedule per job."""
    return [_schedule(connector) for connector in crms()]


def _schedule(connector: Connector) -> dg.ScheduleDefinition:
    @dg.schedule(
        job_name=f"write_back_{connector.name}",
        name=f"write_back_{connector.name}_schedule",
        cron_schedule=HOURLY,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Skips, and says why, while {connector.label} has no credentials.",
    )
    def tick() -> dg.RunRequest | dg.SkipReason:
        if variables := unusable_variables(connector):
            return dg.SkipReason(f"{connector.label} is not set up: set {', '.join(variables)}")
        return dg.RunRequest()

    return tick
