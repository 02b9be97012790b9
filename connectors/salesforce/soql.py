"""Writing SOQL: the one place where values become query text."""

from collections.abc import Iterable
from datetime import UTC, datetime


def select(columns: Iterable[str], object_name: str, *conditions: str, then: str = "") -> str:
    """A query whose conditions all hold; `then` is what follows them, such as an order."""
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {', '.join(columns)} FROM {object_name}{where} {then}".rstrip()  # noqa: S608  # values come from the functions below


def quoted(value: str) -> str:
    """A text literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def one_of(column: str, values: Iterable[str]) -> str:
    """The condition that the column holds one of the values."""
    return f"{column} IN ({', '.join(map(quoted, values))})"


def starts_with(column: str, text: str) -> str:
    """The condition that the column begins with the text; an underscore would stand for any character."""
    return f"{column} LIKE '{text.replace('_', chr(92) + '_')}%'"


def literal(at: datetime) -> str:
    """A date-time literal, to the millisecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
