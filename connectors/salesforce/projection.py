"""Which columns of an object are read: whatever the user may see, less what we wrote ourselves.

Values that the sidecar writes never come back as content (write_back.md 9, loop guard). What reps answer in our fields does come
back, and only while it is set: a record looks the same before the fields exist and when they are empty.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Stream
from connectors.errors import Fatal
from connectors.salesforce.refusals import GRANT, VENDOR
from connectors.salesforce.settings import SalesforceSettings

UNREADABLE = frozenset({"address", "location", "base64"})
"""Types that a query may not select or should not carry; the parts of a compound are columns of their own."""

REPS_EDIT = ("Lock", "Feedback", "Feedback_Belief", "Correction")
"""Our fields that people fill in (write_back.md 4)."""

PARENTS: dict[str, tuple[tuple[str, str], ...]] = {
    "CampaignMember": (("Campaign.Name", "Campaign"), ("Campaign.Type", "Campaign")),
    "CaseComment": (("Parent.ContactId", "Case"), ("Parent.Origin", "Case"), ("CreatedBy.UserType", "User")),
    "EmailMessage": (("Parent.ContactId", "Case"), ("Activity.WhoId", "Task")),
}
"""What a record cannot say by itself, read from its parent: path and the object it ends in."""


@dataclass(frozen=True)
class Projection:
    """The columns of one object, in the order they are asked for."""

    object: str
    columns: tuple[str, ...]
    replicateable: bool
    nested: tuple[str, ...]
    """Payload keys that hold a parent's columns."""
    answers: tuple[str, ...]
    """Our fields that reps fill in."""

    def clean(self, rows: list[dict[str, Any]]) -> None:
        """Leave the payload and nothing else: no type marks, no empty answers."""
        for row in rows:
            row.pop("attributes", None)
            for name in self.nested:
                if row.get(name):
                    row[name].pop("attributes", None)
            for name in self.answers:
                if not row.get(name):
                    row.pop(name, None)


def objects(streams: Sequence[Stream]) -> list[str]:
    """The objects to describe before these streams can be read: their own and their parents'."""
    parents = [parent for stream in streams for _, parent in PARENTS.get(stream.object, ())]
    return list(dict.fromkeys([*(stream.object for stream in streams), *parents]))


def project(stream: Stream, described: dict[str, Any], settings: SalesforceSettings) -> Projection:
    """The stream's columns as the user sees them now. Fatal if the object is hidden."""
    if stream.object not in described:
        message = f"{stream.object} is not visible; {GRANT} Read on {stream.object}"
        raise Fatal(message, vendor=VENDOR, stream=stream.name)
    parents = PARENTS.get(stream.object, ())
    fields = readable(described[stream.object], settings)
    paths = tuple(path for path, parent in parents if parent in described and _leads(path, described, stream, parent))
    return Projection(
        object=stream.object,
        columns=(*fields, *paths),
        replicateable=bool(described[stream.object].get("replicateable")),
        nested=tuple(dict.fromkeys(path.split(".")[0] for path in paths)),
        answers=tuple(f"{settings.field_prefix}{name}__c" for name in REPS_EDIT),
    )


def readable(description: dict[str, Any], settings: SalesforceSettings) -> list[str]:
    """Names of the columns to read."""
    answers = {f"{settings.field_prefix}{name}__c" for name in REPS_EDIT}
    return [
        field["name"]
        for field in description["fields"]
        if field["type"] not in UNREADABLE and (not settings.owns(field["name"]) or field["name"] in answers)
    ]


def _leads(path: str, described: dict[str, Any], stream: Stream, parent: str) -> bool:
    """Whether both ends of `Relation.Column` are visible."""
    relation, column = path.split(".")
    relations = {field.get("relationshipName") for field in described[stream.object]["fields"]}
    return relation in relations and any(field["name"] == column for field in described[parent]["fields"])
