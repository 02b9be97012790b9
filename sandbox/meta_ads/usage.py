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
    """Calls an hour: of the app, of one ad account, and of insights of one ad account."""

    app: int = 100_000
    account: int = 100_000
    insights: int = 100_000


class Usage:
    """Counts calls and tells the shares, in percent."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self.limits = limits
        self._clock = clock
        self._calls: defaultdict[str, deque[datetime]] = defaultdict(deque)

    def admit(self, account: str | None, *, insights: bool) -> None:
        """Count one call. MetaRefusal if a limit is spent; a refused call is not counted."""
        if self._percent("app", self.limits.app) >= 100:
            raise MetaRefusal(403, 4, "(#4) Application request limit reached", subcode=1504022, transient=True)
        if account and self._percent(account, self.limits.account) >= 100:
            raise MetaRefusal(400, 17, "(#17) User request limit reached", subcode=2446079)
        if account and insights and self._percent(f"insights/{account}", self.limits.insights) >= 100:
            message = "(#80000) There have been too many calls from this ad-account. Wait a bit and try again."
            raise MetaRefusal(400, 80000, message, subcode=2446079)
        named = ["app", *([account] if account else []), *([f"insights/{account}"] if account and insights else [])]
        for name in named:
            self._calls[name].append(self._clock.now())

    def headers(self, account: str | None, *, insights: bool) -> dict[str, str]:
        """The throttle headers of an answer."""
        app = self._percent("app", self.limits.app)
        told = {"x-app-usage": {"call_count": int(app), "total_time": int(app) // 2, "total_cputime": int(app) // 2}}
        headers = {name: orjson.dumps(value).decode() for name, value in told.items()}
        if not account:
            return headers
        used, spent = (
            self._percent(account, self.limits.account),
            self._percent(f"insights/{account}", self.limits.insights),
        )
        business = {
            "type": "ads_insights" if insights else "ads_management", "call_count": int(spent if insights else used),
            "total_cputime": 1, "total_time": 1, "ads_api_access_tier": TIER,
            "estimated_time_to_regain_access": -(-self._left(f"insights/{account}") // 60) if spent >= 100 else 0,
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
