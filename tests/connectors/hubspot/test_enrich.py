"""Writing to the portal: properties that can be made any number of times, and rows that fail alone."""

from dataclasses import replace

import pytest

from connectors.base import ProvisionStep
from connectors.errors import Fatal, Retryable
from connectors.hubspot.fields import api_name, definition, difference
from connectors.hubspot.wire import received, sent
from tests.connectors.hubspot.conftest import EVERYBODY, SPECS

OBJECTS = ("contact", "company", "deal")
WRITE = "/crm/v3/objects/contacts/batch/update"


def counts(steps: list[ProvisionStep]) -> dict[str, int]:
    found: dict[str, int] = {}
    for step in steps:
        found[step.action] = found.get(step.action, 0) + 1
    return found


def written(practice) -> int:
    """Requests that changed something."""
    return sum(one.method in ("POST", "PATCH") and "/properties/" in one.path for one in practice.sandbox.log.entries)


@pytest.fixture
def crm(practice):
    crm = practice.crm()
    crm.provision(SPECS, dry_run=False)
    return crm


def test_provisioning_makes_every_field_writable(practice):
    """In a group of their own, never on a form, hidden where they are for machines."""
    crm = practice.crm()
    crm.provision(SPECS, dry_run=False)
    for name in OBJECTS:
        wanted = {crm.field_name(spec) for spec in SPECS if spec.subjects == EVERYBODY}
        there = crm.writable(name)
        assert wanted <= there.keys()
        assert (there["blf_summary"], there["blf_alignment_score"]) == (65_536, 0)
    assert "blf_revenue_to_date" in crm.writable("contact")
    assert "blf_revenue_to_date" not in crm.writable("company")
    made = {one["name"]: one for one in practice.portal().properties("contacts") if one["name"].startswith("blf_")}
    assert {one["groupName"] for one in made.values()} == {"blf_beliefs"}
    assert not any(one["formField"] for one in made.values())
    assert [name for name, one in made.items() if one["hidden"]] == ["blf_run_id"]


def test_provisioning_again_changes_nothing(practice, crm):
    """Every step says ok, and no request writes."""
    practice.sandbox.log.clear()
    assert counts(crm.provision(SPECS, dry_run=False)).keys() == {"ok"}
    assert written(practice) == 0


def test_a_dry_run_says_what_it_would_do_and_does_nothing(practice):
    """The same creations, none of them made."""
    crm = practice.crm()
    planned = crm.provision(SPECS, dry_run=True)
    assert written(practice) == 0
    assert crm.provision(SPECS, dry_run=False) == planned


def test_provisioning_whose_answers_were_lost_is_not_confused(practice):
    """The first try arrived, its repetition is told so, and that is fine."""
    practice.fault("/crm/v3/properties/contacts", kind="reset", method="POST", calls=(1, 3, 6))
    practice.crm().provision(SPECS, dry_run=False)
    assert counts(practice.crm().provision(SPECS, dry_run=False)).keys() == {"ok"}


def test_a_property_is_mended_and_never_converted(practice, crm):
    """Words change, options are added beside those of people; another type is refused by name."""
    worded = replace(SPECS[0], label="Belief: Top belief")
    wider = replace(SPECS[4], values=("Mixed", "Steady"))
    steps = {step.target: step for step in crm.provision([worded, wider], dry_run=False)}
    assert (steps["contact.blf_top_belief"].action, steps["contact.blf_top_belief"].detail) == ("change", "label")
    assert (steps["deal.blf_trend"].action, steps["deal.blf_trend"].detail) == ("change", "options")
    made = {one["name"]: one for one in practice.portal().properties("deals")}
    assert [option["value"] for option in made["blf_trend"]["options"]] == ["Converging", "Steady", "Mixed"]
    number = replace(SPECS[0], kind="number", length=3)
    refused = {step.target: step for step in crm.provision([number], dry_run=False)}["contact.blf_top_belief"]
    assert (refused.action, refused.detail) == ("refuse", "is string, we need number; rename or delete it")


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_property_needs_nothing_once_it_is_as_wanted(spec):
    """The difference between what we ask for and itself is empty."""
    assert difference(definition(spec, "blf_"), definition(spec, "blf_")) == ({}, "")


