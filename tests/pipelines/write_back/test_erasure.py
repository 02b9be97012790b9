"""A person who is forgotten is gone from the CRM's fields and from the ledger."""

import pytest
from sqlmodel import select

from models import Entity, RecordKey
from models.erasure import Erasure
from models.store import transaction
from models.writes import Baseline, IntendedWrite
from pipelines.write_back.compare import OPTED_OUT, Wanted
from pipelines.write_back.crm import Fields
from pipelines.write_back.erasure import close, emptied, forget, redact
from pipelines.write_back.refusals import PlanRefused

WORDS = "Dana says the price is too high"


@pytest.fixture
def shown(desk):
    """Dana is shown on a contact and a lead, and spoken of on an account; Otto on a contact of his own."""
    dana = [desk.wanted("Contact", "003D", summary=WORDS), desk.wanted("Lead", "00QD", summary=WORDS)]
    dana = [type(one)(one.record, one.subject, "dana", one.values) for one in dana]
    desk.run(
        [
            *dana,
            desk.wanted("Account", "001K", summary=f"Blocks: {WORDS}"),
            desk.wanted("Contact", "003O", summary="Otto likes it"),
        ]
    )
    return desk


def kept(desk) -> str:
    with transaction(desk.store) as session:
        rows = [*session.exec(select(IntendedWrite)), *session.exec(select(Baseline))]
        return " ".join(str(row.model_dump()) for row in rows)


def test_forgetting_empties_every_record_and_redacts_what_was_written(shown):
    """Locked or not, to the last hash; what others are shown stays; a second time finds nothing to do."""
    shown.crm.edit("Contact", "003D", lock=True)
    wanted = emptied(shown.store, Fields(shown.crm), "dana", [])
    assert [one.record.id for one in wanted] == ["003D", "00QD"]
    records = [str(one.record) for one in wanted]
    assert redact(shown.store, records) == records, "the CRM shows it still"
    assert WORDS in kept(shown)
    shown.run(wanted)
    assert {shown.crm.value(name, one, "summary") for name, one in (("Contact", "003D"), ("Lead", "00QD"))} == {None}
    shown.run([shown.wanted("Account", "001K", summary="Nothing is known")])
    account = str(shown.wanted("Account", "001K").record)
    assert redact(shown.store, records, told_of=[account]) == []
    assert WORDS not in kept(shown)
    assert "Otto likes it" in kept(shown)
    assert "Nothing is known" in kept(shown)
    assert [record for record in records if record in kept(shown)] == []
    assert shown.run(wanted).written == 0


def test_a_record_that_is_busy_is_named_and_tried_again(shown):
    """Nothing of it is redacted before the CRM is known to be empty."""
    wanted = emptied(shown.store, Fields(shown.crm), "dana", [])
    records = [str(one.record) for one in wanted]
    shown.crm.refusals["00QD"] = ["UNABLE_TO_LOCK_ROW"]
    shown.run(wanted)
    assert redact(shown.store, records) == [records[1]]
    shown.crm.refusals.clear()
    shown.run(emptied(shown.store, Fields(shown.crm), "dana", []))
    assert redact(shown.store, records) == []


def erase(desk, *shown: str) -> None:
    """Dana was forgotten in store and lake; what the account was told of her is known."""
    naming = [row.id for row in desk.rows() if WORDS in (row.new_value or "") and "/Account/" in row.record]
    now = desk.clock.now()
    with transaction(desk.store) as session:
        session.add(
            Erasure(id="e", person_id="dana", asked_by="cli", asked_at=now, shown=list(shown), naming=naming, erased_at=now)
        )  # fmt: skip


def carry_on(desk) -> list[Erasure]:
    """What every run begins and ends with."""
    forget(desk.crm, "salesforce", store=desk.store, clock=desk.clock, limits=desk.limits)
    return close(desk.store, desk.clock)


def test_each_run_goes_on_with_an_erasure_until_nothing_is_left(shown):
    """Her records first; the account, once it was written anew. Then the ledger holds hashes only, and no further run does anything."""
    erase(shown, *(str(shown.wanted(*one).record) for one in (("Contact", "003D"), ("Lead", "00QD"))))
    (left,) = carry_on(shown)
    assert (left.shown, len(left.naming)) == ([], 1)
    assert {shown.crm.value(name, one, "summary") for name, one in (("Contact", "003D"), ("Lead", "00QD"))} == {None}
    shown.run([shown.wanted("Account", "001K", summary="Nothing is known")])
    assert carry_on(shown) == []
    assert WORDS not in kept(shown)
    assert "Otto likes it" in kept(shown)
    before = len(shown.rows())
    assert carry_on(shown) == []
    assert len(shown.rows()) == before


def test_a_record_that_the_crm_has_no_more_holds_nothing(shown):
    """Somebody deleted the lead: the erasure does not wait for it for ever."""
    shown.run([shown.wanted("Account", "001K", summary="Nothing is known")])
    del shown.crm.records["Lead"]["00QD"]
    erase(shown, *(str(shown.wanted("Contact", "003D").record), f"salesforce/{shown.crm.account}/Lead/00QD"))
    assert carry_on(shown) == []
    assert WORDS not in kept(shown)


def test_a_plan_made_before_somebody_was_forgotten_is_not_applied(shown):
    """It tells of her and rests on what the ledger holds no more; the next plan has all that it had, and takes nothing for a human's."""
    others = shown.wanted("Contact", "003O", summary="Otto likes it still")
    shown.run([shown.wanted("Account", "001K", summary="Silent: everybody")])
    plan = shown.plan([shown.wanted("Account", "001K", summary=f"Blocks: {WORDS} still"), others])
    erase(shown)
    close(shown.store, shown.clock)
    with pytest.raises(PlanRefused, match="plan again"):
        shown.apply(plan)
    done = shown.run([shown.wanted("Account", "001K", summary="Nothing is known"), others])
    assert (done.kept, shown.crm.value("Account", "001K", "summary")) == (0, "Nothing is known")
    assert shown.crm.value("Contact", "003O", "summary") == "Otto likes it still"


