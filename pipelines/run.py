"""Runs the scheduled jobs here and now, in flow order, as recorded Dagster runs: what `sidecar run` and the demo do.

A job that fails stops only itself. Nothing is remembered here; killed at any point, the next call continues.
"""

import fcntl
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import dagster as dg
from dagster._check import CheckError
from dagster._core.events import JobFailureData  # no public names in 1.13
from dagster._core.execution.plan.objects import StepFailureData
from dagster._core.storage.runs import SqliteRunStorage

from connectors.registry import connectors_by_name
from pipelines.due import nothing_new, taken
from pipelines.ingest.sources import unusable_variables
from pipelines.jobs import AlreadyRunning, InstanceError, JobOutcome, job_names
from pipelines.stitch import automation as stitch_automation
from pipelines.understand import automation as understand_automation
from pipelines.workspace import Workspace
from pipelines.write_back import automation as write_back_automation

FIRST_BUCKET, LAST_BUCKET = "00", "63"
ALL_BUCKETS = {  # one run takes all dirty buckets: SQLite serves one run at a time
    "dagster/asset_partition_range_start": FIRST_BUCKET,
    "dagster/asset_partition_range_end": LAST_BUCKET,
}
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}  # the terminal shows bars instead
PLACE = "sidecar/place"
"""Run tag: the machine and folder whose lock the run's process holds for as long as it lives."""
OWN_ERRORS = ("connectors.", "models.", "pipelines.")
UNFINISHED = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


def run_job(
    defs: dg.Definitions, instance: dg.DagsterInstance, name: str, read: Mapping[str, str] = MappingProxyType({})
) -> JobOutcome:
    """Run one job to its end and say what became of it; `read` are tags that say what it was about to read."""
    if missing := missing_credentials(name):
        return JobOutcome(name, skipped=f"set {', '.join(missing)}")
    job = defs.resolve_job_def(name)
    tags = {**read, PLACE: _place(instance), **(ALL_BUCKETS if job.partitions_def else {})}
    with _interruptible():
        result = job.execute_in_process(instance=instance, raise_on_error=False, tags=tags, run_config=QUIET)
    return _outcome(name, result)


def run_all(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    *,
    names: list[str] | None = None,
    anyway: bool = False,
    before: Callable[[str], None] = lambda _: None,
) -> Iterator[JobOutcome]:
    """Run the jobs one after the other, but for those that would find nothing new, unless `anyway`; `before` hears each name as it starts."""
    rooms = (stitch_automation, understand_automation, write_back_automation)
    reads = {job: read for room in rooms for job, read in room.reads().items()}
    with Workspace.from_environment() as workspace:
        for name in names or job_names():
            before(name)
            tags = taken(workspace, reads[name]) if name in reads else {}
            why = None if anyway else nothing_new(instance, name, tags)
            yield JobOutcome(name, skipped=why, up_to_date=True) if why else run_job(defs, instance, name, tags)


def missing_credentials(job: str) -> list[str]:
    """Variables without which a vendor's job cannot run; empty for jobs that need no vendor."""
    vendor = job.removeprefix("pull_").removeprefix("write_back_")
    connector = connectors_by_name().get(vendor)
    return unusable_variables(connector) if connector else []


@contextmanager
def local_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """The instance that `dagster dev` here shares: that of `dagster_yaml`, else one kept under `home`.

    Errors: AlreadyRunning while another process has it; InstanceError if its storage does not open. Runs that a killed process left open are closed as failed: else they
    would look busy for ever, and keep the scheduled ones waiting.
    """
    with _opened(home) as instance, _alone(Path(instance.root_directory)):
        for run in instance.get_runs(dg.RunsFilter(tags={PLACE: _place(instance)}, statuses=UNFINISHED)):
            instance.report_run_failed(run, "Its process was killed; the next run goes on from there.")
        yield instance


def dagster_yaml() -> Path | None:
    """The file that rules Dagster here: in the folder that DAGSTER_HOME names, else in the working directory. None if there is none."""
    file = Path(os.environ.get("DAGSTER_HOME") or Path.cwd()) / "dagster.yaml"
    return file if file.exists() else None


