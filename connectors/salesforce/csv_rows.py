"""The CSV of a Bulk result as the rows that REST would have shown, value for value, so that both have the same content hash.

Bulk writes every value as text: an instant ends in Z where REST ends it in +0000 (estuary#2519), a null is an empty cell, stray NUL
bytes occur (airbyte#8300), and the columns come in an order of their own. What each text means is told by describe.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
from pyarrow import csv


class OtherColumns(ValueError):
    """The result is that of a query with other columns."""


BOOLEANS = {"true": True, "false": False}


def parse(body: bytes, kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows by column; a parent's columns stand in an object of their own. `kinds` is the type of every column asked for.

    Errors: OtherColumns where one is missing or was not asked for; ValueError for a body that was cut and a value that is not of its
    type. The message holds no value.
    """
    clean = body.replace(b"\0", b"")
    if not clean.endswith(b"\n") or clean.count(b'"') % 2:
        raise ValueError("it ends in the middle of a line")
    table = csv.read_csv(
        pa.BufferReader(clean),  # type: ignore[arg-type]  # the stubs know no Arrow files
        read_options=csv.ReadOptions(use_threads=False, block_size=len(clean) + 1),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(kinds, pa.string()),  # nothing is guessed: "NA" is a name
            strings_can_be_null=True, quoted_strings_can_be_null=True, null_values=[""],
        ),
    )  # fmt: skip
    if sorted(table.column_names) != sorted(kinds):
        raise OtherColumns("its columns are not those asked for")
    columns = [_values(table[name], name, kind) for name, kind in kinds.items()]
    rows = [dict(zip(kinds, values, strict=True)) for values in zip(*columns, strict=True)]
    paths = [name for name in kinds if "." in name]
    if paths:
        for row in rows:
            _nest(row, paths)
    return rows


def _values(column: "pa.ChunkedArray[Any]", name: str, kind: str) -> list[Any]:
    texts = column.to_pylist()
    read = READERS.get(kind)
    if read is None:
        return texts
    try:
        return [None if text is None else read(text) for text in texts]
    except (KeyError, ValueError):
        raise ValueError(f"{name} holds a value that is no {kind}") from None


def _nest(row: dict[str, Any], paths: list[str]) -> None:
    """`Parent.Origin` as `Parent: {Origin}`."""
    for path in paths:
        relation, column = path.split(".")
        row.setdefault(relation, {})[column] = row.pop(path)


def _instant(text: str) -> str:
    return text[:-1] + "+0000" if text.endswith("Z") else text


READERS: dict[str, Callable[[str], Any]] = {
    "boolean": BOOLEANS.__getitem__, "int": int, "long": int, "double": float, "currency": float, "percent": float,
    "datetime": _instant,
}  # fmt: skip
"""How a text of a type is read; any other type is text in REST too."""
