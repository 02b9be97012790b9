"""What `sidecar doctor` says of Meta Ads: the token and its end, the accounts, and what each stream may read."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from connectors.base import Finding, Stream
from connectors.errors import ConnectorError, Fatal
from connectors.meta_ads.accounts import REMEDY, AdAccount
from connectors.meta_ads.client import Json, MetaApi
from connectors.meta_ads.fanpages import FanPage, fan_pages
from connectors.meta_ads.feeds import FEEDS
from connectors.meta_ads.refusals import GRANTS, RENEW

WARNING = timedelta(days=14)
"""Before a token's end: tokens of users live 60 days (https://developers.facebook.com/docs/facebook-login/guides/access-tokens)."""
UNSEEN = "leads that no ad brought, or an ad that was not shown in the two days before, stay unknown"
"""What a Page that cannot be read costs (`SHOWN_BEFORE` in leads.py): they are told by forms alone."""
NEEDED = {
    "ads_read": "spend and ads stay unknown", "leads_retrieval": "leads stay unknown",
    "pages_show_list": UNSEEN, "pages_manage_ads": UNSEEN,
}  # fmt: skip


def diagnose(
    api: MetaApi, accounts: Sequence[AdAccount], left_out: Mapping[str, Fatal], streams: Sequence[Stream], now: datetime
) -> list[Finding]:
    """One finding for the token, one per permission, one per account, one per Page (or that there is none) and one per stream."""
    return [
        *_token(api, now),
        *(
            Finding(account.node, ok=True, message=f"{account.currency.upper()}, days of {account.zone.key}")
            for account in accounts
        ),
        *(Finding(f"act_{number}", ok=False, message=str(why), remedy=REMEDY) for number, why in left_out.items()),
        *_pages(api),
        *(_readable(api, accounts[0], stream.name, now) for stream in streams),
    ]


def _token(api: MetaApi, now: datetime) -> list[Finding]:
    try:
        told = api.token()
    except ConnectorError as error:
        return [Finding("token", ok=True, message=f"accepted; Meta does not say until when ({error})")]
    return [_end(told, now), *(_scope(name, told) for name in NEEDED)]


def _end(told: Json, now: datetime) -> Finding:
    end = told.get("expires_at")
    if not isinstance(end, int) or not end:
        return Finding("token", ok=True, message="accepted; it does not expire")
    left = datetime.fromtimestamp(end, UTC) - now
    message = f"expires in {left.days} days"
    return Finding("token", ok=left > WARNING, message=message, remedy=None if left > WARNING else RENEW)


def _scope(name: str, told: Json) -> Finding:
    granted = told.get("scopes") or []
    if name in granted or (name == "ads_read" and "ads_management" in granted):
        return Finding(name, ok=True, message="granted")
    return Finding(name, ok=False, message=f"missing, so {NEEDED[name]}", remedy=GRANTS[name])


def _pages(api: MetaApi) -> list[Finding]:
    try:
        pages = fan_pages(api)
    except ConnectorError as error:
        return [Finding("pages", ok=False, message=f"{error}; {UNSEEN}", remedy=GRANTS["pages_show_list"])]
    if not pages:
        message = f"the token sees none, so {UNSEEN}"
        return [Finding("pages", ok=False, message=message, remedy=GRANTS["pages_show_list"])]
    return [_page(api, page) for page in pages]


def _page(api: MetaApi, page: FanPage) -> Finding:
    """Whether it tells its forms."""
    subject = f"page {page.id}"
    try:
        forms = page.forms(api)
    except ConnectorError as error:
        return Finding(subject, ok=False, message=f"{error}; {UNSEEN}", remedy=GRANTS["pages_manage_ads"])
    return Finding(subject, ok=True, message=f"readable, {len(forms)} forms")


def _readable(api: MetaApi, account: AdAccount, stream: str, now: datetime) -> Finding:
    """Whether the stream answers for the first account: its edge, or one row of it."""
    feed = FEEDS.get(stream)
    edge = feed.edge if feed else "ads" if stream == "leads" else "insights"
    if stream == "ad_accounts":
        return Finding(stream, ok=True, message="readable")
    try:
        params = {"limit": 1, "fields": "id"} if edge != "insights" else _today(account, now)
        rows = api.get("definition", (account.node, edge), params, stream=stream).get("data") or []
        if stream == "leads" and rows:
            api.get("definition", (rows[0]["id"], "leads"), {"limit": 1, "fields": "id"}, stream=stream)
    except ConnectorError as error:
        remedy = GRANTS["leads_retrieval" if stream == "leads" else "ads_read"]
        return Finding(stream, ok=False, message=f"{error}; the stream will be missing", remedy=remedy)
    return Finding(stream, ok=True, message="readable")


def _today(account: AdAccount, now: datetime) -> Json:
    today = str(account.day(now))
    return {"level": "account", "fields": "spend", "time_range": {"since": today, "until": today}}
