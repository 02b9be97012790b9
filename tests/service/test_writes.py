"""The ledger at the command line: plans, histories, approval, undo and another try, through the real connector."""

import pytest

from connectors.salesforce import CONNECTOR as SALESFORCE
from models.keys import RecordKey
from pipelines.workspace import Workspace
from pipelines.write_back.compare import Wanted
from pipelines.write_back.limits import Limits
from pipelines.write_back.plan import draw_up
from sandbox.salesforce.ids import make_id
from service import terminal
from service.writing import PlanReport

ONE = make_id("003", 1)


@pytest.fixture
def desk(door, salesforce_sandbox):
    """An org with our fields and one contact."""
    salesforce_sandbox.state.insert_many("Contact", [{"Id": ONE, "LastName": "Kolbe"}])
    door.connect()
    assert door.ask("provision", "apply").code == 0
    return door


def planned(belief: str) -> str:
    """A plan that gives the contact a top belief; its id."""
    with Workspace.from_environment() as workspace:
        crm = SALESFORCE.open_crm(SALESFORCE.settings(), workspace.clock)
        wanted = [Wanted(RecordKey("salesforce", crm.account, "Contact", ONE), "person", "p", {"top_belief": belief})]
        made = draw_up(crm, "salesforce", wanted, store=workspace.store, clock=workspace.clock, limits=Limits())
    return made.id


def test_what_was_written_is_told_and_taken_back(desk, salesforce_sandbox):
    """By run and by record; an undo shows first what it would do, and is a run of its own."""
    first = planned("Too dear")
    assert desk.ask("apply", first).code == 0
    second = planned("Fair price")
    assert desk.ask("apply", second).code == 0
    (newest, oldest) = desk.ask("writes", "--json").json
    assert (newest["id"], oldest["id"], newest["fields"]) == (second, first, {"ok": 4})
    history = [one for one in desk.ask("writes", ONE, "--json").json if one["field"] == "BLF_Top_Belief__c"]
    assert [(one["old"], one["new"], one["state"]) for one in history] == [
        (None, "Too dear", "ok"),
        ("Too dear", "Fair price", "ok"),
    ]
    assert "Fair price" in desk.ask("writes", second).said
    assert desk.ask("undo", second, "--dry-run").code == 0
    assert salesforce_sandbox.state.get("Contact", ONE)["BLF_Top_Belief__c"] == "Fair price"
    assert desk.ask("undo", second).code == 2  # nobody is there to say yes
    assert desk.ask("undo", second, "--yes").code == 0
    assert salesforce_sandbox.state.get("Contact", ONE)["BLF_Top_Belief__c"] == "Too dear"
    assert f"takes back {second}" in desk.ask("writes").said


def test_a_plan_that_waits_says_so_until_somebody_approves_it(desk, monkeypatch):
    """Applying is refused with the command that helps, doctor tells, and whose yes it was is kept."""
    monkeypatch.setenv("SIDECAR_WRITE_BACK_APPROVAL", "salesforce")
    plan = planned("Too dear")
    refused = desk.ask("apply", plan)
    assert refused.code == 1
    assert f"sidecar plan approve {plan}" in refused.said
    assert f"sidecar plan approve {plan}" in desk.ask("doctor").said
    assert desk.ask("plan", "approve", plan, "--by", "Robin").code == 0
    assert desk.ask("apply", plan).code == 0
    assert "approved by Robin" in desk.ask("writes").said


def test_looking_at_an_undo_leaves_a_plan_that_waits_as_it_is(desk, monkeypatch):
    """Nothing is kept of a look, nor of an undo to which nobody said yes: the plan that was approved is still the one to deliver."""
    done = planned("Too dear")
    assert desk.ask("apply", done).code == 0
    monkeypatch.setenv("SIDECAR_WRITE_BACK_APPROVAL", "salesforce")
    waits = planned("Fair price")
    assert desk.ask("plan", "approve", waits).code == 0
    before = desk.ask("writes", "--json").json
    looked = desk.ask("undo", done, "--dry-run", "--json").json
    assert (looked["id"], looked["counts"]["write calls"], len(looked["writes"])) == (None, 1, 4)
    said = desk.ask("undo", done, "--dry-run").said
    assert "Too dear → empty" in said
    assert "sidecar apply" not in said
    assert desk.ask("undo", done).code == 2
    assert desk.ask("writes", "--json").json == before
    assert desk.ask("apply", waits).code == 0


def test_an_undo_says_what_a_later_plan_wrote(desk):
    """That is left, and a later plan of ours is not called a human."""
    first = planned("Too dear")
    desk.ask("apply", first)
    desk.ask("apply", planned("Fair price"))
    assert "fields are left alone: written again by a later plan" in desk.ask("undo", first, "--yes").said


def test_an_undo_that_has_nothing_left_to_put_back_keeps_no_plan(desk):
    """Asked twice, it is made once."""
    done = planned("Too dear")
    desk.ask("apply", done)
    assert desk.ask("undo", done, "--yes").code == 0
    before = desk.ask("writes", "--json").json
    assert len(before) == 2
    assert desk.ask("undo", done, "--yes").code == 0
    assert desk.ask("writes", "--json").json == before


@pytest.mark.parametrize(
    ("counted", "told"),
    [("undone", "an undo put back what they hold"), ("kept", "a human put there"), ("parked", "sidecar writes retry")],
)
def test_a_plan_says_what_earlier_decisions_hold_back(counted, told, capsys):
    """In words as in the numbers for machines."""
    terminal.show_plans([PlanReport("p", "salesforce", None, {counted: 2}, [])])
    said = capsys.readouterr().out
    assert "2 records are left alone: " in said
    assert told in said


def test_a_plan_without_writes_is_told_as_one(desk):
    """It is listed, so that it can be asked for."""
    desk.ask("apply", planned("Too dear"))
    quiet = planned("Too dear")
    assert f"The ledger holds no write of plan {quiet}." in desk.ask("writes", quiet).said
    assert desk.ask("writes", quiet, "--json").json == []


def test_what_was_refused_is_due_again_by_hand(desk, salesforce_sandbox):
    """The reason is told, and another try costs one command."""
    salesforce_sandbox.state.refuse(ONE, "FIELD_CUSTOM_VALIDATION_EXCEPTION", message="Not so", times=1)
    plan = planned("Too dear")
    assert desk.ask("apply", plan).code == 1
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION: Not so" in desk.ask("writes", plan).said
    assert desk.ask("writes", "retry").code == 2
    assert desk.ask("writes", "retry", plan, "--json").json == {"due_again": 4}
    assert desk.ask("apply", planned("Too dear")).code == 0


def test_what_the_ledger_does_not_know_is_said(desk):
    """With exit code 2."""
    for command in (
        ("writes", "nothing"),
        ("writes", ""),
        ("writes", "retry", "nothing"),
        ("undo", "nothing"),
        ("plan", "approve", "nothing"),
    ):
        assert desk.ask(*command).code == 2
