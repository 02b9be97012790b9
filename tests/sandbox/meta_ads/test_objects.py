"""Ads and what is above them, leads, and pages of both.

Sources: https://developers.facebook.com/docs/graph-api/results, /docs/marketing-api/reference, /docs/marketing-api/guides/lead-ads/retrieving;
the SDK's Cursor and the Field classes.
"""

from datetime import timedelta
from typing import Any

import pytest
from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError

from sandbox.meta_ads.params import STATUSES
from tests.conftest import NOW, Sandbox
from tests.sandbox.meta_ads.conftest import ALL, Plant, ads


def test_after_is_there_on_the_last_page_and_next_is_not(api: FacebookAdsApi, account: AdAccount, plant: Plant) -> None:
    """Only `next` says that more follow."""
    plant("ad", ads(30))
    first = api.call("GET", ("act_1", "ads"), params={"limit": 20}).json()
    second = api.call(
        "GET", ("act_1", "ads"), params={"limit": 20, "after": first["paging"]["cursors"]["after"]}
    ).json()
    assert (len(first["data"]), len(second["data"])) == (20, 10)
    assert "next" in first["paging"]
    assert "next" not in second["paging"]
    assert second["paging"]["cursors"]["after"]


def test_an_empty_page_may_come_before_more(meta_ads_sandbox: Sandbox, account: AdAccount, plant: Plant) -> None:
    """The SDK's own cursor stops there and loses rows (Cursor.load_next_page), which is the trap to be practised."""
    plant("ad", ads(30))
    meta_ads_sandbox.state.conduct.empty_pages = True
    assert len(list(account.get_ads(fields=["id"], params={"limit": 20}))) == 20


def test_a_total_is_told_when_asked_for(account: AdAccount, plant: Plant) -> None:
    """The SDK asks by itself (summary=true)."""
    plant("ad", ads(30))
    assert account.get_ads(fields=["id"]).total() == 30


def test_the_deleted_and_archived_are_shown_by_name_only(account: AdAccount, plant: Plant) -> None:
    """Without effective_status they are left out; a status that Meta does not know is refused."""
    rows = ads(4)
    for row, status in zip(rows, ALL, strict=True):
        row["effective_status"] = status
    plant("ad", rows)
    assert len(account.get_ads()) == 2
    assert len(account.get_ads(params={"effective_status": ALL})) == 4
    assert set(ALL) <= STATUSES["ad"]
    with pytest.raises(FacebookRequestError, match="effective_status"):
        account.get_ads(params={"effective_status": ["GONE"]})


def test_objects_are_filtered_by_the_time_of_their_change(
    meta_ads_sandbox: Sandbox, account: AdAccount, plant: Plant
) -> None:
    """GREATER_THAN leaves out the second itself."""
    plant("ad", ads(2))
    meta_ads_sandbox.state.update("3001", name="New name")
    now = int(NOW.timestamp())

    def since(second: int) -> list[Any]:
        bound = {"field": "ad.updated_time", "operator": "GREATER_THAN", "value": second}
        return [ad["name"] for ad in account.get_ads(fields=["name"], params={"filtering": [bound]})]

    assert (since(now - 1), since(now)) == (["New name"], [])


def test_an_unknown_field_edge_or_parameter_is_refused(api: FacebookAdsApi, account: AdAccount) -> None:
    """Code 100; the fields are those of the SDK's classes."""
    for path, params in (
        (("act_1", ""), {"fields": "colour"}),
        (("act_1", "ads"), {"fields": "id,colour"}),
        (("act_1", "colours"), {}),
        (("act_1", "ads"), {"colour": "red"}),
        (("act_1", "ads"), {"after": "!"}),
        (("act_1", "ads"), {"limit": "many"}),
        (("act_1", "ads"), {"filtering": "all"}),
        (("act_1", "ads"), {"filtering": [{"field": "ad.effective_status", "operator": "IN"}]}),
        (("act_1", "insights"), {"filtering": ["ad"], "time_range": {"since": "2026-10-01", "until": "2026-10-02"}}),
    ):
        with pytest.raises(FacebookRequestError) as refused:
            api.call("GET", path, params=params)
        assert refused.value.api_error_code() == 100


def test_only_the_fields_asked_for_are_told(account: AdAccount) -> None:
    """And the id, always."""
    assert account.api_get(fields=["currency", "timezone_name", "spend_cap"]).export_all_data() == {
        "id": "act_1", "currency": "EUR", "timezone_name": "Europe/Berlin",
    }  # fmt: skip


def test_leads_are_kept_for_ninety_days(api: FacebookAdsApi, account: AdAccount, plant: Plant) -> None:
    """By ad and by form, newest first, filtered by the second of their creation."""
    plant("ad", ads(1))
    stamps = [NOW - timedelta(days=days) for days in (91, 89, 1)]
    plant(
        "lead",
        [
            {
                "id": f"4{n}", "account_id": "1", "ad_id": "3000", "form_id": "77", "created_time": at.strftime("%Y-%m-%dT%H:%M:%S+0000"),
                "field_data": [{"name": "email", "values": ["dana@kolbe.example"]}],
            }
            for n, at in enumerate(stamps)
        ],
    )  # fmt: skip
    found = Ad("3000", api=api).get_leads(fields=["created_time", "field_data", "ad_id"])
    assert [lead["id"] for lead in found] == ["42", "41"]
    by_form = api.call("GET", ("77", "leads")).json()["data"]
    assert [lead["id"] for lead in by_form] == ["42", "41"]
    bound = {"field": "time_created", "operator": "GREATER_THAN", "value": int(stamps[1].timestamp())}
    assert [lead["id"] for lead in Ad("3000", api=api).get_leads(params={"filtering": [bound]})] == ["42"]
