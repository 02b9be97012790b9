"""Delta tables under one folder or object store: written through deltalake, read as the Parquet files that are in force.

An append carries marks (Delta application transactions), so that "these rows" and "up to here" become true in one commit, and
two writers that start from the same mark cannot both succeed.
"""

import json
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction, RemoveAction
from pyarrow import fs

if TYPE_CHECKING:
    import ibis

SCHEMES = ("s3", "s3a", "gs", "abfs", "abfss", "az", "file")
"""Stores that delta-rs is built with; their credentials come from the environment, in the names of each cloud's own tools."""
UNUSABLE_IN_FOLDER = re.compile(r"[\[\]\\^|]|%[0-9A-Fa-f]{2}")
"""delta-rs 1.6 reads a folder as a URL: brackets end in a panic, %20 and backslashes in another folder."""
ROW_GROUP = 10_000
"""Rows that are written and read at a time."""
GROUP_BYTES = 2**22
"""Bytes that are, where that many rows would be more."""
SLICE_BYTES = 2**21
"""Bytes of them that are read at a time: each step on their way holds such a slice."""
ASIDE = "aside"
"""How the names of files begin that wait for an exchange."""
SILENT = "SET enable_progress_bar_print = false"
"""A query of some seconds would draw its progress on standard output, in the middle of a command's JSON."""
SETTINGS = (
    SILENT,
    "SET TimeZone = 'UTC'",
    "SET python_enable_replacements = false",
    "SET allocator_background_threads = true",  # what a query took goes back within seconds, 15 MiB of a window's
)
NO_MARKS: Mapping[str, int] = MappingProxyType({})
KEEP = timedelta(days=7)
"""Files that are no longer in force are kept this long for readers that still hold them; Delta's own default."""


class LakeError(Exception):
    """The lake cannot be used as asked; the message says which variable to mend and how."""


class LakeBusyError(LakeError):
    """Another writer got ahead on the same table; nothing of ours landed, running again is safe."""


