"""What the portal remembers, and what it forgets: earlier values, the recycling bin, deletes for good, changed pipelines."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import requests
from hubspot import HubSpot

from models.clock import FrozenClock
from tests.conftest import Sandbox
from tests.sandbox.hubspot.conftest import plant, refused

STAGE = ("deals", "default", "contractsent")


def histories(client: HubSpot, number: int) -> dict[str, list[tuple[str, str]]]:
    asked = {
        "inputs": [{"id": str(n)} for n in range(1, number + 1)],
        "properties": [],
        "propertiesWithHistory": ["firstname", "city"],
    }
    (one,) = client.crm.contacts.batch_api.read(asked).results
    return {
        name: [(each.value, each.timestamp.strftime("%dT%H")) for each in past]
        for name, past in one.properties_with_history.items()
    }


def test_earlier_values_are_kept_newest_first(hubspot_sandbox: Sandbox, client: HubSpot, clock: FrozenClock) -> None:
    """A value that was taken away is empty, one that never was has no past (SDK: ValueWithTimestamp); a merge takes it along."""
    plant(hubspot_sandbox, "contacts", 2, firstname="Ada")
    for value in ("Ida", "", "Ada"):
        clock.advance(timedelta(hours=1))
        client.crm.contacts.basic_api.update("1", {"properties": {"firstname": value}})
    assert histories(client, 1) == {
        "firstname": [("Ada", "02T12"), ("", "02T11"), ("Ida", "02T10"), ("Ada", "01T00")],
        "city": [],
    }
    client.crm.contacts.basic_api.merge({"primaryObjectId": "1", "objectIdToMerge": "2"})
    assert len(histories(client, 2)["firstname"]) == 4


def test_fifty_records_are_the_most_with_their_past(
    hubspot_sandbox: Sandbox, client: HubSpot, get: Callable[..., requests.Response]
) -> None:
    """Of a batch as of a list (guide "Contacts"); a property that is none is refused."""
    plant(hubspot_sandbox, "contacts", 51, firstname="Ada")
    asked = {"inputs": [{"id": str(n)} for n in range(1, 52)], "properties": [], "propertiesWithHistory": ["firstname"]}
    with refused() as no:
        client.crm.contacts.batch_api.read(asked)
    assert no.status == 400
    listed = "/crm/v3/objects/contacts"
    assert get(listed, propertiesWithHistory="firstname", limit=51).status_code == 400
    assert get(listed, propertiesWithHistory="furstname", limit=50).status_code == 400
    found = get(listed, propertiesWithHistory="firstname", limit=50).json()["results"]
    assert [one["propertiesWithHistory"]["firstname"][0]["value"] for one in found] == ["Ada"] * 50


def test_the_recycling_bin_keeps_for_ninety_days(hubspot_sandbox: Sandbox, client: HubSpot, clock: FrozenClock) -> None:
    """Until then a record can be restored, which stamps it (knowledge base, "Restore deleted records"); after that nothing is left."""
    plant(hubspot_sandbox, "contacts", 2, firstname="Ada")
    for one in ("1", "2"):
        client.crm.contacts.basic_api.archive(one)
    clock.advance(timedelta(days=89))
    hubspot_sandbox.state.restore("contacts", "1")
    assert client.crm.contacts.basic_api.get_by_id("1").updated_at == clock.now()
    assert [one.id for one in client.crm.contacts.basic_api.get_page(archived=True).results] == ["2"]
    clock.advance(timedelta(days=2))
    assert client.crm.contacts.basic_api.get_page(archived=True).results == []
    with refused() as no:
        client.crm.contacts.basic_api.get_by_id("2", archived=True)
    assert no.status == 404
    with pytest.raises(KeyError):
        hubspot_sandbox.state.restore("contacts", "2")


def test_a_delete_for_good_is_in_no_list(hubspot_sandbox: Sandbox, client: HubSpot) -> None:
    """By id or by address (SDK: BasicApi.purge); GDPR deletes never are in the bin (knowledge base, "Restore deleted records")."""
    plant(hubspot_sandbox, "contacts", 3, email="p{n}@x.example")
    client.crm.contacts.basic_api.purge({"objectId": "1"})
    client.crm.contacts.basic_api.purge({"objectId": "p2@x.example", "idProperty": "email"})
    assert [one.id for one in client.crm.contacts.basic_api.get_page().results] == ["3"]
    assert client.crm.contacts.basic_api.get_page(archived=True).results == []
    data, status, _ = client.crm.contacts.batch_api.read_with_http_info(
        {"inputs": [{"id": "1"}], "properties": [], "propertiesWithHistory": []}
    )
    assert (status, data.errors[0].context) == (207, {"ids": ["1"]})


def test_a_changed_stage_touches_every_deal_of_its_pipeline(
    hubspot_sandbox: Sandbox, client: HubSpot, clock: FrozenClock
) -> None:
    """With a new stamp (PipedreamHQ/pipedream#4209) and what is calculated from it (SDK: PipelineStagePatchInput)."""
    for number, stage in enumerate(("contractsent", "closedwon"), start=1):
        row = {
            "id": str(number),
            "createdAt": "2026-01-01T00:00:00Z",
            "properties": {"dealstage": stage, "pipeline": "default"},
        }
        hubspot_sandbox.state.insert_many("deals", [row])
    client.crm.pipelines.pipeline_stages_api.update(
        *STAGE, {"label": "Lost on paper", "metadata": {"probability": "0.0"}}
    )
    names = ["hs_is_closed", "hs_is_closed_won", "hs_deal_stage_probability"]
    found = client.crm.deals.basic_api.get_page(properties=names).results
    assert [one.updated_at for one in found] == [clock.now()] * 2
    assert [[one.properties[name] for name in names] for one in found] == [
        ["true", "false", "0.0"],
        ["true", "true", "1.0"],
    ]
    (sales,) = client.crm.pipelines.pipelines_api.get_all("deals").results
    changed = next(stage for stage in sales.stages if stage.id == "contractsent")
    assert (changed.label, changed.metadata, changed.updated_at) == (
        "Lost on paper",
        {"isClosed": "true", "probability": "0.0"},
        clock.now(),
    )


@pytest.mark.parametrize("given", [{"metadata": {"probability": "likely"}}, {"metadata": {}}, {"color": "red"}])
def test_a_stage_that_would_mean_nothing_is_refused(client: HubSpot, given: dict[str, object]) -> None:
    """400 for a deal stage without a probability (guide "Pipelines"); 404 for one that is not there."""
    with refused() as no:
        client.crm.pipelines.pipeline_stages_api.update(*STAGE, given)
    assert no.status == 400
    with refused() as no:
        client.crm.pipelines.pipeline_stages_api.update("deals", "default", "nowhere", {"label": "A"})
    assert no.status == 404
