"""Reading a line with suspicion: a value of the wrong kind is a ValueError that names the key and never the value.

Source of the keys: https://segment.com/docs/connections/spec/common/. Tools that write snake case instead are read, too.
"""

import math
import re
from datetime import UTC, datetime

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
        """An instant in UTC: ISO 8601, where one without a zone is UTC, or seconds or milliseconds since 1970."""
        value = self.value(path)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise wrong(path, value, "an instant")
        try:
            if isinstance(value, str) and not NUMBER.fullmatch(value.strip()):
                at = datetime.fromisoformat(ZONE.sub("Z", value.strip()))
                return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
            number = float(value)
            return datetime.fromtimestamp(number / 1000 if math.fabs(number) >= MILLISECONDS else number, UTC)
        except (ValueError, OverflowError, OSError):
            raise ValueError(f"{path} is no instant") from None

    def first(self, *paths: str) -> str | None:
        """The first of these that says something."""
        return next((text for path in paths if (text := self.text(path))), None)

    def label(self, *paths: str) -> str | None:
        """The first of these ids, which may be written as numbers."""
        for path in paths:
            value = self.value(path)
            if isinstance(value, int) and not isinstance(value, bool):
                return str(value)
            if text := self.text(path):
                return text.strip()
        return None

    @property
    def user(self) -> str | None:
        """Whom the product knows this to be; None for a visitor who did not say."""
        return self.label(*USER)
