"""The room as Dagster runs it, and the questions it answers."""

import base64
from xml.etree import ElementTree as ET

import dagster as dg
import pyarrow as pa

from pipelines.stitch.derived import put
from pipelines.stitch.lens.answer import Options
from pipelines.stitch.lifetime.assets import assets
from pipelines.stitch.lifetime.checks import chances_off, checks, historic_off, ratios_off, shares_off
from pipelines.stitch.lifetime.lenses import LENSES
from pipelines.stitch.lifetime.tables import FEATURES, LIFETIMES, RETENTION
from pipelines.workspace import Workspace
from tests.pipelines.stitch.lifetime.test_lifetimes import shop, subscribers
from tests.pipelines.stitch.lifetime.till import derive, paid, signed


def run(workspace: Workspace) -> dg.ExecuteInProcessResult:
    """The three assets with their checks, once."""
    defs = dg.Definitions(
        assets=assets(), asset_checks=checks(), resources={"workspace": workspace}, executor=dg.in_process_executor
    )
    with dg.DagsterInstance.ephemeral() as instance:
        return defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)


def metadata(result: dg.ExecuteInProcessResult, name: str) -> dict[str, object]:
    (made,) = result.asset_materializations_for_node(f"stitch__{name}")
    return {label: value.value for label, value in made.metadata.items()}


def svg(markdown: object) -> ET.Element:
    assert isinstance(markdown, str)
    return ET.fromstring(base64.b64decode(markdown.split("base64,")[1].rstrip(")")))  # noqa: S314 - our own picture


def ask(workspace: Workspace, name: str, by: str | None = None):
    (lens,) = [one for one in LENSES if one.name == name]
    return lens.answer(workspace, Options(by=by))


def test_a_business_sees_its_pictures_and_passes_its_checks(bench, workspace):
    """A shop with contracts: three tables, heat maps, a reliability diagram, and no amount in metadata."""
    derive(bench, {**shop(bench), **subscribers(bench)})
    result = run(workspace)
    assert result.success
    assert {check.check_name: check.passed for check in result.get_asset_check_evaluations()} == {
        "gross_is_a_share": True, "chances_are_chances": True, "historic_is_all_revenue": True,
        "ratios_are_sure": True,
    }  # fmt: skip
    triangle, lifetime = metadata(result, "retention"), metadata(result, "lifetime")
    cells = svg(triangle["logo_payments"]).findall("{*}rect")
    assert len(cells) > 50
    assert svg(triangle["logo_subscriptions"]) is not None
    assert len(svg(lifetime["buys_reliability"]).findall("{*}circle")) == 10
    assert lifetime["buys_brier"] < lifetime["buys_brier_of_base_rate"]
    again = run(workspace)
    assert not any(metadata(again, name)["written"] for name in ("retention", "lifetime", "features"))


def test_every_question_is_answered_in_a_sentence(bench, workspace):
    """Rows have the columns they say they have, and both ways to tell apart add up to the same money."""
    derive(bench, {**shop(bench), **subscribers(bench)})
    run(workspace)
    for lens in LENSES:
        found = ask(workspace, lens.name)
        assert found.sentence.endswith(".")
        assert all(set(row) == set(found.columns) for row in found.rows)
    cohorts, channels = ask(workspace, "lifetime", "cohort"), ask(workspace, "lifetime", "channel")
    assert sum(row["historic"] for row in cohorts.rows) == sum(row["historic"] for row in channels.rows)
    assert "payers are expected to bring" in cohorts.sentence
    drifting = ask(workspace, "drifting").rows
    assert drifting
    assert "payers: calibrated on " in " ".join(ask(workspace, "drifting").notes)
    assert all(0.5 <= row["has_left"] < 0.95 for row in drifting if row["has_left"] is not None)


