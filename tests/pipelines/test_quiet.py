"""What is left out of a quiet run: a job whose newest run did all that another one could do, and nothing else."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from connectors.errors import Fatal
from connectors.registry import connectors_by_name
from pipelines.due import LEFT, READ, READ_AT, nothing_new
from pipelines.jobs import JobOutcome
from pipelines.run import ALL_BUCKETS, local_instance, run_job
from pipelines.stitch import automation as stitching
from pipelines.understand import automation as understanding
from pipelines.workspace import Workspace, WorkspaceSettings
from pipelines.write_back import automation as writing
from tests.pipelines.ingest.scripted import Place
from tests.pipelines.office import CONTACTS, NORTH, SOUTH, Office, Vendor
from tests.pipelines.write_back.fake_crm import FakeCrm

ROOMS = (stitching, understanding, writing)
DERIVING = {"stitch", "understand", "write_back_north", "write_back_south"}


@dg.asset
def thing(context: dg.AssetExecutionContext) -> None:
    """Does what the run's tag says."""
    if context.run.tags.get("does") == "fail":
        raise dg.Failure("no")
    if context.run.tags.get("does") == "leave":
        context.instance.add_run_tags(context.run_id, {LEFT: "3 texts"})


def small(job: str) -> dg.Definitions:
    """The job, with next to nothing in it."""
    return dg.Definitions([thing], jobs=[dg.define_asset_job(job, [thing])], executor=dg.in_process_executor)


SMALL = small("stitch")
TAGS = {READ: "a", READ_AT: "2026-11-02 09:00 UTC"}
OTHER = {READ: "b", READ_AT: "2026-11-02 10:00 UTC"}


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with local_instance(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("runs", "due"),
    [
        ([], True),
        ([TAGS], False),
        ([OTHER], True),
        ([OTHER, TAGS], False),
        ([TAGS, OTHER], True),
        ([{}], True),
        ([TAGS, {}], True),
        ([{**TAGS, "does": "fail"}], True),
        ([TAGS, {**OTHER, "does": "fail"}], True),
        ([{**TAGS, "does": "leave"}], True),
    ],
    ids=[
        "never run", "the same was read", "something else was read", "the same at last", "something else at last",
        "by hand", "by hand at last", "failed", "failed half way to something else", "texts left waiting",
    ],
)  # fmt: skip
def test_only_a_newest_run_that_did_all_of_the_same_makes_another_one_vain(instance, runs, due):
    """A run that failed, read something else, left something or is not known by what it read proves nothing."""
    for tags in runs:
        run_job(SMALL, instance, "stitch", tags)
    why = nothing_new(instance, "stitch", {**TAGS, READ_AT: "2026-11-02 12:00 UTC"})
    assert why == (None if due else "nothing new since 2026-11-02 09:00 UTC")


def test_what_could_not_be_read_now_is_never_the_same(instance):
    """Two runs without a hash have nothing in common."""
    run_job(SMALL, instance, "stitch", TAGS)
    assert nothing_new(instance, "stitch", {}) is None


@pytest.mark.parametrize(
    "status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELED]
)
def test_a_run_under_way_or_killed_makes_no_other_one_vain(instance, status):
    """Two at once: what the first has not done yet, the second cannot leave out."""
    run_job(SMALL, instance, "stitch", TAGS)
    instance.create_run_for_job(SMALL.resolve_job_def("stitch"), tags=TAGS, status=status)
    assert nothing_new(instance, "stitch", TAGS) is None


def test_a_run_of_some_steps_again_is_not_taken_for_the_whole(instance):
    """Dagster gives a run's tags to the runs that repeat parts of it."""
    run_job(SMALL, instance, "stitch", {**TAGS, "does": "fail"})
    (failed,) = instance.get_runs()
    again = {"parent_run_id": failed.run_id, "root_run_id": failed.run_id, "status": dg.DagsterRunStatus.SUCCESS}
    instance.create_run_for_job(SMALL.resolve_job_def("stitch"), tags=TAGS, **again)
    assert nothing_new(instance, "stitch", TAGS) is None


@pytest.mark.parametrize("job", [job for room in ROOMS for job in room.reads()])
def test_a_schedule_starts_what_is_due_with_what_it_reads_and_skips_what_is_not(job, instance, tmp_path, monkeypatch):
    """Its run bears the hash; once that run is done, there is nothing new; by hand it can always be started."""
    for connector in connectors_by_name().values():
        for name in connector.settings.required():
            monkeypatch.setenv(connector.settings.variable(name), "x" * 40)
    place = Place(tmp_path)
    workspace = Workspace(WorkspaceSettings(home=tmp_path))
    workspace.__dict__.update(lake=place.lake, store=place.store, clock=place.clock)
    schedule = next(one for room in ROOMS for one in room.schedules() if one.job_name == job)

    def look() -> dg.RunRequest | str | None:
        with dg.build_schedule_context(instance=instance, resources={"workspace": workspace}) as context:
            tick = schedule.evaluate_tick(context)
        return tick.run_requests[0] if tick.run_requests else tick.skip_message

    asked = look()
    assert isinstance(asked, dg.RunRequest)
    assert READ in asked.tags
    assert (asked.tags.items() >= ALL_BUCKETS.items()) == (job == "understand")
    run_job(small(job), instance, job, asked.tags)
    assert look() == "nothing new since 2026-11-02 09:00 UTC"
    place.clock.advance(timedelta(days=1))
    assert isinstance(look(), dg.RunRequest)


def left_out(outcomes: dict[str, JobOutcome]) -> set[str]:
    assert all(one.ok and one.skipped for one in outcomes.values() if one.up_to_date)
    return {job for job, one in outcomes.items() if one.up_to_date}


@pytest.mark.slow
def test_a_run_that_wrote_is_followed_by_one_that_writes_nothing_and_then_by_quiet_ones(office: Office) -> None:
    """Until somebody says something more: then everything runs, and it is understood and shown."""
    assert left_out(office.run()) == set()
    office.run()
    quiet = office.run()
    assert left_out(quiet) == DERIVING
    assert all(quiet[f"pull_{name}"].assets for name in (NORTH, SOUTH))
    assert quiet["stitch"].skipped.startswith("nothing new since ")
    assert left_out(office.run(*DERIVING)) == set(), "who names a job wants it run"

    known = office.vendors[NORTH].versions(CONTACTS)
    office.vendors[NORTH].versions = lambda stream: [*known, Vendor(NORTH, FakeCrm()).version(stream, 6)]
    office.vendors[NORTH].crm.records["Contact"]["north6"] = {}
    outcomes = office.run()
    assert left_out(outcomes) == set()
    assert outcomes["stitch"].assets["stitch/persons"]["created"] == 1
    assert "north6" in office.shown(NORTH)


@pytest.mark.slow
def test_a_write_back_that_failed_runs_again_though_nothing_has_changed(office: Office) -> None:
    """The other jobs rest; once the CRM takes values again, it shows everything."""
    south = office.vendors[SOUTH].crm
    update, refusal = south.update, Fatal("its key was withdrawn; check SOUTH_KEY", vendor=SOUTH, credentials=True)

    def refuse(*_: object) -> None:
        raise refusal

    south.update = refuse
    office.run()
    assert not office.run()["write_back_south"].ok
    south.update = update
    again = office.run()
    assert left_out(again) == DERIVING - {"write_back_south"}
    assert again["write_back_south"].ok
    assert len(office.shown(SOUTH)) == 6
