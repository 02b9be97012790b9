"""Which columns of an object are read: whatever the user may see, less what we wrote ourselves.

Values that the sidecar writes never come back as content: they would look like news and be written again. What reps answer in our fields does come
back, and only while it is set: a record looks the same before the fields exist and when they are empty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from connectors.base import Stream
from connectors.errors import Fatal
from connectors.salesforce.refusals import GRANT, VENDOR
from connectors.salesforce.settings import SalesforceSettings

UNREADABLE = frozenset({"address", "location", "base64"})
"""Types that a query may not select or should not carry; the parts of a compound are columns of their own."""

REPS_EDIT = ("Lock", "Feedback", "Feedback_Belief", "Correction")
"""Our fields that people fill in."""

URI_BYTES = 12_000
"""Of the columns in one URI: path, conditions and headers have the rest of 16,384 (app limits page, "API Query and URI Limits")."""

IN_EVERY_PART: tuple[str, ...] = ("Id", "SystemModstamp")
"""Columns by which the parts of a row are told to be of one row and one version of it."""

PRIVACY = ("Individual.HasOptedOutProcessing", "Individual.HasOptedOutProfiling", "Individual.ShouldForget")
"""By which a person's data privacy record refuses what we do, where the org keeps such records (Object Reference 63.0, Individual)."""

PARENTS: dict[str, tuple[tuple[str, str], ...]] = {
    **dict.fromkeys(("Contact", "Lead"), tuple((path, "Individual") for path in PRIVACY)),
    "CampaignMember": (("Campaign.Name", "Campaign"), ("Campaign.Type", "Campaign")),
    "CaseComment": (("Parent.ContactId", "Case"), ("Parent.Origin", "Case"), ("CreatedBy.UserType", "User")),
    "EmailMessage": (("Parent.ContactId", "Case"), ("Activity.WhoId", "Task")),
}
"""What a record cannot say by itself, read from its parent: path and the object it ends in."""


@dataclass(frozen=True)
class Projection:
    """The columns of one object, in the order they are asked for."""

    object: str
    kinds: Mapping[str, str]
    """Describe's type of every column; a parent's are last, as `Relation.Column`."""
    calculated: frozenset[str]
    """Columns whose values change without the record's own stamp, and which must not be a week old."""
    replicateable: bool
    binned: bool
    """Whether the object has a recycle bin, and rows say whether they are in it."""
    answers: frozenset[str]
    """Our fields that reps fill in; empty until somebody answers, so one that is new needs no reading of old rows."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns."""
        return tuple(self.kinds)

    @property
    def known(self) -> tuple[str, ...]:
        """Columns that every row must have been read with, sorted."""
        return tuple(sorted(self.kinds.keys() - self.answers))

    @property
    def nested(self) -> frozenset[str]:
        """Payload keys that hold a parent's columns."""
        return frozenset(name.split(".")[0] for name in self.kinds if "." in name)

    def parts(self, most: int) -> list[tuple[str, ...]]:
        """The columns in as few groups as fit into so many bytes of a URI, each with those that every part has."""
        parents = tuple(name for name in self.kinds if "." in name)
        units = [(name,) for name in self.kinds if "." not in name and name not in IN_EVERY_PART]
        groups, room = [IN_EVERY_PART], most
        for unit in [*units, parents] if parents else units:
            size = sum(len(quote_plus(f"{name}, ")) for name in unit)
            if size > room and groups[-1] != IN_EVERY_PART:
                groups.append(IN_EVERY_PART)
                room = most
            groups[-1] += unit
            room -= size
        return groups

    def clean(self, rows: list[dict[str, Any]]) -> None:
        """Leave the payload and nothing else: no type marks, no empty answers, null for a parent that tells nothing."""
        nested, answers = self.nested, self.answers & self.kinds.keys()
        for row in rows:
            row.pop("attributes", None)
            for name in nested:
                if row.get(name):
                    row[name].pop("attributes", None)
                    # a Bulk result cannot tell a parent without values from none
                    row[name] = row[name] if any(value is not None for value in row[name].values()) else None
            for name in answers:
                if not row[name]:
                    del row[name]


def objects(streams: Sequence[Stream]) -> list[str]:
    """The objects to describe before these streams can be read: their own and their parents'."""
    parents = [parent for stream in streams for _, parent in PARENTS.get(stream.object, ())]
    return list(dict.fromkeys([*(stream.object for stream in streams), *parents]))


def project(stream: Stream, described: dict[str, Any], settings: SalesforceSettings) -> Projection:
    """The stream's columns as the user sees them now. Fatal if the object is hidden."""
    if stream.object not in described:
        message = f"{stream.object} is not visible; {GRANT} Read on {stream.object}"
        raise Fatal(message, vendor=VENDOR, stream=stream.name)
    description = described[stream.object]
    own = {field["name"]: field for field in description["fields"]}
    answers = frozenset(f"{settings.field_prefix}{name}__c" for name in REPS_EDIT)
    kinds = {
        name: str(field["type"])
        for name, field in own.items()
        if field["type"] not in UNREADABLE and (not settings.owns(name) or name in answers)
    }
    relations = {field.get("relationshipName") for field in own.values()}
    paths: dict[str, str] = {}
    for path, parent in PARENTS.get(stream.object, ()):
        relation, column = path.split(".")
        columns = {field["name"]: field for field in described.get(parent, {}).get("fields", ())}
        if relation in relations and column in columns:
            paths[path] = str(columns[column]["type"])
    return Projection(
        object=stream.object,
        kinds=kinds | paths,
        calculated=frozenset(name for name in kinds if own[name].get("calculated")) | (paths.keys() & PRIVACY),
        replicateable=bool(description.get("replicateable")),
        binned="IsDeleted" in kinds,
        answers=answers,
    )
