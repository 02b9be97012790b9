"""Puts a planted world into a lake as ingest would: raw rows and the facts read from them, in real Delta tables."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.stitch.world import ACCOUNT, World
from models.facts import Fact, Identifier, Profile, Scope
from pipelines.ingest.lake import BATCH, BATCH_ROWS, Lake
from pipelines.ingest.schemas import RAW, fact_schema

STREAM = "people"
T0 = datetime(2026, 1, 1, tzinfo=UTC)
PART = 200_000
"""Rows that are made at a time."""


def plant(lake: Lake, said: World, *, gone: pa.Table | None = None, turn: int = 1) -> None:
    """Land these versions of these records; those gone are deleted at their vendor. Later turns are newer."""
    for vendor in sorted(
        set(pc.unique(said.records["vendor"]).to_pylist()) | (set(gone["vendor"].to_pylist()) if gone else set())
    ):
        live = said.records.append_column("number", pa.array(range(said.records.num_rows), pa.int64()))
        live = live.filter(pc.equal(live["vendor"], vendor))
        dead = gone.filter(pc.equal(gone["vendor"], vendor)) if gone else live.slice(0, 0)
        before = lake.last_batch(vendor, STREAM)
        rows = live.num_rows + dead.num_rows
        after = before + -(-rows // BATCH_ROWS)
        batch = pa.array(before + 1 + np.arange(rows) // BATCH_ROWS)
        keys = pa.concat_tables([one.select(["object", "id", "record", "record_hash"]) for one in (live, dead)])
        keys = keys.append_column("vendor", _constant(vendor, rows)).append_column("account", _constant(ACCOUNT, rows))
        keys = keys.append_column("batch", batch)
        _append(lake, f"raw/{vendor}/{STREAM}", RAW, _raw(keys, live.num_rows, turn), BATCH, before, after)
        source = keys.slice(0, live.num_rows)
        done = {"before": before, "after": after}
        _append(lake, _path(Profile, vendor), fact_schema(Profile), _profiles(source, live), STREAM, **done)
        _append(
            lake, _path(Identifier, vendor), fact_schema(Identifier), _identifiers(source, live, said), STREAM, **done
        )


def _append(lake: Lake, path: str, schema: pa.Schema, rows: pa.Table, mark: str, before: int, after: int) -> None:
    whole = pa.table(
        {
            name: rows[name]
            if name in rows.column_names
            else _constant(None, rows.num_rows).cast(schema.field(name).type)
            for name in schema.names
        },
        schema=schema,
    )
    lake.tables.append(path, schema, _parts(whole), mark=mark, before=before, after=after)


def _parts(table: pa.Table) -> Iterator[pa.RecordBatch]:
    for start in range(0, table.num_rows, PART):
        yield from table.slice(start, PART).combine_chunks().to_batches()


def _path(fact: type[Fact], vendor: str) -> str:
    return f"facts/{fact.table}/{vendor}"


def _raw(keys: pa.Table, live: int, turn: int) -> pa.Table:
    rows = keys.num_rows
    stamp = pa.array([T0 + timedelta(minutes=turn)]).cast(RAW.field("updated_at").type)
    stamps = stamp.take(pa.array(np.zeros(rows, np.int64)))
    more = {
        "updated_at": stamps,
        "pulled_at": stamps,
        "deleted": pa.array(np.arange(rows) >= live),
        "payload_hash": pa.array(np.full(rows, turn)),
        "payload": _constant("{}", rows),
    }
    for name, column in more.items():
        keys = keys.append_column(name, column)
    return keys


def _profiles(source: pa.Table, live: pa.Table) -> pa.Table:
    scope = _constant(Scope.person.value, live.num_rows)
    return (
        source.append_column("scope", scope)
        .append_column("name", live["name"])
        .append_column("live", pa.array(np.ones(live.num_rows, bool)))
    )


def _identifiers(source: pa.Table, live: pa.Table, said: World) -> pa.Table:
    place = pc.index_in(said.identifiers["number"], value_set=live["number"].combine_chunks())
    own = said.identifiers.filter(pc.is_valid(place))
    rows = source.take(place.drop_null())
    for name in ("kind", "value", "value_hash"):
        rows = rows.append_column(name, own[name])
    return rows.append_column("scope", _constant(Scope.person.value, own.num_rows))


def _constant(value: str | None, rows: int) -> pa.Array:
    return pa.array([value], pa.string()).take(pa.array(np.zeros(rows, np.int64)))
