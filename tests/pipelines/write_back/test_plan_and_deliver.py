"""What would you write? Have you already? What if a person edited the field meanwhile?"""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest

from pipelines.write_back.compare import OPTED_OUT
from pipelines.write_back.limits import Limits
from pipelines.write_back.plan import calls
from pipelines.write_back.recovery import read_back
from pipelines.write_back.refusals import FieldsNotReady, PlanRefused
from tests.pipelines.write_back.fake_crm import FakeCrm


def test_what_is_known_is_shown(desk):
    """Every value reaches its field, along with when, by which plan and with which fingerprint."""
    plan = desk.plan([desk.wanted("Contact", "003A", key="p1", top_belief="Too dear", alignment_score=58.4)])
    done = desk.apply(plan)
    assert desk.crm.value("Contact", "003A", "top_belief") == "Too dear"
    assert desk.crm.value("Contact", "003A", "alignment_score") == 58
    assert desk.crm.value("Contact", "003A", "run_id") == plan.id
    assert desk.crm.value("Contact", "003A", "updated_at") == "2026-11-02T09:01:00Z"
    assert len(desk.crm.value("Contact", "003A", "content_hash")) == 64
    assert (done.records, done.written) == (1, 6)


def test_planning_writes_nothing(desk):
    """A plan is data: the CRM is read and nothing more."""
    desk.plan(desk.contacts(3, top_belief="Too dear"))
    assert desk.crm.history == []
    assert set(desk.states("top_belief")) == {"planned"}


def test_the_second_run_is_quiet(desk):
    """Nothing changed: no row, no call of any kind, whatever the clock says."""
    wanted = desk.contacts(3, top_belief="Too dear", confidence=87.5, revenue_to_date=2400.0)
    desk.run(wanted)
    before = dict(desk.crm.calls)
    desk.clock.advance(timedelta(days=30))
    done = desk.run(wanted)
    assert dict(desk.crm.calls) == before
    assert desk.rows(plan_id=done.plan_id) == []
    assert done.written == 0


def test_only_what_changed_is_sent(desk):
    """One field of one record changes: that field and its stamps go out, in one call."""
    first = desk.contacts(3, top_belief="Too dear", trend="Steady")
    desk.run(first)
    calls, sent = desk.crm.calls["write Contact"], len(desk.crm.history)
    desk.run([desk.wanted("Contact", "00300000", key="p0", top_belief="Fair price", trend="Steady"), *first[1:]])
    assert desk.crm.calls["write Contact"] == calls + 1
    assert {name for _, name, _ in desk.crm.history[sent:]} == {
        "BLF_Top_Belief__c", "BLF_Updated_At__c", "BLF_Run_Id__c", "BLF_Content_Hash__c",
    }  # fmt: skip


@pytest.mark.parametrize(("records", "calls"), [(0, 0), (1, 1), (199, 1), (200, 1), (201, 2)])
def test_as_few_calls_as_batches(desk, records, calls):
    """Changed records over two hundred, rounded up."""
    desk.run(desk.contacts(records, top_belief="Too dear"))
    assert desk.crm.calls["write Contact"] == calls


@pytest.mark.parametrize(
    ("records", "salesforce", "hubspot"),
    [(0, 0, 0), (1, 1, 1), (199, 1, 2), (201, 2, 3), (50_000, 1 + 1, 1 + 500)],
)
def test_the_calls_that_a_plan_needs_are_told_beforehand(desk, records, salesforce, hubspot):
    """Batches of 200 or one job, batches of 100, and the canary of a big plan in a call of its own; `pytest -rP` shows the figures."""
    org, portal = FakeCrm(jobs=SimpleNamespace(least=2_000)), FakeCrm(batch_size=100)
    assert calls(org, {"Contact": records}, Limits()) == salesforce
    assert calls(portal, {"contact": records}, Limits()) == hubspot
    print(f"{records:>6} changed records: {salesforce} write calls to Salesforce, {hubspot} to HubSpot")  # noqa: T201  # shown by -rP


