"""Values on the wire are strings; each property takes only what fits its type, and shows instants and days in one form.

Source: https://developers.hubspot.com/docs/api-reference/properties/guide, "Add values to date and datetime properties" and "Add
values to checkbox type properties"; whitespace: https://developers.hubspot.com/changelog/breaking-change-enhanced-validations-for-non-string-properties-in-hubspots-crmobject-apis.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from sandbox.hubspot.definitions import Definition

LONGEST = 65_536
"""Characters of a text: https://knowledge.hubspot.com/properties/property-field-types-in-hubspot."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class BadValue(Exception):
    """A value that does not fit; `code` is HubSpot's word for why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read(property_: Definition, text: str, owners: Iterable[str]) -> str:
    """The value as it is kept and shown. Errors: BadValue."""
    if len(text) > LONGEST:
        raise BadValue("STRING_TOO_LONG", f"{property_.name} is longer than {LONGEST} characters")
    if property_.name == "email":
        return _email(text)
    if property_.type == "string":
        return text
    if text != text.strip():
        raise BadValue("LEADING_TRAILING_WHITESPACE", f'"{text}" includes leading or trailing whitespace.')
    if property_.name == "hubspot_owner_id":
        return _owner(text, owners)
    return {"number": _number, "bool": _yes_no, "datetime": _instant, "date": _day, "enumeration": _choice}[
        property_.type
    ](property_, text)


def milliseconds(text: str) -> int:
    """A wire instant (ISO 8601 or milliseconds since 1970) in milliseconds. ValueError for anything else."""
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return (instant - EPOCH) // MILLISECOND


def wire(number: int) -> str:
    """Milliseconds as HubSpot writes an instant: in UTC, with a fraction only where there is one."""
    instant = EPOCH + number * MILLISECOND
    return instant.isoformat(timespec="milliseconds" if number % 1000 else "seconds").replace("+00:00", "Z")


def _email(text: str) -> str:
    address = text.strip().lower()  # HubSpot keeps addresses in lower case
    if not re.fullmatch(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+", address):
        raise BadValue("INVALID_EMAIL", f"Email address {text} is invalid")
    return address


def _owner(text: str, owners: Iterable[str]) -> str:
    if text not in owners:
        raise BadValue("INVALID_OWNER_ID", f"The owner with id {text} does not exist.")
    return text


def _number(_: Definition, text: str) -> str:
    if not re.fullmatch(r"-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text):
        raise BadValue("INVALID_NUMBER", f"{text} was not a valid number.")
    return text


def _yes_no(_: Definition, text: str) -> str:
    if text not in {"true", "false"}:
        raise BadValue("INVALID_OPTION", f"{text} was not one of the allowed options: [true, false]")
    return text


def _instant(_: Definition, text: str) -> str:
    try:
        return wire(milliseconds(text))
    except (ValueError, OverflowError):
        raise BadValue("INVALID_DATE", f"{text} was not a valid long or ISO 8601 instant.") from None


def _day(_: Definition, text: str) -> str:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return date.fromisoformat(text).isoformat()
        instant = EPOCH + milliseconds(text) * MILLISECOND
    except (ValueError, OverflowError):
        raise BadValue("INVALID_DATE", f"{text} was not a valid date.") from None
    if instant.time() != EPOCH.time():
        raise BadValue("INVALID_DATE", f"{text} is at {instant:%H:%M} UTC, not midnight!")
    return instant.date().isoformat()


def _choice(property_: Definition, text: str) -> str:
    chosen = text.split(";") if property_.field_type == "checkbox" else [text]
    # without options the vendor itself fills the property in, with ids or addresses
    unknown = [one for one in chosen if property_.values and one not in property_.values]
    if unknown:
        allowed = ", ".join(property_.values)
        raise BadValue("INVALID_OPTION", f"{unknown[0]} was not one of the allowed options: [{allowed}]")
    return ";".join(chosen)
