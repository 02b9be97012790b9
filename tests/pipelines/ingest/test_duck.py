"""SQL that is remembered is the SQL that Ibis would write."""

import ibis
import pyarrow as pa
import pytest
from ibis.backends.duckdb import Backend

from pipelines.ingest import duck
from pipelines.ingest.duck import MANY, DuckDB, named
from pipelines.ingest.tables import connect

NUMBERS = ibis.schema({"at": "int64", "said": "string"})


@pytest.fixture
def database() -> DuckDB:
    return DuckDB.from_connection(connect())


def table(database: DuckDB, *rows: tuple[int, str]) -> ibis.Table:
    """A table of the database, which Ibis itself would ask for its columns."""
    name, told = ibis.util.gen_name("test"), [dict(zip(NUMBERS.names, row, strict=True)) for row in rows]
    database.con.from_arrow(pa.Table.from_pylist(told, schema=NUMBERS.to_pyarrow())).create(name)
    return named(database, name, NUMBERS)


def test_the_same_question_is_answered_by_the_tables_it_is_put_to(database):
    """Two tables, two databases and two pieces of memory, each with its own rows."""
    elsewhere = DuckDB.from_connection(connect())
    asked = [table(database, (1, "a"), (2, "b")), table(database, (3, "c")), table(elsewhere, (4, "d"))]
    asked += [ibis.memtable(pa.table({"at": [at], "said": ["e"]})) for at in (5, 6)]
    answers = [database, database, elsewhere, database, database]
    found = [one.to_pyarrow(rows.filter(rows.at > 1).at) for one, rows in zip(answers, asked, strict=True)]
    assert [column.to_pylist() for column in found] == [[2], [3], [4], [5], [6]]


def test_what_is_remembered_is_what_ibis_would_write(database):
    """Whichever tables stand in it and however often each, in whatever order; another value or another column is another question."""
    first, second = table(database), table(database)
    for left, right in ((first, second), (second, first), (first, first.view()), (first, first)):
        for limit in (1, 2, "1"):
            joined = left.join(right, "at").filter(lambda t, limit=limit: t.said == str(limit))
            for asked in (joined, joined.group_by("said").agg(number=joined.count()), left.union(right).order_by("at")):
                for _ in range(2):
                    assert database.compile(asked) == Backend.compile(database, asked)


def test_what_is_held_keeps_its_rows_and_its_types(database):
    """A cached table has the columns that its expression promises, though DuckDB adds up in more bits."""
    rows = table(database, (1, "a"), (2, "a"))
    held = rows.group_by("said").agg(total=rows.at.sum()).cache()
    database.truncate_table(rows.get_name())
    assert held.to_pyarrow().to_pylist() == [{"said": "a", "total": 3}]
    assert database.table(held.get_name()).schema() == held.schema()


def test_the_memory_is_bounded(database):
    """Questions with ever new values do not pile up."""
    rows = table(database)
    for number in range(MANY + 1):
        database.compile(rows.limit(number))
    assert len(duck._remembered) == MANY
