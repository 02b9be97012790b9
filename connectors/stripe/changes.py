"""What a window of events says has changed: each object once, oldest change first."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeAlias

from connectors.stripe.client import Json

OUTLIVE = "customer.subscription.deleted"
"""A cancelled subscription can still be retrieved; every other `.deleted` means gone."""

Place: TypeAlias = tuple[int, str]
"""Instant of an object's newest event, and its id."""


@dataclass(frozen=True)
class Change:
    """One object that changed, its newest event and that event's instant, and its last payload if it was deleted."""

    id: str
    event: str
    at: int
    deleted: Json | None

    @property
    def place(self) -> Place:
        """Where it stands among the changes of its window."""
        return self.at, self.id


class Told:
    """Events of one window, noted page by page, newest first; those handled before are `seen`."""

    def __init__(self, seen: AbstractSet[str]) -> None:
        self._seen = seen
        self._changes: dict[str, Change] = {}
        self._stamps: dict[str, int] = {}

    def note(self, events: Sequence[Json]) -> None:
        """Take in one page; an event that came twice counts once. The payload is kept of deletions only, for memory's sake."""
        for event in events:
            if event["id"] in self._stamps:
                continue
            self._stamps[event["id"]] = event["created"]
            whole = event["data"]["object"]
            if event["id"] in self._seen or "id" not in whole:
                continue
            gone = event["type"].endswith(".deleted") and event["type"] != OUTLIVE
            known = self._changes.get(whole["id"])
            if known is None or (gone and known.deleted is None):
                self._changes[whole["id"]] = Change(whole["id"], event["id"], event["created"], whole if gone else None)

    def changes(self, after: Place | None) -> list[Change]:
        """Objects by the place of their newest event, those up to the place `after` left out.

        A place and not an object: one that a late event moved to the end would hide all others before it.
        """
        ordered = sorted(self._changes.values(), key=lambda change: change.place)
        return [change for change in ordered if after is None or change.place > after]

    def since(self, instant: int) -> list[str]:
        """Ids of events from that instant on: the next window looks back at them and need not handle them again."""
        return sorted(event for event, at in self._stamps.items() if at >= instant)