def test_a_business_of_three_says_too_few(bench, workspace):
    """Nothing is guessed of three payers, and nothing fails."""
    derive(bench, {name: paid(bench, name, "2026-08-01", "2026-09-01") for name in "abc"})
    run(workspace)
    assert ask(workspace, "retention").sentence.startswith("Too few to tell which month breaks")
    assert (
        ask(workspace, "lifetime").sentence == "Customers brought 60.00 EUR so far; what is to come cannot be told yet."
    )
    assert ask(workspace, "drifting").sentence == "Who is drifting cannot be told yet."
    assert ask(workspace, "features").sentence.startswith("Nobody who pays did anything")


def test_money_that_is_left_out_is_told(bench, workspace):
    """Who reads a sum learns what is not in it."""
    derive(
        bench, {"a": [*paid(bench, "a", "2026-08-01", "2026-08-02"), *paid(bench, "a", "2026-09-01", currency="chf")]}
    )
    run(workspace)
    for name in ("retention", "lifetime"):
        assert "1 movements in a currency without a rate are left out (SIDECAR_RATES)." in ask(workspace, name).notes


def test_what_is_not_told_of_contracts_is_said(bench, workspace):
    """Who reads how many contracts are kept learns when unpaid ones count as lost, and that paused collection is not seen."""
    derive(bench, {"a": [signed(bench, "a", "2026-08-01")]})
    run(workspace)
    said = " ".join(ask(workspace, "retention", "subscriptions").notes)
    assert "Unpaid and paused contracts count as lost 30 days after" in said
    assert "collection alone is paused counts as kept" in said
    assert "collection" not in " ".join(ask(workspace, "retention", "payments").notes)


def test_before_the_first_run_every_question_says_what_to_do(workspace):
    """An empty lake is answered with the next step."""
    assert {ask(workspace, lens.name).sentence.split(",")[0] for lens in LENSES} == {"Nothing has been stitched yet"}


def test_an_empty_business_has_empty_tables(bench, workspace):
    """Nobody pays yet: the assets run, and say so."""
    result = run(workspace)
    assert result.success
    assert metadata(result, "lifetime")["dagster/row_count"] == 0
    assert ask(workspace, "lifetime").sentence.startswith("No payment and no subscription has landed yet")


def test_the_month_that_breaks_is_named(bench, workspace):
    """Half of a hundred payers stay away from the third month on; the answer names it, and the picture marks it."""
    months = [f"2026-{month:02}-10" for month in range(2, 11)]
    derive(bench, {f"p{n}": paid(bench, f"p{n}", *(months if n % 2 else months[:3])) for n in range(100)})
    marked = svg(metadata(run(workspace), "retention")["logo_payments"])
    assert ask(workspace, "retention").sentence.startswith("Month 3 breaks: 50% of 100 left in it")
    assert [head.text for head in marked.findall("{*}text") if head.text and "▼" in head.text] == ["▼ 3"]


def test_checks_find_what_is_impossible(bench):
    """A share above one, a chance above one, money that is not there and a ratio of three payers are found."""
    row = {"basis": "payments", "cohort": "2026-01", "month": 1, "customers": 2, "kept": 3, "gross": 1.5}
    put(bench.lake, RETENTION, pa.Table.from_pylist([row], schema=RETENTION.schema))
    life = {"scope": "person", "entity_id": "a", "historic": 5, "buys_30d": 1.5}
    put(bench.lake, LIFETIMES, pa.Table.from_pylist([life], schema=LIFETIMES.schema))
    tie = {
        "outcome": "left",
        "feature": "x",
        "did": 3,
        "did_and": 1,
        "rest": 90,
        "rest_and": 1,
        "ratio": 9.0,
        "low": 1.0,
        "high": 80.0,
    }
    put(bench.lake, FEATURES, pa.Table.from_pylist([tie], schema=FEATURES.schema))
    found = [off(bench.lake) for off in (shares_off, chances_off, historic_off, ratios_off)]
    assert found == [1, 1, 1, 1]
