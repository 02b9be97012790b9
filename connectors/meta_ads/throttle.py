"""How much of Meta's limits is used, as the headers of every answer tell it.

Source: https://developers.facebook.com/docs/graph-api/overview/rate-limiting and, for insights,
https://developers.facebook.com/docs/marketing-api/insights/best-practices. All shares are percent.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

NO_NEW_JOBS = 90.0
"""Percent from which on no report is begun (vendors.md 3.3)."""
STAND_STILL = 95.0
"""Percent from which on nothing is asked."""
SHARES = frozenset({"call_count", "total_cputime", "total_time", "acc_id_util_pct", "app_id_util_pct"})
HEADERS = ("x-app-usage", "x-ad-account-usage", "x-business-use-case-usage", "x-fb-ads-insights-throttle")


class Throttle:
    """The newest reading of each header."""

    def __init__(self) -> None:
        self._used: dict[str, float] = {}
        self._regain: dict[str, float] = {}

    @property
    def used(self) -> float:
        """The greatest share of any limit."""
        return max(self._used.values(), default=0.0)

    @property
    def regain(self) -> float:
        """Seconds until access is regained, by the header that says most; 0 where none says."""
        return max(self._regain.values(), default=0.0)

    def note(self, headers: Mapping[str, str]) -> None:
        """Read an answer's headers; what cannot be read is left as it was known."""
        for name in HEADERS:
            entries = list(_entries(headers.get(name)))
            if not entries:
                continue
            self._used[name] = max((_number(entry.get(key)) for entry in entries for key in SHARES), default=0.0)
            self._regain[name] = max(map(_seconds, entries))

    def forget(self) -> None:
        """After a wait the readings are out of date; the next answer brings new ones."""
        self._used.clear()
        self._regain.clear()


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
