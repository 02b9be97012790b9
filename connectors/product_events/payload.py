"""Reading a line with suspicion: a value of the wrong kind is a ValueError that names the key and never the value.

Source of the keys: https://segment.com/docs/connections/spec/common/. Tools that write snake case instead are read, too.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors import payload
from connectors.payload import wrong

USER = ("userId", "user_id")
VISITOR = ("anonymousId", "anonymous_id")
EVENT_ID = ("messageId", "event_id")
MILLISECONDS = 1e11
"""From here on an epoch counts milliseconds: as seconds it would be the year 5138, as milliseconds it is 1973."""
NUMBER = re.compile(r"-?\d{1,16}(\.\d+)?")
ZONE = re.compile(r" ?(UTC|GMT)$")
"""How warehouses write UTC; Python's reader wants a Z."""


class Payload(payload.Payload):
    """The keys of one line, or of one of its parts."""

    def instant(self, path: str) -> datetime | None:
        """An instant in UTC, as `instant_of` reads it."""
        return instant_of(path, self.value(path))

    def first(self, *paths: str) -> str | None:
        """The first of these that says something."""
        return next((text for path in paths if (text := self.text(path))), None)

    def label(self, *paths: str) -> str | None:
        """The first of these ids, which may be written as numbers."""
        return next((said for path in paths if (said := _said(path, self.value(path)))), None)

    @property
    def user(self) -> str | None:
        """Whom the product knows this to be; None for a visitor who did not say."""
        return self.label(*USER)


def instant_of(path: str, value: Any) -> datetime | None:
    """An instant in UTC: ISO 8601, where one without a zone is UTC, or seconds or milliseconds since 1970."""
    if value is None or value == "":
        return None
    is_text = isinstance(value, str)
    if not is_text and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise wrong(path, value, "an instant")
    try:
        if is_text:
            text = value.strip()
            if text[4:5] == "-" or not NUMBER.fullmatch(text):
                at = datetime.fromisoformat(text if text.endswith("Z") else ZONE.sub("Z", text))
                return at if at.tzinfo is UTC else (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        number = float(value)
        return datetime.fromtimestamp(number / 1000 if math.fabs(number) >= MILLISECONDS else number, UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{path} is no instant") from None


def label_of(row: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """The first of these ids in a line, which may be written as numbers."""
    for name in names:
        if said := _said(name, row.get(name)):
            return said
    return None


def _said(path: str, value: Any) -> str | None:
    """What an id says, None if nothing."""
    if isinstance(value, str):
        return value.strip() or None
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise wrong(path, value, "text")
