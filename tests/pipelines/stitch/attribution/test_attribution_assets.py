"""Attribution as Dagster runs it: its plots, and checks that fail when a table is off."""

import json
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from models.facts import Payment
from pipelines.stitch import assets as stitch
from pipelines.stitch import checks as stitch_checks
from pipelines.stitch.attribution import assets, checks
from pipelines.stitch.attribution.reconcile import miscredited, uneven, unreturned, unspent
from pipelines.stitch.automation import jobs
from pipelines.stitch.rates import Rates
from pipelines.workspace import Workspace, WorkspaceSettings
from tests.pipelines.stitch.conftest import Hand, person
from tests.pipelines.stitch.market import at, came, costs


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(WorkspaceSettings(home=tmp_path))


@pytest.fixture
def run(workspace: Workspace) -> Callable[[], dg.ExecuteInProcessResult]:
    """Runs the room's job once."""
    defs = dg.Definitions(
        assets=[*stitch.assets(), *assets.assets()], asset_checks=[*stitch_checks.checks(), *checks.checks()], jobs=jobs(),
        resources={"workspace": workspace}, executor=dg.in_process_executor,
    )  # fmt: skip

    def once() -> dg.ExecuteInProcessResult:
        with dg.DagsterInstance.ephemeral() as instance:
            return defs.resolve_job_def("stitch").execute_in_process(instance=instance, raise_on_error=False)

    return once


def market(workspace: Workspace) -> None:
    """Two customers who came by an ad and by mail, one of them both ways, and 7,654,321 paid by whoever."""
    hand = Hand(workspace.lake)
    hand.write(
        {
            "a": person("Jane Doe", email="jane@corp.example"), "b": person("B"), "cost": costs("7", 5_000),
            "t": [
                came(hand.key("a"), at(1), "lead_ad", ad_id="7"), came(hand.key("a"), at(9), "email_marketing"),
                came(hand.key("b"), at(5), "email_marketing"),
            ],
            **{name: [Payment(payer=payer, kind="charge", amount_minor=amount, currency="eur", occurred_at=at(60))]
               for name, payer, amount in (("p1", hand.key("a"), 7_654_321), ("p2", hand.key("b"), 100), ("p3", None, 9))},
        }
    )  # fmt: skip


def test_a_run_shows_the_models_side_by_side_and_no_money(run, workspace):
    """Shares of new customers by channel and model, and how exactly it is known who came by what."""
    market(workspace)
    result = run()
    assert result.success
    assert all(one.passed for one in result.get_asset_check_evaluations())
    (made,) = result.asset_materializations_for_node("stitch__attribution")
    plot = made.metadata["new_customers_by_model"].value
    (mail,) = (line for line in plot.splitlines() if line.startswith("| email marketing"))
    assert [cell.split()[-1] for cell in mail.strip("| ").split("|")[1:4]] == [
        "50%",
        "100%",
        "100%",
    ]  # first, last, last non-direct
    assert "| form on the ad platform | 1 | █████ 50% | ██████████ 100% |" in made.metadata["how_it_is_known"].value
    assert made.metadata["customers"].value == 2
    told = json.dumps([str(event) for event in result.all_events])
    assert "jane" not in told.casefold()
    assert "7654321" not in told


def test_credit_that_is_off_is_found(run, workspace):
    """A weight that was lifted, a part that was lost, a return that was invented: each fails its own check."""
    market(workspace)
    run()
    lake = workspace.lake
    whole = {name: lake.table(name).to_pyarrow() for name in ("credit", "returns")}
    assert uneven(lake) == miscredited(lake) == unreturned(lake) == unspent(lake, Rates()) == {}

    def spoilt(name: str, column: str, by: float) -> None:
        table = whole[name]
        values = table[column].to_pylist()
        values[-1] += by
        index, kind = table.schema.get_field_index(column), table.schema.field(column).type
        lake.replace(name, table.set_column(index, column, pa.array(values, kind)))

    spoilt("credit", "weight", 0.01)
    assert uneven(lake) == {"shapley": 1}
    spoilt("credit", "amount", 1)
    assert miscredited(lake) == {"shapley": 1}
    spoilt("returns", "net", -2)
    assert unreturned(lake) == {"shapley": -2}
    spoilt("returns", "spend", 3)
    assert unspent(lake, Rates()) == {"shapley": 3}
    assert all(spec.blocking for check in checks.checks() for spec in check.check_specs)
