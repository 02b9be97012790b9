"""Values as they travel: HubSpot sends and takes every property value as text.

Source: https://developers.hubspot.com/docs/api-reference/crm-properties-v3/guide: instants come as ISO 8601 in UTC and are taken so or as
milliseconds since 1970; an empty text clears a property.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.base import FieldValue

DIGITS = re.compile(r"-?\d{1,15}")
"""Milliseconds since 1970; more digits are no instant."""
EPOCH, MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)


def instant(text: str) -> datetime:
    """An instant, or the midnight of a day, in UTC. ValueError for anything else."""
    try:
        if not text.endswith("Z") and DIGITS.fullmatch(text):  # nearly all end so
            return instant_at(int(text))
        at = datetime.fromisoformat(text)
        if at.tzinfo is UTC:  # as HubSpot writes it
            return at
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (OverflowError, OSError):
        raise ValueError("out of range") from None


def instant_at(stamp: int) -> datetime:
    """The instant of so many milliseconds since 1970, in UTC."""
    return datetime.fromtimestamp(stamp / 1000, UTC)


def milliseconds(at: datetime) -> int:
    """An instant in milliseconds since 1970, as filters and cursors name it."""
    return (at - EPOCH) // MILLISECOND


def sent(value: FieldValue) -> str:
    """A value as it is written."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return format(Decimal(repr(value)), "f")  # never with an exponent
    return value


def received(text: Any, kind: str) -> FieldValue:
    """A value as it was read, by the type of its property; None where it is empty."""
    if text is None or text == "":
        return None
    if kind == "bool":
        return str(text) == "true"
    if kind == "number":
        number = Decimal(str(text))
        return int(number) if number == number.to_integral_value() else float(number)
    if kind == "datetime":
        return instant(str(text)).isoformat()
    return str(text)


def types(definitions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The type of each property by name."""
    return {str(one["name"]): str(one["type"]) for one in definitions}
