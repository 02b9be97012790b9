"""How the guest book's records read as facts: pure functions of one record."""

from collections.abc import Iterator

from models.facts import Fact, Identifier, Profile, Scope
from models.records import Record


def guest(record: Record) -> Iterator[Fact]:
    """A guest is a person with an address. ValueError, naming the field and never its value, for one that makes no sense."""
    name, email = record.payload.get("name"), record.payload.get("email")
    if not isinstance(name, str) or not name:
        raise ValueError("name is empty")
    if not isinstance(email, str | None):
        raise ValueError("email is no text")  # noqa: TRY004  # the record is refused, not our call
    yield Profile(scope=Scope.person, name=name, email=email)
    yield from Identifier.of(Scope.person, "email", email)
