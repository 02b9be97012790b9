"""Taking a run back, what was refused and what is old."""

from datetime import timedelta

import pytest

from pipelines.write_back import history
from pipelines.write_back.compare import FORGOTTEN, OPTED_OUT
from pipelines.write_back.limits import Limits
from pipelines.write_back.refusals import PlanRefused
from pipelines.write_back.undo import undo
from tests.pipelines.write_back.desk import Desk
from tests.pipelines.write_back.real import Office


def take_back(desk: Desk, plan_id: str):
    desk.clock.advance(timedelta(minutes=1))
    return undo(desk.crm, "salesforce", plan_id, store=desk.store, clock=desk.clock, limits=desk.limits)


def state(desk: Desk) -> dict:
    return {one: dict(values) for one, values in desk.crm.records["Contact"].items()}


def test_a_run_is_taken_back_but_for_what_humans_touched(desk):
    """Old values stand again, stamps included; a rep's words, a locked record and a later write are left and listed."""
    desk.run(desk.contacts(4, top_belief="A", trend="Steady"))
    before = state(desk)
    plan = desk.plan(desk.contacts(4, top_belief="B", trend="Diverging"))
    desk.apply(plan)
    desk.crm.edit("Contact", "00300000", top_belief="Mine")
    desk.crm.edit("Contact", "00300001", lock=True)
    undoing = take_back(desk, plan.id)
    assert undoing.undoes == plan.id
    done = desk.apply(undoing)
    assert state(desk)["00300003"] == before["00300003"]
    assert state(desk)["00300000"] == {**before["00300000"], "BLF_Top_Belief__c": "Mine"}
    assert desk.crm.value("Contact", "00300001", "top_belief") == "B"
    assert (done.kept, done.locked) == (1, 5)
    assert {row.state for row in desk.rows(plan_id=plan.id) if "/00300003" in row.record} == {"undone"}


def test_what_was_taken_back_is_not_written_again_until_something_else_is_known(desk):
    """The next run would else repeat what somebody has just undone."""
    desk.run(desk.contacts(2, top_belief="A"))
    wanted = desk.contacts(2, top_belief="B")
    done = desk.run(wanted)
    desk.apply(take_back(desk, done.plan_id))
    calls = dict(desk.crm.calls)
    assert desk.plan(wanted).counts["undone"] == 2
    assert dict(desk.crm.calls) == calls
    desk.run(desk.contacts(2, top_belief="C"))
    assert desk.crm.value("Contact", "00300000", "top_belief") == "C"


def test_an_undo_can_be_undone(desk):
    """It is a run like any other."""
    desk.run(desk.contacts(2, top_belief="A"))
    done = desk.run(desk.contacts(2, top_belief="B"))
    after = state(desk)
    back = desk.apply(take_back(desk, done.plan_id))
    desk.apply(take_back(desk, back.plan_id))
    assert state(desk) == after


def test_a_later_plan_stands(desk):
    """Undoing the older of two runs touches nothing that the newer has written."""
    first = desk.run(desk.contacts(2, top_belief="A"))
    desk.run(desk.contacts(2, top_belief="B"))
    undoing = take_back(desk, first.plan_id)
    assert {row.reason for row in desk.rows(plan_id=undoing.id, field="BLF_Top_Belief__c")} == {
        "written again by a later plan"
    }
    done = desk.apply(undoing)
    assert (done.kept, done.later, done.written) == (0, 8, 2)  # the key, which the newer run had no need to write
    assert desk.crm.value("Contact", "00300000", "top_belief") == "B"


@pytest.mark.parametrize("reason", [OPTED_OUT, FORGOTTEN])
def test_nobody_who_opted_out_is_shown_again(desk, reason):
    """The run that emptied the fields cannot be taken back."""
    desk.run(desk.contacts(1, top_belief="A"))
    emptied = desk.run([desk.wanted("Contact", "00300000", reason=reason)])
    assert desk.apply(take_back(desk, emptied.plan_id)).written == 0
    assert desk.crm.value("Contact", "00300000", "top_belief") is None


def test_killed_while_undoing_the_next_try_completes(new_desk):
    """At any step: the state before the run is back, and each write of the run says so."""
    at, died = -1, True
    while died:
        at += 2  # every step of both kinds is met: calls lie between commits
        desk = new_desk()
        desk.run(desk.contacts(3, top_belief="A"))
        before = state(desk)
        done = desk.run(desk.contacts(3, top_belief="B"))
        with desk.dying(at) as death:
            desk.apply(take_back(desk, done.plan_id))
        died = death.came
        desk.apply(take_back(desk, done.plan_id))
        assert state(desk) == before
        assert {row.state for row in desk.rows(plan_id=done.plan_id)} == {"undone"}
        desk.store.dispose()
    assert at > 5


