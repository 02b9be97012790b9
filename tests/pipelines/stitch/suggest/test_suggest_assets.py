"""The review queue as Dagster runs it."""

import json
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from models.base import new_id
from models.identity import Suggestion
from models.store import transaction
from pipelines.stitch import assets as stitch_assets
from pipelines.stitch.automation import jobs
from pipelines.stitch.suggest import queue
from pipelines.stitch.suggest.assets import assets
from pipelines.stitch.suggest.checks import checks
from pipelines.workspace import Workspace, WorkspaceSettings
from tests.pipelines.stitch.conftest import Hand
from tests.pipelines.stitch.suggest.conftest import who

QUEUE = [dg.AssetKey(["stitch", name]) for name in ("persons", "accounts", "suggestions")]
KOLBE = {"company": "Kolbe Stanztechnik GmbH", "city": "Stuttgart", "country": "DE"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(WorkspaceSettings(home=tmp_path))


@pytest.fixture
def run(workspace: Workspace) -> Callable[[], dg.ExecuteInProcessResult]:
    """Runs the stitch job once: persons, accounts, and the queue behind them."""
    defs = dg.Definitions(
        assets=[*stitch_assets.assets(), *assets()], asset_checks=checks(), jobs=jobs(), resources={"workspace": workspace},
        executor=dg.in_process_executor,
    )  # fmt: skip

    def once() -> dg.ExecuteInProcessResult:
        with dg.DagsterInstance.ephemeral() as instance:
            return defs.resolve_job_def("stitch").execute_in_process(
                instance=instance, raise_on_error=False, asset_selection=QUEUE
            )

    return once


def metadata(result: dg.ExecuteInProcessResult) -> dict:
    (made,) = result.asset_materializations_for_node("stitch__suggestions")
    return {label: value.value for label, value in made.metadata.items()}


def test_a_run_tells_what_waits_and_what_the_scores_rest_on(run, workspace):
    """Counts, a histogram and what was assumed; no customer's value anywhere in what the run says."""
    Hand(workspace.lake).write(
        {
            "a": who("Jane Kolbe", **KOLBE, email="jane@kolbe.example"),
            "b": who("Jane Kolbe", **KOLBE, email="jk77@gmail.com"),
        }
    )
    result = run()
    assert result.success
    told = metadata(result)
    assert (told["dagster/row_count"], told["persons_open"], told["persons_joined_without_a_human"]) == (1, 1, 0)
    assert "| 90% to 100% | 1 |" in told["persons_probabilities"]
    assert "| name | assumed | assumed |" in told["persons_rest_on"]
    assert not [
        word
        for word in ("jane", "kolbe", "jk77")
        if word in json.dumps([str(event) for event in result.all_events]).casefold()
    ]
    again = metadata(run())
    assert (again["persons_looked_at"], again["persons_open"]) == (False, 1)


def test_a_pair_that_joined_itself_fails_the_check(run, workspace):
    """Nobody allowed it, so somebody must look."""
    now = workspace.clock.now()
    with transaction(workspace.store) as session:
        session.add(
            Suggestion(
                id=new_id(now), scope="person", left="a", right="b", weight=9.0, probability=0.99, evidence=[], status="accepted",
                suggested_at=now, decided_by=queue.ITSELF,
            )
        )  # fmt: skip
    (verdict,) = run().get_asset_check_evaluations()
    assert not verdict.passed
