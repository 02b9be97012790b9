"""What stands beside the records: account, owners, pipelines, forms and their submissions."""

from collections.abc import Callable
from datetime import UTC, datetime

import requests
from hubspot import HubSpot
from hubspot.marketing.forms import HubSpotFormDefinition

from sandbox.hubspot import ACCESS_TOKEN, CURRENCY, PORTAL_ID, TIME_ZONE
from sandbox.hubspot.catalogue import form, owner, submission
from tests.conftest import Sandbox
from tests.sandbox.hubspot.conftest import refused

MADE = datetime(2026, 1, 5, tzinfo=UTC)
GUID = "3f7f3f8a-6a9a-4c30-9c3d-6b4f9b1f2c10"


def test_the_account_tells_its_zone_and_currency(get: Callable[..., requests.Response]) -> None:
    """The keys of the reference page "Retrieve account details"; the offset is the zone's of today."""
    told = get("/account-info/v3/details").json()
    assert told.keys() == {
        "accountType", "additionalCurrencies", "companyCurrency", "dataHostingLocation", "portalId", "timeZone", "uiDomain", "utcOffset",
        "utcOffsetMilliseconds",
    }  # fmt: skip
    assert (told["portalId"], told["timeZone"], told["companyCurrency"]) == (PORTAL_ID, TIME_ZONE, CURRENCY)
    assert (told["utcOffset"], told["utcOffsetMilliseconds"]) == ("+00:00", 0)


def test_owners_are_paged_and_found(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """By pages, by address, by id; deactivated ones only when asked for (SDK: PublicOwner)."""
    people = [owner(str(n), f"p{n}@acme.example", "Rosa", "Keane", MADE) for n in (71, 72, 73)]
    hubspot_sandbox.state.insert_many(
        "owners", [*people, {**owner("74", "x@acme.example", "Al", "Gone", MADE), "archived": True}]
    )
    owners = client.crm.owners.owners_api
    first = owners.get_page(limit=2)
    assert [one.id for one in first.results] == ["71", "72"]
    assert [one.id for one in owners.get_page(limit=2, after=first.paging.next.after).results] == ["73"]
    assert [one.id for one in owners.get_page(email="p72@acme.example").results] == ["72"]
    assert [one.id for one in owners.get_page(archived=True).results] == ["74"]
    assert owners.get_by_id(73).first_name == "Rosa"
    with refused() as no:
        owners.get_by_id(74)
    assert no.status == 404


def test_pipelines_say_what_their_stages_mean(client: HubSpot) -> None:
    """Deals are won at 1.0 and lost at 0.0, tickets open or closed (guide "Pipelines"; SDK: PipelineStage)."""
    (sales,) = client.crm.pipelines.pipelines_api.get_all("deals").results
    chances = {stage.id: (stage.metadata["isClosed"], stage.metadata["probability"]) for stage in sales.stages}
    assert (chances["closedwon"], chances["closedlost"], chances["contractsent"]) == (
        ("true", "1.0"),
        ("true", "0.0"),
        ("false", "0.9"),
    )
    support = client.crm.pipelines.pipelines_api.get_by_id("tickets", "0")
    assert [stage.metadata["ticketState"] for stage in support.stages] == ["OPEN", "OPEN", "OPEN", "CLOSED"]
    assert client.crm.pipelines.pipelines_api.get_all("contacts").results == []


def test_forms_have_the_vendors_shape(hubspot_sandbox: Sandbox, get: Callable[..., requests.Response]) -> None:
    """Paged by `after`; no key that the SDK's model does not know, and of a form all that it requires.

    The SDK cannot read fields back with its checks on: it tries every kind of field on each of them.
    """
    fields = [("email", "email"), ("single_line_text", "firstname"), ("multi_line_text", "message")]
    rows = [form(GUID, "Contact us", MADE, fields), form(GUID.replace("3", "4"), "Newsletter", MADE, fields[:1])]
    hubspot_sandbox.state.insert_many("forms", rows)
    first = get("/marketing/v3/forms/", limit=1).json()
    (second,) = get("/marketing/v3/forms/", after=first["paging"]["next"]["after"]).json()["results"]
    (shown,) = first["results"]
    assert (shown["name"], second["name"]) == ("Contact us", "Newsletter")
    assert set(HubSpotFormDefinition.attribute_map.values()) - set(shown) == {"archivedAt"}
    assert [group["fields"][0]["fieldType"] for group in shown["fieldGroups"]] == [kind for kind, _ in fields]
    assert HubSpot(access_token=ACCESS_TOKEN, host=hubspot_sandbox.url).marketing.forms.forms_api.get_page().results


def test_submissions_are_newest_first(hubspot_sandbox: Sandbox, get: Callable[..., requests.Response]) -> None:
    """50 at most, 20 by default, `after` leads back in time (legacy docs, "Get submissions for a form"); an unknown form is 404."""
    hubspot_sandbox.state.insert_many("forms", [form(GUID, "Contact us", MADE, [("email", "email")])])
    rows = [
        submission(f"c-{n}", 1_767_225_600_000 + n, "https://x.example/", {"email": f"p{n}@x.example"})
        for n in range(60)
    ]
    hubspot_sandbox.state.insert_many(f"submissions/{GUID}", rows)
    path = f"/form-integrations/v1/submissions/forms/{GUID}"
    first = get(path, limit=50).json()
    second = get(path, limit=50, after=first["paging"]["next"]["after"]).json()
    seen = [row["submittedAt"] - 1_767_225_600_000 for row in [*first["results"], *second["results"]]]
    assert seen == list(range(59, -1, -1))
    assert "paging" not in second
    assert len(get(path).json()["results"]) == 20
    assert get(path, limit=51).status_code == 400
    assert get(path.replace(GUID, "nothing")).status_code == 404
    assert first["results"][0]["values"] == [{"name": "email", "value": "p59@x.example", "objectTypeId": "0-1"}]
