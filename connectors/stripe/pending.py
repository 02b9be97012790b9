"""Balance transactions that were pending when they were read: when they are due, they are read once more.

No event tells that a balance transaction became available, so its day (`available_on`) is remembered with the oldest entry that
waits for it; a quiet account is then asked nothing that it was asked before.
"""

from collections.abc import Iterable

from connectors.stripe.client import Json

PATIENCE = 14 * 86400  # seconds after its day that a transaction which is still pending is asked for; our choice


class Pending:
    """Oldest `created` by `available_on`, both in seconds; the days are texts because JSON keys are."""

    def __init__(self, by_day: dict[str, int]) -> None:
        self.by_day = dict(by_day)

    def oldest_due(self, now: int, default: int) -> int:
        """Creation of the oldest entry whose day has come."""
        return min((created for day, created in self.by_day.items() if int(day) <= now), default=default)

    def not_due(self, now: int) -> dict[str, int]:
        """What still waits for its day."""
        return {day: created for day, created in self.by_day.items() if int(day) > now}

    def note(self, entries: Iterable[Json], now: int) -> None:
        """Remember the entries that are pending, unless their day is long past."""
        for entry in entries:
            day = entry.get("available_on")
            if entry.get("status") == "pending" and isinstance(day, int) and day > now - PATIENCE:
                self.by_day[str(day)] = min(entry["created"], self.by_day.get(str(day), entry["created"]))
