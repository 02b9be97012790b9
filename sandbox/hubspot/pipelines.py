"""The portal's pipelines, as HubSpot sets up a new one. Source: https://developers.hubspot.com/docs/api-reference/crm-pipelines-v3/guide."""

from dataclasses import dataclass
from typing import Any

MADE = "2025-01-02T09:00:00Z"
"""When the portal was set up, before anything else in it."""


@dataclass(frozen=True)
class Stage:
    """One stage; deals have a probability, which is 1.0 where they are won and 0.0 where lost, tickets are open or closed."""

    id: str
    label: str
    metadata: dict[str, str]

    @property
    def closed(self) -> bool:
        """Whether a record that is here needs nothing more."""
        return self.metadata.get("isClosed") == "true" or self.metadata.get("ticketState") == "CLOSED"

    def answer(self, place: int) -> dict[str, Any]:
        """As the API shows it (SDK: PipelineStage)."""
        return {
            "id": self.id, "label": self.label, "displayOrder": place, "metadata": self.metadata, "archived": False,
            "createdAt": MADE, "updatedAt": MADE, "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        }  # fmt: skip


@dataclass(frozen=True)
class Pipeline:
    """The way of one kind of record through its stages."""

    id: str
    label: str
    stages: tuple[Stage, ...]

    def answer(self) -> dict[str, Any]:
        """As the API shows it (SDK: Pipeline)."""
        return {
            "id": self.id, "label": self.label, "displayOrder": 0, "archived": False, "createdAt": MADE, "updatedAt": MADE,
            "stages": [stage.answer(place) for place, stage in enumerate(self.stages)],
        }  # fmt: skip


def _deal(stage: str, label: str, probability: str) -> Stage:
    closed = "true" if probability in {"1.0", "0.0"} else "false"
    return Stage(stage, label, {"isClosed": closed, "probability": probability})


def _ticket(stage: str, label: str, state: str) -> Stage:
    return Stage(stage, label, {"ticketState": state, "isClosed": "true" if state == "CLOSED" else "false"})


PIPELINES = {
    "deals": (
        Pipeline("default", "Sales Pipeline", (
            _deal("appointmentscheduled", "Appointment Scheduled", "0.2"), _deal("qualifiedtobuy", "Qualified To Buy", "0.4"),
            _deal("presentationscheduled", "Presentation Scheduled", "0.6"), _deal("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
            _deal("contractsent", "Contract Sent", "0.9"), _deal("closedwon", "Closed Won", "1.0"), _deal("closedlost", "Closed Lost", "0.0"),
        )),
    ),
    "tickets": (
        Pipeline("0", "Support Pipeline", (
            _ticket("1", "New", "OPEN"), _ticket("2", "Waiting on contact", "OPEN"), _ticket("3", "Waiting on us", "OPEN"),
            _ticket("4", "Closed", "CLOSED"),
        )),
    ),
}  # fmt: skip
"""By plural name of the object; the other objects have none."""
