"""When the room works: every hour, from whatever has landed; a vendor that is down delays nobody."""

from typing import TypeAlias

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,  # no public name in 1.13
)
from sqlmodel import col

from models import BucketState, IdentityRule, Judgement, Suggestion
from pipelines.due import Reads, tally, tick, whole
from pipelines.ingest.automation import alone
from pipelines.stitch.assets import GROUP
from pipelines.stitch.attribution.settings import AttributionSettings
from pipelines.stitch.lens.settings import LensSettings
from pipelines.stitch.lifetime.settings import LifetimeSettings
from pipelines.stitch.membership import STAGE
from pipelines.stitch.rates import Rates
from pipelines.stitch.suggest.settings import SuggestSettings
from pipelines.workspace import Workspace

Job: TypeAlias = dg.JobDefinition | UnresolvedAssetJobDefinition

HOURLY = "45 * * * *"
"""After the pulls and before the understanding of the same hour."""

stitch = dg.define_asset_job(
    "stitch",
    dg.AssetSelection.groups(GROUP),
    description="Decides who is who and derives journeys from whatever has landed.",
    tags=alone(GROUP),
)
READS = Reads(
    ("raw", "facts", "derived"),
    (
        whole(Judgement),
        whole(IdentityRule),
        tally(Suggestion, "suggested_at", "decided_at"),
        whole(BucketState).where(col(BucketState.stage) == STAGE),
    ),
    lambda workspace: (
        Rates.of(workspace.settings), SuggestSettings(), AttributionSettings(), LensSettings(), LifetimeSettings(),
    ),
)  # fmt: skip


@dg.schedule(
    job_name="stitch",
    name="stitch_schedule",
    cron_schedule=HOURLY,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Works from the last good data of every vendor; skips while there is nothing new.",
)
def stitch_schedule(
    context: dg.ScheduleEvaluationContext, workspace: dg.ResourceParam[Workspace]
) -> dg.RunRequest | dg.SkipReason:
    """One run, if there is anything new."""
    return tick(context, workspace, "stitch", READS)


def jobs() -> list[Job]:
    """The job of this room."""
    return [stitch]


def schedules() -> list[dg.ScheduleDefinition]:
    """Its schedule."""
    return [stitch_schedule]


def reads() -> dict[str, Reads]:
    """What decides whether the job is due."""
    return {"stitch": READS}
