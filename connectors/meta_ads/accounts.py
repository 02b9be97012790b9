"""The ad accounts that are read, and what a day is in each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.errors import Fatal
from connectors.meta_ads.client import Json, MetaApi
from connectors.meta_ads.drift import Known
from connectors.meta_ads.paging import leaves
from connectors.meta_ads.refusals import GRANTS, VENDOR

FIELDS = ("id", "account_id", "name", "account_status", "currency", "timezone_name", "created_time", "business")
NEEDED = ("id", "account_id", "currency", "timezone_name")

REMEDY = "mend that, or name only the others in META_ADS_ACCOUNT_IDS"
"""What to do about an account that cannot be read."""


@dataclass(frozen=True)
class AdAccount:
    """One ad account; `id` is its number, which paths write with act_ before it."""

    id: str
    zone: ZoneInfo
    currency: str
    payload: Json

    @property
    def node(self) -> str:
        """How paths name it."""
        return f"act_{self.id}"

    @property
    def created(self) -> date | None:
        """Its first day; nothing of it is older."""
        try:
            return self.day(datetime.fromisoformat(self.payload["created_time"]))
        except (KeyError, OverflowError, TypeError, ValueError):
            return None  # not told, or no date: then nothing is too old to ask for

    def day(self, instant: datetime) -> date:
        """The account's day of an instant; "today" is not the same in Berlin and in Los Angeles."""
        return instant.astimezone(self.zone).date()


def visible(api: MetaApi, known: Known) -> tuple[list[AdAccount], dict[str, Fatal]]:
    """Every ad account that the token sees, or those that the settings name, in order of their numbers; and why others cannot be read.

    Errors: Fatal with `credentials` if none is left.
    """
    wanted = set(api.settings.account_ids)
    listed = {row["account_id"]: row for row in known.asked(lambda names: _listed(api, names))}
    accounts: list[AdAccount] = []
    refused: dict[str, Fatal] = {}
    for number in sorted(wanted or listed):
        try:
            accounts.append(read(listed.get(number) or _unlisted(api, number, known.names)))
        except Fatal as error:
            if error.credentials:
                raise
            refused[number] = Fatal(f"ad account {number} is left out: {error}; {REMEDY}", vendor=VENDOR)
    if not accounts:
        why = next((str(error) for error in refused.values()), f"the token sees no ad account; {GRANTS['ads_read']}")
        raise Fatal(why, vendor=VENDOR, credentials=True)
    return accounts, refused


def _unlisted(api: MetaApi, number: str, names: Sequence[str]) -> Json:
    """An account shared with the business may be readable and not listed."""
    return api.get("definition", (f"act_{number}", ""), {"fields": ",".join(names)}, stream="ad_accounts")


def _listed(api: MetaApi, names: Sequence[str]) -> list[Json]:
    params = {"fields": ",".join(names)}
    found = leaves(api, "definition", ("me", "adaccounts"), params, stream="ad_accounts")
    return [row for leaf in found for row in leaf.rows]


def read(payload: Json) -> AdAccount:
    """An account as it is used here. Errors: Fatal for one without a time zone that we know, or without a currency."""
    try:
        zone = ZoneInfo(str(payload["timezone_name"]))
        return AdAccount(str(payload["account_id"]), zone, str(payload["currency"]).lower(), payload)
    except (KeyError, ValueError, ZoneInfoNotFoundError):
        message = f"ad account {payload.get('account_id')} names no currency or no time zone that is known"
        raise Fatal(message, vendor=VENDOR) from None
