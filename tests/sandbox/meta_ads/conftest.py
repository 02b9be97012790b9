"""The vendor's own SDK, pointed at the sandbox; every answer is seen as the SDK sees it."""

from collections.abc import Callable
from typing import Any

import pytest
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.api import FacebookAdsApi
from facebook_business.session import FacebookSession

from sandbox.meta_ads import ACCESS_TOKEN, APP_ID, APP_SECRET
from tests.conftest import Sandbox

Row = dict[str, Any]
ALL = ["ACTIVE", "PAUSED", "ARCHIVED", "DELETED"]


def sdk(
    sandbox: Sandbox, token: str = ACCESS_TOKEN, secret: str = APP_SECRET, version: str = "v26.0"
) -> FacebookAdsApi:
    """The SDK's api object on the sandbox's address, never the global one."""
    session = FacebookSession(app_id=APP_ID, app_secret=secret, access_token=token, timeout=(5, 60))
    session.GRAPH = sandbox.url
    session.requests.trust_env = False
    return FacebookAdsApi(session, api_version=version)


@pytest.fixture
def api(meta_ads_sandbox: Sandbox) -> FacebookAdsApi:
    """The SDK with the sandbox's token."""
    return sdk(meta_ads_sandbox)


@pytest.fixture
def account(api: FacebookAdsApi, meta_ads_sandbox: Sandbox) -> AdAccount:
    """One ad account in Berlin."""
    row = {
        "id": "act_1", "account_id": "1", "name": "Acme", "currency": "EUR", "timezone_name": "Europe/Berlin",
        "created_time": "2025-01-06T09:00:00+0000",
    }  # fmt: skip
    meta_ads_sandbox.state.insert_many("adaccount", [row])
    return AdAccount("act_1", api=api)


def ads(number: int, **more: Any) -> list[Row]:
    """That many ads of one ad set."""
    stamps = {"created_time": "2026-10-01T00:00:00+0000", "updated_time": "2026-10-01T00:00:00+0000"}
    common = {"account_id": "1", "adset_id": "20", "campaign_id": "10", "effective_status": "ACTIVE", **stamps, **more}
    return [{"id": f"3{n:03d}", "name": f"Ad {n}", **common} for n in range(number)]


def day(ad: str, on: str, spend: str = "14.35", **more: Any) -> Row:
    """One ad's day."""
    return {
        "account_id": "1", "account_name": "Acme", "account_currency": "EUR", "date_start": on, "ad_id": ad, "ad_name": ad,
        "adset_id": "20", "adset_name": "Set", "campaign_id": "10", "campaign_name": "Campaign", "spend": spend,
        "impressions": "900", "clicks": "12", "reach": "700", "actions": [{"action_type": "link_click", "value": "12"}], **more,
    }  # fmt: skip


Plant = Callable[[str, list[Row]], None]


@pytest.fixture
def plant(meta_ads_sandbox: Sandbox) -> Plant:
    """Plants rows of a kind."""
    return meta_ads_sandbox.state.insert_many  # type: ignore[no-any-return]  # Sandbox.state is any vendor's
