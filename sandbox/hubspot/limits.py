"""How often the portal may be asked, told by headers on every answer but a search's, and enforced where a test wants it.

Source: https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines (190 in ten seconds and 650,000 a day for a
private app of a Professional portal, five searches a second; no daily headers under OAuth). The body of a 429: hubspot-api-python#117.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from models.clock import Clock
from sandbox.hubspot import PORTAL_ID, TIME_ZONE
from sandbox.hubspot.errors import HubSpotRefusal

BURST = timedelta(seconds=10)
SECOND = timedelta(seconds=1)


@dataclass
class Limits:
    """Counts requests; `enforced` says whether one too many is refused. Change the numbers to get there sooner.

    `retry_after` says whether a refusal names the seconds to wait, which HubSpot does not always do.
    """

    clock: Clock
    enforced: bool = False
    retry_after: bool = False
    burst: int = 190
    daily: int = 650_000
    searches: int = 5
    recent: deque[datetime] = field(default_factory=deque)
    recent_searches: deque[datetime] = field(default_factory=deque)
    today: date = date.min
    used: int = 0

    def count(self, *, search: bool) -> None:
        """One more request. Errors: 429 with the policy that it breaks, if limits are enforced."""
        now = self.clock.now()
        day = now.astimezone(ZoneInfo(TIME_ZONE)).date()  # the daily limit starts anew at the portal's midnight
        if day != self.today:
            self.today, self.used = day, 0
        self.used += 1
        mine, most, span = (self.recent_searches, self.searches, SECOND) if search else (self.recent, self.burst, BURST)
        while mine and now - mine[0] >= span:
            mine.popleft()
        mine.append(now)
        if self.enforced and self.used > self.daily:
            raise self._too_many("DAILY", None)
        if self.enforced and len(mine) > most:
            raise self._too_many("SECONDLY" if search else "TEN_SECONDLY_ROLLING", span)

    def _too_many(self, policy: str, span: timedelta | None) -> HubSpotRefusal:
        words = f"You have reached your {policy.lower()} limit."
        group = f"publicapi:private-app-api-calls-{policy.lower().replace('_', '-')}:{PORTAL_ID}"
        headers = {"Retry-After": str(int(span.total_seconds()))} if span and self.retry_after else {}
        return HubSpotRefusal(
            429, words, "RATE_LIMITS", headers=headers, errorType="RATE_LIMIT", policyName=policy, groupName=group
        )

    def headers(self, *, search: bool, private: bool) -> dict[str, str]:
        """What the answer tells of the limits; of the day's only to private apps."""
        if search:
            return {}
        told = {"Max": self.burst, "Remaining": max(self.burst - len(self.recent), 0), "Interval-Milliseconds": 10_000}
        if private:
            told |= {"Daily": self.daily, "Daily-Remaining": max(self.daily - self.used, 0)}
        return {f"X-HubSpot-RateLimit-{name}": str(number) for name, number in told.items()}
