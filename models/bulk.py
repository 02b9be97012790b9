"""Many rows into one table of the store, at the speed of its driver: a first stitch brings millions."""

from io import BytesIO
from itertools import repeat
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv
from sqlalchemy import Connection, Table, func, select
from sqlmodel import Session, SQLModel

PART = 100_000
"""Rows that are held as Python objects at a time."""
CACHE_KIB = 262_144
"""Pages of an SQLite file that are held while many rows come: with fewer, each would be read and written again for every index."""


def load(session: Session, model: type[SQLModel], rows: pa.Table, **same: Any) -> None:
    """Add these rows, in this transaction; `same` are columns that say the same in all of them.

    Shape: columns that neither names are null. Text is mended as everywhere (`models/store.py`), and indexes are built anew where most of
    the table is new.
    """
    if not rows.num_rows:
        return
    session.flush()
    connection, table = session.connection(), SQLModel.metadata.tables[str(model.__tablename__)]
    constants = {name: _bound(connection, table, name, value) for name, value in same.items()}
    anew = rows.num_rows > PART and rows.num_rows > _count(connection, table)
    indexes = sorted(table.indexes, key=lambda index: str(index.name)) if anew else []
    for index in indexes:
        index.drop(connection)
    put = _copied if connection.dialect.name == "postgresql" else _inserted
    put(connection, table, _mended(rows), constants)
    for index in indexes:
        index.create(connection)


def _inserted(connection: Connection, table: Table, rows: pa.Table, same: dict[str, Any]) -> None:
    names = [*rows.column_names, *same]
    statement = f"INSERT INTO {table.name} ({_listed(names)}) VALUES ({', '.join('?' for _ in names)})"  # noqa: S608  # names of ours
    cursor = connection.connection.cursor()
    (before,) = cursor.execute("PRAGMA cache_size").fetchone()
    cursor.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    for start in range(0, rows.num_rows, PART):
        part = rows.slice(start, PART)
        columns = [column.to_pylist() for column in part.columns]
        cursor.executemany(
            statement, list(zip(*columns, *(repeat(value, part.num_rows) for value in same.values()), strict=True))
        )
    cursor.execute(f"PRAGMA cache_size = {before}")
    cursor.close()


def _copied(connection: Connection, table: Table, rows: pa.Table, same: dict[str, Any]) -> None:
    names = [*rows.column_names, *same]
    options = csv.WriteOptions(include_header=False)
    statement = f"COPY {table.name} ({_listed(names)}) FROM STDIN WITH (FORMAT csv)"
    cursor: Any = connection.connection.cursor()  # psycopg's, which knows more than DB-API's
    with cursor, cursor.copy(statement) as copy:
        for start in range(0, rows.num_rows, PART):
            part, sink = rows.slice(start, PART), BytesIO()
            for name, value in same.items():
                part = part.append_column(name, pa.array([value]).take(pa.array([0] * part.num_rows)))
            csv.write_csv(part, sink, options)
            copy.write(sink.getvalue())


def _bound(connection: Connection, table: Table, name: str, value: Any) -> Any:
    """The value as the driver wants it."""
    process = table.c[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return process(value) if process else value


def _mended(rows: pa.Table) -> pa.Table:
    """Arrow's text has no halves of pairs; NUL it may have."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_string(field.type):
            rows = rows.set_column(place, field, pc.replace_substring(rows.column(place), "\0", "\ufffd"))
    return rows


def _count(connection: Connection, table: Table) -> int:
    found: int = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return found


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