def test_names_carry_the_prefix_and_fit():
    """What HubSpot would refuse is refused here."""
    assert api_name(replace(SPECS[0], name="revenue_12m"), "abc_") == "abc_revenue_12m"
    with pytest.raises(ValueError, match="longer than 100"):
        api_name(replace(SPECS[0], name="x" * 100), "blf_")


def test_a_batch_answers_row_by_row_in_order(practice, crm):
    """A row that is gone fails alone, with the vendor's code."""
    first, gone, last = practice.contacts(range(1, 4))
    practice.sandbox.state.archive("contacts", gone)
    results = crm.update("contact", [(one, {"blf_top_belief": one}) for one in (first, gone, last)])
    assert [(one.id, one.ok) for one in results] == [(first, True), (gone, False), (last, True)]
    assert (results[1].code, results[1].retry) == ("OBJECT_NOT_FOUND", False)
    assert crm.read("contact", [first, gone, last], ["blf_top_belief"]) == {
        one: {"blf_top_belief": one} for one in (first, last)
    }


def test_one_bad_value_costs_its_own_row_and_no_other(practice, crm):
    """HubSpot refuses the batch as a whole; it is halved until the row is found, and the value stays out of the message."""
    planted = practice.contacts(range(1, 101))
    rows = [(one, {"blf_trend": "Sideways" if one in ("17", "80") else "Steady"}) for one in planted]
    practice.sandbox.log.clear()
    results = crm.update("contact", rows)
    assert [one.id for one in results] == planted
    assert [one.id for one in results if not one.ok] == ["17", "80"]
    assert {(one.code, one.retry) for one in results if not one.ok} == {("VALIDATION_ERROR", False)}
    assert not any("Sideways" in one.message for one in results)
    held = crm.read("contact", planted, ["blf_trend"])
    assert {one for one, values in held.items() if values["blf_trend"] == "Steady"} == {*planted} - {"17", "80"}
    assert practice.asked(WRITE) < 30


@pytest.mark.parametrize(("category", "retry"), [("RATE_LIMITS", True), ("VALIDATION_ERROR", False)])
def test_only_a_passing_refusal_is_worth_trying_again(practice, category, retry):
    """A busy record frees itself; a rule does not. The property is named."""
    detail = {"message": "no", "code": "RULE", "context": {"propertyName": ["blf_trend"]}}
    error = {"status": "error", "category": category, "message": "no", "context": {"ids": ["1"]}, "errors": [detail]}
    practice.fault(WRITE, status=207, body={"status": "COMPLETE", "results": [], "errors": [error], "numErrors": 1})
    (result,) = practice.crm().update("contact", [("1", {"blf_trend": "x"})])
    assert (result.ok, result.code, result.retry, result.message) == (False, category, retry, "RULE (blf_trend)")


@pytest.mark.parametrize("body", [{}, [], {"status": "COMPLETE", "results": []}, {"results": [{"id": "2"}]}])
def test_a_row_that_was_neither_written_nor_refused_is_an_error(practice, body):
    """HubSpot has answered 200 to batches that it did not read; that must not look like success."""
    practice.fault(WRITE, status=200, body=body)
    with pytest.raises(Fatal, match="0 answers to 1 written rows"):
        practice.crm().update("contact", [("1", {"blf_trend": "Steady"})])


def test_a_batch_holds_a_hundred_rows(practice):
    """More are refused before anything is sent; none are no call at all."""
    crm = practice.crm()
    practice.sandbox.log.clear()
    with pytest.raises(ValueError, match="101 rows"):
        crm.update("contact", [("1", {})] * 101)
    assert crm.update("contact", []) == []
    assert practice.asked("/") == 0


def test_reading_leaves_out_what_takes_no_writes(practice, crm):
    """Archived records, and ids that a merge took away, though they answer with the record that came of it."""
    planted = practice.contacts(range(1, 251))
    practice.sandbox.state.archive("contacts", planted[0])
    new = str(practice.sandbox.state.merge("contacts", planted[1], planted[2]).id)
    assert set(crm.read("contact", [*planted, new], ["blf_trend"])) == {*planted[3:], new}


