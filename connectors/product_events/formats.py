"""Reading files line by line in constant memory, from any line on: JSON lines and CSV, both also gzipped, and Parquet.

Every reader takes an open file and the place to go on from, and gives lines with the place behind each. The last line of a file
that may still be written is given only once it ends in a line break, or `finished` says that nothing more will come.
CSV is read by the standard library, because no faster reader tells where in the file a row ended.
"""

import codecs
import csv
import gzip
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, BinaryIO, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.product_events.lines import Fault, Line, Row, Unreadable, nested

LONGEST = 2**20
"""Bytes of one line; Segment takes 32 KB per event (https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/)."""
SHOWN = 10_000
"""Characters of an unreadable line that are kept."""
ROWS = 500
"""Rows of a Parquet file that are decoded at a time."""


@dataclass(frozen=True)
class Place:
    """Where reading goes on: behind `offset` bytes (Parquet: rows), with the line of this number."""

    offset: int = 0
    number: int = 1


Reader = Callable[[BinaryIO, Place, bool], Iterator[Line]]


@dataclass(frozen=True)
class Format:
    """How files of one kind are read; an appendable one keeps what it had when it grows."""

    read: Reader
    appendable: bool = False


class _Raw(NamedTuple):
    number: int
    end: int
    bytes: bytes
    fault: str | None
    size: int


def json_lines(file: BinaryIO, place: Place, finished: bool) -> Iterator[Line]:  # noqa: FBT001  # one of three of a reader
    """One JSON object a line; empty lines say nothing."""
    file.seek(place.offset)
    for number, end, line, fault, size in _lines(file, place, finished=finished):
        try:
            row = _object(line, fault)
        except Unreadable as error:
            yield number, end, size, Fault(str(error), _shown(_text(line)))
        else:
            if row is not None:
                yield number, end, size, row


def comma_separated(file: BinaryIO, place: Place, finished: bool) -> Iterator[Line]:  # noqa: FBT001
    """One row per line below a header; a quoted field may hold line breaks."""
    file.seek(0)
    header = next(_rows(file, Place(), finished=finished), None)
    if header is None:
        return
    columns = header.fields or []
    if fault := _fault_of_header(columns):
        if place.offset < header.end:  # said once, not again with every look at the file
            yield header.number, header.end, 0, Fault(fault, header.raw)
        return
    names = [column.strip() for column in columns]
    place = Place(header.end, header.following) if place.offset < header.end else place
    file.seek(place.offset)
    for found in _rows(file, place, finished=finished):
        try:
            row = _flat(names, found)
        except Unreadable as error:
            yield found.number, found.end, found.size, Fault(str(error), found.raw)
        else:
            yield found.number, found.end, found.size, row


def zipped(inner: Reader) -> Reader:
    """The reader of such files when they are gzipped; places count bytes as they were before zipping."""

    def read(file: BinaryIO, place: Place, _finished: bool) -> Iterator[Line]:  # noqa: FBT001
        last = place
        try:
            with gzip.GzipFile(fileobj=file, mode="rb") as plain:
                for line in inner(plain, place, True):  # type: ignore[arg-type]  # noqa: FBT003  # it is read like a file
                    number, end, *_ = line
                    last = Place(end, number + 1)
                    yield line
        except (EOFError, gzip.BadGzipFile, zlib.error):
            yield last.number, last.offset, 0, Fault("cut")

    return read


def parquet(file: BinaryIO, place: Place, _finished: bool) -> Iterator[Line]:  # noqa: FBT001
    """One row per row; row groups before the place are not touched."""
    try:
        table = pq.ParquetFile(file, pre_buffer=False)
        first = 0
        for group in range(table.num_row_groups):
            after = first + table.metadata.row_group(group).num_rows
            if after > place.offset:
                yield from _of_group(table, group, first, place.offset)
            first = after
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        yield 0, place.offset, 0, Fault("parquet")


FORMATS: dict[str, Format] = {
    ".jsonl": Format(json_lines, appendable=True),
    ".ndjson": Format(json_lines, appendable=True),
    ".json": Format(json_lines, appendable=True),
    ".csv": Format(comma_separated, appendable=True),
    ".csv.gz": Format(zipped(comma_separated)),
    ".gz": Format(zipped(json_lines)),
    ".parquet": Format(parquet),
}
"""By the end of the file's name; the longest end that fits decides."""


def format_of(name: str) -> Format | None:
    """How a file of this name is read, None if it holds no events."""
    ends = sorted(FORMATS, key=len, reverse=True)
    return next((FORMATS[end] for end in ends if name.lower().endswith(end)), None)


def _lines(file: BinaryIO, place: Place, *, finished: bool) -> Iterator[tuple[int, int, bytes, str | None, int]]:
    """Whole lines, and the last one without a line break where the file is finished; a line too long is passed over.

    Shape: what `_Raw` names, in its order, as plain tuples: one is made of every line.
    """
    number, end = place.number, place.offset
    while start := file.readline(LONGEST):
        size, piece, fault = len(start), start, None
        while not piece.endswith(b"\n") and (piece := file.readline(LONGEST)):
            fault, size = "length", size + len(piece)
        whole = piece.endswith(b"\n") or finished
        if not whole:
            return
        end += size
        yield number, end, start, fault, size
        number += 1


def _object(line: bytes, fault: str | None) -> Row | None:
    """What stands in a line, None where nothing does."""
    if fault:
        raise Unreadable(fault)
    try:
        row = orjson.loads(line)
    except (
        orjson.JSONDecodeError
    ):  # most lines have neither a mark in front nor odd spaces around them, and are not looked through
        text = _text(line)
        if not text:
            return None
        row = _json(text)
    if not isinstance(row, dict):
        raise Unreadable("object")
    return row


