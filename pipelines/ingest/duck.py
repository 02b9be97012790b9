"""Ibis on DuckDB in this process, asked nothing twice.

Of the time that a derived table of a small business takes, DuckDB's own work is a tenth. The rest is Ibis, which writes the SQL of an
expression anew each time and asks which columns a table has that it has just made; both are known here.
"""

import re
from collections.abc import Hashable, Mapping
from functools import lru_cache
from typing import Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.duckdb import Backend

MANY = 500
"""Shapes of expressions whose SQL is remembered; all jobs of the demo together have 185."""
LONG = 1_000
"""Nodes of an expression that is not remembered: it holds a list of records, and is not met again."""
OF_ONE_TABLE = {"name", "source", "data"}
"""What tells a table from another one with the same columns; SQL shows of it only the name."""

_remembered: dict[Hashable, tuple[list[str], str]] = {}
"""The names of an expression's tables and its SQL, by its shape; the oldest goes first."""


class DuckDB(Backend):  # type: ignore[misc]  # Ibis has no types
    """Ibis on a DuckDB connection."""

    def compile(self, expr: ir.Expr, /, **options: Any) -> str:
        """An expression as SQL; one like an earlier one, on whatever tables, is not thought through again."""
        names, shape = _shape(expr.op())
        if any(options.values()) or len(shape) > LONG:
            return str(super().compile(expr, **options))
        if shape not in _remembered:
            _remembered[shape] = names, super().compile(expr)
            if len(_remembered) > MANY:
                del _remembered[next(iter(_remembered))]
        known, sql = _remembered[shape]
        return _renamed(sql, dict(zip(known, names, strict=True)))

    def _create_cached_table(self, name: str, expr: ir.Table) -> ir.Table:
        self._run_pre_execute_hooks(expr)
        schema = expr.schema()
        self.con.execute(f'CREATE TEMP TABLE "{name}" ({_columns(schema)})')
        self.con.execute(f'INSERT INTO "{name}" {self.compile(expr)}')  # a name of Ibis' own
        return named(self, name, schema)


@lru_cache(MANY)
def in_ibis(schema: pa.Schema) -> ibis.Schema:
    """Columns as Ibis has them."""
    return ibis.Schema.from_pyarrow(schema)


def named(source: Any, name: str, schema: ibis.Schema) -> ir.Table:
    """A table or view of an engine whose columns the caller knows."""
    table: ir.Table = ops.DatabaseTable(name, schema=schema, source=source).to_expr()
    return table


def shaped(table: ir.Table, schema: pa.Schema) -> ir.Table:
    """The table in these columns; those that it lacks are nulls."""
    return table.select(
        **{name: table[name] if name in table.columns else ibis.null(kind) for name, kind in in_ibis(schema).items()}
    )


@lru_cache(MANY)
def _columns(schema: ibis.Schema) -> str:
    return ", ".join(column.sql("duckdb") for column in schema.to_sqlglot_column_defs("duckdb"))


def _shape(op: ops.Node) -> tuple[list[str], tuple[Hashable, ...]]:
    """The names of an expression's tables, and all that it says beside them: every node, after those that it rests on."""
    names, nodes = list[str](), list[Hashable]()

    def note(node: ops.Node, _: object, **parts: Any) -> tuple[str, int]:
        if isinstance(node, ops.PhysicalTable):
            names.append(node.name)
            parts = {name: part for name, part in parts.items() if name not in OF_ONE_TABLE}
        nodes.append((type(node), *map(_hashable, parts.values())))
        return "node", len(nodes)

    op.map(note)
    return names, tuple(nodes)


def _hashable(part: Any) -> Hashable:
    return tuple(part.items()) if isinstance(part, Mapping) else part


def _renamed(sql: str, names: Mapping[str, str]) -> str:
    """The SQL on other tables: their names are quoted in it, and long enough to stand for nothing else."""
    return re.sub(r'"(ibis_\w+)"', lambda found: f'"{names.get(found[1], found[1])}"', sql)
