"""How much of Meta's limits is used, as the headers of every answer tell it, and how long to wait before they bite.

Source: https://developers.facebook.com/docs/graph-api/overview/rate-limiting and, for insights,
https://developers.facebook.com/docs/marketing-api/insights/best-practices. All shares are percent.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests

from connectors.meta_ads.refusals import LIMITED
from connectors.pace import Pace

NO_NEW_JOBS = 90.0
"""Percent from which on no report is begun, so that those that run can still be looked at and fetched."""
STAND_STILL = 95.0
"""Percent from which on nothing is asked."""
APP = ""
"""The scope of limits that all accounts share."""
SHARES = {
    "x-app-usage": ("call_count", "total_cputime", "total_time"),
    "x-ad-account-usage": ("acc_id_util_pct",),
    "x-business-use-case-usage": ("call_count", "total_cputime", "total_time"),
    "x-fb-ads-insights-throttle": ("acc_id_util_pct",),
}
OF_THE_APP = {"x-app-usage": SHARES["x-app-usage"], "x-fb-ads-insights-throttle": ("app_id_util_pct",)}
NODE = re.compile(r"/(\d+)(/|$)")
ACCOUNT = re.compile(r"/act_(\d+)(/|$)")


class Reading(NamedTuple):
    """What a header told: percent used, seconds until access is regained (0: not told), and until when it counts."""

    used: float
    regain: float
    until: float


class Throttle(Pace):
    """The newest reading of each header, per ad account.

    Reports and ads do not name their account in the path; whose they are must be learned. Batches, and nodes of nobody, are kept
    together, as those of one more account.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._readings: dict[tuple[str, str], Reading] = {}
        self._owners: dict[str, str] = {}

    def learn(self, node: str, account: str) -> None:
        """Whose a report or an ad is."""
        self._owners[node] = account_of(f"/{account}")

    def account(self, path: str) -> str:
        """The account that a path or URL is of."""
        found = NODE.search(path.partition("?")[0])
        return self._owners.get(found[1], account_of(path)) if found else account_of(path)

    def reserve(self, request: requests.PreparedRequest) -> float:
        """Nothing as long as there is room; then as long as the headers say, five minutes where they do not."""
        begins = request.method == "POST" and urlsplit(str(request.url)).path.endswith("/insights")
        return self.left(self.account(str(request.url)), NO_NEW_JOBS if begins else STAND_STILL)

    def note(self, request: requests.PreparedRequest, response: requests.Response) -> None:
        """Read an answer's headers; what cannot be read is left as it was known."""
        self.read(self.account(str(request.url)), response.headers)

    def read(self, account: str, headers: Mapping[str, str]) -> None:
        """Read the headers of an answer, or of a part of a batch, that belongs to an account."""
        for name, shares in SHARES.items():
            entries = list(_entries(headers.get(name)))
            if entries:
                if name != "x-app-usage":
                    self._keep(account, name, entries, shares)
                if name in OF_THE_APP:
                    self._keep(APP, name, entries, OF_THE_APP[name])

    @property
    def used(self) -> float | None:
        """The greatest share of any limit; None before an answer has told."""
        with self._lock:
            return max((one.used for one in self._readings.values()), default=None)

    def left(self, account: str, most: float) -> float:
        """Seconds until less than `most` percent of every limit is used, as far as is known; 0 if it is so now."""
        now = self._clock()
        return max((one.until - now for one in self._of(account) if one.used >= most), default=0.0)

    def regain(self, account: str) -> float:
        """Seconds until access is regained, by the header that says most; 0 where none says."""
        return max((one.regain for one in self._of(account)), default=0.0)

    def _keep(self, account: str, name: str, entries: list[Mapping[str, Any]], shares: tuple[str, ...]) -> None:
        used = max(_number(entry.get(share)) for entry in entries for share in shares)
        regain = max(map(_seconds, entries))
        with self._lock:
            self._readings[account, name] = Reading(used, regain, self._clock() + (regain or LIMITED))

    def _of(self, account: str) -> list[Reading]:
        """Readings of the account and of the app that are not out of date."""
        with self._lock:
            now = self._clock()
            return [one for (of, _), one in self._readings.items() if of in {account, APP} and one.until > now]


def account_of(path: str) -> str:
    """The ad account that a path or URL names; "node" where it names none."""
    found = ACCOUNT.search(path.partition("?")[0])
    return found[1] if found else "node"


def _entries(text: str | None) -> Iterator[Mapping[str, Any]]:
    """The objects of a header: itself, or a list per business."""
    try:
        told = json.loads(text or "null")
    except ValueError:
        return
    if isinstance(told, dict):
        lists = [value for value in told.values() if isinstance(value, list)]
        found = [entry for each in lists for entry in each] if lists else [told]
        yield from (entry for entry in found if isinstance(entry, dict))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _seconds(entry: Mapping[str, Any]) -> float:
    """Until the limit is as good as new: told in minutes of a business use case, in seconds of an ad account."""
    return max(60 * _number(entry.get("estimated_time_to_regain_access")), _number(entry.get("reset_time_duration")))
