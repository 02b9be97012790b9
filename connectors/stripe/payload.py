"""Reading a payload with suspicion: a value of the wrong kind is a ValueError that names the key and never the value.

Source of all keys: https://docs.stripe.com/api, version of client.py. Amounts are integers in the currency's minor unit already,
zero-decimal currencies included (https://docs.stripe.com/currencies); instants are seconds since 1970.
"""

import re
from datetime import UTC, datetime
from fractions import Fraction
from math import inf

from connectors import payload
from connectors.payload import LARGEST, wrong

DECIMAL = re.compile(r"\d{1,18}(\.\d{1,12})?")  # twelve places at most: https://docs.stripe.com/api/prices/object


class Payload(payload.Payload):
    """The keys of one Stripe object, or of one entry of its lists."""

    def amount(self, path: str) -> int:
        """Minor units, never negative. ValueError if missing."""
        value = self.signed(path)
        if value < 0:
            raise ValueError(f"{path} is negative")
        return value

    def signed(self, path: str) -> int:
        """Minor units of either sign. ValueError if missing."""
        value = self.whole(path)
        if value is None:
            raise ValueError(f"{path} is missing")
        return value

    def whole(self, path: str) -> int | None:
        """A whole number."""
        value = self.value(path)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong(path, value, "a whole number")
        if abs(value) > LARGEST:
            raise ValueError(f"{path} is too large")
        return value

    def exact(self, path: str) -> Fraction | None:
        """A decimal that is written as text (`unit_amount_decimal`), not negative."""
        text = self.text(path)
        if text is None:
            return None
        if not DECIMAL.fullmatch(text):
            raise ValueError(f"{path} is not a decimal number")
        return Fraction(text)

    def number(self, path: str) -> Fraction | None:
        """A number with decimal places (`percent_off`), as it is written, not negative."""
        value = self.value(path)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < inf:
            raise wrong(path, value, "a number from 0 on")
        return Fraction(str(value))

    def texts(self, path: str) -> frozenset[str] | None:
        """The texts of an array."""
        value = self.value(path)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise wrong(path, value, "a list of texts")
        return frozenset(value)

    def instant(self, path: str) -> datetime | None:
        """An instant in UTC."""
        seconds = self.whole(path)
        if seconds is None:
            return None
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            raise ValueError(f"{path} is no instant") from None

    def key(self, object_name: str, path: str) -> str | None:
        """Written key of the object that is named here, by its id or expanded."""
        value = self.value(path)
        return self.record.sibling(object_name, self.text(f"{path}.id" if isinstance(value, dict) else path))

    def entries(self, path: str) -> "list[Payload]":
        """The hashes of an array, or of a Stripe list, which must be complete."""
        value = self.value(path)
        if isinstance(value, dict):
            if value.get("has_more"):
                raise ValueError(f"{path} is not complete")
            value = value.get("data")
        if value is None:
            return []
        if not isinstance(value, list):
            raise wrong(path, value, "a list")
        return [Payload(self.record, entry) for entry in value]
