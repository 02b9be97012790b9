"""What has no stamp to search by: owners, pipelines, and what people wrote into forms."""

from datetime import timedelta

import pytest

from connectors.errors import Retryable
from connectors.hubspot import CONNECTOR
from connectors.hubspot.client import SUBMISSIONS_PAGE
from models.facts import Interaction, Profile
from sandbox.hubspot.catalogue import form, owner, submission
from tests.connectors.hubspot.conftest import ids, pull, records, stamp

CONTACT, TRIAL = "6a3a1f52-4f0e-4b7c-9d0b-2d5a7c1e8f01", "0f6d8a1b-93c5-4a57-8a3e-5b1c9e2d7a02"
FIELDS = [("email", "email"), ("multi_line_text", "message")]
SUBMISSIONS = "/form-integrations/v1/submissions"


def plant_forms(practice, *guids):
    made = practice.clock.now() - timedelta(days=90)
    practice.sandbox.state.insert_many("forms", [form(guid, "Contact us", made, FIELDS) for guid in guids])


def fill_in(practice, guid, numbers, minutes_ago=60):
    """Submissions of one form, a second apart; returns their ids."""
    start = practice.clock.now() - timedelta(minutes=minutes_ago)
    told = []
    for number in numbers:
        at = start + timedelta(seconds=number)
        values = {"email": f"p{number}@kolbe.example", "message": "Please call"}
        named = f"{guid[:4]}-{number}"
        told.append(submission(named, int(at.timestamp() * 1000), "https://acme.example/contact", values))
    practice.sandbox.state.insert_many(f"submissions/{guid}", told)
    return [one["conversionId"] for one in told]


def test_an_answer_that_is_empty_or_has_no_name_costs_no_other(practice):
    """It says nothing, not even None, and the other answers and submissions come."""
    plant_forms(practice, CONTACT)
    at = int(practice.clock.now().timestamp() * 1000) - 60_000
    values = [{"name": "message", "value": None}, {"name": "phone"}, {"value": "nameless"}, None]
    odd = submission("odd", at, "https://acme.example", {"email": "dana@kolbe.example"})
    odd["values"] += values
    practice.fault(SUBMISSIONS, status=200, body={"results": [submission("plain", at, "", {}), odd]})
    _, found = records(pull(practice.source(), "form_submissions"))
    assert found.payload["email"] == "dana@kolbe.example"
    assert not {"message", "phone"} & found.payload.keys()


def test_every_submission_of_every_form_comes_once(practice):
    """Page by page, with the values by the names of their fields and the kind of each field."""
    plant_forms(practice, CONTACT, TRIAL)
    planted = [
        *fill_in(practice, CONTACT, range(2 * SUBMISSIONS_PAGE + 3)),
        *fill_in(practice, TRIAL, range(3)),
    ]
    pages = pull(practice.source(), "form_submissions")
    assert sorted(ids(pages)) == sorted(planted)
    one = next(record for record in records(pages) if record.key.id == planted[0])
    assert (one.payload["email"], one.payload["formName"]) == ("p0@kolbe.example", "Contact us")
    assert one.payload["formFields"] == {"email": "email", "message": "multi_line_text"}


def test_a_later_run_reads_no_further_back_than_the_last_one(practice):
    """One page a form, and only what came since, but for the look-back."""
    plant_forms(practice, CONTACT)
    fill_in(practice, CONTACT, range(3 * SUBMISSIONS_PAGE))
    cursor = pull(practice.source(), "form_submissions")[-1].cursor
    practice.clock.advance(timedelta(hours=1))
    fresh = fill_in(practice, CONTACT, range(500, 502), minutes_ago=30)
    source = practice.source()
    assert sorted(ids(pull(source, "form_submissions", cursor))) == fresh
    assert source.calls["window"] == 1


def test_a_cut_walk_through_forms_goes_on_where_it_was(practice):
    """Finished forms are not read again, and what came meanwhile is not left for another day."""
    plant_forms(practice, CONTACT, TRIAL)
    planted = [*fill_in(practice, TRIAL, range(60)), *fill_in(practice, CONTACT, range(120))]
    walk = practice.source().pages(CONNECTOR.streams_by_name["form_submissions"], None, None)
    staged = [next(walk), next(walk), next(walk)]  # the first form, and a page of the second one
    practice.clock.advance(timedelta(hours=1))
    late = fill_in(practice, TRIAL, range(900, 901), minutes_ago=30)
    rest = pull(practice.source(), "form_submissions", resume=staged[-1].position)
    assert {*ids(staged), *ids(rest)} == {*planted, *late}
    assert len(ids(staged)) + len(ids(rest)) < len(planted) + 2 * SUBMISSIONS_PAGE
    assert rest[-1].cursor["until"] == int(practice.clock.now().timestamp() * 1000)


def test_a_form_that_is_deleted_while_it_is_read_costs_no_other(practice):
    """Its submissions have gone with it."""
    plant_forms(practice, CONTACT, TRIAL)
    kept = fill_in(practice, CONTACT, range(2))
    body = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "no"}
    practice.fault(f"{SUBMISSIONS}/forms/{TRIAL}", status=404, body=body)
    assert sorted(ids(pull(practice.source(), "form_submissions"))) == kept


def test_submissions_that_repeat_a_page_are_an_error(practice):
    """Reading on would never end."""
    plant_forms(practice, CONTACT)
    row = submission("c-1", int(practice.clock.now().timestamp() * 1000), "https://acme.example", {})
    practice.fault(SUBMISSIONS, status=200, body={"results": [row], "paging": {"next": {"after": "7"}}})
    with pytest.raises(Retryable, match="repeats a page"):
        pull(practice.source(), "form_submissions")


