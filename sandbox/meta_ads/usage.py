"""How much of Meta's limits is used: told in the headers of every answer, and refused past the end.

Usage is counted over the last hour of the clock. Source: https://developers.facebook.com/docs/graph-api/overview/rate-limiting and
https://developers.facebook.com/docs/marketing-api/insights/best-practices.
"""

from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from models.clock import Clock
from sandbox.meta_ads.errors import MetaRefusal

HOUR = timedelta(hours=1)
BUSINESS = "2000000000000001"
TIER = "standard_access"


@dataclass
class Limits:
    """Calls an hour: of the app, of one Page, and of one ad account by its user, by all, for managing and for insights."""

    app: int = 100_000
    page: int = 100_000
    account: int = 100_000
    calls: int = 100_000
    management: int = 100_000
    insights: int = 100_000


BUSINESS_LIMITS = {"ads_management": 80004, "ads_insights": 80000}
"""Codes of business use cases: https://developers.facebook.com/docs/marketing-api/error-reference."""


class Usage:
    """Counts calls and tells the shares, in percent."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self.limits = limits
        self._clock = clock
        self._calls: defaultdict[str, deque[datetime]] = defaultdict(deque)

    def admit(self, account: str | None, *, insights: bool, page: str | None = None) -> None:
        """Count one call. MetaRefusal if a limit is spent; a refused call is not counted."""
        limits, kind = self.limits, "ads_insights" if insights else "ads_management"
        business = limits.insights if insights else limits.management
        if self._percent("app", limits.app) >= 100:
            raise MetaRefusal(403, 4, "(#4) Application request limit reached", subcode=1504022, transient=True)
        if page and self._percent(f"page/{page}", limits.page) >= 100:
            raise MetaRefusal(403, 32, "(#32) Page request limit reached")
        if account and self._percent(account, limits.account) >= 100:
            raise MetaRefusal(400, 17, "(#17) User request limit reached", subcode=2446079)
        if account and self._percent(account, limits.calls) >= 100:
            raise MetaRefusal(400, 613, "(#613) Calls to this api have exceeded the rate limit.", subcode=1487742)
        if account and self._percent(f"{kind}/{account}", business) >= 100:
            code = BUSINESS_LIMITS[kind]
            message = f"(#{code}) There have been too many calls from this ad-account. Wait a bit and try again."
            raise MetaRefusal(400, code, message, subcode=2446079)
        named = ["app", *([f"page/{page}"] if page else []), *([account, f"{kind}/{account}"] if account else [])]
        for name in named:
            self._calls[name].append(self._clock.now())

    def headers(self, account: str | None, *, insights: bool) -> dict[str, str]:
        """The throttle headers of an answer."""
        app = self._percent("app", self.limits.app)
        told = {"x-app-usage": {"call_count": int(app), "total_time": int(app) // 2, "total_cputime": int(app) // 2}}
        headers = {name: orjson.dumps(value).decode() for name, value in told.items()}
        if not account:
            return headers
        used = self._percent(account, min(self.limits.account, self.limits.calls))
        kind = "ads_insights" if insights else "ads_management"
        spent = self._percent(f"{kind}/{account}", self.limits.insights if insights else self.limits.management)
        business = {
            "type": kind, "call_count": int(spent if insights else max(used, spent)),
            "total_cputime": 1, "total_time": 1, "ads_api_access_tier": TIER,
            "estimated_time_to_regain_access": -(-self._left(f"{kind}/{account}") // 60) if spent >= 100 else 0,
        }  # fmt: skip
        more: dict[str, object] = {
            "x-ad-account-usage": {"acc_id_util_pct": round(used, 2), "reset_time_duration": self._left(account), "ads_api_access_tier": TIER},
            "x-business-use-case-usage": {BUSINESS: [business]},
        }  # fmt: skip
        if insights:
            share = {"app_id_util_pct": round(app, 2), "acc_id_util_pct": round(spent, 2), "ads_api_access_tier": TIER}
            more["x-fb-ads-insights-throttle"] = share
        return headers | {name: orjson.dumps(value).decode() for name, value in more.items()}

    def _percent(self, name: str, limit: int) -> float:
        calls = self._calls[name]
        while calls and calls[0] <= self._clock.now() - HOUR:
            calls.popleft()
        return 100 * len(calls) / limit

    def _left(self, name: str) -> int:
        """Seconds until the oldest call of the hour is forgotten."""
        calls = self._calls[name]
        return int((calls[0] + HOUR - self._clock.now()).total_seconds()) if calls else 0
