"""What a window of events says has changed: each object once, oldest change first."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TypeAlias

from connectors.stripe.client import API_VERSION, Json

OUTLIVE = "customer.subscription.deleted"
"""A cancelled subscription can still be retrieved; every other `.deleted` means gone."""

STABLE = frozenset({
    "id", "object", "created", "livemode", "metadata", "address", "business_name", "email", "individual_name", "name", "phone",
    "test_clock",
})  # fmt: skip
"""Keys whose shape no version of the API has changed; who a customer was is read from these alone."""

Place: TypeAlias = tuple[int, str]
"""Instant of an object's newest event, and its id."""


@dataclass(frozen=True)
class Change:
    """One object that changed, when it was made, its newest event and that event's instant, and its last payload if deleted.

    `made` is None where no event is of the object itself: another's named it.
    """

    id: str
    made: int | None
    event: str
    at: int
    deleted: Json | None

    @property
    def place(self) -> Place:
        """Where it stands among the changes of its window."""
        return self.at, self.id


def deletes(kind: str) -> bool:
    """Whether an event of this type means that its object is gone."""
    return kind.endswith(".deleted") and kind != OUTLIVE


def snapshot(event: Json) -> Json:
    """The object as the event shows it, which is how the API version of the event's own day would.

    Of another version than ours only the keys are kept that mean the same in both.
    Source: https://docs.stripe.com/api/events/object#event_object-api_version.
    """
    shown: Json = event["data"]["object"]
    if event.get("api_version") == API_VERSION:
        return shown
    return {key: value for key, value in shown.items() if key in STABLE}


class Told:
    """Events of one window up to its `end`, noted page by page, newest first; those handled before are `seen`.

    `about` says of other kinds of objects under which key they name the one that has changed with them.
    Kept are one entry per object, and the ids of events of the last `lag` seconds: its length is the number of objects.
    """

    def __init__(self, seen: AbstractSet[str], end: int, lag: int, about: Mapping[str, str]) -> None:
        self._about = about
        self._seen = seen
        self.end = end
        self._late_from = end - lag
        self._changes: dict[str, Change] = {}
        self._late: set[str] = set()

    def __len__(self) -> int:
        return len(self._changes)

    def note(self, events: Sequence[Json]) -> None:
        """Take in one page; what came before changes nothing. The payload is kept of deletions only, for memory's sake."""
        for event in events:
            if event["created"] >= self._late_from:
                self._late.add(event["id"])
            whole = event["data"]["object"]
            if event["id"] in self._seen:
                continue
            if (key := self._about.get(whole.get("object"))) is not None:
                if isinstance(named := whole.get(key), str):
                    self._note(Change(named, None, event["id"], event["created"], None))
            elif "id" in whole:
                payload = snapshot(event) if deletes(event["type"]) else None
                made = whole.get("created", event["created"])
                self._note(Change(whole["id"], made, event["id"], event["created"], payload))

    def _note(self, change: Change) -> None:
        known = self._changes.get(change.id)
        if known is None or (change.deleted is not None and known.deleted is None):
            self._changes[change.id] = change
        elif known.made is None:  # the object's own event can show it, and is older
            self._changes[change.id] = replace(known, made=change.made, event=change.event)

    def changes(self, after: Place | None) -> list[Change]:
        """Objects by the place of their newest event, those up to the place `after` left out.

        A place and not an object: one that a late event moved to the end would hide all others before it.
        """
        ordered = sorted(self._changes.values(), key=lambda change: change.place)
        return [change for change in ordered if after is None or change.place > after]

    def recent(self) -> list[str]:
        """Ids of the last events: the next window looks back at them and need not handle them again."""
        return sorted(self._late)
