"""The CSV of a Bulk result as the rows that REST would have shown, value for value, so that both have the same content hash.

Bulk writes every value as text: an instant ends in Z where REST ends it in +0000 (estuary#2519), a null is an empty cell, stray NUL
bytes occur (airbyte#8300), and the columns come in an order of their own. What each text means is told by describe.
"""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import repeat
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv


class OtherColumns(ValueError):
    """The result is that of a query with other columns."""


Texts: TypeAlias = "pa.ChunkedArray[pa.StringScalar]"
TRUE, FALSE = pa.scalar("true"), pa.scalar("false")


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
    names = tuple(kinds)
    rows = list(map(dict, map(zip, repeat(names), zip(*columns, strict=True))))  # without a line of Python for each
    paths = [name for name in kinds if "." in name]
    if paths:
        for row in rows:
            _nest(row, paths)
    return rows


def _values(column: Texts, name: str, kind: str) -> list[Any]:
    try:
        return READERS.get(kind, pa.ChunkedArray.to_pylist)(column)
    except ValueError:
        raise ValueError(f"{name} holds a value that is no {kind}") from None


def _nest(row: dict[str, Any], paths: list[str]) -> None:
    """`Parent.Origin` as `Parent: {Origin}`."""
    for path in paths:
        relation, column = path.split(".")
        row.setdefault(relation, {})[column] = row.pop(path)


def _booleans(column: Texts) -> list[Any]:
    truth = pc.equal(column, TRUE)
    if not pc.all(pc.or_(truth, pc.equal(column, FALSE)), min_count=0).as_py():  # Arrow's own cast takes 1 and 0, too
        raise ValueError("neither true nor false")
    return truth.to_pylist()


def _instants(column: Texts) -> list[Any]:
    return pc.replace_substring_regex(column, "Z$", "+0000").to_pylist()


def _numbers(read: Callable[[str], float], column: Texts) -> list[Any]:
    return [None if text is None else read(text) for text in column.to_pylist()]


READERS: dict[str, Callable[[Texts], list[Any]]] = {
    "boolean": _booleans, "datetime": _instants,
    **dict.fromkeys(("int", "long"), partial(_numbers, int)),
    **dict.fromkeys(("double", "currency", "percent"), partial(_numbers, float)),
}  # fmt: skip
"""How the texts of a column of a type are read; any other type is text in REST too."""
