"""The org's rows in SQLite: one table per object, one column per field, custom fields added and dropped while it runs.

Beside its fields a table keeps when a row went to the bin and from when it can be seen; no query shows those two. The connection is
shared by the server's thread and by tests, so every use holds the lock.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from sandbox.salesforce.custom_fields import Metadata, field_of
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.schema import Field, SObject
from sandbox.salesforce.setup_objects import OBJECTS
from sandbox.salesforce.values import Column

FIRST_NEW = 50_000_000  # records born here are numbered from this on, so that loaders may number theirs from 1
HIDDEN = ('"_deleted_at" TEXT', '"_visible_from" TEXT')

Row = dict[str, Column]


class Tables:
    """The database of one org; `objects` is its schema, custom fields included."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")  # play money: a power cut may cost the sandbox its state
        self._depth = 0
        self._create()
        self.objects: Mapping[str, SObject] = {}
        self.version = 0
        self.reload()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _create(self) -> None:
        with self.transaction():
            self.run("CREATE TABLE IF NOT EXISTS _numbers (name TEXT PRIMARY KEY, next INTEGER NOT NULL)")
            self.run("CREATE TABLE IF NOT EXISTS _graves (object TEXT, id TEXT, deleted_at TEXT)")
            for sobject in OBJECTS.values():
                columns = [field.column for field in sobject.fields if field.type not in {"id", "address"}]
                own = [] if sobject.get("IsDeleted") else ['"IsDeleted" INTEGER DEFAULT 0']
                body = ", ".join(['"Id" TEXT PRIMARY KEY', *columns, *own, *HIDDEN])
                self.run(f'CREATE TABLE IF NOT EXISTS "{sobject.name}" ({body})')
                stamp = f'"{sobject.name}" ("SystemModstamp", "Id")'
                self.run(f'CREATE INDEX IF NOT EXISTS "{sobject.name}_stamp" ON {stamp}')

    def reload(self) -> None:
        """Read the schema anew after a custom field came, changed or went."""
        customs: dict[str, list[Field]] = {}
        rows = self.run('SELECT "TableEnumOrId", "DeveloperName", "Metadata" FROM "CustomField" ORDER BY "Id"')
        for sobject, name, metadata in rows:
            field = field_of(f"{name}__c", Metadata.model_validate(orjson.loads(metadata)))
            customs.setdefault(sobject, []).append(field)
        self.objects = {name: sobject.with_fields(customs.get(name, [])) for name, sobject in OBJECTS.items()}
        self.version += 1

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; may be nested."""
        with self.lock:
            name = f"s{self._depth}"
            self._db.execute(f"SAVEPOINT {name}")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._db.execute(f"ROLLBACK TO {name}")
                raise
            finally:
                self._depth -= 1
                self._db.execute(f"RELEASE {name}")

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one statement."""
        with self.lock:
            return self._db.execute(sql, parameters).fetchall()

    def insert(self, name: str, rows: Iterable[Row]) -> int:
        """Store rows, replacing those with the same Id; all have the same columns. Gives their number."""
        given = iter(rows)
        first = next(given, None)
        if first is None:
            return 0
        columns = list(first)
        names, marks = ", ".join(f'"{column}"' for column in columns), ", ".join("?" * len(columns))
        with self.transaction():
            values = ([row[column] for column in columns] for row in _chain(first, given))
            cursor = self._db.executemany(f'INSERT OR REPLACE INTO "{name}" ({names}) VALUES ({marks})', values)  # noqa: S608
        return cursor.rowcount

    def row(self, name: str, record_id: str) -> Row | None:
        """Every column of one record, in the bin or not; None if there is none."""
        with self.lock:
            cursor = self._db.execute(f'SELECT * FROM "{name}" WHERE "Id" = ?', [record_id])  # noqa: S608
            found = cursor.fetchone()
            return dict(zip((column[0] for column in cursor.description), found, strict=True)) if found else None

    def update(self, name: str, record_id: str, changes: Mapping[str, Column]) -> None:
        """Set some columns of one record."""
        assignments = ", ".join(f'"{column}" = ?' for column in changes)
        self.run(f'UPDATE "{name}" SET {assignments} WHERE "Id" = ?', [*changes.values(), record_id])  # noqa: S608

    def erase(self, name: str, record_id: str, deleted_at: str) -> None:
        """Remove a record for good; only getDeleted remembers it."""
        with self.transaction():
            self.run(f'DELETE FROM "{name}" WHERE "Id" = ?', [record_id])  # noqa: S608
            self.run("INSERT INTO _graves VALUES (?, ?, ?)", [name, record_id, deleted_at])

    def add_column(self, name: str, field: Field) -> None:
        """Make room for a custom field."""
        self.run(f'ALTER TABLE "{name}" ADD COLUMN {field.column}')

    def drop_column(self, name: str, column: str) -> None:
        """Give up a custom field with its values."""
        self.run(f'ALTER TABLE "{name}" DROP COLUMN "{column}"')

    def next_number(self, name: str, first: int = FIRST_NEW) -> int:
        """The next of a run of numbers."""
        sql = "INSERT INTO _numbers VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET next = next + 1 RETURNING next"
        return int(self.run(sql, [name, first])[0][0])

    def new_id(self, sobject: SObject) -> str:
        """The id of a record that is about to be born."""
        return make_id(sobject.prefix, self.next_number(sobject.name))


def _chain(first: Row, rest: Iterator[Row]) -> Iterator[Row]:
    yield first
    yield from rest
