"""The same promises through the real connector, the vendor's SDK and HTTP, against a Salesforce as strict as the real one."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from connectors.errors import ConnectorError
from connectors.salesforce.enrich import SalesforceCrm
from models.keys import RecordKey
from models.writes import WritePlan
from pipelines.write_back.compare import OPTED_OUT, Wanted
from pipelines.write_back.crm import Fields, provision
from pipelines.write_back.deliver import Delivery, apply, read_back
from pipelines.write_back.fields import FIELDS
from pipelines.write_back.held import as_held
from pipelines.write_back.limits import Limits
from pipelines.write_back.plan import draw_up
from pipelines.write_back.refusals import FieldsNotReady
from sandbox.faults import Fault
from tests.connectors.salesforce.conftest import Practice

WRITE = "/composite/sobjects"
NASTY = 'Zu teuer \U0001f44d\U0001f3fd. Sagt "nein" & <b>fett</b>.\x00 ' * 3_000
EVERYTHING = {
    "key": "0197c2aa", "top_belief": NASTY, "summary": f'1  -  Too dear.\r\n      "twice"\n\n2  +  {NASTY}', "evidence": NASTY,
    "alignment_score": 58.4, "alignment_band": "Medium", "confidence": 87.456, "trend": "Diverging", "belief_count": 3,
    "acquisition_source": "Web", "engagement_score": 0, "revenue_to_date": 2400.1,
}  # fmt: skip


@dataclass
class Office:
    """An org of the practice ground with our fields, and a store of our own."""

    practice: Practice
    store: Engine
    crm: SalesforceCrm

    def contact(self, record_id: str, reason: str = "what is known has changed", **values) -> Wanted:
        key = RecordKey("salesforce", self.crm.account, "Contact", record_id)
        return Wanted(key, "person", "p1", values, reason)

    def plan(self, *wanted: Wanted) -> WritePlan:
        self.practice.clock.advance(timedelta(minutes=1))
        return draw_up(self.crm, "salesforce", wanted, store=self.store, clock=self.practice.clock, limits=Limits())

    def apply(self, plan: WritePlan) -> Delivery:
        return apply(self.crm, "salesforce", plan.id, store=self.store, clock=self.practice.clock, limits=Limits())

    def run(self, *wanted: Wanted) -> Delivery:
        return self.apply(self.plan(*wanted))

    def edit(self, record_id: str, **values) -> None:
        """A rep types into the record."""
        typed = {f"BLF_{name.title()}__c": value for name, value in values.items()}
        self.practice.sandbox.state.update_as_user("Contact", record_id, typed)

    def value(self, record_id: str, name: str):
        return Fields(self.crm).read("Contact", [record_id])[record_id][name]


@pytest.fixture
def office(practice, desk) -> Office:
    crm = practice.crm()
    provision(crm)
    return Office(practice, desk.store, crm)


@pytest.fixture
def practice(salesforce_sandbox, clock) -> Practice:
    return Practice(salesforce_sandbox, clock)


def test_every_kind_of_value_fits_and_reads_back(office):
    """Emoji, NUL, markup, CRLF and 150,000 characters are taken, read back equal, and leave the next run quiet."""
    (one,) = office.practice.contacts(range(1, 2))
    wanted = office.contact(one, **EVERYTHING)
    plan = office.plan(wanted)
    assert office.apply(plan).failed == 0
    specs = {spec.name: spec for spec in FIELDS}
    for name, value in EVERYTHING.items():
        assert office.value(one, name) == as_held(specs[name], value), name
    assert read_back(office.crm, "salesforce", plan.id, store=office.store).differing == ()
    office.practice.sandbox.log.clear()
    assert office.run(wanted).written == 0
    assert office.practice.asked("/") == 0


def test_two_hundred_records_are_one_call(office):
    """One call a batch, whatever the number of fields."""
    ids = office.practice.contacts(range(1, 202))
    office.practice.sandbox.log.clear()
    done = office.run(*(office.contact(one, top_belief="A", trend="Steady") for one in ids))
    assert done.records == 201
    assert len(office.practice.sandbox.log.matching("/composite/sobjects", "PATCH")) == 2


def test_reps_are_respected(office):
    """Their edit stays, their lock holds, and an opt-out empties what is ours."""
    edited, locked, gone_quiet = office.practice.contacts(range(1, 4))
    office.run(*(office.contact(one, top_belief="A", trend="Steady") for one in (edited, locked, gone_quiet)))
    office.edit(edited, top_belief="Mine")
    office.edit(locked, lock=True)
    office.run(
        office.contact(edited, top_belief="B", trend="Diverging"),
        office.contact(locked, top_belief="B", trend="Diverging"),
        office.contact(gone_quiet, reason=OPTED_OUT),
    )
    assert (office.value(edited, "top_belief"), office.value(edited, "trend")) == ("Mine", "Diverging")
    assert (office.value(locked, "top_belief"), office.value(locked, "trend")) == ("A", "Steady")
    shown = Fields(office.crm).read("Contact", [gone_quiet])[gone_quiet]
    assert {value for name, value in shown.items() if name != "lock"} == {None}


def test_a_connection_cut_after_the_vendor_took_it_loses_nothing(office):
    """The answer never came; the next run reads back, finds the values there and sends nothing."""
    ids = office.practice.contacts(range(1, 4))
    wanted = [office.contact(one, top_belief="A") for one in ids]
    plan = office.plan(*wanted)
    office.practice.sandbox.faults.add(Fault(path=WRITE, method="PATCH", kind="reset"))
    with pytest.raises(ConnectorError):
        office.apply(plan)
    office.practice.sandbox.faults.clear()
    office.practice.sandbox.log.clear()
    assert office.run(*wanted).written == 0
    assert office.practice.sandbox.log.matching("/composite/sobjects", "PATCH") == []
    assert office.value(ids[0], "top_belief") == "A"


def test_refusals_touch_only_their_record(office):
    """A row lock passes, a validation rule parks, a deleted record is gone; the others are written."""
    good, busy, ruled, gone = office.practice.contacts(range(1, 5))
    state = office.practice.sandbox.state
    state.refuse(busy, "UNABLE_TO_LOCK_ROW")
    state.refuse(ruled, "FIELD_CUSTOM_VALIDATION_EXCEPTION", times=0)
    plan = office.plan(*(office.contact(one, top_belief="A") for one in (good, busy, ruled, gone)))
    state.delete("Contact", gone)
    done = office.apply(plan)
    assert (done.records, done.failed, done.parked) == (2, 8, 8)
    assert office.value(busy, "top_belief") == "A"


def test_without_fields_nothing_is_written(practice, desk):
    """An org that nobody provisioned is named with its missing fields."""
    (one,) = practice.contacts(range(1, 2))
    office = Office(practice, desk.store, practice.crm())
    with pytest.raises(FieldsNotReady, match=r"Contact\.BLF_Key__c is missing"):
        office.run(office.contact(one, top_belief="A"))


def test_provisioning_is_repeatable_and_can_be_tried_dry(practice):
    """The dry run lists what the real one makes; a second real one makes nothing."""
    crm = practice.crm()
    dry = [step for step in provision(crm, dry_run=True) if step.action == "create"]
    fields = [step for step in dry if ".BLF_" in step.target]
    assert len({step.target for step in fields}) >= 74
    provision(crm)
    assert {step.action for step in provision(crm)} == {"ok"}
