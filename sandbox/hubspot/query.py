"""Reads the parameters behind the `?`, and refuses those that an endpoint does not have."""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from sandbox.hubspot.errors import HubSpotRefusal

PAGE, ARCHIVED = {"limit", "after"}, {"archived"}
HISTORY = "propertiesWithHistory"
SHOWN = {"properties", HISTORY, "associations", *ARCHIVED}


@dataclass(frozen=True)
class Query:
    """Parameters by name, in order; a name may come several times, and its values may be joined by commas."""

    given: dict[str, list[str]]

    @classmethod
    def read(cls, text: str, allowed: set[str]) -> "Query":
        """Errors: 400 for a parameter that is not allowed here."""
        given: dict[str, list[str]] = {}
        for name, value in parse_qsl(text, keep_blank_values=True):
            if name not in allowed:
                raise HubSpotRefusal(400, f"Query parameter {name} is not known here")
            given.setdefault(name, []).append(value)
        return cls(given)

    def one(self, name: str) -> str | None:
        """The last value, or None."""
        return self.given.get(name, [None])[-1]

    def many(self, name: str) -> list[str]:
        """All values."""
        return [each for value in self.given.get(name, []) for each in value.split(",") if each]

    def yes(self, name: str) -> bool:
        """A boolean, false by default; the Python SDK writes it with a capital."""
        value = (self.one(name) or "false").lower()
        if value not in {"true", "false"}:
            raise HubSpotRefusal(400, f"Query parameter {name} must be true or false")
        return value == "true"

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number from 1 to `most`."""
        text = self.one(name)
        if text is None:
            return default
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise HubSpotRefusal(400, f"Invalid {name} {text}: it must be between 1 and {most}.")
        return int(text)

    def after(self) -> int:
        """The numeric cursor, 0 at the start."""
        return cursor(self.one("after"))


def cursor(text: str | None) -> int:
    """Where a page starts. Errors: 400 for what is no cursor of ours."""
    if text and not text.isdecimal():
        raise HubSpotRefusal(400, f"The cursor {text} is invalid.")
    return int(text or 0)
