"""The sensor that watches runs, checks and schedules, and tells people when one of them changes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.scheduler.instigation import (  # no public names in 1.13
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    TickStatus,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._utils.schedules import get_latest_completed_cron_tick

from models.clock import SystemClock
from pipelines.alerts.changes import Look, note, tell
from pipelines.alerts.channels import channels
from pipelines.alerts.settings import AlertSettings
from pipelines.workspace import Workspace

OFTEN = 60
"""Seconds between two looks."""
GRACE = timedelta(minutes=15)
"""A schedule has as long to begin; a daemon that restarts takes a minute or two."""
ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
"""A run that somebody called off says nothing about the job."""
RUNNING = {InstigatorStatus.RUNNING, InstigatorStatus.DECLARED_IN_CODE}


def sensors() -> list[dg.SensorDefinition]:
    """One running sensor; it skips while nobody is to be told."""
    return [alerts]


@dg.sensor(
    name="alerts",
    minimum_interval_seconds=OFTEN,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells people, once each, when a job, an asset check or a schedule begins to fail and when it works again.",
)
def alerts(context: dg.SensorEvaluationContext, workspace: dg.ResourceParam[Workspace]) -> dg.SkipReason:
    """Look, keep what changed, tell it."""
    settings = AlertSettings()
    ways = channels(settings)
    if not ways:
        return dg.SkipReason("nobody is to be told: set SIDECAR_ALERT_WEBHOOK_URL or SIDECAR_ALERT_SMTP_HOST")
    now = SystemClock().now()  # Dagster's own stamps are of this clock
    looks = dict(looked(context.instance, context.repository_def, now, settings.dagster_url))
    changed = note(workspace.store, looks, now)
    sent = tell(workspace.store, ways, now)
    return dg.SkipReason(f"{len(looks)} things watched, {len(changed)} changed, {sent} messages sent")


def looked(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition | None, now: datetime, pages: str | None = None
) -> Iterator[tuple[str, Look]]:
    """How every job, check and running schedule stands, by name; what has not ended yet is left out."""
    if repository is None:  # a sensor that is evaluated by itself has none
        return
    yield from _jobs(instance, repository, pages)
    yield from _checks(instance, repository)
    yield from _schedules(instance, repository, now)


def _jobs(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, pages: str | None
) -> Iterator[tuple[str, Look]]:
    for name in sorted(name for name in repository.job_names if not name.startswith("__")):
        newest = next(iter(instance.get_runs(dg.RunsFilter(job_name=name, statuses=ENDED), limit=1)), None)
        if newest is None:
            continue
        if newest.is_success:
            yield f"job {name}", Look(failing=False)
            continue
        steps = instance.get_run_step_stats(newest.run_id)
        failed = sorted(
            step.step_key.replace("__", "/", 1) for step in steps if step.status and step.status.value == "FAILURE"
        )
        where = f"{pages.rstrip('/')}/runs/{newest.run_id}" if pages else f"run {newest.run_id}"
        told = (
            f"{len(failed)} of {len(steps)} steps failed ({', '.join(failed)})"
            if failed
            else "it stopped before its end"
        )
        yield f"job {name}", Look(failing=True, about=f"{told}, {where}")


def _checks(instance: dg.DagsterInstance, repository: dg.RepositoryDefinition) -> Iterator[tuple[str, Look]]:
    """A check that only warns is no alert: it stands on the asset's page."""
    keys = sorted(repository.asset_graph.asset_check_keys)
    for key, record in instance.event_log_storage.get_latest_asset_check_execution_by_key(keys).items():
        evaluation = record.evaluation if record.status != AssetCheckExecutionRecordStatus.PLANNED else None
        if evaluation is not None:
            failing = not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR
            name = f"check {key.asset_key.to_user_string()}: {key.name}"
            yield name, Look(failing, f"run {record.run_id}" if failing else "")


def _schedules(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, now: datetime
) -> Iterator[tuple[str, Look]]:
    """A schedule that did not begin in time, or could not be asked, fails; one that found nothing to do has begun."""
    known = {schedule.name for schedule in repository.schedule_defs}
    states = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE, instigator_statuses=RUNNING)
    for state in states:
        if state.instigator_name in known and isinstance(state.instigator_data, ScheduleInstigatorData):
            yield f"schedule {state.instigator_name}", _schedule(instance, state, state.instigator_data, now)


def _schedule(
    instance: dg.DagsterInstance, state: InstigatorState, data: ScheduleInstigatorData, now: datetime
) -> Look:
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
    newest = next(iter(ticks), None)
    if newest and newest.status == TickStatus.FAILURE:
        return Look(failing=True, about=f"tick {newest.tick_id} failed")
    began = max(newest.timestamp if newest else 0.0, data.start_timestamp or 0.0)
    crons = [data.cron_schedule] if isinstance(data.cron_schedule, str) else data.cron_schedule
    due = max(get_latest_completed_cron_tick(cron, now - GRACE, "UTC").timestamp() for cron in crons)
    if not began or began >= due:  # never begun and never started: the daemon has not met it yet
        return Look(failing=False)
    return Look(
        failing=True, about=f"it was due at {datetime.fromtimestamp(due, UTC):%Y-%m-%d %H:%M} UTC and did not begin"
    )
