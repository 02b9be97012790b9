"""The lake: raw change logs, facts and derived tables.

Raw only grows. A batch is a portion of raw rows; each fact table knows by which reading it was made and, per raw stream, up to which
batch it has been translated, and that knowledge lands in the same commit as the facts. A fact holds only while the version of the record
that it was read from is the record's latest: nothing is ever deleted to make it so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake.transaction import AddAction, RemoveAction

from models.facts import Fact
from models.keys import RecordKey
from models.records import Record
from pipelines.ingest import payload
from pipelines.ingest.engine import open_spark
from pipelines.ingest.schemas import RAW, SOURCE_COLUMNS, fact_schema
from pipelines.ingest.tables import LakeError, Tables, connect

if TYPE_CHECKING:
    import ibis

__all__ = ["Lake", "LakeError"]

ONLY = "only_these"
"""What the engine calls the records that somebody asked for."""
BATCH = "batch"
"""Mark of a raw table: its last batch."""
READING = "/reading"
"""Mark of a fact table: the reading of the connector that made it; its other marks are streams, of which none is called so."""
VERSION = "version"
"""Mark of a derived table: what it was derived from, in its writer's own counting."""
BATCH_ROWS = 20_000
"""Raw rows that are translated at a time; their facts are held together, their payloads are not."""
BATCH_BYTES = 2**23
"""Bytes that are, where that many rows would be more: facts may be as long as what they were read from."""
SLICE_ROWS = 1_000
"""Raw rows that are held as Python objects at a time."""
PARTS = ("raw", "facts", "derived")
"""Folders of the lake's tables."""
READ = (*SOURCE_COLUMNS, "updated_at", "deleted", "payload")
"""Columns of raw that become facts."""

HEADS = """
SELECT record_hash, head.batch AS batch
FROM (SELECT record_hash, max(struct_pack(updated_at, pulled_at, batch)) AS head FROM {raw} GROUP BY record_hash)
"""
"""Every record's newest version: by the vendor's stamp, then by when we read it, then by landing; structs compare field by field."""
HEAD = pa.schema([RAW.field(name) for name in ("record_hash", "batch")])
NAMING = r"""
WITH texts AS (SELECT record_hash, unnest(regexp_extract_all(payload, '"((?:[^"\\]|\\.)*)"', 1)) AS said FROM {raw}),
naming AS (SELECT DISTINCT record_hash FROM texts WHERE said IN (SELECT unnest($ids)))
SELECT vendor, account, object, id, arg_max(struct_pack(updated_at, payload), struct_pack(living := NOT deleted, updated_at, pulled_at, batch))
FROM {raw} SEMI JOIN naming USING (record_hash) GROUP BY vendor, account, object, id
"""
"""Records of which one version has one of these texts, wherever it stands, with the newest version that is not deleted."""
CENSUS = """
SELECT count(DISTINCT record_hash) AS records, max(stamp) AS newest, count(*) FILTER (copies > 1) AS twice
FROM (SELECT record_hash, batch, count(*) AS copies, max(updated_at) AS stamp FROM {raw} GROUP BY record_hash, batch)
"""


@dataclass(frozen=True)
class Census:
    """What the change log of a stream amounts to: its records, their newest stamp, and versions that it holds twice."""

    records: int = 0
    newest: datetime | None = None
    twice: int = 0


