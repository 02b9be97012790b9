"""When the room works: every hour, all buckets in one run; those that are not due cost nothing."""

from typing import TypeAlias

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,  # no public name in 1.13
)

from pipelines.ingest.automation import alone
from pipelines.understand.assets import BUCKETS, GROUP

Job: TypeAlias = dg.JobDefinition | UnresolvedAssetJobDefinition

HOURLY = "50 * * * *"
"""After the pulls and the stitching of the same hour."""

understand = dg.define_asset_job(
    "understand",
    dg.AssetSelection.groups(GROUP),
    description="Reads what was said since the last run, and brings beliefs and alignment in step.",
    tags=alone(GROUP),
)


@dg.schedule(
    job_name="understand",
    name="understand_schedule",
    cron_schedule=HOURLY,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="One run over all buckets.",
)
def understand_schedule() -> dg.RunRequest:
    """One run over all buckets."""
    first, last = BUCKETS.get_first_partition_key(), BUCKETS.get_last_partition_key()
    assert first is not None  # noqa: S101  # there are 64
    return dg.RunRequest(
        tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last or first}
    )


def jobs() -> list[Job]:
    """The job of this room."""
    return [understand]


def schedules() -> list[dg.ScheduleDefinition]:
    """Its schedule."""
    return [understand_schedule]
