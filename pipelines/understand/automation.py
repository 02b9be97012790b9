"""When the room works: every hour, all buckets in one run; those that are not due cost nothing."""

from typing import TypeAlias

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,  # no public name in 1.13
)

from models import BucketState, Evidence, Extraction, Lesson, Observation, Review, Slot
from pipelines.due import Reads, tally, tick, whole
from pipelines.ingest.automation import alone
from pipelines.understand.assets import BUCKETS, GROUP
from pipelines.understand.policy import Policy
from pipelines.understand.settings import LanguageModelSettings
from pipelines.workspace import Workspace

Job: TypeAlias = dg.JobDefinition | UnresolvedAssetJobDefinition

HOURLY = "50 * * * *"
"""After the pulls and the stitching of the same hour."""

understand = dg.define_asset_job(
    "understand",
    dg.AssetSelection.groups(GROUP),
    description="Reads what was said since the last run, and brings beliefs and alignment in step.",
    tags=alone(GROUP),
)
READS = Reads(
    ("raw", "facts"),
    (
        whole(Slot),
        whole(BucketState),  # who is who, and what was concluded from it
        tally(Observation, "recorded_at", "withdrawn_at"),
        tally(Extraction, "extracted_at"),
        tally(Evidence, "recorded_at", "withdrawn_at"),
        tally(Review, "recorded_at"),
        whole(Lesson),
    ),
    lambda _: (LanguageModelSettings(), Policy()),
)


@dg.schedule(
    job_name="understand",
    name="understand_schedule",
    cron_schedule=HOURLY,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="One run over all buckets; skips while there is nothing new.",
)
def understand_schedule(
    context: dg.ScheduleEvaluationContext, workspace: dg.ResourceParam[Workspace]
) -> dg.RunRequest | dg.SkipReason:
    """One run over all buckets, if there is anything new."""
    first, last = BUCKETS.get_first_partition_key(), BUCKETS.get_last_partition_key()
    assert first is not None  # noqa: S101  # there are 64
    range_ = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last or first}
    return tick(context, workspace, "understand", READS, range_)


def jobs() -> list[Job]:
    """The job of this room."""
    return [understand]


def schedules() -> list[dg.ScheduleDefinition]:
    """Its schedule."""
    return [understand_schedule]


def reads() -> dict[str, Reads]:
    """What decides whether the job is due."""
    return {"understand": READS}
