"""Logging in, as `simple_salesforce.login.SalesforceLogin` sends it and the help page "Client Credentials Flow" answers it."""

from datetime import timedelta

import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceExpiredSession

from sandbox.faults import Fault
from sandbox.salesforce.state import INTEGRATION_USER, ORG_ID
from sandbox.salesforce.tokens import CLIENT_ID, CLIENT_SECRET

TOKEN = "/services/oauth2/token"


def login(session, **changes):
    given = {"domain": "acme.my", "consumer_key": CLIENT_ID, "consumer_secret": CLIENT_SECRET, "version": "63.0"}
    return Salesforce(**{**given, **changes}, session=session)


def test_the_sdk_logs_in_and_is_told_the_host_it_meant(sf):
    """The instance is the host the SDK asked for, not the address of the sandbox."""
    assert sf.sf_instance == "acme.my.salesforce.com"


def test_the_answer_names_org_and_user(sandbox):
    """`id` is the identity URL; client and secret may stand in the form, too."""
    form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    answer = requests.post(sandbox.url + TOKEN, data=form, timeout=5).json()
    assert answer["id"].endswith(f"/id/{ORG_ID}/{INTEGRATION_USER}")
    assert answer["token_type"] == "Bearer"
    assert {"access_token", "instance_url", "issued_at", "signature"} <= answer.keys()


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"consumer_secret": "wrong"}, "invalid_client"), ({"consumer_key": "nobody"}, "invalid_client_id")],
)
def test_a_wrong_client_is_refused(session, changes, code):
    """OAuth errors are 400 with `error` and `error_description` (help page "OAuth Authorization Errors")."""
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        login(session, **changes)
    assert refused.value.code == code


def test_other_grants_are_refused(session):
    """The app allows client credentials only; the SDK's user name and password flow is not open."""
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        login(session, username="robin", password="secret")
    assert refused.value.code == "unsupported_grant_type"


def test_a_token_ends_by_the_clock_and_the_sdk_renews_it(sf, clock, sandbox):
    """After two hours the token is refused with INVALID_SESSION_ID; the SDK logs in again and repeats (api.py)."""
    clock.advance(timedelta(hours=2))
    assert sf.query("SELECT Id FROM Organization")["totalSize"] == 1
    assert [entry.status for entry in sandbox.log.matching("/query/")] == [401, 200]
    assert len(sandbox.log.matching(TOKEN)) == 2


def test_a_wrong_token_is_refused_in_rests_own_shape(sandbox):
    """401 with a list of one error (REST guide, "Status Codes and Error Responses")."""
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        answer = requests.get(sandbox.url + "/services/data/v63.0/limits/", headers=headers, timeout=5)
        assert answer.status_code == 401
        assert answer.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_a_bare_session_id_cannot_be_renewed(sf, session, clock):
    """Without credentials the SDK passes the 401 on."""
    bare = Salesforce(
        instance_url="https://acme.my.salesforce.com", session_id=sf.session_id, version="63.0", session=session
    )
    clock.advance(timedelta(hours=3))
    with pytest.raises(SalesforceExpiredSession):
        bare.limits()


def test_a_login_may_meet_a_proxy_page(sandbox, session):
    """An HTML answer is no refusal of the credentials; the SDK hands on the status as the code."""
    sandbox.faults.add(Fault(kind="html", path="oauth2", status=502))
    with pytest.raises(SalesforceAuthenticationFailed) as failed:
        login(session)
    assert failed.value.code == 502
