"""A backfill over months as an operator launches it: Dagster's own command, daemon, queue and processes, on an instance of its own."""

import logging
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster._daemon.backfill import execute_backfill_iteration  # what the daemon does at every tick
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from pipelines.workspace import Workspace
from tests import stores

ROOT = Path(__file__).parents[3]
LOCATION = str(Path(__file__).with_name("paper_location.py"))
HISTORY = dg.AssetKey(["paper", "history"])
SECONDS = 300


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """An empty folder with the instance's file; the vendor has its key."""
    monkeypatch.chdir(ROOT)
    for name, value in {
        "SIDECAR_HOME": str(tmp_path / "home"),
        "DAGSTER_HOME": str(tmp_path / "dagster"),
        "PAPER_KEY": "k",
        **stores.variables(tmp_path / "home"),
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "dagster").mkdir()
    text = (ROOT / "dagster.yaml").read_text().replace(": .dagster", f": {tmp_path / 'dagster'}")
    (tmp_path / "dagster" / "dagster.yaml").write_text(text)
    return tmp_path


def dagster(*arguments: str) -> str:
    command = [shutil.which("dagster", path=str(Path(sys.executable).parent)) or "dagster", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def finish(context: WorkspaceProcessContext, daemon: QueuedRunCoordinatorDaemon) -> None:
    """Tick until the backfill and every run have come to their end."""
    instance, deadline = context.instance, time.monotonic() + SECONDS
    while True:
        assert time.monotonic() < deadline, "the backfill did not come to its end"
        assert not [error for error in execute_backfill_iteration(context, logging.getLogger("backfill")) if error]
        assert not [error for error in daemon.run_iteration(context) if error]
        done = all(one.status.value.startswith("COMPLETED") for one in instance.get_backfills())
        if done and all(run.is_finished for run in instance.get_runs()):
            return
        time.sleep(0.5)  # the runs need the processor more than we do


@pytest.mark.slow
def test_a_backfill_over_a_range_of_months_runs_beside_the_pull(home):
    """Two months are launched by Dagster's command while a pull is queued: each is materialised, the pull has its cursor, nothing is doubled."""
    dagster("job", "launch", "-f", LOCATION, "-j", "pull_paper")
    dagster(
        "job",
        "backfill",
        "-f",
        LOCATION,
        "-j",
        "backfill_paper",
        "--from",
        "2026-01-01",
        "--to",
        "2026-02-01",
        "--noprompt",
    )
    target = PythonFileTarget(LOCATION, None, str(ROOT), None)
    with (
        dg.DagsterInstance.get() as instance,
        ExitStack() as afterwards,
        WorkspaceProcessContext(instance, target) as context,
    ):
        afterwards.callback(context._grpc_server_registry.wait_for_processes)
        finish(context, QueuedRunCoordinatorDaemon(interval_seconds=0))
        assert Counter((run.job_name, run.status.value) for run in instance.get_runs()) == {
            ("pull_paper", "SUCCESS"): 1,
            ("backfill_paper", "SUCCESS"): 2,
        }
        assert instance.get_materialized_partitions(HISTORY) == {"2026-01-01", "2026-02-01"}
    with Workspace.from_environment() as workspace:
        log = workspace.lake.raw("paper", "people")
        assert log.count().to_pyarrow().as_py() == log.record.nunique().to_pyarrow().as_py() == 300
