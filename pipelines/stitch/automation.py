"""When the room works: every hour, from whatever has landed; a vendor that is down delays nobody."""

from typing import TypeAlias

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,  # no public name in 1.13
)

from pipelines.ingest.automation import alone
from pipelines.stitch.assets import GROUP

Job: TypeAlias = dg.JobDefinition | UnresolvedAssetJobDefinition

HOURLY = "45 * * * *"
"""After the pulls and before the understanding of the same hour."""

stitch = dg.define_asset_job(
    "stitch",
    dg.AssetSelection.groups(GROUP),
    description="Decides who is who and derives journeys from whatever has landed.",
    tags=alone(GROUP),
)


def jobs() -> list[Job]:
    """The job of this room."""
    return [stitch]


def schedules() -> list[dg.ScheduleDefinition]:
    """Its schedule."""
    return [
        dg.ScheduleDefinition(
            job=stitch,
            name="stitch_schedule",
            cron_schedule=HOURLY,
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Works from the last good data of every vendor.",
        )
    ]
