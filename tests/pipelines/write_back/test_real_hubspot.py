"""The same promises through the real connector, the vendor's SDK and HTTP, against a HubSpot as strict as the real one."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from connectors.errors import ConnectorError
from connectors.hubspot.enrich import HubSpotCrm
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
from sandbox.hubspot.objects import BY_NAME
from tests.connectors.hubspot.conftest import Practice

WRITE = "/contacts/batch/update"
NASTY = 'Zu teuer \U0001f44d\U0001f3fd. Sagt "nein" & <b>fett</b>.\x00 ' * 3_000
EVERYTHING = {
    "key": "0197c2aa", "top_belief": NASTY, "summary": f'1  -  Too dear.\r\n      "twice"\n\n2  +  {NASTY}', "evidence": NASTY,
    "alignment_score": 58.4, "alignment_band": "Medium", "confidence": 87.456, "trend": "Diverging", "belief_count": 3,
    "acquisition_source": "Web", "engagement_score": 0, "revenue_to_date": 2400.1,
}  # fmt: skip


@dataclass
class Office:
    """A portal of the practice ground with our fields, and a store of our own."""

    practice: Practice
    store: Engine
    crm: HubSpotCrm

    def contact(self, record_id: str, reason: str = "what is known has changed", **values) -> Wanted:
        key = RecordKey("hubspot", self.crm.account, "contact", record_id)
        return Wanted(key, "person", "p1", values, reason)

    def plan(self, *wanted: Wanted) -> WritePlan:
        self.practice.clock.advance(timedelta(minutes=1))
        return draw_up(self.crm, "hubspot", wanted, store=self.store, clock=self.practice.clock, limits=Limits())

    def apply(self, plan: WritePlan) -> Delivery:
        return apply(self.crm, "hubspot", plan.id, store=self.store, clock=self.practice.clock, limits=Limits())

    def run(self, *wanted: Wanted) -> Delivery:
        return self.apply(self.plan(*wanted))

    def edit(self, record_id: str, **values) -> None:
        """A rep types into the record."""
        typed = {f"blf_{name}": value for name, value in values.items()}
        self.practice.sandbox.state.update("contacts", record_id, typed)

    def value(self, record_id: str, name: str):
        return Fields(self.crm).read("contact", [record_id])[record_id][name]


@pytest.fixture
def office(practice, desk) -> Office:
    crm = practice.crm()
    provision(crm)
    return Office(practice, desk.store, crm)


@pytest.fixture
def practice(hubspot_sandbox, clock) -> Practice:
    return Practice(hubspot_sandbox, clock)


def test_every_kind_of_value_fits_and_reads_back(office):
    """Emoji, NUL, markup, CRLF and 150,000 characters are taken, read back equal, and leave the next run quiet."""
    (one,) = office.practice.contacts(range(1, 2))
    wanted = office.contact(one, **EVERYTHING)
    plan = office.plan(wanted)
    assert office.apply(plan).failed == 0
    specs = {spec.name: spec for spec in FIELDS}
    for name, value in EVERYTHING.items():
        assert office.value(one, name) == as_held(specs[name], value), name
    assert read_back(office.crm, "hubspot", plan.id, store=office.store).differing == ()
    office.practice.sandbox.log.clear()
    assert office.run(wanted).written == 0
    assert office.practice.asked("/") == 0


def test_a_hundred_records_are_one_call(office):
    """One call a batch, whatever the number of fields."""
    ids = office.practice.contacts(range(1, 102))
    office.practice.sandbox.log.clear()
    done = office.run(*(office.contact(one, top_belief="A", trend="Steady") for one in ids))
    assert done.records == 101
    assert len(office.practice.sandbox.log.matching(WRITE)) == 2


def test_reps_are_respected(office):
    """Their edit stays, their lock holds, and an opt-out empties what is ours."""
    edited, locked, gone_quiet = office.practice.contacts(range(1, 4))
    office.run(*(office.contact(one, top_belief="A", trend="Steady") for one in (edited, locked, gone_quiet)))
    office.edit(edited, top_belief="Mine")
    office.edit(locked, lock="true")
    office.run(
        office.contact(edited, top_belief="B", trend="Diverging"),
        office.contact(locked, top_belief="B", trend="Diverging"),
        office.contact(gone_quiet, reason=OPTED_OUT),
    )
    assert (office.value(edited, "top_belief"), office.value(edited, "trend")) == ("Mine", "Diverging")
    assert (office.value(locked, "top_belief"), office.value(locked, "trend")) == ("A", "Steady")
    shown = Fields(office.crm).read("contact", [gone_quiet])[gone_quiet]
    assert {value for name, value in shown.items() if name != "lock"} == {None}


def test_a_connection_cut_after_the_vendor_took_it_loses_nothing(office):
    """The answer never came; the next run reads back, finds the values there and sends nothing."""
    ids = office.practice.contacts(range(1, 4))
    wanted = [office.contact(one, top_belief="A") for one in ids]
    plan = office.plan(*wanted)
    office.practice.sandbox.faults.add(Fault(path=WRITE, kind="reset"))
    with pytest.raises(ConnectorError):
        office.apply(plan)
    office.practice.sandbox.faults.clear()
    office.practice.sandbox.log.clear()
    assert office.run(*wanted).written == 0
    # the server may note the line that was cut after we have given it up
    assert [one for one in office.practice.sandbox.log.matching(WRITE) if not one.fault] == []
    assert office.value(ids[0], "top_belief") == "A"


def test_refusals_touch_only_their_record(office):
    """An option that an administrator removed parks its own row, an archived record is gone; the others are written."""
    first, ruled, last, gone = office.practice.contacts(range(1, 5))
    plan = office.plan(
        *(office.contact(one, top_belief="A", trend="Steady") for one in (first, last, gone)),
        office.contact(ruled, top_belief="A", trend="Diverging"),
    )
    state, kind = office.practice.sandbox.state, BY_NAME["contacts"]
    options = state.properties.answer(kind, "blf_trend")["options"]
    left = [option for option in options if option["value"] != "Diverging"]
    state.properties.update(kind, "blf_trend", {"options": left})
    state.archive("contacts", gone)
    done = office.apply(plan)
    assert (done.records, done.failed, done.parked) == (2, 10, 10)
    assert [office.value(one, "trend") for one in (first, ruled, last)] == ["Steady", None, "Steady"]


def test_a_record_that_was_merged_meanwhile_is_left_alone(office):
    """Its id leads to another record now, which has a plan of its own."""
    first, second, other = office.practice.contacts(range(1, 4))
    plan = office.plan(*(office.contact(one, top_belief="A") for one in (first, other)))
    new = str(office.practice.sandbox.state.merge("contacts", first, second).id)
    assert office.apply(plan).records == 1
    assert (office.value(new, "top_belief"), office.value(other, "top_belief")) == (None, "A")


def test_without_fields_nothing_is_written(practice, desk):
    """A portal that nobody provisioned is named with its missing fields."""
    (one,) = practice.contacts(range(1, 2))
    office = Office(practice, desk.store, practice.crm())
    with pytest.raises(FieldsNotReady, match=r"contact\.blf_key is missing"):
        office.run(office.contact(one, top_belief="A"))


def test_provisioning_is_repeatable_and_can_be_tried_dry(practice):
    """The dry run lists what the real one makes; a second real one makes nothing."""
    crm = practice.crm()
    dry = provision(crm, dry_run=True)
    assert {step.action for step in dry} == {"create"}
    assert len({step.target for step in dry if ".blf_" in step.target}) >= 57
    assert provision(crm) == dry
    assert {step.action for step in provision(crm)} == {"ok"}
