"""Reading a payload with suspicion: a value of the wrong kind is a ValueError that names the key and never the value.

Source: https://developers.facebook.com/docs/marketing-api/insights (numbers are texts: "14.35" of the account's currency, "900") and
/guides/lead-ads/retrieving (answers are a list of names and values).
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors import payload
from connectors.payload import LARGEST, wrong
from models.money import minor_digits

AMOUNT = re.compile(r"\d{1,15}(\.\d{1,6})?")
COUNT = re.compile(r"\d{1,18}")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:?\d\d|Z)")
ANSWER = "answer:"
"""Starts the key of an answer in free words; Meta's own keys hold no colon."""
STANDARD = frozenset(
    {
        *(
            "email",
            "work_email",
            "phone_number",
            "work_phone_number",
            "full_name",
            "first_name",
            "last_name",
            "street_address",
        ),
        *(
            "city",
            "state",
            "province",
            "country",
            "zip_code",
            "post_code",
            "zip",
            "date_of_birth",
            "gender",
            "marital_status",
        ),
        *("relationship_status", "military_status", "job_title", "company_name", "website"),
    }
)
"""Questions that Meta prefills (https://developers.facebook.com/docs/marketing-api/guides/lead-ads/create)."""
FEWEST_WORDS = 4
"""Of an answer in free words; the choices of a form are shorter, or are written with underscores."""


class Payload(payload.Payload):
    """The keys of one object, or of one row of a day."""

    def amount(self, path: str, currency: str) -> int:
        """Money written in whole units as minor ones, exact; a fraction of a minor unit is rounded half to even. ValueError if missing."""
        text = self.text(path)
        if text is None or not AMOUNT.fullmatch(text):
            raise ValueError(f"{path} is no amount of money")
        return int((Decimal(text).scaleb(minor_digits(currency))).to_integral_value())

    def count(self, path: str) -> int:
        """A number of things, written as text; none if missing."""
        text = self.text(path) or "0"
        if not COUNT.fullmatch(text) or int(text) > LARGEST:
            raise ValueError(f"{path} is no count")
        return int(text)

    def instant(self, path: str) -> datetime | None:
        """An instant in UTC; Meta writes 2026-11-01T12:00:00+0000."""
        text = self.text(path)
        if text is None:
            return None
        if not STAMP.fullmatch(text):
            raise ValueError(f"{path} is no instant")
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValueError(f"{path} is no instant") from None

    def rows(self, path: str) -> "list[Payload]":
        """The objects of a list, which must be there."""
        value = self.value(path)
        if not isinstance(value, list):
            raise wrong(path, value, "a list")
        return [Payload(self.record, entry) for entry in value]

    def answers(self) -> dict[str, str]:
        """What the form was answered, by question; an answer of many values is their first."""
        value = self.value("field_data")
        if value is not None and not isinstance(value, list):
            raise wrong("field_data", value, "a list")
        return dict(_answers(value))

    def words(self) -> list[str]:
        """Keys of the answers in free words."""
        return sorted(key for key in self._fields if key.startswith(ANSWER))


def free_text(field_data: Any) -> dict[str, str]:
    """The answers in free words, each under a key of its own; nothing for what is no list of answers."""
    return {
        f"{ANSWER}{name}": text
        for name, text in _answers(field_data if isinstance(field_data, list) else [])
        if name not in STANDARD and len(text.split()) >= FEWEST_WORDS
    }


def _answers(field_data: Any) -> Iterator[tuple[str, str]]:
    for entry in field_data or []:
        name, values = (entry.get("name"), entry.get("values")) if isinstance(entry, dict) else (None, None)
        if (
            isinstance(name, str)
            and isinstance(values, list)
            and values
            and isinstance(values[0], str)
            and values[0].strip()
        ):
            yield name, values[0].strip()
