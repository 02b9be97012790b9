"""The room as Dagster runs it: one run over all buckets, counts and ids only, checks that can fail."""

from datetime import timedelta

import dagster as dg
import pytest
from sqlmodel import select
from starlette.responses import JSONResponse

from models import Batch, Evidence, Extraction, Observation
from models.store import transaction
from pipelines.due import LEFT
from pipelines.run import ALL_BUCKETS
from pipelines.understand import assets, automation, checks
from pipelines.understand.batches import office, visit
from pipelines.understand.buckets import bucket_name, bucket_of
from pipelines.understand.observations import collect_observations
from pipelines.understand.settings import LanguageModelSettings
from pipelines.workspace import Workspace, WorkspaceSettings
from tests.pipelines.understand.batch_stub import BatchStub
from tests.pipelines.understand.llm_stub import TOKENS_IN, TOKENS_OUT, Stub
from tests.pipelines.understand.test_extraction import claim

DANAS = dict.fromkeys(ALL_BUCKETS, bucket_name(bucket_of("person-dana")))
"""The one bucket in which there is somebody; of every other one Dagster would note five times that nothing was there to do."""
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


def run(job, buckets=DANAS):
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(instance=instance, raise_on_error=False, tags=buckets)


def left_by_run(job):
    """What the run's tag says that it left for the next one."""
    with dg.DagsterInstance.ephemeral() as instance:
        job.execute_in_process(instance=instance, tags=DANAS)
        (record,) = instance.get_runs()
        return record.tags.get(LEFT)


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
    first = run(job, ALL_BUCKETS)
    assert first.success
    counts = numbers(first)
    assert counts["understand/extractions"]["quotes_found"] == 1
    assert counts["understand/extractions"]["extractor"] == "embedded-4"
    assert counts["understand/beliefs"]["rows_added"] == 1
    assert counts["understand/alignment"]["rows_added"] == 1
    again = numbers(run(job, ALL_BUCKETS))
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
    result = run(job, ALL_BUCKETS)
    assert result.success
    assert all(check.passed for check in result.get_asset_check_evaluations())


@pytest.fixture
def read_by_model(serve, monkeypatch):
    """The environment names a model on loopback; what it answers is the test's."""

    def named(stub, **more):
        variables = {"": "openai/m", "_BASE_URL": f"{serve(stub.app)}/v1", "_CONCURRENCY": "1", **more}
        for name, value in variables.items():
            monkeypatch.setenv(f"SIDECAR_LLM{name}", value)

    return named


def test_the_model_that_the_environment_names_reads(job, world, read_by_model):
    """The page says who read, what it cost and that this host's price is not known; no word of the text reaches Dagster."""
    quote = {"reasoning": "r", "slot": "price", "statement": "Too dear", "polarity": "negative", "strength": "explicit"}
    read_by_model(Stub([{**quote, "quote": SECRET}]))
    world.say("1", SECRET)
    result = run(job)
    found = numbers(result)["understand/extractions"]
    assert (found["extractor"], found["quotes_found"]) == ("openai/m", 1)
    assert (found["tokens_in"], found["tokens_out"]) == (TOKENS_IN, TOKENS_OUT)
    assert (found["cost_microusd"], found["texts_of_unknown_cost"]) == (0, 1)
    assert numbers(result)["understand/beliefs"]["rows_added"] == 1
    assert "Stanztechnik" not in "".join(str(event) for event in result.all_events)


def test_a_run_stops_at_its_budget_and_the_next_goes_on(job, world, read_by_model):
    """Five texts, two of them a run: what waits is counted, and nothing is read twice."""
    stub = Stub()
    read_by_model(stub, _MAX_TOKENS_PER_RUN=str(2 * (TOKENS_IN + TOKENS_OUT)))
    world.land(*(world.said(str(number), f"Text {number}.", number) for number in range(5)))
    runs = [numbers(run(job))["understand/extractions"] for _ in range(3)]
    assert [(found["read"], found["waiting"]) for found in runs] == [(2, 3), (2, 1), (1, 0)]
    assert "SIDECAR_LLM_MAX_TOKENS_PER_RUN" in runs[0]["why_waiting"]
    assert "why_waiting" not in runs[2]
    assert len(stub.calls) == 5