def test_a_write_that_met_a_busy_vendor_is_repeated(practice, crm):
    """Setting a value twice is setting it once."""
    contacts = practice.contacts(range(1, 3))
    practice.fault(WRITE, status=503, calls=(1,))
    practice.fault(WRITE, kind="reset", calls=(2,))
    assert all(one.ok for one in crm.update("contact", [(one, {"blf_alignment_score": 58}) for one in contacts]))


VALUES = {
    "blf_top_belief": 'Zu teuer. "nein" & <b>fett</b> \U0001f44d', "blf_alignment_score": 58, "blf_confidence": 87.46,
    "blf_trend": "Steady", "blf_updated_at": "2026-11-02T09:00:00Z", "blf_lock": True, "blf_revenue_to_date": 2400.1,
}  # fmt: skip


def test_every_kind_of_value_comes_back_as_it_was_sent_and_can_be_cleared(practice, crm):
    """Text on the wire both ways; percent and money keep their scale, instants their moment."""
    (one,) = practice.contacts(range(1, 2))
    assert crm.update("contact", [(one, VALUES)])[0].ok
    assert crm.read("contact", [one], list(VALUES))[one] == {**VALUES, "blf_updated_at": "2026-11-02T09:00:00+00:00"}
    assert crm.update("contact", [(one, dict.fromkeys(VALUES))])[0].ok
    assert crm.read("contact", [one], list(VALUES))[one] == dict.fromkeys(VALUES)


@pytest.mark.parametrize(
    ("value", "kind", "wire"),
    [
        (None, "string", ""),
        (False, "bool", "false"),
        (0, "number", "0"),
        (1e16, "number", "10000000000000000"),
        (0.00001, "number", "0.00001"),
        (-2.5, "number", "-2.5"),
        ("false", "string", "false"),
        ("12", "enumeration", "12"),
    ],
)
def test_values_are_text_on_the_wire(value, kind, wire):
    """Never with an exponent, and read by the type of the property."""
    assert sent(value) == wire
    assert received(wire, kind) == value


def test_an_instant_is_read_as_text_or_as_milliseconds():
    """The API has written both."""
    assert received("1793610000000", "datetime") == received("2026-11-02T09:00:00.000Z", "datetime")


def test_an_id_that_was_merged_meanwhile_fails_alone(practice, crm):
    """HubSpot writes to the record it became and names that one; the other rows of the batch are as they were told."""
    one, two, other = practice.contacts(range(1, 4))
    practice.sandbox.state.merge("contacts", one, two)
    results = crm.update("contact", [(each, {"blf_top_belief": each}) for each in (one, other)])
    assert [(each.id, each.ok, each.code, each.retry) for each in results] == [
        (one, False, "MERGED", False), (other, True, "", False),
    ]  # fmt: skip


def test_a_batch_that_is_refused_whole_for_an_id_that_is_gone_is_halved(practice, crm):
    """So is one that a proxy takes for too large."""
    planted = practice.contacts(range(1, 3))
    practice.fault(
        WRITE, status=404, calls=(1,), body={"status": "error", "category": "OBJECT_NOT_FOUND", "message": "x"}
    )
    practice.fault(WRITE, status=413, kind="html", calls=(4,))
    rows = [(one, {"blf_top_belief": one}) for one in planted]
    assert [(one.id, one.ok) for one in crm.update("contact", rows)] == [(one, True) for one in planted]
    assert [(one.id, one.ok) for one in crm.update("contact", rows)] == [(one, True) for one in planted]


def test_a_record_that_could_not_be_read_is_not_taken_for_gone(practice, crm):
    """What is absent is never written again; what merely failed is asked for in the next run."""
    error = {"status": "error", "category": "INTERNAL_ERROR", "message": "x", "context": {"ids": ["2"]}}
    body = {"status": "COMPLETE", "results": [{"id": "1", "properties": {}}], "errors": [error], "numErrors": 1}
    practice.fault("/contacts/batch/read", status=207, body=body)
    with pytest.raises(Retryable):
        crm.read("contact", ["1", "2"], ["blf_top_belief"])
