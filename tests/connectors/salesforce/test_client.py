"""Logging in, and what the doctor is told."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from connectors.errors import Fatal, Retryable
from connectors.salesforce import CONNECTOR
from connectors.salesforce.diagnose import NEEDED, diagnose
from connectors.salesforce.settings import SalesforceSettings
from tests.connectors.salesforce.conftest import SPECS


def test_a_login_names_org_and_user(practice):
    """The account is the org's own id, of eighteen characters."""
    org = practice.org()
    assert (org.id[:3], len(org.id), org.user_id[:3]) == ("00D", 18, "005")
    assert practice.source().account == org.id


@pytest.mark.parametrize(
    ("wrong", "variable"),
    [({"client_secret": "hush"}, "SALESFORCE_CLIENT_SECRET"), ({"client_id": "nobody"}, "SALESFORCE_CLIENT_ID")],
)
def test_a_refused_login_names_the_variable_and_not_its_value(practice, wrong, variable):
    """The whole vendor is affected."""
    with pytest.raises(Fatal, match=variable) as refused:
        practice.org(**wrong)
    assert refused.value.credentials
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("code", ["invalid_grant", "inactive_user", "something_new"])
def test_every_refusal_of_a_login_says_what_to_do(practice, code):
    """By its code, known or not."""
    practice.fault("/oauth2/token", status=400, body={"error": code, "error_description": "no"})
    with pytest.raises(Fatal, match=code):
        practice.org()


def test_a_login_page_that_is_away_is_tried_again_later(practice):
    """A proxy's page is no refusal."""
    practice.fault("/oauth2/token", kind="html", status=502)
    with pytest.raises(Retryable, match="HTTP 502"):
        practice.org()


def test_an_org_that_cannot_be_reached_points_to_the_domain(practice):
    """Nobody listens there."""
    with pytest.raises(Retryable, match="SALESFORCE_DOMAIN"):
        practice.org(base_url="http://127.0.0.1:9")


def test_threads_that_meet_an_ended_token_share_one_new_login(practice):
    """The first to come renews it; the others find that it was renewed already."""
    org = practice.org()
    practice.clock.advance(timedelta(hours=3))
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(org.request, "test", "GET", "limits", about="limits") for _ in range(8)]
    assert all(one.result() for one in asked)
    assert org.calls["login"] == 2


@pytest.mark.parametrize(
    "typed", ["acme.my", "https://acme.my.salesforce.com/", "acme.my.salesforce.com", "acme.lightning.force.com"]
)
def test_the_domain_is_taken_as_people_copy_it(typed):
    """Scheme, path and Salesforce's own ending are taken off."""
    assert SalesforceSettings(domain=typed).domain in {"acme.my", "acme"}


def test_the_doctor_finds_nothing_wrong_with_a_provisioned_org(practice):
    """Login, streams, fields and quota are all well."""
    practice.crm().provision(SPECS, dry_run=False)
    findings = practice.source().diagnose(CONNECTOR.streams)
    assert [one.subject for one in findings if not one.ok] == []
    assert {"login", "contacts", "fields on Contact", "quota"} <= {one.subject for one in findings}


def test_the_doctor_asks_for_the_fields_where_they_are_missing(practice):
    """With the command that makes them."""
    findings = {one.subject: one for one in practice.source().diagnose(CONNECTOR.streams)}
    assert "sidecar provision" in findings["fields on Contact"].remedy


PERMISSIONS = [
    *((stream.name, stream.object, stream.description) for stream in CONNECTOR.streams),
    *(
        (stream.name, f"{stream.object}.{field}", lost)
        for stream in CONNECTOR.streams
        for field, lost in NEEDED.get(stream.object, {}).items()
    ),
]


def test_the_doctor_names_each_permission_that_is_missing_and_what_it_costs(practice):
    """Every object and every field that matters, removed in turn."""
    source, security = practice.source(), practice.sandbox.state.security
    for stream, permission, lost in PERMISSIONS:
        security.hide(permission)
        finding = next(one for one in source.diagnose(CONNECTOR.streams) if one.subject == stream)
        security.show_all()
        assert not finding.ok, permission
        assert lost in finding.message, permission
        assert f"Read on {permission}" in finding.remedy, permission


def test_the_doctor_names_a_hidden_parent(practice):
    """A comment says who asked only through its case."""
    practice.sandbox.state.security.hide("Case")
    findings = {one.subject: one for one in practice.source().diagnose(CONNECTOR.streams)}
    assert "through its Case" in findings["case_comments"].message
    assert "Case" in findings["case_comments"].remedy


def test_the_doctor_names_data_privacy_records_only_where_the_org_keeps_them(practice):
    """An org without them has nothing to grant; where they are kept and hidden, refusals would be missed."""
    source, security = practice.source(), practice.sandbox.state.security
    contacts = next(one for one in source.diagnose(CONNECTOR.streams) if one.subject == "contacts")
    assert contacts.ok
    security.protect_data()
    security.hide("Individual")
    contacts = next(one for one in source.diagnose(CONNECTOR.streams) if one.subject == "contacts")
    assert "through its Individual" in contacts.message
    assert "Read on Individual" in contacts.remedy


def test_the_doctor_tells_of_limits_that_are_reached(practice):
    """Calls of the day, and jobs of the day."""
    practice.sandbox.state.usage.used = 90_000
    practice.sandbox.state.switches.jobs_a_day = 0
    findings = {one.subject: one for one in practice.source().diagnose(CONNECTOR.streams)}
    assert not findings["quota"].ok
    assert "leaves 20% to people" in findings["quota"].remedy
    assert "REST" in findings["bulk jobs"].remedy


def test_the_doctor_never_raises_for_a_refusal(practice):
    """What the vendor says becomes a finding."""
    org = practice.org()
    practice.fault("/composite/batch", status=403, body=[{"message": "no", "errorCode": "API_DISABLED_FOR_ORG"}])
    assert [one.ok for one in diagnose(org, CONNECTOR.streams)] == [
        True,
        True,
        True,
        False,
    ]  # login and limits, too, were asked


def test_no_secret_reaches_the_log(practice, caplog):
    """Neither the app's secret nor the token, at any level."""
    caplog.set_level(logging.DEBUG)
    source = practice.source()
    list(source.pages(CONNECTOR.streams_by_name["contacts"], None, None))
    token = source._org._sf.session_id
    assert "sandbox-secret" not in caplog.text
    assert token not in caplog.text