def test_what_was_refused_is_tried_again_by_run_by_date_and_after_a_week(desk):
    """The rule is gone, the value is the same: by hand at once, by itself a week later."""
    wanted = desk.contacts(1, top_belief="A")
    desk.crm.refusals["00300000"] = ["FIELD_CUSTOM_VALIDATION_EXCEPTION"]
    done = desk.run(wanted)
    assert desk.plan(wanted).counts["parked"] == 1
    assert history.retry(desk.store, since=desk.clock.now() + timedelta(days=1)) == 0
    assert history.retry(desk.store, plan_id=done.plan_id) == 5
    assert desk.run(wanted).parked == 5
    desk.clock.advance(timedelta(days=8))
    desk.crm.refusals.clear()
    assert desk.run(wanted).records == 1


def test_a_field_that_changed_is_worth_another_try(desk):
    """Access was given, or an option added: the description of the fields is another one."""
    wanted = desk.contacts(1, top_belief="A")
    desk.crm.refusals["00300000"] = ["INSUFFICIENT_ACCESS"]
    desk.run(wanted)
    desk.crm.refusals.clear()
    assert desk.plan(wanted).counts["parked"] == 1
    desk.crm.closed.add("Contact.BLF_Lock__c")
    assert desk.run(wanted).records == 1


@pytest.mark.parametrize(
    ("policy", "holds"), [("always", "B"), ("never_over_human", "Mine"), ("only_if_empty", "Mine")]
)
def test_each_field_has_its_policy(desk, policy, holds):
    """Over whatever stands there, only over our own words, or only where nothing stands."""
    desk.limits = Limits(policy={"top_belief": policy})
    desk.run(desk.contacts(2, top_belief="A"))
    desk.crm.edit("Contact", "00300000", top_belief="Mine")
    desk.run(desk.contacts(2, top_belief="B"))
    assert desk.crm.value("Contact", "00300000", "top_belief") == holds
    assert desk.crm.value("Contact", "00300001", "top_belief") == ("A" if policy == "only_if_empty" else "B")


def test_a_plan_waits_for_approval(desk):
    """Without a yes it is refused, with one it is delivered, and the ledger knows whose it was."""
    desk.limits = Limits(approval="salesforce")
    plan = desk.plan(desk.contacts(1, top_belief="A"))
    with pytest.raises(PlanRefused, match="sidecar plan approve"):
        desk.apply(plan)
    desk.ledger.approve(plan.id, desk.clock.now(), "Robin")
    assert desk.apply(plan).records == 1
    (run,) = history.runs(desk.store)
    assert run.approved_by == "Robin"


def test_a_plan_of_yesterday_is_not_applied(desk):
    """Who has opted out since would be written."""
    plan = desk.plan(desk.contacts(1, top_belief="A"))
    desk.clock.advance(timedelta(days=1))
    with pytest.raises(PlanRefused, match="too old"):
        desk.apply(plan)


def test_the_ledger_forgets_what_is_old_but_not_what_stands(desk):
    """The newest row of each field is what the next comparison rests on, however old."""
    for belief in "ABC":
        desk.run(desk.contacts(2, top_belief=belief))
    desk.clock.advance(timedelta(days=100))
    assert history.sweep(desk.store, "salesforce", desk.clock.now() - timedelta(days=90)) > 0
    assert [row.new_value for row in desk.rows(field="BLF_Top_Belief__c")] == ['"C"', '"C"']
    assert desk.plan(desk.contacts(2, top_belief="C")).counts["unchanged"] == 2
    desk.run(desk.contacts(2, top_belief="D"))
    assert desk.states("top_belief") == ["ok"] * 4


@pytest.mark.slow
def test_ten_thousand_writes_are_taken_back_exactly(salesforce_sandbox, clock, desk):
    """By bulk job, against the real connector: the exact state before, but for the fields that humans touched, which are listed."""
    office = Office.ready("salesforce", salesforce_sandbox, clock, desk.store)
    office.limits = Limits(max_changed_share=1)
    ids = office.practice.contacts(range(1, 2_001))
    office.run(office.contact(one, top_belief="A", trend="Steady") for one in ids[:1_000])
    names = ("key", "top_belief", "trend", "updated_at", "run_id", "content_hash")
    before = {name: office.values(ids, name) for name in names}
    done = office.run(office.contact(one, top_belief="B", trend="Diverging") for one in ids)
    assert done.written >= 10_000
    touched = ids[::100]
    for one in touched:
        office.edit(one, top_belief="Mine")
    undoing = undo(office.crm, "salesforce", done.plan_id, store=office.store, clock=clock, limits=Limits())
    back = office.apply(undoing)
    left = office.rows(plan_id=undoing.id, state="conflict")
    assert {(row.record.rsplit("/", 1)[1], row.field) for row in left} == {
        (one, "BLF_Top_Belief__c") for one in touched
    }
    assert back.written == done.written - len(touched)
    expected = {
        **before,
        "top_belief": ["Mine" if one in touched else was for one, was in zip(ids, before["top_belief"], strict=True)],
    }
    assert {name: office.values(ids, name) for name in names} == expected