def test_each_kind_of_object_goes_out_by_itself(desk):
    """A call holds records of one object only, every duplicate of a person among them."""
    desk.run(
        [
            desk.wanted("Contact", "003A", key="p1", top_belief="Too dear"),
            desk.wanted("Account", "001A", key="a1", people_scored=2),
            desk.wanted("Lead", "00QA", key="p1", top_belief="Too dear"),
            desk.wanted("Contact", "003B", key="p1", top_belief="Too dear"),
        ]
    )
    assert [desk.crm.calls[f"write {name}"] for name in ("Contact", "Lead", "Account")] == [1, 1, 1]
    assert desk.crm.value("Contact", "003B", "top_belief") == desk.crm.value("Lead", "00QA", "top_belief") == "Too dear"


def test_there_and_back_is_three_writes(desk):
    """A, B, A: the third is a change like any other."""
    for belief in ("A", "B", "A"):
        desk.run([desk.wanted("Contact", "003A", top_belief=belief)])
    assert [value for _, name, value in desk.crm.history if name == "BLF_Top_Belief__c"] == ["A", "B", "A"]
    assert desk.states("top_belief") == ["ok", "ok", "ok"]


def test_the_ledger_keeps_what_was_there_before(desk):
    """Old and new value of each write, so that a run can be undone."""
    desk.run([desk.wanted("Contact", "003A", top_belief="A")])
    desk.run([desk.wanted("Contact", "003A", top_belief="B")])
    rows = sorted(desk.rows(field="BLF_Top_Belief__c"), key=lambda row: row.id)
    assert [(json.loads(row.old_value), json.loads(row.new_value)) for row in rows] == [(None, "A"), ("A", "B")]
    assert all(row.acknowledged_at >= row.sent_at for row in rows)


def test_a_humans_words_stay(desk):
    """A field that a rep changed is kept and said once; the other fields of the record follow what is known."""
    desk.run([desk.wanted("Contact", "003A", top_belief="A", trend="Steady")])
    desk.crm.edit("Contact", "003A", top_belief="I know better")
    wanted = [desk.wanted("Contact", "003A", top_belief="B", trend="Diverging")]
    done = desk.run(wanted)
    assert done.kept == 1
    desk.run(wanted)
    assert desk.crm.value("Contact", "003A", "top_belief") == "I know better"
    assert desk.crm.value("Contact", "003A", "trend") == "Diverging"
    assert desk.states("top_belief") == ["ok", "conflict"]


def test_a_record_on_which_only_humans_words_differ_is_not_stamped(desk):
    """Nothing of ours changed there, so neither time nor run says that it did."""
    desk.run([desk.wanted("Contact", "003A", top_belief="A")])
    desk.crm.edit("Contact", "003A", top_belief="I know better")
    plan = desk.plan([desk.wanted("Contact", "003A", top_belief="B")])
    assert [(row.field, row.state) for row in desk.rows(plan_id=plan.id)] == [("BLF_Top_Belief__c", "conflict")]


def test_a_field_that_a_human_emptied_stays_empty(desk):
    """Deleting our words is an edit too."""
    desk.run([desk.wanted("Contact", "003A", top_belief="A")])
    desk.crm.edit("Contact", "003A", top_belief=None)
    desk.run([desk.wanted("Contact", "003A", top_belief="B")])
    assert desk.crm.value("Contact", "003A", "top_belief") is None


def test_a_human_edit_between_plan_and_delivery_stays(desk):
    """Reading again right before sending finds what a rep typed while the plan lay waiting."""
    desk.run([desk.wanted("Contact", "003A", top_belief="A", trend="Steady")])
    plan = desk.plan([desk.wanted("Contact", "003A", top_belief="B", trend="Steady")])
    desk.crm.edit("Contact", "003A", top_belief="I know better")
    written = desk.crm.value("Contact", "003A", "run_id")
    done = desk.apply(plan)
    assert (done.kept, done.written) == (1, 0)
    assert desk.crm.value("Contact", "003A", "top_belief") == "I know better"
    assert desk.crm.value("Contact", "003A", "run_id") == written