def _text(line: bytes) -> bytes:
    return line.removeprefix(codecs.BOM_UTF8).strip()


def _json(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Unreadable("json") from None


@dataclass(frozen=True)
class _Fields:
    """One row of a CSV file: its first line's number, the number of the line after it, and its fields unless it is broken."""

    number: int
    following: int
    end: int
    fields: list[str] | None
    fault: str | None
    raw: str
    size: int


class _Taker:
    """Lines for the CSV reader, with what it has taken for one row; all but the first of them can be put back.

    A row that is longer than `LONGEST` has a quote that was never closed; it must not take the rest of the file with it.
    """

    def __init__(self, lines: Iterator[_Raw]) -> None:
        self._lines = lines
        self._back: deque[_Raw] = deque()
        self.taken: list[_Raw] = []
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.taken and self.taken[-1].end - self.taken[0].end > LONGEST - self.taken[0].size:
            raise csv.Error
        raw = self._back.popleft() if self._back else next(self._lines, None)
        if raw is None:
            self.ended = True
            raise StopIteration
        self.taken.append(raw)
        line = raw.bytes.removeprefix(codecs.BOM_UTF8) if raw.end == raw.size else raw.bytes
        return line.decode("utf-8", "surrogateescape")

    def put_back(self) -> None:
        self._back.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]
        self.ended = False


def _rows(file: BinaryIO, place: Place, *, finished: bool) -> Iterator[_Fields]:
    """Rows with their places. A row that the end of an unfinished file cuts is left for later.

    Where quotes do not match, the row's first line is at fault, and reading goes on with its second: it may be a row of its own.
    """
    lines = _Taker(map(_Raw._make, _lines(file, place, finished=finished)))
    reader = csv.reader(lines, strict=True)
    while True:
        fields, fault = None, None
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if lines.ended and not finished:
                return
            fault = "quotes"
            lines.put_back()
        taken = lines.taken
        fault = next((raw.fault for raw in taken if raw.fault), fault)
        if fields or fault:
            whole = b"".join(raw.bytes for raw in taken)
            size = sum(raw.size for raw in taken)
            yield _Fields(taken[0].number, taken[-1].number + 1, taken[-1].end, fields, fault, _shown(whole), size)
        taken.clear()


def _fault_of_header(columns: list[str]) -> str | None:
    if _is_broken(columns):
        return "encoding"
    return None if any(column.strip().lower() == "timestamp" for column in columns) else "header"


def _is_broken(fields: list[str]) -> bool:
    """Whether there are bytes in them that are no UTF-8."""
    return any("\udc80" <= character <= "\udcff" for field in fields for character in field if character > "\ud7ff")


def _flat(names: list[str], found: _Fields) -> Row:
    fields = found.fields or []
    if found.fault:
        raise Unreadable(found.fault)
    if _is_broken(fields):
        raise Unreadable("encoding")
    if len(fields) != len(names):
        raise Unreadable("fields")
    return nested(dict(zip(names, fields, strict=True)))


def _of_group(table: pq.ParquetFile, group: int, first: int, offset: int) -> Iterator[Line]:
    at = first
    for batch in table.iter_batches(batch_size=ROWS, row_groups=[group], use_threads=False):
        if at + batch.num_rows > offset:
            size = batch.nbytes // max(1, batch.num_rows)
            for number, row in enumerate(_rows_of(_in_microseconds(batch)), start=at + 1):
                if number > offset:
                    yield _of_row(number, row, size)
        at += batch.num_rows


def _of_row(number: int, row: Row, size: int) -> Line:
    plain = {name: _plain(value) for name, value in row.items()}
    try:
        return number, number, size, nested(plain)
    except Unreadable as error:
        raw = orjson.dumps(plain, default=str).decode()
        return number, number, size, Fault(str(error), raw[:SHOWN])


def _rows_of(batch: pa.RecordBatch) -> list[Row]:
    """Its rows; an instant beyond Python's calendar, which no reader makes sense of, as text."""
    try:
        return batch.to_pylist(maps_as_pydicts="lossy")
    except (OverflowError, ValueError):
        return [
            {name: _value(batch, column, at) for column, name in enumerate(batch.schema.names)}
            for at in range(batch.num_rows)
        ]


def _value(batch: pa.RecordBatch, column: int, at: int) -> Any:
    values = batch.column(column)
    try:
        return values[at].as_py(maps_as_pydicts="lossy")
    except (OverflowError, ValueError):
        is_flat = pa.types.is_temporal(values.type)
        return values.slice(at, 1).cast(pa.string())[0].as_py() if is_flat else "an instant beyond the calendar"


def _in_microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Python knows no nanoseconds."""
    fields = [
        field.with_type(pa.timestamp("us", field.type.tz)) if str(field.type).startswith("timestamp[ns") else field
        for field in batch.schema
    ]
    return batch.cast(pa.schema(fields), safe=False)


def _plain(value: Any) -> Any:
    """A value as JSON has it; an instant without a zone is UTC."""
    match value:
        case dict():
            return {str(name): _plain(part) for name, part in value.items()}
        case list():
            return [_plain(part) for part in value]
        case datetime():
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
        case date() | time():
            return value.isoformat()
        case bytes():
            return value.decode("utf-8", "replace")
        case Decimal() | timedelta():
            return str(value)
    return value


def _shown(text: bytes) -> str:
    return text.decode("utf-8", "replace")[:SHOWN]
