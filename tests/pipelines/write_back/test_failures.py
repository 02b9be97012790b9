"""What if it fails twice, dies half way, or two of them run at once?"""

from contextlib import suppress

import pytest

from connectors.base import RowResult
from connectors.errors import Fatal, Retryable
from pipelines.write_back.limits import Limits
from pipelines.write_back.refusals import Busy, PlanRefused


def content(history):
    return [entry for entry in history if entry[1] in ("BLF_Top_Belief__c", "BLF_Trend__c")]


@pytest.mark.parametrize("then", ["apply again", "plan anew"])
def test_killed_at_any_line_the_next_run_completes(new_desk, then):
    """Whatever the step it died at: every value arrives, none is sent twice, and the ledger knows of each."""
    at, died = 1, True
    while died:
        desk = new_desk()
        desk.crm.batch_size = 2
        wanted = desk.contacts(5, top_belief="Too dear", trend="Steady")
        plan = None
        with desk.dying(at) as death:
            plan = desk.plan(wanted)
            desk.apply(plan)
        died = death.came
        if plan and then == "apply again" and died:
            with suppress(PlanRefused):  # it died after the last line that counts
                desk.apply(plan)
        desk.run(wanted)
        assert sorted(content(desk.crm.history)) == sorted(
            (f"003{number:05}", field, value)
            for number in range(5)
            for field, value in (("BLF_Top_Belief__c", "Too dear"), ("BLF_Trend__c", "Steady"))
        )
        assert not {row.state for row in desk.rows()} & {"planned", "sent", "failed", "conflict"}
        assert {row.record for row in desk.rows(state="ok", field="BLF_Trend__c")} == {
            str(one.record) for one in wanted
        }
        assert desk.plan(wanted).counts["unchanged"] == 5
        desk.store.dispose()
        at += 1
    assert at > 12  # it really died at every step of plan and delivery


def test_a_refused_record_is_parked_and_the_rest_delivered(desk):
    """The reason is kept; the same value is not tried again, another one is."""
    wanted = desk.contacts(3, top_belief="A")
    desk.crm.refusals["00300001"] = ["FIELD_CUSTOM_VALIDATION_EXCEPTION"]
    done = desk.run(wanted)
    assert (done.records, done.parked, done.failed) == (2, 5, 5)
    (row,) = desk.rows(state="failed", field="BLF_Top_Belief__c")
    assert row.error.startswith("FIELD_CUSTOM_VALIDATION_EXCEPTION")
    calls = dict(desk.crm.calls)
    assert desk.plan(wanted).counts["parked"] == 1
    assert dict(desk.crm.calls) == {**calls, "definition": calls["definition"] + 1}
    desk.crm.refusals.clear()
    desk.run([wanted[0], desk.wanted("Contact", "00300001", key="p1", top_belief="B"), wanted[2]])
    assert desk.crm.value("Contact", "00300001", "top_belief") == "B"


def test_a_busy_record_is_tried_again_after_the_others(desk):
    """A row lock that passes costs one more call and nothing else."""
    desk.crm.refusals["00300001"] = ["UNABLE_TO_LOCK_ROW", ""]
    done = desk.run(desk.contacts(3, top_belief="A"))
    assert (done.records, done.failed) == (3, 0)
    assert desk.crm.calls["write Contact"] == 2


def test_a_record_that_stays_busy_is_due_again(desk):
    """After three tries the rest is not held up; the next run begins anew."""
    wanted = desk.contacts(3, top_belief="A")
    desk.crm.refusals["00300001"] = ["UNABLE_TO_LOCK_ROW"]
    done = desk.run(wanted)
    assert (done.records, done.failed, done.parked) == (2, 5, 0)
    assert desk.crm.calls["write Contact"] == 3
    desk.crm.refusals.clear()
    assert desk.run(wanted).records == 1


def test_a_record_gone_before_delivery_is_not_sent(desk):
    """Deleted, merged or converted meanwhile: it is not sent, and says why."""
    plan = desk.plan(desk.contacts(2, top_belief="A"))
    del desk.crm.records["Contact"]["00300000"]
    done = desk.apply(plan)
    assert (done.records, done.gone, done.failed) == (1, 5, 0)
    assert "gone" in desk.rows(state="superseded")[0].error


def test_a_record_gone_at_its_last_moment_is_no_failure(desk):
    """It vanishes between the last look and the call: the vendor's own answer is the reason."""
    plan = desk.plan(desk.contacts(2, top_belief="A"))
    desk.crm.step = lambda where: desk.crm.records["Contact"].pop("00300000", None)
    done = desk.apply(plan)
    assert (done.records, done.gone, done.failed) == (1, 5, 0)
    assert desk.rows(state="superseded")[0].error.endswith("(ENTITY_IS_DELETED)")


def test_a_record_gone_before_planning_is_counted(desk):
    """The lake still knows it, the CRM does not: no row, one count."""
    wanted = desk.contacts(2, top_belief="A")
    del desk.crm.records["Contact"]["00300000"]
    plan = desk.plan(wanted)
    assert plan.counts["gone"] == 1
    assert plan.counts["to write"] == 1


def test_many_refusals_stop_the_delivery(desk):
    """Beyond a fifth of refused records the rest stays unsent and the plan says so; the next plan has it."""
    desk.crm.batch_size, desk.limits = 2, Limits(min_records=2)
    wanted = desk.contacts(6, top_belief="A")
    desk.crm.refusals = {f"003{number:05}": ["INSUFFICIENT_ACCESS"] for number in range(2)}
    plan = desk.plan(wanted)
    done = desk.apply(plan)
    assert "2 of 2 records were refused" in done.stopped
    assert desk.crm.calls["write Contact"] == 1
    with pytest.raises(PlanRefused, match="were refused"):
        desk.apply(plan)
    assert desk.run(wanted).records == 4


def test_an_outage_leaves_the_plan_open(desk):
    """The vendor cannot be reached: the error reaches the caller, and applying again delivers."""
    plan = desk.plan(desk.contacts(2, top_belief="A"))

    def outage(_: str) -> None:
        raise Retryable("no answer", after=60, vendor="salesforce")

    desk.crm.step = outage
    with pytest.raises(Retryable):
        desk.apply(plan)
    assert {row.state for row in desk.rows()} == {"sent"}
    desk.crm.step = lambda where: None
    assert desk.apply(plan).records == 2


def test_answers_that_are_not_ours_are_not_believed(desk):
    """Fewer results than records: nothing is taken for written, and the next run reads back what was."""
    wanted = desk.contacts(2, top_belief="A")
    plan = desk.plan(wanted)
    update = desk.crm.update

    def forgetful(object_name: str, rows: list) -> list[RowResult]:
        return update(object_name, rows)[:1]

    desk.crm.update = forgetful
    with pytest.raises(Fatal, match="other ones were answered"):
        desk.apply(plan)
    desk.crm.update = update
    assert desk.run(wanted).written == 0
    assert len(desk.rows(state="ok", field="BLF_Top_Belief__c")) == 2


def test_two_at_once_do_not_mix(desk):
    """While one delivers, another may neither plan nor apply for the same CRM."""
    first = desk.plan(desk.contacts(2, top_belief="A"))
    refused = []

    def meanwhile(_: str) -> None:
        for attempt in (lambda: desk.apply(first), lambda: desk.plan(desk.contacts(1, top_belief="B"))):
            with pytest.raises(Busy, match="another run is writing back to salesforce"):
                attempt()
            refused.append(attempt)

    desk.crm.step = meanwhile
    assert desk.apply(first).records == 2
    assert len(refused) == 4
