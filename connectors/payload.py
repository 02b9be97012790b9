"""Reading a payload with suspicion: a value of the wrong kind is a ValueError that names the key and never the value.

A dotted path reads inside an object; what is absent, null or blank is None. A vendor adds how it writes instants and numbers.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from models.money import minor_digits
from models.records import Record

LARGEST = 2**63 - 1  # the lake keeps 64-bit integers
CURRENCY = re.compile(r"[a-z]{3}")


class Payload(ABC):
    """The fields of one record, or of one part of it."""

    def __init__(self, record: Record, part: Any = None) -> None:
        self.record = record
        self._fields: Mapping[str, Any] = record.payload if part is None else part
        if not isinstance(self._fields, dict):
            raise wrong("an entry", self._fields, "an object")

    @abstractmethod
    def instant(self, path: str) -> datetime | None:
        """An instant in UTC."""

    @property
    def own_key(self) -> str:
        """Written key of this record."""
        return str(self.record.key)

    def text(self, path: str) -> str | None:
        """A text that says something."""
        value = self.value(path)
        if value is not None and not isinstance(value, str):
            raise wrong(path, value, "text")
        return value if value and value.strip() else None

    def custom(self, path: str) -> str | None:
        """A text that says something in a field of the user's own, which may be of any type: other values are none."""
        value = self.value(path)
        return value if isinstance(value, str) and value.strip() else None

    def key(self, object_name: str, path: str) -> str | None:
        """Written key of the record whose id stands there."""
        return self.record.sibling(object_name, self.text(path))

    def currency(self) -> str:
        """ISO 4217 in lower case. ValueError for anything else."""
        code = self.text("currency")
        if code is None or not CURRENCY.fullmatch(code):
            raise ValueError("currency is not a three-letter code in lower case")
        return code

    def flag(self, path: str) -> bool:
        """True or false; absent is false."""
        value = self.value(path)
        if value is not None and not isinstance(value, bool):
            raise wrong(path, value, "true or false")
        return bool(value)

    def moment(self, *paths: str) -> datetime:
        """The first of these that is set; ValueError if none is."""
        for path in paths:
            at = self.instant(path)
            if at:
                return at
        raise ValueError(f"none of {', '.join(paths)} is set, so it has no date")

    def value(self, path: str) -> Any:
        """Whatever stands there."""
        if "." not in path:  # most are, and this is the hot line of every translation
            return self._fields.get(path)
        value: Any = self._fields
        for name in path.split("."):
            if value is None:
                return None
            if not isinstance(value, dict):
                raise wrong(path, value, "inside an object")
            value = value.get(name)
        return value


def in_minor_units(path: str, amount: Decimal, currency: str | None) -> int:
    """An amount of the currency's whole units in minor ones, exact; two digits where the currency is unknown."""
    minor = (amount * 10 ** minor_digits(currency or "")).to_integral_value()
    if abs(minor) > LARGEST:
        raise ValueError(f"{path} is too large for an amount of money")
    return int(minor)


def wrong(path: str, value: object, wanted: str) -> ValueError:
    """The complaint about a value of the wrong kind."""
    return ValueError(f"{path} is {type(value).__name__}, not {wanted}")
