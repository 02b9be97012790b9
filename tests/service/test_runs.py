"""`sidecar run` in a process that was killed: what it left open in Dagster is closed by the next one."""

import os
import signal

import dagster as dg
import pytest

from pipelines.jobs import AlreadyRunning
from pipelines.run import PLACE, _interruptible, _place, local_instance


@dg.op
def nothing() -> None:
    """Does nothing."""


@dg.job
def idle() -> None:
    """A job."""
    nothing()


def started(instance: dg.DagsterInstance, place: str) -> str:
    run = instance.create_run_for_job(idle, tags={PLACE: place})
    instance.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, idle.name, message="began"), run.run_id
    )
    return run.run_id


def test_runs_left_open_by_a_killed_process_are_closed_and_others_left_alone(tmp_path, monkeypatch):
    """Else they look busy for ever and keep the scheduled runs waiting; a run of another place may still be alive."""
    monkeypatch.chdir(tmp_path)
    with local_instance(tmp_path) as instance:
        ours, theirs = started(instance, _place(instance)), started(instance, "elsewhere:/x")
        assert instance.get_run_by_id(ours).status == dg.DagsterRunStatus.STARTED
    with local_instance(tmp_path) as instance:
        assert instance.get_run_by_id(ours).status == dg.DagsterRunStatus.FAILURE
        assert instance.get_run_by_id(theirs).status == dg.DagsterRunStatus.STARTED


def test_one_process_at_a_time_runs_jobs_in_a_place(tmp_path, monkeypatch):
    """A second one is told so; once the first is gone, it may."""
    monkeypatch.chdir(tmp_path)
    with local_instance(tmp_path), pytest.raises(AlreadyRunning), local_instance(tmp_path):
        pass
    with local_instance(tmp_path):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_somebody_swallowed_is_heard_after_all(number):
    """Dagster takes Ctrl-C as the end of a step; for us it is the end of the command."""
    before = signal.signal(number, lambda *_: None)
    try:
        with pytest.raises(KeyboardInterrupt), _interruptible():
            os.kill(os.getpid(), number)
        with _interruptible():
            pass
    finally:
        signal.signal(number, before)
