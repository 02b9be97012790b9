from collections.abc import Iterator

from models.facts import Fact, Identifier, Profile, Scope
from models.records import Record


def guest(record: Record) -> Iterator[Fact]:
    """A guest is a person with an address."""
    if not record.payload.get("name"):
        raise ValueError("name is empty")
    yield Profile(scope=Scope.person, name=record.payload["name"])
    yield from Identifier.of(Scope.person, "email", record.payload.get("email"))
