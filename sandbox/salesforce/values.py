"""One value on its way between JSON and a SQLite column; what does not fit its field is refused in Salesforce's words.

Text is trimmed and empty text is null; numbers are rounded half up to the field's decimals; instants are kept in UTC, to the
second, exactly as REST writes them, so that they compare as text. Source: Object Reference 63.0, "Field Types"; SOAP API guide,
"StatusCode".
"""

import re
from datetime import UTC, datetime
from datetime import date as day
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import orjson

from sandbox.salesforce.errors import Refusal, RowRefusal, unreadable
from sandbox.salesforce.ids import full_id
from sandbox.salesforce.schema import NUMBERS, WORDS, Field

EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")
Column = str | int | float | None
CONVERTED = frozenset({"boolean", "address", "complexvalue"})
"""Types whose column is not yet what JSON shows."""


def wire(instant: datetime) -> str:
    """An instant as REST writes it: whole seconds, three zeros and +0000."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def to_column(field: Field, value: Any) -> Column:
    """What the database keeps. RowRefusal for a value that does not fit, Refusal for JSON of the wrong type."""
    if value is None or value == "":
        if field.type == "boolean":
            raise RowRefusal(
                "INVALID_TYPE_ON_FIELD_IN_RECORD", f"{field.name}: value not of required type: ", field.name
            )
        return None
    if field.type in WORDS:
        return _words(field, value)
    if field.type in NUMBERS:
        return _number(field, value)
    if field.type == "boolean":
        return int(value) if isinstance(value, bool) else _mismatch(field, value)
    if field.type == "date":
        return _date(field, value)
    if field.type == "datetime":
        return _datetime(field, value)
    if field.type in {"id", "reference"}:
        return _id(field, value)
    return orjson.dumps(value).decode()


def from_column(field: Field, value: Any) -> Any:
    """What JSON shows."""
    if value is None:
        return None
    if field.type == "boolean":
        return bool(value)
    return orjson.loads(value) if field.type in CONVERTED else value


def _mismatch(field: Field, value: Any) -> Any:
    kind = "BOOLEAN" if isinstance(value, bool) else "NUMBER" if isinstance(value, int | float) else "STRING"
    raise unreadable(f"Cannot deserialize instance of {field.type} from VALUE_{kind} value {value} ({field.name})")


def _words(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        return str(_mismatch(field, value))
    trimmed = value.strip().replace("\0", "")
    if field.restricted and trimmed not in field.values:
        message = f"{field.label or field.name}: bad value for restricted picklist field: {trimmed}"
        raise RowRefusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, field.name)
    if len(trimmed) > field.length:
        message = f"{field.label or field.name}: data value too large: {trimmed} (max length={field.length})"
        raise RowRefusal("STRING_TOO_LONG", message, field.name)
    if field.type == "email" and trimmed and not EMAIL.fullmatch(trimmed):
        raise RowRefusal("INVALID_EMAIL_ADDRESS", f"{field.name}: invalid email address: {trimmed}", field.name)
    return trimmed or None


def _number(field: Field, value: Any) -> Column:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _mismatch(field, value)
    if field.type == "int" and value != int(value):
        _mismatch(field, value)
    rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP)
    if abs(rounded) >= Decimal(10) ** (field.precision - field.scale):
        message = f"{field.label or field.name}: value outside of valid range on numeric field: {value}"
        raise RowRefusal("NUMBER_OUTSIDE_VALID_RANGE", message, field.name)
    return int(rounded) if field.type == "int" else float(rounded)


def _date(field: Field, value: Any) -> str:
    if isinstance(value, day) and not isinstance(value, datetime):
        return value.isoformat()
    try:
        return day.fromisoformat(value[:10]).isoformat() if len(value) == 10 else str(_mismatch(field, value))
    except (TypeError, ValueError):
        return str(_mismatch(field, value))


def _datetime(field: Field, value: Any) -> str:
    try:
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return str(_mismatch(field, value))
    return wire(instant) if instant.tzinfo else str(_mismatch(field, value))


def _id(field: Field, value: Any) -> str:
    found = full_id(value) if isinstance(value, str) else None
    if found is None:
        raise RowRefusal("MALFORMED_ID", f"{field.name}: id value of incorrect type: {value}", field.name)
    return found


def literal_instant(text: str) -> str:
    """A SOQL date-time as the database keeps it, to the millisecond. Refusal for a day or hour that does not exist."""
    try:
        instant = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise Refusal(400, "MALFORMED_QUERY", f"Invalid datetime: {text}") from None
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}+0000"
