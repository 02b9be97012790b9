"""The stitch room as Dagster runs it."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from sqlmodel import select

from models.facts import Discount, Payment, Scope, Subscription
from models.identity import RefusedTie
from models.operations import Cursor
from models.store import transaction
from pipelines.ingest.schemas import RAW
from pipelines.stitch.assets import assets
from pipelines.stitch.automation import jobs, schedules
from pipelines.stitch.checks import checks
from pipelines.stitch.derived import RECEIPTS, REVENUE, SPEND
from pipelines.stitch.edges import Told
from pipelines.stitch.figures import Strong, strong_values
from pipelines.stitch.reconcile import misallocated, unaccounted, unreceived
from pipelines.workspace import Workspace, WorkspaceSettings
from tests.pipelines.stitch.conftest import T0, Hand, person
from tests.pipelines.stitch.market import at, came, costs, used


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(WorkspaceSettings(home=tmp_path))


@pytest.fixture
def hand(workspace: Workspace) -> Hand:
    return Hand(workspace.lake)


@pytest.fixture
def run(workspace: Workspace) -> Callable[[], dg.ExecuteInProcessResult]:
    """Runs the room's job once."""
    defs = dg.Definitions(
        assets=assets(), asset_checks=checks(), jobs=jobs(), schedules=schedules(), resources={"workspace": workspace},
        executor=dg.in_process_executor,
    )  # fmt: skip

    def once() -> dg.ExecuteInProcessResult:
        with dg.DagsterInstance.ephemeral() as instance:
            return defs.resolve_job_def("stitch").execute_in_process(instance=instance, raise_on_error=False)

    return once


def numbers(result: dg.ExecuteInProcessResult, name: str) -> dict[str, float]:
    (made,) = result.asset_materializations_for_node(f"stitch__{name}")
    return {label: value.value for label, value in made.metadata.items() if isinstance(value.value, int | float)}


