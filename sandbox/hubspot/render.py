"""How records and pages of them look in an answer (SDK: SimplePublicObject, ForwardPaging)."""

from collections.abc import Iterable, Mapping, Sequence

from sandbox.hubspot.definitions import Definition
from sandbox.hubspot.errors import Answer, HubSpotRefusal
from sandbox.hubspot.objects import ObjectType
from sandbox.hubspot.state import Record
from sandbox.hubspot.values import wire


def chosen(kind: ObjectType, known: Mapping[str, Definition], asked: Sequence[str]) -> list[str]:
    """Names of the properties to show: those asked for, or the defaults, and the stamps always.

    Errors: 400 for one that does not exist, where HubSpot would leave it out silently.
    """
    for name in asked:
        if name not in known:
            raise HubSpotRefusal(400, f"Property {name} of {kind.path} does not exist")
    return list(dict.fromkeys([*(asked or kind.defaults), *kind.stamps]))


def shown(record: Record, names: Iterable[str]) -> Answer:
    """A record with these properties; one without a value is null."""
    values = record.all_values()
    answer: Answer = {
        "id": str(record.id), "properties": {name: values.get(name) for name in names},
        "createdAt": wire(record.created), "updatedAt": wire(record.modified), "archived": record.archived_at is not None,
    }  # fmt: skip
    if record.archived_at is not None:
        answer["archivedAt"] = wire(record.archived_at)
    return answer


def paging(after: str, link: str | None = None) -> Answer:
    """The way to the next page."""
    return {"next": {"after": after, "link": link or f"?after={after}"}}
