"""Columns of the lake's tables: the raw change log is written down here, fact tables follow from the fact classes."""

from datetime import datetime
from enum import StrEnum
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pyarrow as pa

from models.facts import Fact

INSTANT = pa.timestamp("us", "UTC")

RAW_COLUMNS: dict[str, tuple[pa.DataType, str]] = {
    "vendor": (pa.string(), "folder name of the connector"),
    "account": (pa.string(), "the vendor's own id of the account, with its mode where it has one"),
    "object": (pa.string(), "the vendor's name of the kind of record"),
    "id": (pa.string(), "the vendor's id of the record"),
    "record": (pa.string(), "written record key: vendor/account/object/id"),
    "record_hash": (pa.int64(), "signed 64-bit hash of the record key; joins read this column only"),
    "updated_at": (INSTANT, "the vendor's stamp of this version, UTC"),
    "pulled_at": (INSTANT, "when we read it, UTC"),
    "batch": (pa.int64(), "portion of rows in the order they landed; a record is at most once in one"),
    "deleted": (pa.bool_(), "true where the vendor says that the record is gone"),
    "payload_hash": (pa.int64(), "signed 64-bit hash of the payload without stamps and our own fields"),
    "payload": (pa.string(), "the vendor's record as JSON"),
}
RAW = pa.schema([(name, kind) for name, (kind, _) in RAW_COLUMNS.items()])

SOURCE_COLUMNS = ("record", "record_hash", "vendor", "account", "object", "id", "batch")
"""What every fact table tells about the record that a fact was read from."""

_KINDS: dict[Any, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    datetime: INSTANT,
}


def fact_schema(fact: type[Fact]) -> pa.Schema:
    """Columns of a fact's table: where it was read, then the fact's own fields in their order. TypeError for a type no table has."""
    source = [RAW.field(name) for name in SOURCE_COLUMNS]
    own = [pa.field(name, _kind(field.annotation)) for name, field in fact.model_fields.items()]
    return pa.schema(source + own)


def _kind(annotation: Any) -> pa.DataType:
    if get_origin(annotation) in (Union, UnionType):
        (annotation,) = (part for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is list:
        return pa.list_(_kind(get_args(annotation)[0]))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return pa.string()
    # pydantic's AwareDatetime is a datetime that insists on a zone
    kind = _KINDS.get(annotation) or (INSTANT if getattr(annotation, "__name__", "") == "AwareDatetime" else None)
    if kind is None:
        raise TypeError(
            f"a fact cannot hold {annotation!r}; use str, int, float, bool, AwareDatetime, StrEnum or a list of them"
        )
    return kind
