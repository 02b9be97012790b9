"""Reading a payload with suspicion: a value of the wrong kind is a ValueError that names the field and never the value."""

import math
from datetime import UTC, datetime
from decimal import Decimal

from connectors import payload
from connectors.payload import LARGEST, in_minor_units, wrong


class Payload(payload.Payload):
    """The fields of one Salesforce record; a dotted path reads a parent's column."""

    def instant(self, path: str) -> datetime | None:
        """A date-time in UTC; a bare date is its midnight."""
        text = self.text(path)
        if text is None:
            return None
        try:
            at = datetime.fromisoformat(text)
            return at.replace(tzinfo=UTC) if len(text) == len("2026-01-31") else at.astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValueError(f"{path} is not a date or date-time") from None

    def ids(self, path: str) -> list[str]:
        """The ids of a field that holds one or a list of them."""
        value = self.value(path)
        if isinstance(value, list):
            return [one for one in value if isinstance(one, str) and one]
        one = self.text(path)
        return [one] if one else []

    def whole(self, path: str) -> int | None:
        """A whole number."""
        number = self._number(path)
        return None if number is None else int(number)

    def minor_units(self, path: str, currency: str | None) -> int | None:
        """An amount in minor units, exact; two digits where the currency is unknown."""
        number = self._number(path)
        return None if number is None else in_minor_units(path, number, currency)

    def _number(self, path: str) -> Decimal | None:
        value = self.value(path)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise wrong(path, value, "a number")
        if abs(value) > LARGEST:
            raise ValueError(f"{path} is too large")
        return Decimal(str(value))
