"""How many runs Dagster starts at once, under the two files that rule it: the real queue, the real launcher, the real jobs."""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._cli.job import _create_run  # what `dagster job launch` does
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from connectors.registry import connectors_by_name
from tests import stores

ROOT = Path(__file__).parents[2]
WAITING = (dg.DagsterRunStatus.QUEUED,)
SECONDS = 300
JOBS = ("stitch", "stitch", "pull_salesforce", "write_back_salesforce", "compact_lake")


class Office:
    """Dagster in an empty folder, with the product's definitions; vendors have no credentials, so their runs fail at once."""

    def __init__(self, context: WorkspaceProcessContext) -> None:
        self.context, self.instance = context, context.instance
        self.daemon = QueuedRunCoordinatorDaemon(interval_seconds=0)

    def queue(self, job: str) -> None:
        request = self.context.create_request_context()
        location = request.get_code_location("crm_sidecar")
        repository = location.get_repository("__repository__")
        run = _create_run(self.instance, location, repository, repository.get_full_job(job), {}, {}, None, None)
        self.instance.submit_run(run.run_id, request)

    def tick(self) -> None:
        """One look of the daemon at the queue; it launches what may start."""
        assert not [error for error in self.daemon.run_iteration(self.context) if error]

    def started(self) -> Counter[str]:
        return Counter(run.job_name for run in self.instance.get_runs() if run.status not in WAITING)

    def end(self) -> Counter[tuple[str, str]]:
        """Take back what waits, let the rest come to its end; what became of each."""
        for run in self.instance.get_runs(dg.RunsFilter(statuses=WAITING)):
            self.instance.run_coordinator.cancel_run(run.run_id)
        deadline = time.monotonic() + SECONDS
        while not all(run.is_finished for run in self.instance.get_runs()):
            assert time.monotonic() < deadline, "a run did not come to its end"
        return Counter((run.job_name, run.status.value) for run in self.instance.get_runs())


@pytest.fixture
def open_office(tmp_path, monkeypatch) -> Callable[[Path], "contextmanager[Office]"]:
    monkeypatch.chdir(tmp_path)
    for connector in connectors_by_name().values():
        for name in connector.settings.model_fields:
            monkeypatch.delenv(connector.settings.variable(name), raising=False)
    for name, value in {"SIDECAR_HOME": str(tmp_path / "home"), **stores.variables(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))

    @contextmanager
    def opened(file: Path) -> Iterator[Office]:
        (tmp_path / "dagster").mkdir()
        shutil.copy(file, tmp_path / "dagster" / "dagster.yaml")
        target = WorkspaceFileTarget([str(ROOT / "dagster_workspace.yaml")])
        with (
            dg.DagsterInstance.get() as instance,
            ExitStack() as afterwards,
            WorkspaceProcessContext(instance, target) as context,
        ):
            # a server whose runs have lost their database waits for them for ever, so it ends before the test does
            afterwards.callback(context._grpc_server_registry.wait_for_processes)
            office = Office(context)
            try:
                yield office
            finally:
                office.end()

    return opened


@pytest.mark.skipif(not stores.SERVER, reason="needs SIDECAR_TEST_DATABASE_URL: Dagster's storage on PostgreSQL")
def test_on_postgresql_jobs_run_side_by_side_and_each_alone(open_office, tmp_path, monkeypatch):
    """One look starts all jobs but the second run of the same one, and the second that needs the same vendor's API."""
    monkeypatch.setenv("DAGSTER_PG_URL", stores.dagster_url(tmp_path))
    with open_office(ROOT / "deploy" / "dagster.yaml") as office:
        for job in JOBS:
            office.queue(job)
        office.tick()
        assert office.started() == Counter(("stitch", "pull_salesforce", "compact_lake"))
        assert office.end() == {
            ("stitch", "SUCCESS"): 1,
            ("stitch", "CANCELED"): 1,
            ("compact_lake", "SUCCESS"): 1,
            ("pull_salesforce", "FAILURE"): 1,
            ("write_back_salesforce", "CANCELED"): 1,
        }


@pytest.mark.slow
def test_on_sqlite_one_run_at_a_time(open_office):
    """The second run waits until the first has ended."""
    with open_office(ROOT / "dagster.yaml") as office:
        for job in ("compact_lake", "stitch"):
            office.queue(job)
        office.tick()
        assert office.started() == Counter(("compact_lake",))
        assert office.end() == {("compact_lake", "SUCCESS"): 1, ("stitch", "CANCELED"): 1}
