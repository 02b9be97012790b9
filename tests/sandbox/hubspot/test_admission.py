"""Who is let in, and how often: https://developers.hubspot.com/docs/api-reference/error-handling and /usage-guidelines."""

from datetime import timedelta
from pathlib import Path

import pytest
import requests
from hubspot import HubSpot

from models.clock import FrozenClock
from sandbox.faults import Fault
from sandbox.hubspot import ACCESS_TOKEN
from sandbox.hubspot.objects import object_type
from sandbox.hubspot.state import HubSpotState
from tests.conftest import Sandbox
from tests.sandbox.hubspot.conftest import plant, refused, sdk


def test_an_unknown_token_is_refused(hubspot_sandbox: Sandbox) -> None:
    """401 INVALID_AUTHENTICATION, which does not repeat the token."""
    with refused() as no:
        sdk(hubspot_sandbox, "pat-eu1-wrong").crm.contacts.basic_api.get_page()
    assert (no.status, no.body["category"]) == (401, "INVALID_AUTHENTICATION")
    assert "pat-eu1-wrong" not in str(no.body)


def test_a_body_that_is_not_said_to_be_json_is_refused(hubspot_sandbox: Sandbox) -> None:
    """As every JAX-RS service answers what it cannot read; the SDK says what it sends."""
    search = f"{hubspot_sandbox.url}/crm/v3/objects/contacts/search"
    headers = {"Authorization": f"Bearer {ACCESS_TOKEN}", "Content-Type": "text/plain"}
    assert requests.post(search, data="{}", headers=headers, timeout=10).status_code == 415