def test_owners_come_whole_those_who_left_too_and_what_is_missing_has_gone(practice):
    """All pages of both lists; an owner who is in neither any more is deleted."""
    made = practice.clock.now() - timedelta(days=90)
    rows = [owner(str(number), f"r{number}@us.example", "R", "D", made) for number in range(1, 121)]
    rows[5]["archived"] = True
    practice.sandbox.state.insert_many("owners", rows)
    pages = pull(practice.source(), "owners")
    assert sorted(ids(pages), key=int) == [row["id"] for row in rows]
    practice.sandbox.state.db.execute("delete from things where kind='owners' and id='7'")
    practice.clock.advance(timedelta(hours=1))
    later = records(pull(practice.source(), "owners", pages[-1].cursor))
    assert [record.key.id for record in later if record.deleted] == ["7"]


def test_pipelines_of_deals_and_tickets_are_kept_apart(practice):
    """Their ids may be the same."""
    found = records(pull(practice.source(), "pipelines"))
    assert {record.key.id for record in found} == {"deals/default", "tickets/0"}
    assert all(record.payload["stages"] for record in found)


def test_a_submission_without_a_date_is_kept_and_stops_no_other(practice):
    """It is refused when it is read as facts."""
    plant_forms(practice, CONTACT)
    undated = {"conversionId": "x", "submittedAt": None, "values": []}
    dated = {
        "conversionId": "y",
        "submittedAt": 1_772_000_000_000,
        "values": [{"name": "email", "value": "a@kolbe.example"}],
    }
    practice.fault(SUBMISSIONS, status=200, body={"results": [undated, dated]})
    first, second = records(pull(practice.source(), "form_submissions"))
    assert (first.key.id, second.key.id) == ("x", "y")
    with pytest.raises(ValueError, match="no date"):
        list(CONNECTOR.streams_by_name["form_submissions"].translate(first))


def test_submissions_are_read_from_the_start_where_the_clock_was_put_back(practice):
    """A window in the future would hide what comes until then."""
    plant_forms(practice, CONTACT)
    planted = fill_in(practice, CONTACT, range(3))
    assert sorted(ids(pull(practice.source(), "form_submissions", {"until": 4_000_000_000_000}))) == planted


def test_values_of_one_name_from_contact_and_company_are_kept_apart(practice):
    """A company's fields stand behind their object; two values of one field are joined; the words of a ticket are its customer's."""
    fields = [("phone", "phone"), ("multi_line_text", "message")]
    made = form(CONTACT, "Contact us", practice.clock.now() - timedelta(days=90), fields)
    words = {**made["fieldGroups"][1]["fields"][0], "objectTypeId": "0-5", "name": "content"}
    made["fieldGroups"].append({**made["fieldGroups"][1], "fields": [words]})
    practice.sandbox.state.insert_many("forms", [made])
    told = submission(
        "c-1", int(practice.clock.now().timestamp() * 1000) - 1, "https://acme.example", {"phone": "+353 1 1"}
    )
    told["values"] += [
        {"name": "phone", "value": "+353 1 2", "objectTypeId": "0-2"},
        {"name": "name", "value": "Kolbe", "objectTypeId": "0-2"},
        {"name": "topic", "value": "price"},
        {"name": "topic", "value": "date"},
        {"name": "content", "value": "It is slow.", "objectTypeId": "0-5"},
    ]
    practice.sandbox.state.insert_many(f"submissions/{CONTACT}", [told])
    (record,) = records(pull(practice.source(), "form_submissions"))
    said = {name: record.payload[name] for name in ("phone", "0-2/phone", "topic", "0-5/content")}
    assert said == {"phone": "+353 1 1", "0-2/phone": "+353 1 2", "topic": "price;date", "0-5/content": "It is slow."}
    facts = list(CONNECTOR.streams_by_name["form_submissions"].translate(record))
    (profile,) = [fact for fact in facts if isinstance(fact, Profile)]
    assert (profile.phone, profile.company) == ("+353 1 1", "Kolbe")
    assert [fact.field for fact in facts if isinstance(fact, Interaction)] == ["0-5/content"]


def test_submissions_of_archived_forms_are_read_as_long_as_there_may_be_new_ones(practice):
    """HubSpot keeps the form for three months and takes no submission of it; what it took before is read."""
    plant_forms(practice, CONTACT)
    made, gone = practice.clock.now() - timedelta(days=90), practice.clock.now() - timedelta(minutes=10)
    practice.sandbox.state.insert_many(
        "forms", [{**form(TRIAL, "Trial", made, FIELDS), "archived": True, "archivedAt": stamp(gone)}]
    )
    planted = fill_in(practice, TRIAL, range(3))
    pages = pull(practice.source(), "form_submissions")
    assert sorted(ids(pages)) == planted
    practice.clock.advance(timedelta(hours=1))
    later = practice.source()
    assert ids(pull(later, "form_submissions", pages[-1].cursor)) == []
    assert later.calls["window"] == 1


def test_forms_of_every_type_are_read(practice):
    """HubSpot lists only those made in it unless others are asked for."""
    made = practice.clock.now() - timedelta(days=90)
    pop_up = {**form(CONTACT, "Pop-up", made, FIELDS), "formType": "flow"}
    captured = {**form(TRIAL, "Trial", made, FIELDS), "formType": "captured"}
    practice.sandbox.state.insert_many("forms", [pop_up, captured])
    planted = [*fill_in(practice, CONTACT, range(1)), *fill_in(practice, TRIAL, range(1))]
    assert sorted(ids(pull(practice.source(), "form_submissions"))) == sorted(planted)
