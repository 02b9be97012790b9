"""The room as Dagster runs it: one run over all buckets, counts and ids only, checks that can fail."""

import dagster as dg
import pytest
from sqlmodel import select

from models import Evidence, Observation
from models.store import transaction
from pipelines.run import ALL_BUCKETS
from pipelines.understand import assets, automation, checks
from pipelines.workspace import Workspace, WorkspaceSettings

SECRET = "The price is too high for Kolbe Stanztechnik."


@pytest.fixture
def job(world, tmp_path):
    workspace = Workspace(WorkspaceSettings(home=tmp_path))
    workspace.__dict__.update(lake=world.lake, store=world.store, clock=world.clock)
    definitions = dg.Definitions(
        assets=assets.assets(),
        asset_checks=checks.checks(),
        jobs=automation.jobs(),
        schedules=automation.schedules(),
        resources={"workspace": workspace},
        executor=dg.in_process_executor,
    )
    return definitions.resolve_job_def("understand")


def run(job):
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(instance=instance, raise_on_error=False, tags=ALL_BUCKETS)


def numbers(result):
    found = {}
    for event in result.all_events:
        if event.is_step_materialization:
            made = event.step_materialization_data.materialization
            found[made.asset_key.to_user_string()] = {name: value.value for name, value in made.metadata.items()}
    return found


def test_one_run_takes_every_bucket_and_the_next_is_quiet(job, world):
    """The first run reads and concludes, the second finds everything in step."""
    world.say("1", SECRET)
    first = run(job)
    assert first.success
    counts = numbers(first)
    assert counts["understand/extractions"]["quotes_found"] == 1
    assert counts["understand/extractions"]["extractor"] == "embedded-2"
    assert counts["understand/beliefs"]["rows_added"] == 1
    assert counts["understand/alignment"]["rows_added"] == 1
    again = numbers(run(job))
    assert again["understand/extractions"]["read"] == 0
    assert again["understand/extractions"]["cache_hits"] == 1
    assert again["understand/beliefs"]["buckets_due"] == 0
    assert again["understand/observations"]["added"] == 0


def test_no_word_of_a_customer_reaches_dagster(job, world):
    """Metadata and events hold counts and ids."""
    world.say("1", SECRET)
    assert "Stanztechnik" not in "".join(str(event) for event in run(job).all_events)


def test_the_checks_can_fail(job, world):
    """A quote that is not in its text is an error that the page shows."""
    world.say("1", SECRET)
    run(job)
    with transaction(world.store) as session:
        row = session.exec(select(Evidence)).one()
        row.quote = "words that nobody said"
    failed = [check.check_name for check in run(job).get_asset_check_evaluations() if not check.passed]
    assert failed == ["quotes_are_found"]


def test_an_empty_lake_is_no_failure(job):
    """Nothing to understand is understood."""
    result = run(job)
    assert result.success
    assert all(check.passed for check in result.get_asset_check_evaluations())


def test_every_column_is_described():
    """The column schema shown is that of the store."""
    shown = assets.columns(Observation).columns
    assert [column.name for column in shown] == list(Observation.model_fields)
    assert all(column.description for column in shown)