@dataclass
class Tables:
    """All Delta tables of one lake, named by their path below its root; `con` runs the engine's own SQL."""

    root: str
    folder: Path | None
    con: Any
    _names: dict[str, tuple[int, str]] = field(default_factory=dict)
    _read: dict[str, "ibis.Table"] = field(default_factory=dict)
    _open: dict[str, DeltaTable] = field(default_factory=dict)

    @classmethod
    def open(cls, url: str, con: Any) -> Self:
        """Tables under a folder (made where missing) or below an object-store URL. LakeError if neither can be used."""
        scheme, separator, _ = url.partition("://")
        if not separator:
            return cls(str(_folder(url)), _folder(url), con)
        if scheme not in SCHEMES:
            raise LakeError(
                f"SIDECAR_LAKE names an unknown store {scheme!r}; write a folder or a URL of {', '.join(SCHEMES)}"
            )
        tables = cls(url.rstrip("/"), None, con)
        try:
            tables.names("raw")
        except OSError as error:
            raise LakeError(
                f"SIDECAR_LAKE names a {scheme} store that does not answer; check the address and the credentials in the environment"
            ) from error
        return tables

    def names(self, path: str) -> list[str]:
        """Names directly below a path, sorted; empty if there is nothing."""
        if self.folder is not None:
            below = self.folder / path
            return sorted(child.name for child in below.glob("*/"))
        found = self._store().get_file_info(fs.FileSelector(path, allow_not_found=True))
        return sorted(info.base_name for info in found if info.type == fs.FileType.Directory)

    def find(self, path: str) -> DeltaTable | None:
        """The table at a path as it is now, None if nothing was ever written there; of its log, only what is new is read."""
        known = self._open.get(path)
        if known is not None:
            known.update_incremental()
            return known
        try:
            return self._open.setdefault(path, DeltaTable(self._uri(path)))
        except TableNotFoundError:
            return None

    def mark(self, path: str, name: str) -> int:
        """How far this mark of the table has come; 0 if it was never set."""
        table = self.find(path)
        return (table.transaction_version(name) or 0) if table else 0

    def marked(self, path: str, names: Sequence[str]) -> list[str]:
        """Those of the marks that were ever set on the table."""
        table = self.find(path)
        return [name for name in names if table.transaction_version(name)] if table else []

    def version(self, path: str) -> int:
        """The commit that the table stands at; -1 if nothing was ever written there."""
        table = self.find(path)
        return table.version() if table else -1

    def content(self, path: str) -> str:
        """Names what the table holds now: which table it is, and its commit; empty if nothing was ever written there."""
        table = self.find(path)
        return f"{table.metadata().id} {table.version()}" if table else ""

    @cached_property
    def engine(self) -> Any:
        """Ibis on the same engine."""
        return self._ibis.DuckDB.from_connection(self.con)

    def read(self, path: str, schema: pa.Schema | None = None) -> "ibis.Table | None":
        """The rows in force. With a schema, missing tables read as empty ones and missing columns as nulls."""
        name = self._name(path)
        if name is None:
            return self.known(self._empty(schema), schema) if schema is not None else None
        if name not in self._read:
            self._read[name] = self.engine.table(name)
        known = self._read[name]
        return known if schema is None else self._ibis.shaped(known, schema)

    def name(self, path: str, schema: pa.Schema) -> str:
        """What the engine's own SQL calls the table at a path; one that is missing reads as an empty one."""
        name = self._name(path)
        if name is None and path not in self._names:
            self._names[path] = (-1, self._empty(schema))
        return name or self._names[path][1]

    def view(self, query: str) -> str:
        """Give a query in DuckDB's SQL a name, which is returned."""
        name = new_name("view")
        self.con.execute(f"CREATE TEMP VIEW {name} AS {query}")
        return name

    def known(self, name: str, schema: pa.Schema) -> "ibis.Table":
        """A table or view of the engine by its name; it is not asked for the columns."""
        found: ibis.Table = self._ibis.named(self.engine, name, self._ibis.in_ibis(schema))
        return found

    def files(self, paths: Sequence[Path]) -> str:
        """What the engine's own SQL calls the rows of local Parquet files, at least one, that all have the same columns."""
        return self.view(f"FROM read_parquet({_literals(map(str, paths))})")

    def batches(
        self, path: str, name: str, numbers: range, columns: Sequence[str], size: int
    ) -> Iterator[pa.RecordBatch]:
        """Rows whose column of this name, one of the columns asked for, holds one of the numbers, at most so many, or `SLICE_BYTES`, at a time.

        The engine stays free meanwhile: DuckDB lets no other query run while one of its results is open. Arrow's own scanner holds
        several groups of rows at once, whatever it is told; a file holds one.
        """
        table = self.find(path)
        for file in _holding(table, name, numbers) if table else ():
            with pq.ParquetFile(self._files.open_input_file(f"{path}/{file}"), pre_buffer=False) as parquet:
                groups = _groups_holding(parquet.metadata, name, numbers)
                for rows in portions(parquet, size, groups, columns):
                    among = pc.and_(
                        pc.greater_equal(rows[name], pa.scalar(numbers.start)),
                        pc.less(rows[name], pa.scalar(numbers.stop)),
                    )
                    if among.true_count:
                        yield rows if among.true_count == rows.num_rows else rows.filter(among)

    def append(
        self,
        path: str,
        schema: pa.Schema,
        rows: Iterable[pa.RecordBatch],
        *,
        mark: str,
        before: int,
        after: int,
        description: str = "",
        made: Mapping[str, int] = NO_MARKS,
    ) -> None:
        """Add rows and move a mark in one commit. LakeBusyError if another writer has moved it, or does so meanwhile.

        A table that is not there yet is made with the marks `made`; one that was made with others is not ours to add to: LakeBusyError.
        Rows are written as they come, so that memory does not grow with their number; delta-rs holds several files' worth of them.
        """
        with _alone(path):
            table = self._opened(path, schema, description, made)
            _widen(table, schema)
            if any((table.transaction_version(name) or 0) != at for name, at in {**made, mark: before}.items()):
                raise LakeBusyError(_BUSY.format(path))
            # committing to the very version whose mark was read makes delta-rs refuse a mark that moved since
            table.create_write_transaction(
                self._written(path, schema, rows),
                mode="append",
                schema=table.schema(),
                commit_properties=_setting({mark: after}),
            )

    def begun(self, path: str, schema: pa.Schema, description: str = "") -> int:
        """The commit that the table stands at, which is made where there is none."""
        return self._opened(path, schema, description, NO_MARKS).version()

    def set_aside(self, path: str, schema: pa.Schema, rows: Iterable[pa.RecordBatch]) -> list[AddAction | RemoveAction]:
        """Write rows that are not in force until an exchange; if that never comes, an erasure or compaction removes them."""
        return self._written(path, schema, rows, ASIDE)

    def exchange(
        self,
        path: str,
        schema: pa.Schema,
        files: list[AddAction | RemoveAction],
        *,
        marks: Mapping[str, int],
        at: int,
    ) -> None:
        """Put what was set aside in the place of all that the table held at a commit, and set marks, in one commit.

        Errors: LakeBusyError if anybody has written there since, were it to join files.
        """
        with _alone(path):
            table = DeltaTable(self._uri(path))
            if table.version() != at:
                raise LakeBusyError(_BUSY.format(path))
            # with a second try delta-rs would commit behind whoever was faster, and leave in force what that one had added
            table.create_write_transaction(
                files,
                mode="overwrite",
                schema=Schema.from_arrow(schema),
                commit_properties=_setting(marks, max_commit_retries=0),
            )

    def overwrite(self, path: str, rows: pa.Table, *, mark: str, after: int, description: str = "") -> None:
        """Put these rows in the place of all others and set a mark, in one commit; the columns may differ from before."""
        with _alone(path):
            write_deltalake(
                self._uri(path),
                rows,
                mode="overwrite",
                schema_mode="overwrite",
                description=description or None,
                writer_properties=_PROPERTIES,
                commit_properties=_setting({mark: after}),
            )

    def erase(self, path: str, name: str, numbers: pa.Int64Array) -> int:
        """Take the rows whose whole number in a column is one of these out for good; returns how many there were.

        Files that held them are written anew without them; these, and everything that Delta's log told of them, are removed at once.
        Errors: LakeBusyError as in `append`; killed anywhere, the next call ends it.
        """
        table = self.find(path)
        if table is None:
            return 0
        gone, actions = 0, list[AddAction | RemoveAction]()
        for file in pa.table(table.get_add_actions(flatten=True)).to_pylist():
            if hits := sum(found.true_count for found, _ in self._among(path, file["path"], name, numbers)):
                gone += hits
                actions += self._without(path, file, name, numbers)
        if actions:
            with _alone(path):
                table.create_write_transaction(actions, mode="append", schema=table.schema())
        self._purge(path)
        return gone

    def drop(self, path: str) -> None:
        """Remove a table with all that it ever held; killed anywhere, what is left of it is an earlier state, or no table."""
        self._open.pop(path, None)
        self._names.pop(path, None)
        below = self._files.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True))
        files = [one.path for one in below if one.type == fs.FileType.File]
        log = sorted((file for file in files if "/_delta_log/" in file), reverse=True)
        for file in [*log, *sorted(set(files) - set(log))]:
            self._files.delete_file(file)

    def compact(self, path: str) -> None:
        """Join small files into large ones and remove files that have been out of force for `KEEP`."""
        table = self.find(path)
        if table is not None:
            table.optimize.compact()
            # "full" finds the files of commits that never came, too
            table.vacuum(retention_hours=int(KEEP.total_seconds() // 3600), dry_run=False, full=True)

    def _opened(self, path: str, schema: pa.Schema, description: str, marks: Mapping[str, int]) -> DeltaTable:
        """The table at a path as it is now, made with these marks where there is none.

        Told to make one that is there, delta-rs 1.6 does nothing, and holds half a megabyte more for some seconds.
        """
        table = self.find(path)
        if table is None:
            properties = _setting(marks)
            DeltaTable.create(
                self._uri(path), schema, mode="ignore", description=description or None, commit_properties=properties
            )
            table = self._open.setdefault(path, DeltaTable(self._uri(path)))
        return table

    def _written(
        self, path: str, schema: pa.Schema, rows: Iterable[pa.RecordBatch], kind: str = "part"
    ) -> list[AddAction | RemoveAction]:
        """The rows as one file that is not in force yet; nothing for no rows. If its commit fails, compaction removes it after `KEEP`."""
        groups = _groups(rows)
        group = next(groups, None)
        if group is None:
            return []
        name, stats = f"{kind}-{uuid4()}.parquet", _Stats()
        with (
            self._files.open_output_stream(f"{path}/{name}") as file,
            parquet(file, schema) as writer,
        ):
            while group is not None:
                writer.write_table(group, row_group_size=group.num_rows)
                stats.note(group)
                group = None  # let go before the next one is made
                group = next(groups, None)
        size = self._files.get_file_info(f"{path}/{name}").size
        now = time.time_ns() // 1_000_000  # milliseconds; what Delta calls the file's modification
        return [AddAction(name, size, {}, modification_time=now, data_change=True, stats=stats.text())]

    def _among(
        self, path: str, file: str, name: str, numbers: pa.Int64Array, columns: list[str] | None = None
    ) -> Iterator[tuple[pa.BooleanArray, pa.RecordBatch]]:
        """Some rows of a file at a time, and which of them have one of the numbers in the column."""
        with pq.ParquetFile(self._files.open_input_file(f"{path}/{file}"), pre_buffer=False) as parquet:
            for rows in portions(parquet, ROW_GROUP, range(parquet.num_row_groups), columns or [name]):
                yield pc.is_in(rows[name], numbers), rows

    def _without(
        self, path: str, file: Mapping[str, Any], name: str, numbers: pa.Int64Array
    ) -> list[AddAction | RemoveAction]:
        """A file in another's place that lacks the rows with these numbers."""
        with pq.ParquetFile(self._files.open_input_file(f"{path}/{file['path']}")) as parquet:
            schema = parquet.schema_arrow
        some = self._among(path, file["path"], name, numbers, schema.names)
        written = self._written(path, schema, (rows.filter(pc.invert(found)) for found, rows in some))
        now = time.time_ns() // 1_000_000
        return [*written, RemoveAction(file["path"], data_change=True, deletion_timestamp=now, size=file["size_bytes"])]

    def _purge(self, path: str) -> None:
        """Remove files that are no longer in force, or were set aside, and the log up to now: its lines tell the bounds of what those held."""
        DeltaTable(self._uri(path)).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
        table = DeltaTable(self._uri(path))
        in_force = {uri.rsplit("/", 1)[1] for uri in table.file_uris()}
        # whoever set them aside commits no more: removing files, even none, is a commit
        for one in self._files.get_file_info(fs.FileSelector(path)):
            if one.base_name.startswith(ASIDE) and one.base_name not in in_force:
                self._files.delete_file(one.path)
        table.create_checkpoint()
        for one in self._files.get_file_info(fs.FileSelector(f"{path}/_delta_log")):
            number = one.base_name.split(".", 1)[0]
            if number.isdigit() and int(number) < table.version():
                self._files.delete_file(one.path)

    @cached_property
    def _ibis(self) -> Any:
        """Loaded when somebody first asks for an expression: it takes 29 MiB, and a pull asks in SQL alone."""
        from pipelines.ingest import duck  # noqa: PLC0415  # as it says

        return duck

    @cached_property
    def _files(self) -> fs.FileSystem:
        """The files below the root."""
        return fs.SubTreeFileSystem(str(self.folder), fs.LocalFileSystem()) if self.folder else self._store()

    def _uri(self, path: str) -> str:
        return f"{self.root}/{path}"

    def _store(self) -> fs.FileSystem:
        return fs.PyFileSystem(DeltaStorageHandler(self.root, {}))

    def _name(self, path: str) -> str | None:
        """What the engine calls the rows in force of the table at a path; None if nothing was ever written there."""
        table = self.find(path)
        if table is None:
            return None
        version, name = self._names.get(path, (-1, ""))
        if version != table.version():
            self._read.pop(name, None)
            name = self._scan(path, table)
            self._names[path] = (table.version(), name)
        return name

    def _scan(self, path: str, table: DeltaTable) -> str:
        if self.folder is None:
            name = new_name("lake")
            self.con.register(name, table.to_pyarrow_dataset())
            return name
        # delta-rs answers with percent-encoded paths; our tables are not partitioned, so a file lies right in its folder
        files = [str(self.folder / path / uri.rsplit("/", 1)[1]) for uri in table.file_uris()]
        return self._files_in_force(files) if files else self._empty(table.to_pyarrow_dataset().schema)

    def _files_in_force(self, files: list[str]) -> str:
        return self.view(f"FROM read_parquet({_literals(files)}, union_by_name=true)")

    def _empty(self, schema: pa.Schema) -> str:
        name = new_name("empty")
        self.con.from_arrow(schema.empty_table()).create(name)
        return name


class Extent(NamedTuple):
    """How many rows files hold, and their bytes before they are compressed."""

    rows: int
    size: int


@dataclass
class _Stats:
    """What Delta's log says of a file, so that readers may pass it over: how many rows, and within which bounds its whole numbers are."""

    rows: int = 0
    low: dict[str, int] = field(default_factory=dict)
    high: dict[str, int] = field(default_factory=dict)

    def note(self, group: pa.Table) -> None:
        """Take in some rows."""
        self.rows += group.num_rows
        for name in [one.name for one in group.schema if pa.types.is_integer(one.type)]:
            low, high = pc.min(group[name]).as_py(), pc.max(group[name]).as_py()
            if low is not None:
                self.low[name], self.high[name] = (
                    min(low, self.low.get(name, low)),
                    max(high, self.high.get(name, high)),
                )

    def text(self) -> str:
        """As Delta writes it."""
        return json.dumps({"numRecords": self.rows, "minValues": self.low, "maxValues": self.high})


_PROPERTIES = WriterProperties(compression="ZSTD", max_row_group_size=ROW_GROUP)
_BUSY = "another run wrote {} of the lake at the same moment; run again"


def connect() -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own in memory, which spills what is too large for it."""
    con = duckdb.connect(config={"temp_directory": str(Path(tempfile.gettempdir()) / "sidecar-duckdb")})
    for setting in SETTINGS:
        con.execute(setting)
    return con


def new_name(what: str) -> str:
    """A name that nothing has yet, in the way of Ibis, which knows its own tables by it."""
    return f"ibis_{what}_{uuid4().hex}"


def extent(files: Iterable[pq.FileMetaData]) -> Extent:
    """What some files hold together, none of them remembered: what Parquet tells of a file takes 26 kB."""
    rows = size = 0
    for file in files:
        groups = [file.row_group(number) for number in range(file.num_row_groups)]
        rows, size = rows + file.num_rows, size + sum(group.total_byte_size for group in groups)
    return Extent(rows, size)


def portion(held: Extent, rows: int, size: int) -> int:
    """How many rows of such files make a portion of so many rows, or so many bytes where they are fewer; one at least.

    One row may be as long as a thousand others: an account's day of Meta's holds all its ads.
    """
    return max(1, min(rows, size * held.rows // max(1, held.size)))


def portions(
    file: pq.ParquetFile, rows: int, groups: Iterable[int], columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Some columns of some groups of a file's rows, at most so many rows, or `SLICE_BYTES`, at a time.

    A group that is no more is read at once: a reader of many portions holds what a group was decompressed into beside what was made of it.
    """
    at_once = portion(extent([file.metadata]), rows, SLICE_BYTES)
    for group in groups:
        if file.metadata.row_group(group).num_rows <= at_once:
            yield from file.read_row_group(group, list(columns), use_threads=False).to_batches()
        else:
            yield from file.iter_batches(at_once, [group], list(columns), use_threads=False)


def parquet(file: IO[bytes] | pa.NativeFile, schema: pa.Schema) -> pq.ParquetWriter:
    """Begin a file of rows, to be written group by group.

    Payloads get no dictionary: no two are equal, and looking for that took 24 MiB. Bounds are kept of short columns only.
    """
    coded = [name for name in schema.names if name != "payload"]
    return pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=coded, write_statistics=_short(schema))  # type: ignore[arg-type]  # the stubs know no lists


@contextmanager
def _alone(path: str) -> Iterator[None]:
    try:
        yield
    except CommitFailedError as error:
        raise LakeBusyError(_BUSY.format(path)) from error


def _short(schema: pa.Schema) -> list[str]:
    """Columns whose bounds are kept beside each group of rows; those of texts may be as long as the texts, and no reader of ours asks."""
    return [one.name for one in schema if not (pa.types.is_string(one.type) or pa.types.is_list(one.type))]


def _groups(rows: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows in groups of so many, or so many bytes, that are written and read at a time."""
    held: list[pa.RecordBatch] = []
    count = size = 0
    for batch in rows:
        held.append(batch)
        count, size = count + batch.num_rows, size + batch.nbytes
        if count >= ROW_GROUP or size >= GROUP_BYTES:
            yield pa.Table.from_batches(held)
            held, count, size = [], 0, 0
    if count:
        yield pa.Table.from_batches(held)


def _holding(table: DeltaTable, name: str, numbers: range) -> list[str]:
    """Files of a table that may hold one of the numbers in a column, as far as Delta's log tells."""
    files = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    ranges = [(file["path"], file.get(f"min.{name}"), file.get(f"max.{name}")) for file in files]
    return [path for path, low, high in ranges if _may_hold(low, high, numbers)]


def _groups_holding(file: pq.FileMetaData, name: str, numbers: range) -> list[int]:
    """Groups of a file's rows that may hold one of the numbers in a column, as far as the file tells."""
    bounds = [
        file.row_group(group).column(file.schema.names.index(name)).statistics for group in range(file.num_row_groups)
    ]
    ranges = [(its.min, its.max) if its and its.has_min_max else (None, None) for its in bounds]
    return [group for group, (low, high) in enumerate(ranges) if _may_hold(low, high, numbers)]


def _may_hold(low: int | None, high: int | None, numbers: range) -> bool:
    return low is None or high is None or (low < numbers.stop and high >= numbers.start)


def _widen(table: DeltaTable, schema: pa.Schema) -> None:
    """Give the table the columns that it lacks; older rows read as nulls there."""
    known = {field.name for field in table.schema().fields}
    lacking = [field for field in Schema.from_arrow(schema).fields if field.name not in known]
    if lacking:
        table.alter.add_columns(lacking)


def _setting(marks: Mapping[str, int], max_commit_retries: int | None = None) -> CommitProperties:
    return CommitProperties(
        app_transactions=[Transaction(name, at) for name, at in marks.items()], max_commit_retries=max_commit_retries
    )


def _folder(url: str) -> Path:
    path = Path(url).expanduser().absolute()
    if not url or UNUSABLE_IN_FOLDER.search(str(path)):
        raise LakeError(
            "SIDECAR_LAKE (else SIDECAR_HOME) names a folder that cannot be used; write one without brackets, backslashes or %-codes"
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LakeError(
            f"SIDECAR_LAKE (else SIDECAR_HOME) names a folder that cannot be made: {error.strerror}: {path}"
        ) from error
    if not os.access(path, os.W_OK):
        raise LakeError(f"SIDECAR_LAKE (else SIDECAR_HOME) names a folder that cannot be written: {path}")
    return path


def _literals(files: Iterable[str]) -> str:
    """The paths as a list for DuckDB, which would take some characters for patterns."""
    plain = (re.sub(r"([*?\[])", r"[\1]", file).replace("'", "''") for file in files)
    return "[{}]".format(", ".join(f"'{file}'" for file in plain))
