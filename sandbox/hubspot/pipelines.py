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
    changed: str = MADE

    @property
    def closed(self) -> bool:
        """Whether a record that is here needs nothing more."""
        return self.metadata.get("isClosed") == "true" or self.metadata.get("ticketState") == "CLOSED"

    def answer(self, place: int) -> dict[str, Any]:
        """As the API shows it (SDK: PipelineStage)."""
        return {
            "id": self.id, "label": self.label, "displayOrder": place, "metadata": self.metadata, "archived": False,
            "createdAt": MADE, "updatedAt": self.changed, "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
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


def deal_stage(stage: str, label: str, probability: str) -> Stage:
    """A stage of deals, closed at either end."""
    closed = "true" if probability in {"1.0", "0.0"} else "false"
    return Stage(stage, label, {"isClosed": closed, "probability": probability})


def ticket_stage(stage: str, label: str, state: str) -> Stage:
    """A stage of tickets."""
    return Stage(stage, label, {"ticketState": state, "isClosed": "true" if state == "CLOSED" else "false"})


PIPELINES = {
    "deals": (
        Pipeline("default", "Sales Pipeline", (
            deal_stage("appointmentscheduled", "Appointment Scheduled", "0.2"), deal_stage("qualifiedtobuy", "Qualified To Buy", "0.4"),
            deal_stage("presentationscheduled", "Presentation Scheduled", "0.6"), deal_stage("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
            deal_stage("contractsent", "Contract Sent", "0.9"), deal_stage("closedwon", "Closed Won", "1.0"), deal_stage("closedlost", "Closed Lost", "0.0"),
        )),
    ),
    "tickets": (
        Pipeline("0", "Support Pipeline", (
            ticket_stage("1", "New", "OPEN"), ticket_stage("2", "Waiting on contact", "OPEN"), ticket_stage("3", "Waiting on us", "OPEN"),
            ticket_stage("4", "Closed", "CLOSED"),
        )),
    ),
}  # fmt: skip
"""By plural name of the object; the other objects have none."""
