"""The door of the API: limits, sizes, batches, unknown routes, faults. Sources: REST guide 63.0, "Limits", "Batch", "Status Codes"."""

import pytest
import requests
from simple_salesforce.exceptions import SalesforceGeneralError, SalesforceMalformedRequest, SalesforceRefusedRequest

from sandbox.faults import Fault

DATA = "https://acme.my.salesforce.com/services/data/v63.0/"


def ask(sf, session, method: str, path: str, **kwargs) -> requests.Response:
    headers = {"Authorization": f"Bearer {sf.session_id}", **kwargs.pop("headers", {})}
    return session.request(method, DATA + path, headers=headers, **kwargs)


def test_every_answer_counts_the_calls_of_the_day(sf):
    """Sforce-Limit-Info rises by one a call, and limits/ agrees (REST guide, "Limits")."""
    sf.query("SELECT Id FROM User")
    assert tuple(sf.api_usage["api-usage"]) == (1, 100_000)
    daily = sf.limits()["DailyApiRequests"]
    assert (daily["Max"], daily["Remaining"]) == (100_000, 99_998)


def test_at_the_ceiling_everything_is_refused(sf, state):
    """403 REQUEST_LIMIT_EXCEEDED until the ceiling moves."""
    state.usage.limit = 1
    sf.limits()
    with pytest.raises(SalesforceRefusedRequest) as refused:
        sf.query("SELECT Id FROM User")
    assert refused.value.content == [
        {"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}
    ]


def test_a_long_uri_is_refused_as_414_and_long_headers_as_431(sf, session):
    """16,384 bytes for the URI, and for URI and headers together (airbyte#20703)."""
    with pytest.raises(SalesforceGeneralError) as long:
        sf.query("x" * 16_384)
    assert long.value.status == 414
    assert ask(sf, session, "GET", "limits", headers={"X-More": "x" * 16_384}).status_code == 431


def test_several_reads_travel_in_one_batch(sf, state):
    """Up to 25 parts, each with its own status; each counts as a call ("Batch")."""
    state.security.hide("Case")
    names = ("Contact", "Case", "Lead")
    parts = [{"method": "GET", "url": f"v63.0/sobjects/{name}/describe"} for name in names]
    parts.append({"method": "GET", "url": "v63.0/query/?q=SELECT+Id+FROM+Organization"})
    answer = sf.restful("composite/batch", method="POST", json={"batchRequests": parts})
    assert answer["hasErrors"] is True
    assert [result["statusCode"] for result in answer["results"]] == [200, 404, 200, 200]
    assert answer["results"][2]["result"]["name"] == "Lead"
    assert answer["results"][3]["result"]["totalSize"] == 1
    assert state.usage.used == 4
    with pytest.raises(SalesforceMalformedRequest):
        sf.restful("composite/batch", method="POST", json={"batchRequests": parts[:1] * 26})


@pytest.mark.parametrize("path", ["shoes/", "sobjects/Contact/1/2/3", "jobs/export", "sobjects/Shoe"])
def test_an_unknown_route_is_a_vendor_shaped_404(sf, session, path):
    """NOT_FOUND as a list of one error."""
    answer = ask(sf, session, "GET", path)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")


def test_another_api_version_is_not_spoken(sf, session):
    """The product pins 63.0; the SDK's default of 59.0 would be noticed."""
    answer = session.get(DATA.replace("63", "59") + "limits", headers={"Authorization": f"Bearer {sf.session_id}"})
    assert answer.status_code == 404


def test_a_method_that_a_route_lacks_is_405(sf, session):
    """METHOD_NOT_ALLOWED names those it has."""
    answer = ask(sf, session, "DELETE", "limits/")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")


def test_a_body_must_be_json_and_say_so(sf, session):
    """415 without the content type, JSON_PARSER_ERROR for what cannot be read."""
    assert ask(sf, session, "POST", "sobjects/Contact", data=b"{}").status_code == 415
    for body in (b"{", b"[]"):
        answer = ask(sf, session, "POST", "sobjects/Contact", data=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_a_query_must_be_given(sf, session):
    """q missing or blank is MALFORMED_QUERY."""
    assert ask(sf, session, "GET", "query/").json()[0]["errorCode"] == "MALFORMED_QUERY"


def test_names_are_read_without_case(sf):
    """Objects, fields and doors alike."""
    assert sf.query("select id from organization")["records"][0]["attributes"]["type"] == "Organization"
    assert sf.restful("queryall", params={"q": "SELECT Id FROM Organization"})["totalSize"] == 1


def test_faults_strike_the_real_sdk(sf, sandbox):
    """A 503 of the vendor surfaces as the SDK's general error, and the next call is fine."""
    body = [{"message": "try later", "errorCode": "SERVER_UNAVAILABLE"}]
    sandbox.faults.add(Fault(path=r"/query/", calls=(1,), status=503, body=body))
    with pytest.raises(SalesforceGeneralError) as busy:
        sf.query("SELECT Id FROM User")
    assert (busy.value.status, busy.value.content) == (503, body)
    assert sf.query("SELECT Id FROM User")["done"]
