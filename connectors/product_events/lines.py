"""What one line of an event file is: a deed, a word on who somebody is, or nothing that can be read.

Shape of a line (https://segment.com/docs/connections/spec/): `type` (track, page, screen, identify, group, alias; without one, a
line with `event` is a track, one with `traits` an identify), `event`, `userId`, `anonymousId`, `email`, `timestamp`, `traits`,
`properties`, `messageId`, `context`. Flat files have the same columns, nested ones as `properties.plan` or as JSON text.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from connectors.product_events.payload import EVENT_ID, USER, VISITOR, instant_of, label_of
from models.keys import content_id
from models.records import Record

VENDOR = "product_events"
DEEDS = frozenset({"track", "page", "screen"})
TYPES = DEEDS | {"identify", "group", "alias"}
NESTED = ("traits", "properties", "context")
COLUMNS = {name.lower(): name for name in ("type", "event", "email", "timestamp", *USER, *VISITOR, *EVENT_ID, *NESTED)}
"""How the names that are read are spelled, by how flat files may spell them: `Timestamp`, `USER_ID`."""
NAMING = frozenset({"name", "firstName", "first_name", "lastName", "last_name", "phone"})
"""Traits, beside the address, that say who somebody is."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FAULTS = {
    "json": "is not JSON",
    "object": "is not an object",
    "encoding": "is not UTF-8",
    "length": "is longer than a mebibyte",
    "fields": "has not as many fields as the header",
    "quotes": "has quotes that do not match",
    "header": "has no header that names a timestamp",
    "cut": "is cut off in the middle of its compressed data",
    "parquet": "is not a Parquet file, or a broken one",
    "type": "has no type that is known and no event",
    "event": "has no event name",
    "timestamp": "has no timestamp that is an instant",
    "id": "has an id that is neither text nor a whole number",
    "nested": "has traits, properties or context that are no object",
    "size": "is too large for a transcript",
    "vtt": "is not WebVTT, or has no words",
    "sidecar": "has a file of particulars beside it that is not a JSON object",
    "started_at": "does not say when the talk began: write `started_at` into its NOTE or the file beside it",
    "customer": "names no customer with an e-mail address: write one into its NOTE or the file beside it",
}
"""What makes a line or a transcript unreadable, and how that is said behind its place."""

Row = dict[str, Any]
Version = tuple[str, datetime, Row, bool]
"""A version of a record as the columns of `records_of`: its id, its instant, UTC, its payload, and whether it is gone."""


class Unreadable(ValueError):
    """This line is no event; its argument is a key of `FAULTS`."""


class Fault(NamedTuple):
    """What stands there cannot be read: `what` is a key of `FAULTS`."""

    what: str
    raw: str = ""
    """What stands there, cut to `SHOWN` characters."""


Line = tuple[int, int, int, Row | Fault]
"""One line or row of a file: its number, from 1; where reading goes on after it, in bytes or rows of Parquet; bytes that it took; what it says."""


def nested(flat: Mapping[str, Any]) -> Row:
    """A row of a flat file in the shape of a line: dotted columns and JSON text become objects, empty cells nothing."""
    row: Row = {}
    for column, value in flat.items():
        if value is None or value == "":
            continue
        first, *below = column.split(".")
        spelled = COLUMNS.get(first.lower(), first)
        column = ".".join([first if spelled in flat else spelled, *below])  # noqa: PLW2901  # in the line's own spelling
        *parents, name = column.split(".")
        if column in NESTED and isinstance(value, str):
            try:
                value = orjson.loads(value)  # noqa: PLW2901  # the cell's own meaning
            except orjson.JSONDecodeError:
                raise Unreadable("nested") from None
        into = row
        for parent in parents:
            into = into.setdefault(parent, {})
            if not isinstance(into, dict):
                raise Unreadable("nested")
        known = into.get(name)
        into[name] = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value
    return row


def kind_of(row: Mapping[str, Any]) -> str:
    """The type of a line, said or meant."""
    said = row.get("type")
    if isinstance(said, str) and said in TYPES:  # most are written so
        return said
    kind = said.strip().lower() if isinstance(said, str) else ""
    if not kind:
        kind = "track" if row.get("event") else "identify" if row.get("traits") else ""
    if kind in TYPES:
        return kind
    raise Unreadable("type")


def checked(row: Row) -> tuple[str, datetime, str | None, str | None]:
    """What a line that makes sense says of itself: its type, its instant, whose it is, and the id of its own. Else Unreadable."""
    kind, at = kind_of(row), dated(row, "timestamp")
    for name in NESTED:
        part = row.get(name)
        if part is not None and not isinstance(part, dict):
            raise Unreadable("nested")
    try:
        user, own = label_of(row, USER), label_of(row, EVENT_ID)
    except ValueError:
        raise Unreadable("id") from None
    if kind == "track" and not isinstance(row.get("event"), str):
        raise Unreadable("event")
    return kind, at, user, own


def dated(row: Row, name: str) -> datetime:
    """The instant that stands there, in UTC. Unreadable if there is none."""
    try:
        at = instant_of(name, row.get(name))
    except ValueError:
        at = None
    if at is None:
        raise Unreadable(name)
    return at


def event(row: Row) -> Version | None:
    """The deed that a line tells of, None if it tells of none.

    Its id is the event's own, else the hash of its content, so that a line delivered again is the same record.
    """
    kind, at, _, own = checked(row)
    if kind not in DEEDS:
        return None
    own = own or content_id(orjson.dumps(row, option=orjson.OPT_SORT_KEYS, default=str).decode())
    return own, at, row, False


def unreadable(place: str, fault: str, raw: str, at: datetime) -> Version:
    """What stands where nothing could be read, kept under its place; `refuse` says what is wrong with it."""
    return place, at, {"unreadable": {fault: raw}}, False


def refuse(record: Record) -> None:
    """ValueError, naming the place and never the content, if this is what could not be read."""
    fault = record.payload.get("unreadable")
    if isinstance(fault, dict):
        what = next((FAULTS[key] for key in fault if key in FAULTS), "cannot be read")
        raise ValueError(f"{record.key.id} {what}")  # noqa: TRY004  # the content is bad, not our call


def user(row: Row) -> Version | None:
    """Who a line says its user is, None if it names none or cannot be read.

    Traits come in parts, and the newest version of a record is the one that counts. So a line without an address never replaces
    one with an address, nor a bare mention anything: they are dated to the beginning of time.
    """
    try:
        _, at, named, _ = checked(row)
    except Unreadable:
        return None
    if named is None:
        return None
    traits = {name: value for part in (_traits(row, "context"), _traits(row)) for name, value in part.items()}
    if "email" not in traits and row.get("email"):
        traits["email"] = row["email"]
    stamp = at if traits.get("email") else EPOCH + timedelta(seconds=not NAMING.isdisjoint(traits))
    return named, stamp, {"userId": named, "traits": traits}, False


def _traits(row: Row, *inside: str) -> Row:
    part: Any = row
    for name in (*inside, "traits"):
        part = part.get(name) if isinstance(part, dict) else None
    return part if isinstance(part, dict) else {}
