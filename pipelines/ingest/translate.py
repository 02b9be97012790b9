"""Raw rows become facts: each batch once per fact table, the facts and the batch number landing in one commit. `anew.py` reads them once more.

A record that makes no sense is kept in raw, remembered as a rejection with a reason that quotes nobody, and the rest flows; once
a later version reads well, the rejection goes.
"""

import re
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from itertools import pairwise
from typing import Any

import pyarrow as pa
from pydantic import ValidationError
from sqlalchemy import Engine
from sqlmodel import col, delete, select

from connectors.base import Connector, Stream
from connectors.errors import RecordRejected
from models.clock import Clock
from models.facts import Fact
from models.keys import RecordKey
from models.operations import Rejection
from models.records import Record
from models.store import transaction
from pipelines.ingest import payload
from pipelines.ingest.heap import give_back
from pipelines.ingest.lake import SLICE_ROWS, Lake
from pipelines.ingest.schemas import INSTANT, SOURCE_COLUMNS, fact_schema

SURPRISES = (RecordRejected, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading a payload of an unexpected shape raises; anything else is our own mistake and stops the stream."""
UNSTORABLE = (pa.ArrowException, OverflowError, UnicodeError)
"""What a fact raises that no table can hold: an integer beyond 64 bits, half a surrogate pair."""
QUOTED = re.compile(r"(?<!\w)(['\"]).*?\1(?!\w)", re.DOTALL)
NAME = re.compile(r'"(\w+)":')
VALUE = re.compile(r'(?<=[:\[,])"?((?:[^"\\,\]}]|\\.){3,})"?(?=[,\]}])')
"""Values in JSON text, three characters or longer; shorter ones would blank half of every sentence."""
REASON_LENGTH = 200
"""Characters of a reason that are kept; reasons are grouped, so they should be short."""

Row = dict[str, Any]
Sink = dict[type[Fact], list[pa.Table]]
Told = dict[type[Fact], list[tuple[Row, Fact]]]
"""Facts by their kind, each with the row that it was read from."""
Version = tuple[str, int]
"""A record, by its key, and the batch in which this version of it landed."""


@dataclass
class Translation:
    """What a translation did: facts by table, rejected records by reason, and records that read well again."""

    facts: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    recovered: int = 0


def translate(lake: Lake, store: Engine, connector: Connector, stream: Stream, clock: Clock) -> Translation:
    """Bring the fact tables of a stream up to its raw log; does nothing where they are.

    Errors: LakeBusyError if another process did so at the same moment, or reads the vendor otherwise; run again, that is read anew first.
    """
    return Translator(lake, store, connector, stream, clock).run()


@dataclass
class Translator:
    """One stream's way from raw to facts; a step for each batch, so that nothing of it is held while the next is read: one may have some ten MB."""

    lake: Lake
    store: Engine
    connector: Connector
    stream: Stream
    clock: Clock
    done: Translation = field(default_factory=Translation)

    def run(self) -> Translation:
        """Translate what landed since."""
        vendor, stream = self.connector.name, self.stream.name
        marks = {fact: self.lake.translated(fact, vendor, stream) for fact in self.stream.facts}
        last = self.lake.last_batch(vendor, stream)
        for batch in range(min(marks.values(), default=last) + 1, last + 1):
            self._append(batch, [fact for fact in self.stream.facts if marks[fact] < batch])
            give_back()
        return self.done

    def _append(self, batch: int, behind: Sequence[type[Fact]]) -> None:
        """Append the facts of a batch to the tables that are behind."""
        tables = self._read(batch)
        # rejections first: a crash in between only writes them twice
        for fact in behind:
            facts = pa.concat_tables(tables[fact]) if tables[fact] else fact_schema(fact).empty_table()
            self.lake.append_facts(
                fact, self.connector.name, self.stream.name, facts, batch, reading=self.connector.reading
            )
            self.done.facts[fact.table] += facts.num_rows

    def _read(self, batch: int) -> Sink:
        """The facts of a batch; what was rejected of it is remembered."""
        tables: Sink = {fact: [] for fact in self.stream.facts}
        for rows in self.lake.batches(self.connector.name, self.stream.name, range(batch, batch + 1)):
            self._remember(*read(rows, self.stream, tables))
        return tables

    def _remember(self, found: set[Version], rejected: Mapping[Version, str]) -> None:
        self.done.rejected.update(rejected.values())
        stream = f"{self.connector.name}/{self.stream.name}"
        with transaction(self.store) as session:
            known = set(session.exec(select(Rejection.record).where(Rejection.stream == stream)))
            recovered = known & {record for record, _ in found}
            for record in recovered:
                session.exec(delete(Rejection).where(col(Rejection.record) == record))
            for (record, batch), why in rejected.items():
                at = self.clock.now()
                session.merge(Rejection(record=record, stream=stream, reason=why, batch=batch, rejected_at=at))
        self.done.recovered += len(recovered)


def read(rows: pa.RecordBatch, stream: Stream, tables: Sink) -> tuple[set[Version], dict[Version, str]]:
    """Read some raw rows into tables; returns the versions that read well and the reasons of those that did not."""
    facts: Told = {kind: [] for kind in tables}
    found, rejected = _said(rows, stream, facts)
    try:
        parts = {kind: _table(kind, facts.pop(kind)) for kind in tables}
    except UNSTORABLE:
        return _halved(rows, stream, tables, found)
    for kind, part in parts.items():
        tables[kind].append(part)
    return found, rejected


def _said(rows: pa.RecordBatch, stream: Stream, facts: Told) -> tuple[set[Version], dict[Version, str]]:
    """What raw rows say, added to the facts of its kind."""
    found: set[Version] = set()
    rejected: dict[Version, str] = {}
    for row, text in zip(_rows(rows.drop_columns("payload")), _texts(rows["payload"]), strict=True):
        version = row["record"], row["batch"]
        try:
            told = _facts(row, text, stream)
        except SURPRISES as error:
            rejected[version] = reason(error, str(text, "utf-8"))
            continue
        found.add(version)
        for fact in told:
            facts[type(fact)].append((row, fact))
    return found, rejected


def _halved(
    rows: pa.RecordBatch, stream: Stream, tables: Sink, found: set[Version]
) -> tuple[set[Version], dict[Version, str]]:
    """Rows among which is one that no table can hold, read by halves, until it stands alone."""
    if rows.num_rows == 1:
        return set(), dict.fromkeys(found, "a value is too large or broken to be stored")
    middle = rows.num_rows // 2
    some, others = (read(half, stream, tables) for half in (rows[:middle], rows[middle:]))
    return some[0] | others[0], some[1] | others[1]


def _rows(batch: pa.RecordBatch) -> list[Row]:
    """The rows as Python objects. Arrow looks the zone up anew for every instant, ten microseconds each; NumPy has none."""
    columns = {
        name: (
            [at.replace(tzinfo=UTC) for at in column.to_numpy(zero_copy_only=False).tolist()]
            if column.type == INSTANT
            else column.to_pylist()
        )
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _texts(column: "pa.Array[pa.StringScalar]") -> Iterator[memoryview]:
    """The texts where they lie, as UTF-8: Arrow's scalars are copies, and one text may have some MB."""
    _, offsets, texts = column.buffers()
    if offsets and texts:
        bounds = memoryview(offsets).cast("i")[column.offset : column.offset + len(column) + 1]
        whole = memoryview(texts)
        yield from (whole[start:end] for start, end in pairwise(bounds))


def _facts(row: Row, text: memoryview, stream: Stream) -> list[Fact]:
    """The facts of one raw row; a deleted record says nothing any more, unless its stream is lasting."""
    if row["deleted"] and not stream.lasting:
        return []
    key = RecordKey(row["vendor"], row["account"], row["object"], row["id"])
    record = Record(key, row["updated_at"], payload.load(text), row["deleted"])
    return list(stream.translate(record))


def _table(kind: type[Fact], facts: list[tuple[Row, Fact]]) -> pa.Table:
    """The facts as a table, taken out of the list as they are put into it: Arrow keeps a second copy in each text that it takes from Python."""
    schema, batches = fact_schema(kind), []
    while facts:
        batches.append(_batch(schema, facts[:SLICE_ROWS]))
        del facts[:SLICE_ROWS]
    return pa.Table.from_batches(batches, schema)


def _batch(schema: pa.Schema, facts: Sequence[tuple[Row, Fact]]) -> pa.RecordBatch:
    columns = [
        pa.array([row[name] for row, _ in facts], schema.field(name).type)
        if name in SOURCE_COLUMNS
        else pa.array([getattr(fact, name) for _, fact in facts], schema.field(name).type)
        for name in schema.names
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def reason(error: Exception, text: str) -> str:
    """Why a record was rejected, in words that hold no value of it; `text` is its payload."""
    if isinstance(error, ValidationError):
        parts = [f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in error.errors(include_input=False)]
        return "; ".join(sorted(set(parts)))[:REASON_LENGTH]
    if isinstance(error, ValueError | RecordRejected):
        return _without_values(str(error), text)[:REASON_LENGTH]
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}"


def _without_values(message: str, text: str) -> str:
    """The message with quoted words and every value of the payload blanked; names of payload fields stay."""
    names = set(NAME.findall(text))
    for value in sorted(set(VALUE.findall(text)), key=len, reverse=True):
        message = message.replace(value, "…") if value not in names else message
    return QUOTED.sub(lambda quote: quote[0] if quote[0][1:-1] in names else "…", message)