def test_a_run_that_leaves_texts_waiting_bears_it_as_a_tag(job, world, read_by_model):
    """Nothing has changed then, and the next run is due all the same; the last one leaves nothing."""
    read_by_model(Stub(), _MAX_TOKENS_PER_RUN=str(2 * (TOKENS_IN + TOKENS_OUT)))
    world.land(*(world.said(str(number), f"Text {number}.", number) for number in range(5)))
    assert [left_by_run(job) for _ in range(3)] == ["3 texts", "1 texts", None]


@pytest.mark.slow
def test_a_days_budget_counts_every_run_and_ends_with_the_day(job, world, read_by_model):
    """What earlier runs of the day have used counts; the next day starts anew."""
    read_by_model(Stub(), _MAX_TOKENS_PER_DAY=str(2 * (TOKENS_IN + TOKENS_OUT)))
    world.land(*(world.said(str(number), f"Text {number}.", number) for number in range(5)))
    read = [numbers(run(job))["understand/extractions"]["read"] for _ in range(2)]
    world.clock.advance(timedelta(days=1))
    assert [*read, numbers(run(job))["understand/extractions"]["read"]] == [2, 0, 2]


def test_an_outage_records_no_failure(job, world, read_by_model):
    """The run succeeds, says how many texts wait and why, and the next one reads them."""
    stub = Stub(*[JSONResponse({}, 503, headers={"Retry-After": "3600"})] * 3)
    read_by_model(stub)
    world.land(*(world.said(str(number), f"Text {number}.", number) for number in range(3)))
    result = run(job)
    found = numbers(result)["understand/extractions"]
    assert result.success
    assert (found["read"], found["failed"], found["waiting"]) == (0, 0, 3)
    assert found["why_waiting"] == "3: the model gave no answer (HTTP 503)"
    assert world.rows(Extraction) == []
    assert numbers(run(job))["understand/extractions"]["read"] == 3


def test_every_run_collects_what_batches_have_answered(job, world, serve, monkeypatch):
    """Handed over by the command, answered a day later: one run reads it, the next has nothing to do; an outage only waits."""
    world.say("1", SECRET)
    collect_observations(world.lake, world.store, world.clock)
    stub = BatchStub(always=lambda _: [claim("price is too high")])
    variables = {"": "openai/m", "_API_KEY": "k", "_RESENDS": "0", "_BASE_URL": f"{serve(stub.app)}/v1"}
    for name, value in variables.items():
        monkeypatch.setenv(f"SIDECAR_LLM{name}", value)
    with office(world.lake, world.store, world.clock, LanguageModelSettings()) as at:
        assert visit(at).texts_sent == 1
    assert numbers(run(job))["understand/extractions"]["waiting"] == 1
    stub.pass_a_day()
    monkeypatch.setenv("SIDECAR_LLM_BASE_URL", "http://127.0.0.1:9/v1")
    assert numbers(run(job))["understand/extractions"]["read"] == 0
    monkeypatch.setenv("SIDECAR_LLM_BASE_URL", variables["_BASE_URL"])
    found = [numbers(run(job))["understand/extractions"] for _ in range(2)]
    assert [(one["read"], one["waiting"], one["tokens_in"] > 0) for one in found] == [(1, 0, True), (0, 0, False)]
    assert [one["cache_hits"] for one in found] == [1, 1]
    assert [row.status for row in world.rows(Batch)] == ["read"]


def test_a_refused_key_is_one_sentence_on_the_page(job, world, read_by_model):
    """The operator reads which variable to mend; no text is marked."""
    read_by_model(Stub(always=lambda _: 401))
    world.say("1", SECRET)
    result = run(job)
    failure = next(event.step_failure_data for event in result.all_events if event.is_step_failure)
    assert failure.user_failure_data.description.endswith("the key was refused (HTTP 401). Check SIDECAR_LLM_API_KEY.")
    assert world.rows(Extraction) == []


def test_every_column_is_described():
    """The column schema shown is that of the store."""
    shown = assets.columns(Observation).columns
    assert [column.name for column in shown] == list(Observation.model_fields)
    assert all(column.description for column in shown)
