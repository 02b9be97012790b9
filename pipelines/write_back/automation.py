"""When CRMs are written: one job and one running schedule each, so that no CRM waits for another."""

from typing import TypeAlias

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,  # no public name in 1.13
)

from pipelines.ingest.automation import alone, vendor_schedule
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
            tags=alone(connector.name),
        )
        for connector in crms()
    ]


def schedules() -> list[dg.ScheduleDefinition]:
    """One running schedule per job."""
    return [vendor_schedule(f"write_back_{connector.name}", connector, HOURLY) for connector in crms()]
