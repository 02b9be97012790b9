"""Opening a portal, what its refusals ask of us, and what the doctor is told."""

import logging
from zoneinfo import ZoneInfo

import pytest
import requests

from connectors.errors import Fatal, RecordRejected, Retryable
from connectors.hubspot import CONNECTOR
from connectors.hubspot.diagnose import diagnose
from connectors.hubspot.refusals import refusal, until_midnight
from sandbox.hubspot import ACCESS_TOKEN
from sandbox.hubspot.tokens import SCOPES
from tests.connectors.hubspot.conftest import SPECS


def answer(status: int, content: bytes = b"{}", **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code, response._content = status, content
    response.headers.update(headers)
    return response


def test_a_portal_names_itself_and_its_currency(practice):
    """The account is the portal's id."""
    assert practice.source().account == "145000001"
    assert practice.crm().currency == "eur"


@pytest.mark.parametrize("token", ["pat-wrong", "pat-over"])
def test_a_refused_token_names_the_variable_and_not_its_value(practice, token):
    """The whole vendor is affected."""
    practice.sandbox.state.add_token("pat-over", expired_at=practice.clock.now())
    with pytest.raises(Fatal, match="HUBSPOT_ACCESS_TOKEN") as refused:
        practice.portal(access_token=token)
    assert refused.value.credentials
    assert token not in str(refused.value)


def test_a_portal_that_cannot_be_reached_is_tried_again_later(practice):
    """Nobody listens there."""
    with pytest.raises(Retryable, match="no answer from HubSpot"):
        practice.portal(base_url="http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("status", "content", "error", "after"),
    [
        (530, b"<html>", Fatal, None),
        (403, b"<html>", Retryable, 2),
        (423, b'{"category":"LOCKED"}', Retryable, 60),
        (477, b"{}", Retryable, 60),
        (521, b"<html>", Retryable, 2),
        (500, b'{"category":"INTERNAL_ERROR"}', Retryable, 2),
        (400, b'{"category":"VALIDATION_ERROR"}', Fatal, None),
        (404, b'{"category":"OBJECT_NOT_FOUND"}', RecordRejected, None),
        (409, b'{"category":"CONFLICT"}', RecordRejected, None),
        (403, b'{"category":"BANNED"}', Fatal, None),
        (403, b'{"category":"MISSING_SCOPES","errors":[1,{"context":{"requiredGranularScopes":5}}]}', Fatal, None),
    ],
)
def test_each_refusal_is_an_error_by_what_it_asks_of_us(status, content, error, after):
    """By status and category, never by the vendor's words."""
    found = refusal(answer(status, content), about="contacts", stream="contacts", zone=None)
    assert isinstance(found, error)
    assert getattr(found, "after", None) == after


def test_a_refusal_never_repeats_the_vendors_words():
    """They may quote a customer's value; the correlation id is what support asks for."""
    body = b'{"category":"VALIDATION_ERROR","message":"dana@kolbe.example is invalid","correlationId":"c-1"}'
    words = str(refusal(answer(400, body), about="contacts", stream=None, zone=None))
    assert "c-1" in words
    assert "dana" not in words


@pytest.mark.parametrize(
    ("date", "zone", "seconds"),
    [
        ("Mon, 02 Nov 2026 21:30:00 GMT", "Europe/Dublin", 2.5 * 3600),
        ("Mon, 02 Nov 2026 21:30:00 GMT", "US/Eastern", 7.5 * 3600),
        ("Sat, 24 Oct 2026 22:30:00 GMT", "Europe/Berlin", 24.5 * 3600),  # clocks go back in that night
        ("soon", "Europe/Dublin", 3600),
    ],
)
def test_a_day_ends_at_the_portals_midnight(date, zone, seconds):
    """By the vendor's clock and the portal's zone."""
    assert until_midnight(answer(429, Date=date), ZoneInfo(zone)) == seconds


def test_the_doctor_finds_nothing_wrong_with_a_provisioned_portal(practice):
    """Portal, streams, fields and quota are all well."""
    practice.crm().provision(SPECS, dry_run=False)
    findings = practice.source().diagnose(CONNECTOR.streams)
    assert [one.subject for one in findings if not one.ok] == []
    assert {"portal", "contacts", "form_submissions", "fields on contact", "quota"} <= {one.subject for one in findings}


def test_the_doctor_asks_for_the_fields_where_they_are_missing(practice):
    """With the command that makes them."""
    findings = {one.subject: one for one in practice.source().diagnose(CONNECTOR.streams)}
    assert "sidecar provision" in findings["fields on contact"].remedy


def test_the_doctor_names_a_missing_scope_and_never_raises_for_it(practice):
    """The stream that will be missing, and what to add."""
    practice.sandbox.state.add_token("pat-few", scopes={"crm.objects.contacts.read", "crm.schemas.contacts.read"})
    findings = {one.subject: one for one in diagnose(practice.portal(access_token="pat-few"), CONNECTOR.streams)}
    assert findings["contacts"].ok
    assert not findings["tickets"].ok
    assert "tickets" in findings["tickets"].remedy
    assert "forms" in findings["form_submissions"].remedy
    assert "crm.objects.owners.read" in findings["owners"].message


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_each_scope_that_is_missing_is_named_with_what_will_be_missing(practice, scope):
    """One at a time, reads and writes alike; nothing is written to find out."""
    practice.crm().provision(SPECS, dry_run=False)
    practice.sandbox.log.clear()
    practice.sandbox.state.add_token("pat-less", scopes=set(SCOPES - {scope}))
    findings = diagnose(practice.portal(access_token="pat-less"), CONNECTOR.streams)
    wrong = [one for one in findings if not one.ok]
    assert wrong
    assert all(scope in f"{one.message} {one.remedy}" for one in wrong)
    assert any(f"the scope {scope}" in f"{one.message} {one.remedy}" for one in wrong)
    assert all(
        "will be missing" in one.message or "cannot make" in one.message or "nothing will be" in one.message
        for one in wrong
    )
    assert not [
        one
        for one in practice.sandbox.log.entries
        if one.method in {"PATCH", "PUT", "DELETE"} or "/batch/update" in one.path
    ]


def test_a_token_of_oauth_says_nothing_of_its_scopes_and_the_doctor_says_so(practice):
    """The endpoint knows private apps alone; what can be read is found out all the same."""
    practice.sandbox.state.add_token("CJSP5qf1KhIBAQ")
    findings = {one.subject: one for one in diagnose(practice.portal(access_token="CJSP5qf1KhIBAQ"), CONNECTOR.streams)}
    assert findings["contacts"].ok
    assert "private apps alone" in findings["writing"].message


def test_no_secret_reaches_the_log(practice, caplog):
    """At any level."""
    caplog.set_level(logging.DEBUG)
    list(practice.source().pages(CONNECTOR.streams_by_name["contacts"], None, None))
    assert ACCESS_TOKEN not in caplog.text