def test_a_plan_made_after_somebody_was_forgotten_is_applied_whatever_is_redacted_meanwhile(shown):
    """Another record holds the erasure open; what the plan compares with is not taken from it."""
    shown.run(
        [
            shown.wanted("Account", "001L", summary=f"Blocks: {WORDS}"),
            shown.wanted("Account", "001K", summary="Silent: all"),
        ]
    )
    erase(shown)
    plan = shown.plan([shown.wanted("Account", "001K", summary="Nothing is known")])
    (left,) = close(shown.store, shown.clock)
    assert left.naming
    done = shown.apply(plan)
    assert (done.kept, shown.crm.value("Account", "001K", "summary")) == (0, "Nothing is known")


def moved(desk, old: tuple[str, str], new: tuple[str, str]) -> None:
    """The vendor makes another record of one, and carries our values along wherever that other has none."""
    values = desk.crm.records[old[0]].pop(old[1])
    desk.crm.records.setdefault(new[0], {}).setdefault(new[1], {})
    desk.crm.records[new[0]][new[1]] = values | desk.crm.records[new[0]][new[1]]
    desk.crm.successors[old[1]] = new


@pytest.mark.parametrize("busy", [False, True])
def test_what_went_along_with_a_lead_that_was_converted_is_emptied(shown, busy):
    """The contact was never written to by us; the erasure is open until it holds nothing, and the ledger then forgets it as well."""
    shown.run([shown.wanted("Account", "001K", summary="Nothing is known")])
    moved(shown, ("Lead", "00QD"), ("Contact", "003N"))
    if busy:
        shown.crm.refusals["003N"] = ["UNABLE_TO_LOCK_ROW"]
    erase(shown, *(f"salesforce/{shown.crm.account}/{name}" for name in ("Contact/003D", "Lead/00QD")))
    left = carry_on(shown)
    assert [one.shown for one in left] == [[f"salesforce/{shown.crm.account}/Contact/003N"]] * busy
    shown.crm.refusals.clear()
    assert carry_on(shown) == []
    assert shown.crm.value("Contact", "003N", "summary") is None
    assert "003N" not in kept(shown)


def test_a_record_that_took_over_another_keeps_what_is_its_own(shown):
    """Otto's contact took over Dana's: it shows Otto, and what others wrote there stays."""
    moved(shown, ("Contact", "003D"), ("Contact", "003O"))
    moved(shown, ("Lead", "00QD"), ("Contact", "003N"))
    shown.crm.edit("Contact", "003N", summary="Dana is now with us")
    shown.run([shown.wanted("Account", "001K", summary="Nothing is known")])
    erase(shown, *(f"salesforce/{shown.crm.account}/{name}" for name in ("Contact/003D", "Lead/00QD")))
    carry_on(shown)
    assert shown.crm.value("Contact", "003O", "summary") == "Otto likes it"
    assert shown.crm.value("Contact", "003N", "summary") == "Dana is now with us"


@pytest.mark.parametrize("live", [True, False])
def test_who_opted_out_is_not_shown_on_what_their_record_became_either(shown, live):
    """Whether the lake knows yet that the lead is converted, or only the contact by now; a second plan finds nothing to do."""
    moved(shown, ("Lead", "00QD"), ("Contact", "003N"))
    records = [("Contact", "003D"), ("Contact", "003N"), *([("Lead", "00QD")] if live else [])]
    keys = [RecordKey("salesforce", shown.crm.account, *one) for one in records]
    silent = [Wanted(key, "person", "dana", {}, OPTED_OUT) for key in keys]
    shown.run(silent)
    assert [shown.crm.value("Contact", one, "summary") for one in ("003D", "003N")] == [None, None]
    assert shown.crm.value("Contact", "003O", "summary") == "Otto likes it"
    assert shown.run(silent).written == 0


def test_who_has_another_id_since_and_opted_out_is_not_shown_on_a_lead_that_was_converted(shown):
    """The conversion told that two people are one."""
    with transaction(shown.store) as session:
        session.add(Entity(id="dana and d.", scope="person", created_at=shown.clock.now()))
        session.flush()
        session.add(Entity(id="dana", scope="person", created_at=shown.clock.now(), merged_into="dana and d."))
    moved(shown, ("Lead", "00QD"), ("Contact", "003N"))
    contact = RecordKey("salesforce", shown.crm.account, "Contact", "003N")
    shown.run([Wanted(contact, "person", "dana and d.", {}, OPTED_OUT)])
    assert shown.crm.value("Contact", "003N", "summary") is None


def test_who_opted_out_is_not_shown_what_was_to_be_shown_of_another(shown):
    """A contact took over the lead of somebody who is not known to be the same person: it shows nothing, and soon nothing that came along."""
    moved(shown, ("Lead", "00QD"), ("Contact", "003N"))
    keys = [RecordKey("salesforce", shown.crm.account, *one) for one in (("Contact", "003N"), ("Lead", "00QD"))]
    wanted = [Wanted(keys[0], "person", "nina", {}, OPTED_OUT), Wanted(keys[1], "person", "dana", {"summary": "News"})]
    shown.run(wanted)
    assert "News" not in [value for record, _, value in shown.crm.history if record == "003N"]
    shown.run(wanted)
    assert shown.crm.value("Contact", "003N", "summary") is None
