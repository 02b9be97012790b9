"""When vendors are pulled: one job and one running schedule each, so that no vendor waits for another; daily checks, and the lake's upkeep."""

from typing import TypeAlias

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,  # no public name in 1.13
)

from connectors.base import Connector
from connectors.registry import connectors_by_name
from pipelines.ingest.assets import asset_key, history_key
from pipelines.ingest.checks import ABOUT
from pipelines.ingest.sources import unusable_variables
from pipelines.workspace import Workspace

UPKEEP = "20 3 * * *"
"""Nightly: a stream pulled hourly leaves 24 small files per table, and reading slows down at hundreds."""

CHECKS = "10 6 * * *"
"""Daily, before people come to work; in between, every pull has its stream checked."""

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


def vendor_schedule(job: str, connector: Connector, cron: str) -> dg.ScheduleDefinition:
    """A running schedule of a job that needs the vendor; it skips, and says why, while there are no credentials."""

    @dg.schedule(
        job_name=job,
        name=f"{job}_schedule",
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Skips, and says why, while {connector.label} has no credentials.",
    )
    def tick() -> dg.RunRequest | dg.SkipReason:
        if variables := unusable_variables(connector):
            return dg.SkipReason(f"{connector.label} is not set up: set {', '.join(variables)}")
        return dg.RunRequest()

    return tick


@dg.op(description="Joins the small files of every table in the lake and removes those long out of use.")
def compact_tables(context: dg.OpExecutionContext, workspace: dg.ResourceParam[Workspace]) -> None:
    """Join the lake's small files."""
    context.log.info("%d tables compacted", workspace.lake.compact())


@dg.job(description="Keeps the lake quick to read.", tags=alone("upkeep"))
def compact_lake() -> None:
    """The lake's upkeep."""
    compact_tables()
