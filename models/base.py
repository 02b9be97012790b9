"""What every table of the store shares: instants kept in UTC, text that every database can keep, ids that sort by age."""

from datetime import UTC, datetime
from typing import Any

import uuid_utils
from sqlalchemy import DateTime, Dialect
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant in every database; SQLite alone would drop the zone. ValueError for a naive one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        """Refuse what has no zone, keep the rest in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; instants are UTC")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, _: Dialect) -> datetime | None:
        """Give the zone back that SQLite dropped."""
        if value is None:
            return None
        instant: datetime = value
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def mend(text: str) -> str:
    """The text as lake and every store keep it: U+FFFD stands for NUL and for half a surrogate pair; two halves become one.

    Source: https://www.postgresql.org/docs/15/datatype-character.html, which has no NUL; no encoding has half a pair.
    """
    whole = text.replace("\0", "\ufffd") if "\0" in text else text
    return whole if whole.isascii() else whole.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def new_id(now: datetime) -> str:
    """A UUIDv7 of this instant: unique, and sorting ids sorts them by age."""
    nanoseconds = int(now.timestamp() * 1_000_000) * 1_000
    return str(uuid_utils.uuid7(nanoseconds=nanoseconds))