def test_a_kept_record_is_not_read_again(desk):
    """A standing conflict costs no call until something else is wanted."""
    desk.run([desk.wanted("Contact", "003A", top_belief="A")])
    desk.crm.edit("Contact", "003A", top_belief="I know better")
    wanted = [desk.wanted("Contact", "003A", top_belief="B")]
    desk.run(wanted)
    reads = desk.crm.calls["read Contact"]
    assert desk.plan(wanted).counts["kept"] == 1
    assert desk.crm.calls["read Contact"] == reads


def test_the_same_words_typed_by_a_human_are_no_quarrel(desk):
    """The CRM holds what we want already: nothing is sent, and the baseline knows."""
    desk.run([desk.wanted("Contact", "003A", top_belief="A")])
    desk.crm.edit("Contact", "003A", top_belief="B")
    done = desk.run([desk.wanted("Contact", "003A", top_belief="B")])
    assert (done.there, done.written) == (1, 0)
    assert desk.baseline()["003A", "BLF_Top_Belief__c"] == '"B"'


def test_spelling_of_the_crm_is_no_edit(desk):
    """Line ends, trailing blanks, 58.0 for 58 and another form of the same instant are the same value."""
    desk.run([desk.wanted("Contact", "003A", summary="one\ntwo", alignment_score=58)])
    desk.crm.edit("Contact", "003A", summary="one\r\ntwo ")
    done = desk.run([desk.wanted("Contact", "003A", summary="one\nthree", alignment_score=59)])
    assert done.kept == 0
    assert desk.crm.value("Contact", "003A", "summary") == "one\nthree"


def test_a_locked_record_rests_until_it_is_unlocked(desk):
    """The rep's lock stops everything, is said once, and lifting it brings the record up to date."""
    desk.run([desk.wanted("Contact", "003A", top_belief="A")])
    desk.crm.edit("Contact", "003A", lock=True)
    wanted = [desk.wanted("Contact", "003A", top_belief="B")]
    desk.run(wanted)
    desk.run(wanted)
    assert desk.crm.value("Contact", "003A", "top_belief") == "A"
    assert desk.states("top_belief") == ["ok", "suppressed"]
    desk.crm.edit("Contact", "003A", lock=False)
    desk.run(wanted)
    assert desk.crm.value("Contact", "003A", "top_belief") == "B"


def test_a_lock_between_plan_and_delivery_holds(desk):
    """A rep who locks a record while the plan waits is heeded."""
    plan = desk.plan([desk.wanted("Contact", "003A", top_belief="A")])
    desk.crm.edit("Contact", "003A", lock=True)
    assert desk.apply(plan).locked == 4
    assert desk.crm.history == []


def test_an_opt_out_empties_our_fields_once(desk):
    """What we wrote goes, stamps included, also on a locked record; what a human wrote stays; the next run is quiet."""
    desk.run(
        [desk.wanted("Contact", "003A", key="p1", top_belief="A", trend="Steady"), *desk.contacts(1, trend="Steady")]
    )
    desk.crm.edit("Contact", "003A", lock=True, trend="Diverging")
    wanted = [desk.wanted("Contact", "003A", reason=OPTED_OUT), *desk.contacts(1, trend="Steady")]
    desk.run(wanted)
    left = {name: value for name, value in desk.crm.records["Contact"]["003A"].items() if value is not None}
    assert left == {"BLF_Lock__c": True, "BLF_Trend__c": "Diverging"}
    calls = dict(desk.crm.calls)
    desk.run(wanted)
    assert dict(desk.crm.calls) == {**calls}


def test_nobody_is_shown_who_never_was(desk):
    """Somebody of whom nothing is known costs no call and leaves no row."""
    desk.run([desk.wanted("Contact", "003A")])
    assert desk.rows() == []
    assert set(desk.crm.calls) == {"provision"}


def test_a_cloned_record_is_ours_to_update(desk):
    """A clone carries our values and no history; its fingerprint shows that no human typed them."""
    desk.run([desk.wanted("Contact", "003A", key="p1", top_belief="A")])
    clone = desk.wanted("Contact", "003B", key="p2", top_belief="B")
    desk.crm.records["Contact"]["003B"] = dict(desk.crm.records["Contact"]["003A"])
    done = desk.run([clone])
    assert done.kept == 0
    assert desk.crm.value("Contact", "003B", "top_belief") == "B"


