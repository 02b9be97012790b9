"""Reading a payload with suspicion: a value of the wrong kind is a ValueError that names the key and never the value.

Source of all keys: https://docs.stripe.com/api, version of client.py. Amounts are integers in the currency's minor unit already,
zero-decimal currencies included (https://docs.stripe.com/currencies); instants are seconds since 1970.
"""

import re
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from models.records import Record

LARGEST = 2**63 - 1  # the lake keeps 64-bit integers
DECIMAL = re.compile(r"\d{1,18}(\.\d{1,12})?")  # twelve places at most: https://docs.stripe.com/api/prices/object
CURRENCY = re.compile(r"[a-z]{3}")


class Payload:
    """The keys of one object. A dotted path reads inside a hash; what is absent or null is None."""

    def __init__(self, record: Record, part: Any = None) -> None:
        self.record = record
        self._values = record.payload if part is None else part
        if not isinstance(self._values, dict):
            raise self._wrong("an entry", self._values, "a hash")

    def text(self, path: str) -> str | None:
        """A text that says something."""
        value = self._value(path)
        if value is not None and not isinstance(value, str):
            raise self._wrong(path, value, "text")
        return value if value and value.strip() else None

    def flag(self, path: str) -> bool:
        """True or false; absent is false."""
        value = self._value(path)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(path, value, "true or false")
        return bool(value)

    def amount(self, path: str) -> int:
        """Minor units, never negative. ValueError if missing."""
        value = self.whole(path)
        if value is None:
            raise ValueError(f"{path} is missing")
        if value < 0:
            raise ValueError(f"{path} is negative")
        return value

    def whole(self, path: str) -> int | None:
        """A whole number."""
        value = self._value(path)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(path, value, "a whole number")
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

    def currency(self) -> str:
        """ISO 4217 in lower case. ValueError for anything else."""
        code = self.text("currency")
        if code is None or not CURRENCY.fullmatch(code):
            raise ValueError("currency is not a three-letter code in lower case")
        return code

    def instant(self, path: str) -> datetime | None:
        """An instant in UTC."""
        seconds = self.whole(path)
        if seconds is None:
            return None
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            raise ValueError(f"{path} is no instant") from None

    def moment(self, *paths: str) -> datetime:
        """The first of these that is set; ValueError if none is."""
        for path in paths:
            at = self.instant(path)
            if at:
                return at
        raise ValueError(f"none of {', '.join(paths)} is set, so it has no date")

    def key(self, object_name: str, path: str) -> str | None:
        """Written key of the object that is named here, by its id or expanded."""
        value = self._value(path)
        return self.record.sibling(object_name, self.text(f"{path}.id" if isinstance(value, dict) else path))

    def entries(self, path: str) -> "list[Payload]":
        """The hashes of an array, or of a Stripe list, which must be complete."""
        value = self._value(path)
        if isinstance(value, dict):
            if value.get("has_more"):
                raise ValueError(f"{path} is not complete")
            value = value.get("data")
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(path, value, "a list")
        return [Payload(self.record, entry) for entry in value]

    def _value(self, path: str) -> Any:
        value: Any = self._values
        for name in path.split("."):
            if value is None:
                return None
            if not isinstance(value, dict):
                raise self._wrong(path, value, "inside a hash")
            value = value.get(name)
        return value

    def _wrong(self, path: str, value: object, wanted: str) -> ValueError:
        return ValueError(f"{path} is {type(value).__name__}, not {wanted}")