def test_an_expired_token_says_since_when(hubspot_sandbox: Sandbox, clock: FrozenClock) -> None:
    """401 EXPIRED_AUTHENTICATION with the hours; before its end the token works."""
    hubspot_sandbox.state.add_token("short", expired_at=clock.now() + timedelta(hours=1))
    assert sdk(hubspot_sandbox, "short").crm.contacts.basic_api.get_page().results == []
    clock.advance(timedelta(hours=6))
    with refused() as no:
        sdk(hubspot_sandbox, "short").crm.contacts.basic_api.get_page()
    assert (no.status, no.body["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert "expired 5 hour(s) ago" in no.body["message"]


@pytest.mark.parametrize(
    ("ask", "scope"),
    [
        (lambda client: client.crm.companies.basic_api.get_page(), "crm.objects.companies.read"),
        (lambda client: client.crm.contacts.basic_api.create({"properties": {}}), "crm.objects.contacts.write"),
        (lambda client: client.crm.tickets.search_api.do_search({}), "tickets"),
        (lambda client: client.crm.objects.emails.basic_api.get_page(), "sales-email-read"),
        (lambda client: client.crm.owners.owners_api.get_page(), "crm.objects.owners.read"),
        (lambda client: client.crm.properties.core_api.get_all("contacts"), "crm.schemas.contacts.read"),
        (lambda client: client.crm.properties.groups_api.create("deals", {"name": "a", "label": "A"}), "crm.schemas.deals.write"),
        (lambda client: client.marketing.forms.forms_api.get_page(), "forms"),
    ],
)  # fmt: skip
def test_a_token_without_the_scope_is_told_which(hubspot_sandbox: Sandbox, ask, scope: str) -> None:
    """403 MISSING_SCOPES with requiredGranularScopes; what the token may do works (HubSpot's page "Scopes")."""
    hubspot_sandbox.state.add_token("few", scopes={"crm.objects.contacts.read"})
    client = sdk(hubspot_sandbox, "few")
    assert client.crm.objects.calls.basic_api.get_page().results == []
    with refused() as no:
        ask(client)
    assert (no.status, no.body["category"]) == (403, "MISSING_SCOPES")
    assert no.body["errors"][0]["context"]["requiredGranularScopes"] == [scope]


def test_answers_tell_what_is_left(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """X-HubSpot-RateLimit-* on every answer, but not on a search's (page "Usage guidelines")."""
    _, _, first = client.crm.contacts.basic_api.get_page_with_http_info()
    _, _, second = client.crm.contacts.basic_api.get_page_with_http_info()
    _, _, search = client.crm.contacts.search_api.do_search_with_http_info({})
    left = "X-HubSpot-RateLimit-Remaining"
    assert int(first[left]) - int(second[left]) == 1
    assert int(second["X-HubSpot-RateLimit-Daily"]) - int(second["X-HubSpot-RateLimit-Daily-Remaining"]) == 2
    assert not [name for name in search if "ratelimit" in name.lower()]


def test_limits_are_enforced_where_a_test_wants_it(
    hubspot_sandbox: Sandbox, client: HubSpot, clock: FrozenClock
) -> None:
    """429 names the policy: five searches a second, so many requests in ten seconds, so many until the portal's midnight."""
    limits = hubspot_sandbox.state.limits
    limits.enforced, limits.burst, limits.daily = True, 2, 11
    for _ in range(5):
        client.crm.contacts.search_api.do_search({})
    with refused() as no:
        client.crm.contacts.search_api.do_search({})
    assert (no.status, no.body["policyName"], no.body["errorType"]) == (429, "SECONDLY", "RATE_LIMIT")
    client.crm.contacts.basic_api.get_page()
    client.crm.contacts.basic_api.get_page()
    with refused() as no:
        client.crm.contacts.basic_api.get_page()
    assert no.body["policyName"] == "TEN_SECONDLY_ROLLING"
    clock.advance(timedelta(seconds=10))
    client.crm.contacts.basic_api.get_page()
    client.crm.contacts.search_api.do_search({})
    with refused() as no:
        client.crm.contacts.basic_api.get_page()
    assert no.body["policyName"] == "DAILY"
    clock.advance(timedelta(hours=15))  # it is nine in the morning
    client.crm.contacts.basic_api.get_page()


def test_a_fault_answers_as_the_vendor_does(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """A 429 on demand reaches the caller with its policy, and the next request works."""
    body = {"status": "error", "errorType": "RATE_LIMIT", "policyName": "SECONDLY", "correlationId": "x" * 36}
    hubspot_sandbox.faults.add(Fault(path="/search", calls=(1,), status=429, body=body))
    with refused() as no:
        client.crm.contacts.search_api.do_search({})
    assert (no.status, no.body["policyName"]) == (429, "SECONDLY")
    assert client.crm.contacts.search_api.do_search({}).results == []


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/crm/v3/nothing"), ("GET", "/crm/v3/owners"), ("PUT", "/crm/v3/objects/contacts")]
)
def test_an_unknown_route_is_a_vendor_shaped_404(hubspot_sandbox: Sandbox, method: str, path: str) -> None:
    """Whatever is not spoken here has HubSpot's error body; owners have their trailing slash (SDK: owners_api)."""
    headers = {"Authorization": f"Bearer {ACCESS_TOKEN}"}
    answer = requests.request(method, f"{hubspot_sandbox.url}{path}", headers=headers, timeout=5)
    assert answer.status_code == 404
    assert answer.json()["category"] == "OBJECT_NOT_FOUND"
    assert len(answer.json()["correlationId"]) == 36


def test_a_long_address_is_refused(get, client: HubSpot) -> None:
    """414 with a proxy's page; asking by POST needs no cutting (dlt-hub/verified-sources#305)."""
    many = ["email"] * 2_000
    answer = get("/crm/v3/objects/contacts", properties=",".join(many))
    assert answer.status_code == 414
    assert answer.text.startswith("<html>")
    assert client.crm.contacts.search_api.do_search({"properties": many}).results == []


def test_the_state_outlives_the_server(tmp_path: Path, clock: FrozenClock) -> None:
    """What one server was told, the next one on the same folder knows, custom properties and merges included."""
    state = HubSpotState(tmp_path, clock)
    group = {"name": "sidecar", "label": "Sidecar"}
    state.properties.create_group(object_type("contacts"), group)
    definition = {"name": "note", "label": "Note", "type": "string", "fieldType": "text", "groupName": "sidecar"}
    state.insert_many("properties/contacts", [definition])
    first = state.create("contacts", {"email": "a@x.example", "note": "hello"})
    second = state.create("contacts", {"email": "b@x.example"})
    merged = state.merge("contacts", first.id, second.id)
    state.close()
    again = HubSpotState(tmp_path, clock)
    assert again.get("contacts", second.id) == again.get("contacts", merged.id)
    assert again.get("contacts", merged.id).values["note"] == "hello"
    again.close()


def test_ids_and_names_of_objects_are_taken_alike(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """deals, deal and 0-3 are the same; a name that is none is 400 (guide "Objects", "Object type IDs")."""
    plant(hubspot_sandbox, "deals", 1, dealname="Big {n}", dealstage="closedwon", pipeline="default")
    names = [client.crm.objects.basic_api.get_page(name).results[0].id for name in ("deals", "deal", "0-3")]
    assert names == ["1", "1", "1"]
    with refused() as no:
        client.crm.objects.basic_api.get_page("dreams")
    assert (no.status, no.body["message"]) == (400, "Unable to infer object type from: dreams")


def test_a_malformed_token_does_not_get_past_the_proxy(hubspot_sandbox: Sandbox) -> None:
    """530 with a page of the proxy's own (airbyte's source-hubspot: "we got this when provided API Token has incorrect format")."""
    headers = {"Authorization": "Bearer pat eu1 pasted with blanks"}
    answer = requests.get(f"{hubspot_sandbox.url}/crm/v3/owners/", headers=headers, timeout=5)
    assert (answer.status_code, answer.text[:6]) == (530, "<html>")


def test_a_refusal_may_name_the_seconds_to_wait_and_names_its_group(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """Retry-After is not always there; policyName and groupName are (hubspot-api-python#117)."""
    limits = hubspot_sandbox.state.limits
    limits.enforced, limits.burst = True, 0
    headers = {"Authorization": f"Bearer {ACCESS_TOKEN}"}
    without = requests.get(f"{hubspot_sandbox.url}/crm/v3/owners/", headers=headers, timeout=5)
    limits.retry_after = True
    named = requests.get(f"{hubspot_sandbox.url}/crm/v3/owners/", headers=headers, timeout=5)
    assert (without.status_code, without.headers.get("Retry-After")) == (429, None)
    assert (named.status_code, named.headers["Retry-After"]) == (429, "10")
    assert without.json()["groupName"] == "publicapi:private-app-api-calls-ten-secondly-rolling:145000001"


def test_the_day_is_told_to_private_apps_alone(hubspot_sandbox: Sandbox) -> None:
    """No daily headers under OAuth (page "Usage guidelines")."""
    hubspot_sandbox.state.add_token("CJSP5qf1KhIBAQ")
    _, _, headers = sdk(hubspot_sandbox, "CJSP5qf1KhIBAQ").crm.contacts.basic_api.get_page_with_http_info()
    told = {name.lower() for name in headers if name.lower().startswith("x-hubspot-ratelimit-")}
    assert told == {f"x-hubspot-ratelimit-{name}" for name in ("max", "remaining", "interval-milliseconds")}


def test_a_private_app_learns_what_its_token_may_do(hubspot_sandbox: Sandbox) -> None:
    """By POST with the token in the body, without any scope (page "Private apps", the end); other tokens are not known there."""
    hubspot_sandbox.state.add_token("pat-few", scopes={"forms", "tickets"})
    hubspot_sandbox.state.add_token("CJSP5qf1KhIBAQ")

    def ask(bearer: str, **body: str) -> requests.Response:
        url = f"{hubspot_sandbox.url}/oauth/v2/private-apps/get/access-token-info"
        return requests.post(url, json=body, headers={"Authorization": f"Bearer {bearer}"}, timeout=5)

    told = ask("pat-few", tokenKey="pat-few").json()
    assert told.keys() == {"userId", "hubId", "appId", "scopes"}
    assert (told["hubId"], told["scopes"]) == (145000001, ["forms", "tickets"])
    assert ask("pat-few", token="pat-few").status_code == 400
    assert ask("CJSP5qf1KhIBAQ", tokenKey="CJSP5qf1KhIBAQ").status_code == 404
