"""A Meta Ads source over real HTTP to the sandbox, and what its pages leave behind."""

import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.base import Page, Position
from connectors.meta_ads import CONNECTOR
from connectors.meta_ads.client import MetaApi
from connectors.meta_ads.pull import MetaAdsSource
from connectors.meta_ads.settings import MetaAdsSettings
from models.clock import FrozenClock
from models.facts import Spend
from models.records import Record
from sandbox.meta_ads import ACCESS_TOKEN, APP_ID, APP_SECRET
from tests.conftest import NOW, Sandbox

BERLIN, PACIFIC = "111", "222"
TODAY = date(2026, 11, 2)  # in Berlin, at NOW; in Los Angeles it is one o'clock in the morning of the same day

BATCH = r"^/v[\d.]+/(\?|$)"
"""The path of a batch call."""
REFUSED = {"error": {"message": "x", "type": "OAuthException", "code": 200}}


def part(status: int, body: dict[str, Any]) -> dict[str, Any]:
    """One part of a batch's answer."""
    return {"code": status, "headers": [], "body": json.dumps(body)}


@dataclass
class Puller:
    """Opens sources and keeps what they yield, as a lake would: by key, the later version wins."""

    sandbox: Sandbox
    clock: FrozenClock
    token: str = ACCESS_TOKEN
    secret: str = APP_SECRET
    account_ids: tuple[str, ...] = ()
    pauses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    """The monotonic clock: how long all pauses took."""
    time_passes: bool = False
    """Whether a pause moves the clock, so that limits recover."""
    cursors: dict[str, Position | None] = field(default_factory=dict)
    records: dict[tuple[str, str], Record] = field(default_factory=dict)
    position: Position | None = None
    """Where an unfinished window stands."""

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds
        if self.time_passes:
            self.clock.advance(timedelta(seconds=seconds))

    def open(self) -> MetaAdsSource:
        settings = MetaAdsSettings(
            access_token=SecretStr(self.token),
            app_id=APP_ID,
            app_secret=SecretStr(self.secret),
            account_ids=self.account_ids,
            base_url=self.sandbox.url,
        )
        return MetaAdsSource(MetaApi(settings, self.pause, lambda: self.seconds), self.clock)

    def keep(self, stream: str, page: Page) -> int:
        for record in page.records:
            known = self.records.get(record.key[1:4:2])
            assert known is None or record.updated_at >= known.updated_at, (
                "a later read must never be the older version"
            )
            self.records[record.key[1:4:2]] = record
        self.position = page.position if page.cursor is None else None
        if page.cursor is not None:
            self.cursors[stream] = page.cursor
        return len(page.records)

    def pull(self, stream: str, resume: Position | None = None) -> tuple[int, MetaAdsSource]:
        """One pull to its end; the number of records it brought, and the source for its calls."""
        source = self.open()
        page, brought = None, 0
        for page in source.pages(CONNECTOR.streams_by_name[stream], self.cursors.get(stream), resume):
            brought += self.keep(stream, page)
        assert page is not None
        assert page.cursor is not None
        return brought, source

    def spend(self) -> dict[tuple[str, str, str], int]:
        """Minor units by account, day and ad, as the kept days read."""
        found = {}
        for (account, day), record in self.records.items():
            for fact in (
                CONNECTOR.streams_by_name["insights"].translate(record) if record.key.object == "insights_day" else ()
            ):
                assert isinstance(fact, Spend)
                found[account, day, fact.ad_id] = fact.amount_minor
        return found


@dataclass
class Ground:
    """Plants ad accounts, ads, days and leads."""

    sandbox: Sandbox

    def account(self, number: str, zone: str, currency: str, created: str = "2026-08-01") -> None:
        row = {
            "id": f"act_{number}", "account_id": number, "name": f"Account {number}", "account_status": 1,
            "currency": currency, "timezone_name": zone, "created_time": f"{created}T12:00:00+0000",
        }  # fmt: skip
        self.sandbox.state.insert_many("adaccount", [row])

    def ad(
        self, ad: str, account: str = BERLIN, status: str = "ACTIVE", updated: str = "2026-10-01T00:00:00+0000"
    ) -> None:
        """An ad with an ad set and a campaign of its own."""
        common = {
            "account_id": account,
            "created_time": "2026-08-02T00:00:00+0000",
            "updated_time": updated,
            "status": status,
        }
        common |= {"effective_status": status}
        insert = self.sandbox.state.insert_many
        insert("campaign", [{"id": f"c{ad}", "name": f"Campaign {ad}", **common}])
        insert("adset", [{"id": f"s{ad}", "name": f"Set {ad}", "campaign_id": f"c{ad}", **common}])
        insert("ad", [{"id": ad, "name": f"Ad {ad}", "campaign_id": f"c{ad}", "adset_id": f"s{ad}", **common}])

    def day(
        self, ad: str, day: date | str, spend: str, account: str = BERLIN, currency: str = "EUR", **more: Any
    ) -> None:
        row = {
            "account_id": account, "account_name": f"Account {account}", "account_currency": currency, "date_start": str(day),
            "ad_id": ad, "ad_name": f"Ad {ad}", "adset_id": f"s{ad}", "adset_name": f"Set {ad}", "campaign_id": f"c{ad}",
            "campaign_name": f"Campaign {ad}", "spend": spend, "impressions": "900", "clicks": "12", "reach": "700", **more,
        }  # fmt: skip
        self.sandbox.state.insert_many("insight", [row])

    def lead(self, lead: str, ad: str | None, at: str, account: str = BERLIN, form: str = "f1", **answers: str) -> None:
        """A lead of an ad, or of a form that was filled in without one."""
        of_ad = (
            {"ad_id": ad, "ad_name": f"Ad {ad}", "campaign_id": f"c{ad}", "campaign_name": f"Campaign {ad}"}
            if ad
            else {}
        )
        row = {
            "id": lead, "account_id": account, "created_time": at, "form_id": form, "is_organic": ad is None, **of_ad,
            "field_data": [{"name": name, "values": [value]} for name, value in answers.items()],
        }  # fmt: skip
        self.sandbox.state.insert_many("lead", [row])

    def page(self, page: str, *forms: str) -> None:
        """A Facebook Page with a token of its own, and its forms."""
        self.sandbox.state.insert_many("page", [{"id": page, "name": f"Page {page}", "access_token": f"EAApage{page}"}])
        self.sandbox.state.insert_many("form", [{"id": form, "page_id": page, "status": "ACTIVE"} for form in forms])


@pytest.fixture
def puller(meta_ads_sandbox: Sandbox, clock: FrozenClock) -> Puller:
    """Pulls with the token that sees everything."""
    assert clock.now() == NOW
    return Puller(meta_ads_sandbox, clock)


@pytest.fixture
def ground(meta_ads_sandbox: Sandbox) -> Ground:
    """One young account in Berlin, without ads."""
    made = Ground(meta_ads_sandbox)
    made.account(BERLIN, "Europe/Berlin", "EUR")
    return made
