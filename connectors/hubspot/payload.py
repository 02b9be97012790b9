"""Reading a payload with suspicion: a value of the wrong kind is a ValueError that names the property and never the value."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors import payload
from connectors.hubspot.feeds import OBJECT_BY_KIND
from connectors.hubspot.wire import instant
from connectors.payload import LARGEST, in_minor_units, wrong


class Payload(payload.Payload):
    """The properties of one HubSpot object, all of them text, and what it is tied to."""

    def instant(self, path: str) -> datetime | None:
        """An instant in UTC, of which forms write the milliseconds as a number; a bare date is its midnight."""
        value = self.value(path)
        text = str(value) if type(value) is int else self.text(path)
        try:
            return instant(text.strip()) if text else None
        except ValueError:
            raise ValueError(f"{path} is not a date or instant") from None

    def yes(self, path: str) -> bool:
        """Whether a box is ticked."""
        return (self.text(path) or "").casefold() == "true"

    def several(self, path: str) -> list[str]:
        """The values of a property that holds any number of them."""
        return [one.strip() for one in (self.text(path) or "").split(";") if one.strip()]

    def number(self, path: str) -> Decimal | None:
        """A number."""
        text = self.text(path)
        if text is None:
            return None
        try:
            number = Decimal(text.strip())
        except InvalidOperation:
            raise wrong(path, text, "a number") from None
        if not number.is_finite() or abs(number) > LARGEST:
            raise ValueError(f"{path} is too large")
        return number

    def seconds(self, path: str) -> int | None:
        """A length in milliseconds, in seconds. ValueError if it is negative."""
        number = self.number(path)
        if number is not None and number < 0:
            raise ValueError(f"{path} is negative")
        return None if number is None else int(number) // 1000

    def minor_units(self, path: str, currency: str | None) -> int | None:
        """An amount in minor units, exact; two digits where the currency is unknown."""
        number = self.number(path)
        return None if number is None else in_minor_units(path, number, currency)

    def linked(self, kind: str) -> list[str]:
        """Written keys of the records of one kind that this one is tied to, the primary one first."""
        return [key for key, _ in self.ties(kind)]

    def ties(self, kind: str) -> list[tuple[str, list[str]]]:
        """The same with the labels of each tie."""
        found = list(self._ties(kind))
        return sorted(found, key=lambda tie: "Primary" not in tie[1])  # stable: the order of ids otherwise

    def _ties(self, kind: str) -> Iterator[tuple[str, list[str]]]:
        for end in self._list(f"associations.{kind}", self.value(f"associations.{kind}")):
            if not isinstance(end, dict) or isinstance(end.get("toObjectId"), bool | list | dict):
                raise wrong(f"associations.{kind}", end, "an association")
            key = self.record.sibling(OBJECT_BY_KIND[kind], str(end.get("toObjectId") or ""))
            types = self._list("associationTypes", end.get("associationTypes"))
            if key:
                yield key, [str(one["label"]) for one in types if isinstance(one, dict) and one.get("label")]

    def _list(self, path: str, value: Any) -> list[Any]:
        if value is not None and not isinstance(value, list):
            raise wrong(path, value, "a list")
        return value or []
