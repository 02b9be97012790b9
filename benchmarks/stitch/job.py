"""One measured step in a process of its own: `python -m benchmarks.stitch.job NAME FOLDER`; prints its figures as one line of JSON.

Peak memory is that of the process while the step ran, imports included; Linux resets the peak when asked to.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.stitch.plant import plant
from benchmarks.stitch.turns import Living
from benchmarks.stitch.world import KINDS, World, world
from models import Membership
from models.identity import Entity, IdentityEvent

PART = 200_000
"""Persons that are made at a time."""
COLUMNS = ("record", *KINDS)
"""The seven string columns."""
MOST_RECORDS = 20
"""Splink's blocking would pair all records of a hub with each other, so their values are left out before: the limit of our own rule."""
CHANGED = 0.023
"""Persons that are touched, so that one record in a hundred is."""
SEED = 7


class Steps:
    """Seconds and peak memory of named steps, each told on stderr as it ends."""

    def __init__(self) -> None:
        self.told: dict[str, dict[str, float]] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure what is done inside."""
        Path("/proc/self/clear_refs").write_text(
            "5"
        )  # the peak begins anew: https://docs.kernel.org/filesystems/proc.html
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        cost = {
            "wall_s": time.perf_counter() - wall,
            "cpu_s": time.process_time() - cpu,
            "peak_mib": _status("VmHWM"),
        }
        self.told[name] = cost
        print(f"{name}: {cost['cpu_s']:.1f} CPU s, peak {cost['peak_mib']:,.0f} MiB", file=sys.stderr, flush=True)


def make(folder: Path) -> dict[str, Any]:
    """Plant the world and write the same records as one wide file, the form in which other tools want them."""
    from pipelines.ingest.lake import Lake

    persons = int((folder / "persons").read_text())
    lake, writer, rows = Lake.open(str(folder / "lake")), None, 0
    for first in range(0, persons, PART):
        part = world(min(PART, persons - first), SEED, first)
        plant(lake, part)
        table = _wide(part)
        writer = writer or pq.ParquetWriter(folder / "wide.parquet", table.schema, compression="zstd")
        writer.write_table(table, row_group_size=100_000)
        rows += part.records.num_rows
    assert writer is not None
    writer.close()
    return {"records": rows}


def change(folder: Path) -> dict[str, Any]:
    """What happens to the first part of the world, so that one record in a hundred changes."""
    from pipelines.ingest.lake import Lake

    persons = int((folder / "persons").read_text())
    living = Living(world(min(PART, persons), SEED), np.random.default_rng(SEED))
    turn = living.turn(1, CHANGED * persons / min(PART, persons))
    plant(Lake.open(str(folder / "lake")), turn.said, gone=turn.gone, turn=2)
    return {"records": turn.said.records.num_rows + turn.gone.num_rows}


def read(folder: Path) -> dict[str, Any]:
    """The floor: every string column decoded once and nothing done with it."""
    import duckdb

    steps, lengths = Steps(), ", ".join(f"sum(strlen({name}))" for name in COLUMNS)
    with steps.step("read"):
        duckdb.sql(f"SELECT {lengths} FROM read_parquet('{folder}/wide.parquet')").fetchall()
    facts = f"read_parquet('{folder}/lake/facts/*/*/*.parquet', union_by_name = true)"
    with steps.step("read lake"):
        duckdb.sql(f"SELECT sum(strlen(record)), sum(strlen(kind)), sum(strlen(value)) FROM {facts}").fetchall()
    return steps.told


def ours(folder: Path) -> dict[str, Any]:
    """Each step of a stitch, as `pipelines/stitch/stitch.py` does them."""
    from models.facts import Scope
    from models.store import open_store, transaction
    from pipelines.ingest.lake import Lake
    from pipelines.stitch.clusters import cluster
    from pipelines.stitch.membership import decide, snapshot, write
    from pipelines.stitch.rulebook import rulebook
    from pipelines.stitch.stitch import gather, judgements, remember, within_reach

    lake, store = Lake.open(str(folder / "lake")), open_store((folder / "store").read_text())
    now, steps = datetime(2026, 11, 2, tzinfo=UTC), Steps()
    with steps.step("edges"):
        with transaction(store) as session:
            rules = rulebook(session)
            near = within_reach(lake, session, rules, Scope.person, now)
        material = gather(lake, rules, Scope.person, near)
    with transaction(store) as session:
        with steps.step("components"):
            same, apart = judgements(session, material.people)
            clusters = cluster(material.people, material.found, same, apart, material.rules)
        with steps.step("ids"):
            decided = decide(lake, session, Scope.person, material.people, clusters, material.near.own, now)
        with steps.step("write"):
            done = write(session, Scope.person, material.people, clusters, decided, material.rules_version, now)
            remember(session, material, Scope.person, now)
            session.commit()
    with steps.step("snapshot"):
        snapshot(lake, store, done)
    return {**steps.told, "records": done.snapshot.num_rows, "rows": sum(done.changes.values())}


def copied(folder: Path) -> dict[str, Any]:
    """What SQLite takes by itself for the rows that a first stitch leaves in the store: copied from file to file, no Python between."""
    steps, store, copy = Steps(), folder / "store.db", folder / "copy.db"
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS there", (str(store),))
        names = ", ".join(f"'{model.__tablename__}'" for model in (Entity, IdentityEvent, Membership))
        made = connection.execute(
            f"SELECT sql FROM there.sqlite_master WHERE tbl_name IN ({names}) AND sql IS NOT NULL"
        )
        for (sql,) in made.fetchall():
            connection.execute(sql)
        with steps.step("copied"):
            connection.execute("BEGIN")
            for model in (Entity, IdentityEvent, Membership):
                connection.execute(f"INSERT INTO main.{model.__tablename__} SELECT * FROM there.{model.__tablename__}")
            connection.execute("COMMIT")
    copy.unlink()
    return steps.told


def splink(folder: Path) -> dict[str, Any]:
    """Splink's own way to join equal values: deterministic links, then clusters; hubs are left out for it, outside the clock."""
    import duckdb
    import splink as package
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false")
    steps = Steps()
    hubless = ", ".join(
        f"CASE WHEN count(*) OVER (PARTITION BY {name}) <= {MOST_RECORDS} THEN {name} END AS {name}" for name in KINDS
    )
    path = folder / "hubless.parquet"
    connection.execute(
        f"COPY (SELECT record AS unique_id, {hubless} FROM read_parquet('{folder}/wide.parquet')) TO '{path}'"
    )
    with steps.step("splink"):
        connection.execute(f"CREATE TABLE rec AS SELECT * FROM read_parquet('{path}')")
        settings = SettingsCreator(
            link_type="dedupe_only",
            comparisons=[],
            probability_two_random_records_match=1e-6,
            blocking_rules_to_generate_predictions=[block_on(name) for name in KINDS],
        )
        linker = Linker(DuckDBAPI(connection=connection).register("rec"), settings)
        found = linker.clustering.cluster_pairwise_predictions_at_threshold(linker.inference.deterministic_link())
        found.as_duckdbpyrelation().to_parquet(str(folder / "splink.parquet"))
    return {**steps.told, "version": package.__version__}


def _wide(part: World) -> pa.Table:
    """One row per record, one column per kind; of several values of a kind the first."""
    table = part.records.select(["record"])
    number, kind = part.identifiers["number"].to_numpy(), part.identifiers["kind"]
    for name in KINDS:
        which = np.flatnonzero(np.asarray(kind.to_numpy(zero_copy_only=False) == name))
        places, firsts = np.unique(number[which], return_index=True)
        index = np.full(part.records.num_rows, -1)
        index[places] = which[firsts]
        table = table.append_column(name, part.identifiers["value"].take(pa.array(index, mask=index < 0)))
    return table


def _status(name: str) -> float:
    """A figure of this process, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


JOBS: dict[str, Callable[[Path], dict[str, Any]]] = {
    one.__name__: one for one in (make, change, read, ours, copied, splink)
}

if __name__ == "__main__":
    print(json.dumps(JOBS[sys.argv[1]](Path(sys.argv[2]))))