@dataclass(frozen=True)
class RunsAtOnce:
    """How many runs Dagster starts side by side, None for any number, and whether its own storage is SQLite, which serves one."""

    most: int | None
    on_sqlite: bool


def runs_at_once(file: Path) -> RunsAtOnce:
    """What a dagster.yaml allows. InstanceError if its storage does not open."""
    with _configured(file) as instance:
        queue = instance.get_concurrency_config().run_queue_config
        most = queue.max_concurrent_runs if queue else -1
        return RunsAtOnce(None if most < 0 else most, isinstance(instance.run_storage, SqliteRunStorage))


def _opened(home: Path) -> dg.DagsterInstance:
    if file := dagster_yaml():
        return _configured(file)
    return instance_in((home / "dagster").absolute())


def instance_in(folder: Path) -> dg.DagsterInstance:
    """An instance kept in a folder without a dagster.yaml; it says what ours says."""
    folder.mkdir(parents=True, exist_ok=True)
    overrides = {
        "storage": {
            "custom": {"module": "pipelines.history", "class": "SqliteHistory", "config": {"base_dir": str(folder)}}
        },
        "telemetry": {"enabled": False},
        "compute_logs": {"module": "dagster.core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"},
    }
    return dg.DagsterInstance.local_temp(str(folder), overrides=overrides)


def _configured(file: Path) -> dg.DagsterInstance:
    try:
        return dg.DagsterInstance.from_config(str(file.parent))
    except _refusals() as error:
        raise InstanceError(
            f"{file} cannot be used: a setting in it is wrong, a variable that it names is not set, or its database does not "
            "answer; see docs/operating.md"
        ) from error


def _refusals() -> tuple[type[Exception], ...]:
    """What opening raises; asked for only once something was raised."""
    from dagster_postgres.utils import DagsterPostgresException  # noqa: PLC0415  # a second, that SQLite need not wait

    return dg.DagsterInvalidConfigError, CheckError, DagsterPostgresException


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "sidecar.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning("Another `sidecar run` is at work in this folder; wait until it has ended.") from error
        yield


def _place(instance: dg.DagsterInstance) -> str:
    return f"{socket.gethostname()}:{Path(instance.root_directory).absolute()}"


@contextmanager
def _interruptible() -> Iterator[None]:
    """KeyboardInterrupt after the block if SIGINT or SIGTERM came in it: Dagster ends the step and keeps the signal to itself."""
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.settimeout(0)
        writer.settimeout(0)
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
        with suppress(BlockingIOError):
            if {signal.SIGINT, signal.SIGTERM} & set(reader.recv(4096)):
                raise KeyboardInterrupt


def _outcome(name: str, result: dg.ExecuteInProcessResult) -> JobOutcome:
    assets: dict[str, dict[str, float]] = {}
    failures: dict[str, str] = {}
    checks: list[str] = []
    for event in result.all_events:
        if event.is_step_materialization:
            made = event.step_materialization_data.materialization
            assets[made.asset_key.to_user_string()] = {
                label: value.value
                for label, value in made.metadata.items()
                if isinstance(value.value, int | float) and not isinstance(value.value, bool)
            }
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            if not evaluation.passed:
                named = f"{evaluation.asset_key.to_user_string()}: {evaluation.check_name}"
                checks.append(f"{named}: {evaluation.description}" if evaluation.description else named)
        elif event.is_step_failure:
            failures[(event.step_key or name).replace("__", "/", 1)] = _reason(event.step_failure_data)
        elif event.event_type == dg.DagsterEventType.RUN_FAILURE and not failures:  # no step was begun
            failures[name] = _reason(event.job_failure_data)
    return JobOutcome(name, result.run_id, None, assets, failures, tuple(checks))


def _reason(failure: StepFailureData | JobFailureData) -> str:
    if isinstance(failure, StepFailureData) and failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    cause = failure.error.cause or failure.error if failure.error else None
    return _sentence(cause.message.strip()) if cause else "stopped without a reason"


def _sentence(message: str) -> str:
    """Our own errors are sentences; the name of the class before them says nothing to a user. Others need their name."""
    name, _, said = message.partition(": ")
    return said if said and name.startswith(OWN_ERRORS) else message