@dataclass(frozen=True)
class Lake:
    """Delta tables, as the engine in this process sees them; `elsewhere` is how another engine does, where one reads facts."""

    tables: Tables
    elsewhere: Tables | None = None
    _censuses: dict[str, tuple[int, Census]] = field(default_factory=dict)
    _views: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, url: str, *, engine: str = "duckdb") -> "Lake":
        """The lake in a folder or under an object-store URL. LakeError for a URL or engine that cannot be used."""
        if engine not in ("duckdb", "spark"):
            raise LakeError(f"SIDECAR_ENGINE names an unknown engine {engine!r}; use duckdb or spark")
        elsewhere = open_spark(url) if engine == "spark" else None
        return cls(Tables.open(url, connect()), elsewhere)

    def streams(self) -> list[tuple[str, str]]:
        """Vendor and stream of every raw table, sorted."""
        return [
            (vendor, stream) for vendor in self.tables.names("raw") for stream in self.tables.names(f"raw/{vendor}")
        ]

    def raw(self, vendor: str, stream: str) -> "ibis.Table":
        """The whole change log of a stream, one row per version of a record; empty if nothing has landed."""
        return _in_columns(self.tables, _raw(vendor, stream), RAW)

    def log(self, vendor: str, stream: str) -> str:
        """What the engine's own SQL calls the whole change log of a stream."""
        return self.tables.name(_raw(vendor, stream), RAW)

    def latest(self, vendor: str, stream: str) -> "ibis.Table":
        """One row per record, its newest version; deleted records are among them, marked so."""
        newest = self.tables.known(self._heads_of(self.tables, vendor, stream), HEAD)
        return self.raw(vendor, stream).semi_join(newest, ["record_hash", "batch"])

    def census(self, vendor: str, stream: str) -> Census:
        """The stream in numbers; counted in one pass, and only if it has changed since."""
        path = _raw(vendor, stream)
        version = self.tables.version(path)
        if version < 0:
            return Census()
        known = self._censuses.get(path)
        if known is None or known[0] != version:
            known = self._censuses[path] = (version, self._counted(vendor, stream))
        return known[1]

    def last_batch(self, vendor: str, stream: str) -> int:
        """The batch that landed last; 0 if none has."""
        return self.tables.mark(_raw(vendor, stream), BATCH)

    def append_raw(
        self, vendor: str, stream: str, rows: pa.RecordBatchReader, count: int, batch_rows: int = BATCH_ROWS
    ) -> None:
        """Land rows (all raw columns but `batch`, each record once) in one commit. LakeBusyError if somebody else just did."""
        last = self.last_batch(vendor, stream)
        self.tables.append(
            _raw(vendor, stream),
            RAW,
            _numbered(rows, last + 1, batch_rows),
            mark=BATCH,
            before=last,
            after=last + -(-count // batch_rows),
            description=f"Change log of {vendor} {stream}; rows are only added.",
        )

    def batches(self, vendor: str, stream: str, batches: range) -> Iterator[pa.RecordBatch]:
        """The raw rows of some batches, in any order, with what a translation needs of them, some thousand at a time."""
        return self.tables.batches(_raw(vendor, stream), "batch", batches, READ, SLICE_ROWS)

    def newest(self, vendor: str, stream: str, hashes: Iterable[int]) -> dict[int, int]:
        """The batch of the newest version of each record of these hashes."""
        self.tables.con.register(ONLY, pa.table({"record_hash": pa.array([*hashes], pa.int64())}))
        return dict(self.tables.con.table(self._heads_of(self.tables, vendor, stream, ONLY)).fetchall())

    def facts(self, fact: type[Fact], only: pa.Int64Array | None = None) -> "ibis.Table":
        """The facts that hold now, of every vendor: where each was read and its own fields; empty if there are none.

        With `only`, those of the records of these hashes, found in this process whichever engine joins, and until the next such question:
        the newest version is sought of these records alone.
        """
        schema, tables, named = fact_schema(fact), self._reading, ""
        if only is not None:
            tables, named = self.tables, ONLY
            self.tables.con.register(named, pa.table({"record_hash": only}))
        current = [self._current(tables, fact, vendor, named) for vendor in tables.names(f"facts/{fact.table}")]
        # the empty one first: it has every column in its type
        every = " UNION ALL ".join([f"FROM {tables.name(_facts(fact, 'none'), schema)}", *filter(None, current)])
        return tables.known(self._view(tables, every), schema)

    def translated(self, fact: type[Fact], vendor: str, stream: str) -> int:
        """The raw batch of a stream up to which this fact table has been translated; 0 for not at all."""
        return self.tables.mark(_facts(fact, vendor), stream)

    def reading(self, fact: type[Fact], vendor: str) -> int | None:
        """The reading by which the facts of a kind were made; 0 for that of a release that kept none, None where there is no table."""
        path = _facts(fact, vendor)
        return self.tables.mark(path, READING) if self.tables.find(path) else None

    def read_to(self, facts: Sequence[type[Fact]]) -> dict[str, int]:
        """By `vendor/stream/fact/id/reading`, up to which batch the stream has been read as that fact; nothing where it never was.

        The id is that of the raw table, for in a lake that was made anew batches are counted anew. Facts of another reading are other facts.
        """
        return {
            f"{vendor}/{stream}/{fact.table}/{self.tables.content(_raw(vendor, stream)).split()[0]}/{self.reading(fact, vendor)}": mark
            for vendor, stream in self.streams()
            for fact in facts
            if (mark := self.translated(fact, vendor, stream))
        }

    def append_facts(
        self, fact: type[Fact], vendor: str, stream: str, rows: pa.Table, batch: int, *, reading: int
    ) -> None:
        """Land the facts read from a batch of a stream, and remember the batch, in one commit; batches come one by one.

        LakeBusyError as well if the table was made by another reading.
        """
        self.tables.append(
            _facts(fact, vendor),
            fact_schema(fact),
            rows.to_batches(),
            mark=stream,
            before=batch - 1,
            after=batch,
            description=fact.__doc__ or "",
            made={READING: reading},
        )

    def anew(self, fact: type[Fact], vendor: str) -> "Anew":
        """A fact table of a vendor to be filled beside the one in force."""
        path, schema = _facts(fact, vendor), fact_schema(fact)
        return Anew(self.tables, path, schema, self.tables.begun(path, schema, fact.__doc__ or ""))

    def table(self, name: str) -> "ibis.Table | None":
        """A derived table, None if it was never written."""
        return self._reading.read(f"derived/{name}")

    def derived(self, name: str, schema: pa.Schema) -> "ibis.Table":
        """A derived table in these columns, empty if it was never written."""
        return _in_columns(self._reading, f"derived/{name}", schema)

    def rows(self, name: str, columns: Sequence[str] = ()) -> pa.Table | None:
        """All rows of a derived table, or these columns of them, read in this process whichever engine joins; None if it was never written, or lacks one."""
        table = self.tables.read(f"derived/{name}")
        if table is None or not {*columns} <= {*table.columns}:
            return None
        found: pa.Table = table.select(*(columns or table.columns)).to_pyarrow()
        return found

    def replace(self, name: str, table: pa.Table, *, description: str = "", version: int = 0) -> None:
        """Put a derived table in the place of the one before, in one commit."""
        self.tables.overwrite(f"derived/{name}", table, mark=VERSION, after=version, description=description)

    def version(self, name: str) -> int:
        """The version that a derived table was last replaced with; 0 if it was never written."""
        return self.tables.mark(f"derived/{name}", VERSION)

    def written(self, fact: type[Fact]) -> "ibis.Table":
        """Every fact of a kind that was ever read, whether it still holds or not."""
        schema = fact_schema(fact)
        vendors = self.tables.names(f"facts/{fact.table}") or ["none"]
        first, *others = (_in_columns(self.tables, _facts(fact, one), schema) for one in vendors)
        return first.union(*others) if others else first

    def naming(self, vendor: str, stream: str, ids: Sequence[str]) -> list[Record]:
        """Records of a stream of which some version has one of these ids as a text of its payload; each as it was before it was deleted."""
        rows = self.tables.con.sql(NAMING.format(raw=self.log(vendor, stream)), params={"ids": list(ids)}).fetchall()
        return [
            Record(RecordKey(*key), last["updated_at"], payload.load(last["payload"].encode())) for *key, last in rows
        ]

    def told_of(self, hashes: Iterable[int]) -> dict[str, int]:
        """How many rows were read from these records, by the path of the table; those that have none are left out."""
        only = pa.table({"record_hash": pa.array(sorted(hashes), pa.int64())})
        self.tables.con.register(ONLY, only)
        wanted = self.tables.known(ONLY, only.schema)
        tables = {path: self.tables.read(path) for path in self._read_paths()}
        rows = {
            path: table.semi_join(wanted, "record_hash").count().to_pyarrow().as_py()
            for path, table in tables.items()
            if table is not None
        }
        return {path: number for path, number in rows.items() if number}

    def erase(self, hashes: Iterable[int]) -> dict[str, int]:
        """Take everything out for good that was read from these records; every derived table goes, and is made anew.

        Shape: how many rows there were, by the path of the table. Errors: LakeBusyError; running again is safe.
        """
        numbers = pa.array(sorted(hashes), pa.int64())
        rows = {path: self.tables.erase(path, "record_hash", numbers) for path in self._read_paths()}
        for path in self._paths("derived"):
            self.tables.drop(path)
        return {path: number for path, number in rows.items() if number}

    def compact(self) -> int:
        """Join the small files of every table; returns how many tables there are. Safe beside readers and appenders."""
        paths = [path for part in PARTS for path in self._paths(part)]
        for path in paths:
            self.tables.compact(path)
        return len(paths)

    def versions(self, part: str) -> dict[str, str]:
        """What stands in each table of a part of the lake (raw, facts or derived), by its path: another text for another content."""
        return {path: self.tables.content(path) for path in self._paths(part)}

    def _read_paths(self) -> list[str]:
        """The tables whose rows were read from records."""
        return [*self._paths("raw"), *self._paths("facts")]

    def _paths(self, part: str) -> list[str]:
        if part == "derived":
            return [f"derived/{name}" for name in self.tables.names("derived")]
        return [
            f"{part}/{one}/{name}" for one in self.tables.names(part) for name in self.tables.names(f"{part}/{one}")
        ]

    def _current(self, tables: Tables, fact: type[Fact], vendor: str, only: str) -> str | None:
        """SQL for the facts of a vendor that hold now; None while nothing feeds them."""
        fed_by = self.tables.marked(_facts(fact, vendor), self.tables.names(f"raw/{vendor}"))
        logs = " UNION ALL ".join(f"FROM {self._heads_of(tables, vendor, stream, only)}" for stream in fed_by)
        schema = fact_schema(fact)
        written = tables.name(_facts(fact, vendor), schema)
        known = tables.read(_facts(fact, vendor))
        there = known.columns if known is not None else schema.names
        # a table that was begun before a column was added lacks it
        columns = ", ".join(f'"{name}"' if name in there else f'NULL AS "{name}"' for name in schema.names)
        held = f"SELECT {columns} FROM {written} SEMI JOIN ({logs}) AS now USING (record_hash, batch)"  # noqa: S608  # names of ours
        return held if logs else None

    def _counted(self, vendor: str, stream: str) -> Census:
        (row,) = self.tables.con.sql(CENSUS.format(raw=self.log(vendor, stream))).to_arrow_table().to_pylist()
        return Census(row["records"], row["newest"], row["twice"])

    @property
    def _reading(self) -> Tables:
        """The tables as the engine sees them that reads facts and derived tables."""
        return self.elsewhere or self.tables

    def _heads_of(self, tables: Tables, vendor: str, stream: str, only: str = "") -> str:
        """The name of a stream's heads, of all records or of those in a table that the engine knows by this name."""
        raw = tables.name(_raw(vendor, stream), RAW)
        return self._view(
            tables, HEADS.format(raw=f"(FROM {raw} SEMI JOIN {only} USING (record_hash))" if only else raw)
        )

    def _view(self, tables: Tables, query: str) -> str:
        """What a query is called for as long as it stays the same; a name spares Ibis compiling what it stands for."""
        if query not in self._views:
            self._views[query] = tables.view(query)
        return self._views[query]


@dataclass
class Anew:
    """A fact table that is made anew: nobody sees it until it takes the place of the one before. Begun before raw is read."""

    _tables: Tables
    _path: str
    _schema: pa.Schema
    _at: int
    _held: list[pa.Table] = field(default_factory=list)
    _rows: int = 0
    _bytes: int = 0
    _files: list[AddAction | RemoveAction] = field(default_factory=list)

    def add(self, rows: pa.Table) -> None:
        """Facts of the table; they are written some at a time, in files that are not in force yet."""
        self._held.append(rows)
        self._rows, self._bytes = self._rows + rows.num_rows, self._bytes + rows.nbytes
        if self._rows >= BATCH_ROWS or self._bytes >= BATCH_BYTES:
            self._write()

    def take_over(self, batches: Mapping[str, int], reading: int) -> None:
        """Take the place of all old facts, as read up to these batches of the streams, in one commit. LakeBusyError if the table has changed since."""
        self._write()
        marks = {**batches, READING: reading}
        self._tables.exchange(self._path, self._schema, self._files, marks=marks, at=self._at)

    def _write(self) -> None:
        rows = (batch for one in self._held for batch in one.to_batches())
        self._files += self._tables.set_aside(self._path, self._schema, rows)
        self._held, self._rows, self._bytes = [], 0, 0


def _in_columns(tables: Tables, path: str, schema: pa.Schema) -> "ibis.Table":
    table = tables.read(path, schema)
    assert table is not None  # noqa: S101  # a schema was given
    return table


def _raw(vendor: str, stream: str) -> str:
    return f"raw/{vendor}/{stream}"


def _facts(fact: type[Fact], vendor: str) -> str:
    return f"facts/{fact.table}/{vendor}"


def _numbered(rows: pa.RecordBatchReader, first: int, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The rows with their batch, a new one every so many."""
    done = 0
    for chunk in rows:
        batch = pa.array([first + (done + row) // batch_rows for row in range(chunk.num_rows)], pa.int64())
        columns = [batch if name == "batch" else chunk.column(name) for name in RAW.names]
        yield pa.RecordBatch.from_arrays(columns, schema=RAW)
        done += chunk.num_rows