def verdicts(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {f"{one.asset_key.path[-1]}.{one.check_name}": one.passed for one in result.get_asset_check_evaluations()}


def charge(hand: Hand, payer: str, amount: int) -> list[Payment]:
    return [Payment(payer=hand.key(payer), kind="charge", amount_minor=amount, currency="usd", occurred_at=T0)]


def test_a_run_tells_counts_and_passes_its_checks(run, hand):
    """An operator sees how many persons there are, of how many records, and what joined nobody."""
    hand.write(
        {
            "a": person(email="a@corp.example"),
            "b": person(email="a@corp.example"),
            "c": person(email="info@corp.example"),
        }
    )
    first = run()
    assert first.success
    assert all(verdicts(first).values())
    assert len(verdicts(first)) == 12
    persons = numbers(first, "persons")
    assert {name: persons[name] for name in ("dagster/row_count", "records", "largest", "created", "values_blocked", "rows_added")} == {
        "dagster/row_count": 2, "records": 3, "largest": 2, "created": 2, "values_blocked": 1, "rows_added": 3,
    }  # fmt: skip
    again = run()
    assert numbers(again, "persons")["rows_added"] == numbers(again, "journeys")["tables_written"] == 0


def test_a_run_shows_what_could_not_be_used_and_who_met_whom(run, hand, workspace):
    """Swapped columns and unreadable values by number of records; per vendor, how many records met another vendor's or say nothing of whom."""
    other = Hand(workspace.lake, vendor="shop")
    hand.write(
        {
            "a": person(email="a@corp.example"),
            "b": person(phone="b@corp.example"),
            "c": person(phone="ask Bob"),
            "d": person(),
        }
    )
    other.write(
        {"x": person(email="A@corp.example"), "y": person(email="b@corp.example"), "z": person(phone="+14155550101")}
    )
    first = run()
    made = first.asset_materializations_for_node("stitch__persons")[0].metadata
    assert (
        made["values_misplaced"].value,
        made["values_unreadable"].value,
        made["records_without_identifier"].value,
    ) == (1, 1, 2)
    rows = [[cell.strip() for cell in line.split("|")[1:5]] for line in made["match_rate"].value.splitlines()[2:]]
    assert rows == [["shop", "3", "0", "67%"], ["toy", "4", "2", "50%"]]


def test_a_strong_value_that_names_two_people_is_quarantined_or_an_alarm(run, hand, workspace):
    """What the guards refused is explained; a membership that nobody can explain is not."""
    hand.write(
        {"a": person(external_id="u1", email="e@corp.example"), "b": person(external_id="u2", email="e@corp.example")}
    )
    result = run()
    assert verdicts(result)["persons.one_per_strong_identifier"]
    assert numbers(result, "persons")["refused_one_ever"] == 1
    with transaction(workspace.store) as session:
        for tie in session.exec(select(RefusedTie)):
            session.delete(tie)
    assert strong_values(Told(workspace.lake), workspace.store, Scope.person) == Strong(
        values=3, divided=1, unexplained=1
    )


def test_metadata_holds_no_customer_value(run, hand):
    """Counts and ids only, whatever stands in the records."""
    hand.write({"a": person("Jane Doe", email="jane@corp.example"), "b": person("Jane Doe", email="jane@corp.example")})
    text = json.dumps([str(event) for event in run().all_events])
    assert "jane" not in text.casefold()


def test_an_empty_lake_is_no_failure(run):
    """The first tick may come before the first pull."""
    result = run()
    assert result.success
    assert all(verdicts(result).values())


def test_a_stale_source_is_a_warning(run, hand, workspace):
    """Stitching goes on with what has landed and says that it is old."""
    with transaction(workspace.store) as session:
        landed = workspace.clock.now() - timedelta(days=3)
        session.add(Cursor(vendor="stripe", account="acct_1:test", stream="charges", position={}, landed_at=landed))
    result = run()
    assert result.success
    assert not verdicts(result)["persons.sources_are_fresh"]


def test_money_that_does_not_add_up_fails_the_run(run, hand, workspace):
    """Revenue that is not the sum of the payments stops everything behind it."""
    hand.write({"a": person(), "p": charge(hand, "a", 500)})
    assert verdicts(run())["journeys.revenue_is_all_payments"]
    table = workspace.lake.table(REVENUE.name).to_pyarrow()
    less = table.set_column(table.schema.get_field_index("charged"), "charged", pa.array([499], pa.int64()))
    workspace.lake.replace(REVENUE.name, less)
    assert unaccounted(workspace.lake) == {("charge", "usd"): -1}
    assert unreceived(workspace.lake) == {}
    workspace.lake.replace(RECEIPTS.name, workspace.lake.table(RECEIPTS.name).to_pyarrow().slice(1))
    assert unreceived(workspace.lake) == {("charge", "usd"): -500}
    spec = next(spec for check in checks() for spec in check.check_specs if spec.name == "revenue_is_all_payments")
    assert spec.blocking


def test_what_ads_cost_adds_up_or_fails_the_run(run, hand, workspace):
    """A part that is lost, or charged twice, stops everything behind it; two errors that cancel out are still two."""
    t1, t2 = came(hand.key("a"), at(1), ad_id="7"), came(hand.key("b"), at(1), ad_id="7")
    hand.write({"a": person("A"), "b": person("B"), "t": [t1, t2], "c7": costs("7", 11), "c8": costs("8", 40)})
    assert verdicts(run())["journeys.spend_equals_the_platform"]
    table = workspace.lake.table(SPEND.name).to_pyarrow()
    amounts = [{"7": 5, "8": 41}[ad] for ad in table["ad_id"].to_pylist()]
    wrong = table.set_column(table.schema.get_field_index("amount"), "amount", pa.array(amounts, pa.int64()))
    workspace.lake.replace(SPEND.name, wrong)
    assert misallocated(workspace.lake) == {("toy", "eur"): 2}
    workspace.lake.replace(SPEND.name, table.slice(0, 1))
    assert misallocated(workspace.lake) == {("toy", "eur"): 2}
    spec = next(spec for check in checks() for spec in check.check_specs if spec.name == "spend_equals_the_platform")
    assert spec.blocking


def test_journeys_show_a_funnel_and_how_much_spend_found_its_persons(run, hand):
    """Shares and counts: how many came, by what, and which part of the money is known to have brought somebody; no sums."""
    hand.write(
        {
            "a": [*person("A"), used(hand.key("a"), at(9))], "b": person("B"), "c": person("C"), "d": person("D"),
            "t": [
                came(hand.key("a"), at(1), "lead_ad", ad_id="7"), came(hand.key("b"), at(2)),
                came(hand.key("c"), at(3), "campaign", source="Fair", ad_id="8"),
            ],
            "c7": costs("7", 76543), "c9": costs("9", 229629), "free": costs("8", 0, currency="jpy"),
            "paid": charge(hand, "a", 500),
        }
    )  # fmt: skip
    made = run().asset_materializations_for_node("stitch__journeys")[0].metadata
    assert (made["ad_days"].value, made["ad_days_with_persons"].value, made["sessions"].value) == (3, 2, 2)
    cells = {
        name: [[cell.strip() for cell in line.split("|")[1:-1]] for line in made[name].value.splitlines()[2:]]
        for name in ("funnel", "how_they_came", "spend_allocated")
    }
    assert [row[:3] for row in cells["funnel"]] == [
        ["known", "4", "100%"], ["came", "3", "75%"], ["did", "1", "25%"], ["paid", "1", "25%"],
    ]  # fmt: skip
    assert [row[1] for row in cells["how_they_came"]] == ["1", "1", "1", "0", "1"]
    assert cells["spend_allocated"] == [["eur", "2", "1", "25%"], ["jpy", "1", "1", "-"]]
    assert not [
        value for value in map(str, made.values()) if "76543" in value or "229629" in value or "306172" in value
    ]


def test_payments_are_compared_with_the_balance_where_there_is_one(run, workspace):
    """A charge that the balance does not know is a warning, not a stop."""
    hand = Hand(workspace.lake, vendor="stripe")
    hand.write({"cus": person(), "c1": charge(hand, "cus", 500), "c2": charge(hand, "cus", 70)})
    moved = [("charge", 500), ("stripe_fee", -44), ("refund", -20), ("refund_failure", 20)]
    rows = [
        {
            **dict.fromkeys(("vendor", "account", "object"), "stripe"), "id": str(n), "record": f"stripe/stripe/stripe/{n}", "record_hash": n,
            "updated_at": T0, "pulled_at": T0, "batch": 1, "deleted": False, "payload_hash": n,
            "payload": json.dumps({"reporting_category": kind, "amount": amount, "currency": "usd"}),
        }
        for n, (kind, amount) in enumerate(moved)
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows, schema=RAW)
    workspace.lake.append_raw("stripe", "balance_transactions", table.to_reader(), len(rows))
    result = run()
    assert result.success
    assert verdicts(result)["journeys.revenue_is_all_payments"]
    assert not verdicts(result)["journeys.revenue_equals_the_balance"]


def test_a_discount_that_could_not_be_read_is_a_warning(run, hand):
    """Recurring revenue is then too high, which somebody can mend by a permission."""
    told = {"payer": hand.key("a"), "currency": "eur"}
    runs = Subscription(status="active", mrr_minor=1000, started_at=T0, **told)
    hand.write({"a": person("A"), "s": [runs, Discount(amount_minor=100, starts_at=T0, **told)]})
    assert verdicts(run())["journeys.mrr_is_after_discounts"]
    hand.write({"s": [runs, Discount(amount_minor=None, starts_at=T0, **told)]})
    result = run()
    assert result.success
    assert not verdicts(result)["journeys.mrr_is_after_discounts"]


def test_the_room_has_one_job_and_its_schedule_runs():
    """Dagster's schedules are off unless said otherwise."""
    assert [job.name for job in jobs()] == ["stitch"]
    assert [schedule.default_status for schedule in schedules()] == [dg.DefaultScheduleStatus.RUNNING]


def test_every_asset_waits_for_the_streams_that_feed_it():
    """The graph shows which vendor streams say who is who and which say what became of them."""
    deps = {
        key.path[-1]: {dep.to_user_string() for dep in asset.asset_deps[key]}
        for asset in assets()
        for key in asset.keys
    }
    assert {"salesforce/contacts", "salesforce/leads", "stripe/customers"} <= deps["persons"]
    assert "stripe/charges" not in deps["persons"]
    assert {"stitch/persons", "stitch/accounts", "stripe/charges", "salesforce/tasks"} <= deps["journeys"]
