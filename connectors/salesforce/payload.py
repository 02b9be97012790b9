"""Reading a payload with suspicion: a value of the wrong kind is a ValueError that names the field and never the value."""

import math
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from phonenumbers.geodata.locale import LOCALE_DATA

from models.money import minor_digits
from models.records import Record

LARGEST = 2**63 - 1  # the lake keeps 64-bit integers
ALSO_CALLED = {"usa": "US", "u.s.a.": "US", "united states of america": "US", "uk": "GB", "great britain": "GB", "england": "GB"}  # fmt: skip
"""Names people type that no list of countries has."""


class Payload:
    """The fields of one record. A dotted path reads a parent's column; what is absent, null or blank is None."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self._fields = record.payload

    def text(self, path: str) -> str | None:
        """A text that says something."""
        value = self._value(path)
        if value is not None and not isinstance(value, str):
            raise self._wrong(path, value, "text")
        return value if value and value.strip() else None

    def flag(self, path: str) -> bool:
        """A checkbox; absent is false."""
        value = self._value(path)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(path, value, "true or false")
        return bool(value)

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

    def moment(self, *paths: str) -> datetime:
        """The first of these that is set; ValueError if none is."""
        for path in paths:
            at = self.instant(path)
            if at:
                return at
        raise ValueError(f"none of {', '.join(paths)} is set, so it has no date")

    def ids(self, path: str) -> list[str]:
        """The ids of a field that holds one or a list of them."""
        value = self._value(path)
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
        if number is None:
            return None
        minor = (number * 10 ** minor_digits(currency or "")).to_integral_value()
        if abs(minor) > LARGEST:
            raise ValueError(f"{path} is too large for an amount of money")
        return int(minor)

    def key(self, object_name: str, path: str) -> str | None:
        """Written key of the record that this field names."""
        return self.record.sibling(object_name, self.text(path))

    @property
    def own_key(self) -> str:
        """Written key of this record."""
        return str(self.record.key)

    def _number(self, path: str) -> Decimal | None:
        value = self._value(path)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._wrong(path, value, "a number")
        if abs(value) > LARGEST:
            raise ValueError(f"{path} is too large")
        return Decimal(str(value))

    def _value(self, path: str) -> Any:
        value: Any = self._fields
        for name in path.split("."):
            if value is None:
                return None
            if not isinstance(value, dict):
                raise self._wrong(path, value, "under a parent record")
            value = value.get(name)
        return value

    def _wrong(self, path: str, value: object, wanted: str) -> ValueError:
        return ValueError(f"{path} is {type(value).__name__}, not {wanted}")


@cache
def _regions() -> dict[str, str]:
    """ISO code by country name in every language that phonenumbers knows; English wins where two countries share a name."""
    named: dict[str, str] = {}
    for code, names in LOCALE_DATA.items():
        english = names.get("en", "")
        named.setdefault(names.get(english.removeprefix("*"), english).casefold(), code)  # "*aa" points at language aa
    for code, names in LOCALE_DATA.items():
        for name in names.values():
            if not name.startswith("*"):
                named.setdefault(name.casefold(), code)
    return named | ALSO_CALLED


def region(country: str | None) -> str | None:
    """ISO code of a country as people write it; None if we cannot tell, and then only numbers with a + are phones."""
    if not country:
        return None
    name = country.strip()
    return name.upper() if name.upper() in LOCALE_DATA else _regions().get(name.casefold())