def test_what_a_human_wrote_before_we_came_stays(desk):
    """A field that was filled before the first run is not ours."""
    desk.wanted("Contact", "003A")
    desk.crm.edit("Contact", "003A", top_belief="Mine")
    desk.run([desk.wanted("Contact", "003A", top_belief="A", trend="Steady")])
    assert desk.crm.value("Contact", "003A", "top_belief") == "Mine"
    assert desk.crm.value("Contact", "003A", "trend") == "Steady"


@pytest.mark.parametrize("harm", ["missing", "read-only", "short"])
def test_a_field_that_cannot_be_written_stops_the_run_before_any_write(desk, harm):
    """The message names the field and what to do; nothing was sent."""
    field = desk.crm.fields["Contact"]
    if harm == "missing":
        del field["BLF_Summary__c"]
    elif harm == "read-only":
        desk.crm.closed.add("Contact.BLF_Summary__c")
    else:
        field["BLF_Summary__c"] = field["BLF_Top_Belief__c"]
    with pytest.raises(FieldsNotReady, match=r"Contact\.BLF_Summary__c .*sidecar provision"):
        desk.run(desk.contacts(3, top_belief="A"))
    assert desk.crm.history == []


def test_a_field_deleted_after_planning_stops_the_delivery(desk):
    """The fields are looked at again before the first record is sent."""
    plan = desk.plan(desk.contacts(3, top_belief="A"))
    del desk.crm.fields["Contact"]["BLF_Summary__c"]
    with pytest.raises(FieldsNotReady):
        desk.apply(plan)
    assert desk.crm.history == []


def test_a_plan_is_applied_once(desk):
    """A second try is refused with a sentence that says when it was applied."""
    plan = desk.plan(desk.contacts(1, top_belief="A"))
    desk.apply(plan)
    with pytest.raises(PlanRefused, match="was applied on 2026-11-02"):
        desk.apply(plan)


def test_a_newer_plan_takes_over(desk):
    """The older one is refused, and its rows say why they were never sent."""
    old = desk.plan([desk.wanted("Contact", "003A", top_belief="A")])
    new = desk.plan([desk.wanted("Contact", "003A", top_belief="B")])
    with pytest.raises(PlanRefused, match=f"superseded by plan {new.id}"):
        desk.apply(old)
    desk.apply(new)
    assert desk.states("top_belief") == ["superseded", "ok"]


def test_an_unknown_plan_is_refused(desk):
    """The message says how to make one."""
    plan = desk.plan([])
    plan.id = "nonsense"
    with pytest.raises(PlanRefused, match="sidecar plan"):
        desk.apply(plan)


def test_a_plan_without_any_source_is_stopped(desk):
    """Nothing known any more, of anybody, is an accident upstream and not a reason to empty the CRM."""
    desk.run(desk.contacts(3, top_belief="A"))
    plan = desk.plan(desk.contacts(3)[:0])
    assert "nothing to show" in plan.stopped
    with pytest.raises(PlanRefused, match="nothing to show"):
        desk.apply(plan)


def test_a_plan_that_changes_most_records_is_stopped(desk):
    """More than half of what is shown at once looks like a broken stitch; a first run never does."""
    desk.limits = Limits(min_records=4)
    assert desk.plan(desk.contacts(10, top_belief="A")).stopped is None
    desk.run(desk.contacts(10, top_belief="A"))
    assert "10 of 10 records would change" in desk.plan(desk.contacts(10, top_belief="B")).stopped
    half = [*desk.contacts(5, top_belief="B"), *desk.contacts(10, top_belief="A")[5:]]
    assert desk.plan(half).stopped is None


def test_what_was_written_reads_back_as_it_was_sent(desk):
    """The CRM is asked again; a value that differs is named by its record."""
    plan = desk.plan(desk.contacts(2, top_belief="A", confidence=87.5, revenue_to_date=10.1))
    desk.apply(plan)
    assert read_back(desk.crm, "salesforce", plan.id, store=desk.store).differing == ()
    desk.crm.edit("Contact", "00300001", confidence=1)
    (differing,) = read_back(desk.crm, "salesforce", plan.id, store=desk.store).differing
    assert differing.endswith("/Contact/00300001")
