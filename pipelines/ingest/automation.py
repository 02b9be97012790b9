"""When vendors are pulled: one job and one running schedule each, so that no vendor waits for another; daily checks, and the lake's upkeep.

A vendor that says by itself what has changed has a sensor, too, which starts the same job sooner.
"""

from typing import TypeAlias

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,  # no public name in 1.13
)

from connectors.base import Connector
from connectors.registry import connectors_by_name
from pipelines.due import Reads, tick
from pipelines.ingest.assets import asset_key, history_key
from pipelines.ingest.checks import ABOUT
from pipelines.ingest.dirty import dirty_streams
from pipelines.ingest.sources import unusable_variables
from pipelines.workspace import Workspace

UPKEEP = "20 3 * * *"
"""Nightly: a stream pulled hourly leaves 24 small files per table, and reading slows down at hundreds."""

CHECKS = "10 6 * * *"
"""Daily, before people come to work; in between, every pull has its stream checked."""

SOON = 30
"""Seconds between two looks at what vendors say has changed."""
UNDER_WAY = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

Job: TypeAlias = dg.JobDefinition | UnresolvedAssetJobDefinition


def alone(what: str) -> dict[str, str]:
    """Tag by which `deploy/dagster.yaml` runs one at a time of those that work on the same thing: a vendor, or a room.

    The pools of the assets do the same for runs that somebody starts by hand, but not in the first minute of a new instance.
    """
    return {"sidecar/alone": what}


def jobs() -> list[Job]:
    """`pull_<vendor>` and `backfill_<vendor>` for each vendor, `check_streams` and `compact_lake`."""
    vendors = connectors_by_name().values()
    return [*map(_job, vendors), *map(_backfill, vendors), _check_streams(), compact_lake]


def schedules() -> list[dg.ScheduleDefinition]:
    """One running schedule per job, but for the backfills, which somebody asks for."""
    upkeep = dg.ScheduleDefinition(
        job=compact_lake, cron_schedule=UPKEEP, default_status=dg.DefaultScheduleStatus.RUNNING
    )
    pulls = [
        vendor_schedule(f"pull_{connector.name}", connector, connector.schedule)
        for connector in connectors_by_name().values()
    ]
    return [*pulls, _check_daily(), upkeep]


def sensors() -> list[dg.SensorDefinition]:
    """One running sensor per vendor that has webhooks."""
    return [_dirty_sensor(connector) for connector in connectors_by_name().values() if connector.listen]


def _job(connector: Connector) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        f"pull_{connector.name}",
        dg.AssetSelection.groups(connector.name) - dg.AssetSelection.assets(history_key(connector)),
        description=f"Pulls what is new at {connector.label} and reads it as facts.",
        tags=alone(connector.name),
    )


def _backfill(connector: Connector) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        f"backfill_{connector.name}",
        dg.AssetSelection.assets(history_key(connector)),
        description=f"Reads months of {connector.label} once more; launch it over the months that you doubt.",
        tags=alone(f"{connector.name} history") | {"dagster/priority": "-1"},  # what is new goes first
    )


def _check_streams() -> UnresolvedAssetJobDefinition:
    keys = [asset_key(connector, stream) for connector in connectors_by_name().values() for stream in connector.streams]
    return dg.define_asset_job(
        "check_streams",
        dg.AssetSelection.checks_for_assets(*keys),
        description="Checks every stream, whether its pulls succeed or not.",
        tags=alone("checks"),
    )


def _check_daily() -> dg.ScheduleDefinition:
    """Streams of vendors without credentials are left out: nobody expects anything of them."""

    @dg.schedule(
        job_name="check_streams",
        cron_schedule=CHECKS,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Leaves out vendors that have no credentials.",
    )
    def check_streams_schedule() -> dg.RunRequest | dg.SkipReason:
        ready = [connector for connector in connectors_by_name().values() if not unusable_variables(connector)]
        if not ready:
            return dg.SkipReason("no vendor is set up")
        keys = [asset_key(connector, stream) for connector in ready for stream in connector.streams]
        return dg.RunRequest(asset_check_keys=[dg.AssetCheckKey(key, name) for key in keys for name in ABOUT])

    return check_streams_schedule


def vendor_schedule(job: str, connector: Connector, cron: str, reads: Reads | None = None) -> dg.ScheduleDefinition:
    """A running schedule of a job that needs the vendor; it skips, and says why, while there are no credentials, or nothing new to read."""

    @dg.schedule(
        job_name=job,
        name=f"{job}_schedule",
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Skips, and says why, while {connector.label} has no credentials.",
    )
    def look(
        context: dg.ScheduleEvaluationContext, workspace: dg.ResourceParam[Workspace]
    ) -> dg.RunRequest | dg.SkipReason:
        if variables := unusable_variables(connector):
            return dg.SkipReason(f"{connector.label} is not set up: set {', '.join(variables)}")
        return tick(context, workspace, job, reads) if reads else dg.RunRequest()

    return look


def _dirty_sensor(connector: Connector) -> dg.SensorDefinition:
    """Starts the vendor's pull, of the streams that need it, once for everything that was said since the last look."""

    @dg.sensor(
        job_name=f"pull_{connector.name}",
        name=f"{connector.name}_said_so",
        minimum_interval_seconds=SOON,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Pulls at once what {connector.label} says has changed; needs `sidecar webhooks`.",
    )
    def look(
        context: dg.SensorEvaluationContext, workspace: dg.ResourceParam[Workspace]
    ) -> dg.RunRequest | dg.SkipReason:
        if variables := unusable_variables(connector):
            return dg.SkipReason(f"{connector.label} is not set up: set {', '.join(variables)}")
        streams = dirty_streams(workspace.store, connector)
        if not streams:
            return dg.SkipReason(f"{connector.label} said nothing new")
        if context.instance.get_runs_count(dg.RunsFilter(tags=alone(connector.name), statuses=UNDER_WAY)):
            return dg.SkipReason(f"{connector.label} is being pulled; what is left is pulled after that")
        # a key runs once: what a failed run has left waits for the schedule, or for the next thing that is said
        newest = max(streams.values()).isoformat()
        return dg.RunRequest(run_key=newest, asset_selection=[asset_key(connector, stream) for stream in streams])

    return look


@dg.op(description="Joins the small files of every table in the lake and removes those long out of use.")
def compact_tables(context: dg.OpExecutionContext, workspace: dg.ResourceParam[Workspace]) -> None:
    """Join the lake's small files."""
    context.log.info("%d tables compacted", workspace.lake.compact())


@dg.job(description="Keeps the lake quick to read.", tags=alone("upkeep"))
def compact_lake() -> None:
    """The lake's upkeep."""
    compact_tables()
