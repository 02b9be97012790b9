"""A portal of the practice ground, and a client that waits for nothing."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from connectors.base import FieldSpec, Page, Position
from connectors.hubspot import CONNECTOR
from connectors.hubspot.client import Portal
from connectors.hubspot.enrich import HubSpotCrm
from connectors.hubspot.pull import HubSpotSource
from connectors.hubspot.settings import HubSpotSettings
from models.clock import FrozenClock
from models.records import Record
from sandbox.faults import Fault
from sandbox.hubspot import ACCESS_TOKEN


def stamp(at: datetime) -> str:
    """An instant as HubSpot writes it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Practice:
    """One portal, its clock, and ways to plant, break and read it."""

    sandbox: Any
    clock: FrozenClock
    waits: list[float] = field(default_factory=list)

    def settings(self, **other: Any) -> HubSpotSettings:
        return HubSpotSettings(**{"access_token": ACCESS_TOKEN, "base_url": self.sandbox.url, **other})

    def portal(self, **other: Any) -> Portal:
        return Portal(self.settings(**other), pause=self.waits.append)

    def source(self, **other: Any) -> HubSpotSource:
        return HubSpotSource(self.portal(**other), self.clock)

    def crm(self, **other: Any) -> HubSpotCrm:
        return HubSpotCrm(self.portal(**other))

    def plant(
        self,
        kind: str,
        numbers: range,
        at: datetime | None = None,
        *,
        tied: dict[str, list[str]] | None = None,
        **properties: str,
    ) -> list[str]:
        """Records of one kind, all with the same stamp, an hour ago by default; returns their ids."""
        changed = stamp(at or self.clock.now() - timedelta(hours=1))
        ids = [str(number) for number in numbers]
        rows = [
            {
                "id": one,
                "createdAt": changed,
                "updatedAt": changed,
                "properties": properties,
                "associations": tied or {},
            }
            for one in ids
        ]
        self.sandbox.state.insert_many(kind, rows)
        return ids

    def contacts(self, numbers: range, at: datetime | None = None, **properties: str) -> list[str]:
        return self.plant("contacts", numbers, at, **properties)

    def fault(self, path: str, **what: Any) -> None:
        self.sandbox.faults.add(Fault(path=path, **what))

    def asked(self, path: str) -> int:
        return len(self.sandbox.log.matching(path))


def pull(
    source: HubSpotSource, name: str = "contacts", cursor: Position | None = None, resume: Position | None = None
) -> list[Page]:
    """All pages of one walk."""
    return list(source.pages(CONNECTOR.streams_by_name[name], cursor, resume))


def records(pages: list[Page]) -> list[Record]:
    return [record for page in pages for record in page.records]


def ids(pages: list[Page]) -> list[str]:
    return [record.key.id for record in records(pages)]


@pytest.fixture
def practice(hubspot_sandbox: Any, clock: FrozenClock) -> Practice:
    return Practice(hubspot_sandbox, clock)


EVERYBODY = frozenset({"person", "account", "deal"})
SPECS = (
    FieldSpec("top_belief", "Belief: Top", "What they believe.", "text", EVERYBODY, length=255),
    FieldSpec("summary", "Belief: Summary", "Their beliefs.", "long_text", EVERYBODY, length=8000),
    FieldSpec("alignment_score", "Belief: Score", "0 to 100.", "number", EVERYBODY, length=3),
    FieldSpec("confidence", "Belief: Confidence", "In percent.", "percent", EVERYBODY, length=5, scale=2),
    FieldSpec("trend", "Belief: Trend", "Where it goes.", "picklist", EVERYBODY, values=("Converging", "Steady")),
    FieldSpec("updated_at", "Belief: Updated", "Since when.", "datetime", EVERYBODY),
    FieldSpec("run_id", "Belief: Run", "For machines.", "text", EVERYBODY, length=36, hidden=True),
    FieldSpec("lock", "Belief: Lock", "Tick to stop updates.", "checkbox", EVERYBODY, reps_edit=True),
    FieldSpec(
        "feedback",
        "Belief: Feedback",
        "Right or wrong?",
        "picklist",
        EVERYBODY,
        values=("Agree", "Disagree"),
        reps_edit=True,
    ),
    FieldSpec("revenue_to_date", "Belief: Revenue", "Paid so far.", "money", frozenset({"person"}), length=16, scale=2),
)
"""One field of each kind."""
