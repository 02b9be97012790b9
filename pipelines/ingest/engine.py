"""Spark as the engine that reads facts and derived tables, for lakes that one process of DuckDB cannot join any more.

Landing, translation and raw records stay with DuckDB in this process: they go through rows as they come. Readers of facts and derived tables see
no difference but time: the same expressions, the same rows.
"""

import logging
import os
import shutil
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.ingest.tables import LakeError, Tables, new_name

if TYPE_CHECKING:
    import ibis
    from pyspark.sql import SparkSession

SETTINGS = {
    "spark.app.name": "crm-sidecar",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "8",  # adaptive execution joins them where they are small; 200 would be 200 tasks for nothing
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
"""What the product needs; master, memory and the rest are the operator's own, in Spark's `spark-defaults.conf`."""


def open_spark(url: str) -> "SparkTables":
    """The tables of a lake, read by Spark. LakeError where it cannot run, or cannot reach the lake."""
    if "://" in url:
        raise LakeError("SIDECAR_ENGINE=spark reads a lake in a folder; unset SIDECAR_ENGINE, or SIDECAR_LAKE")
    try:
        import pyspark.sql  # noqa: F401  # an optional extra
    except ModuleNotFoundError as error:
        raise LakeError("SIDECAR_ENGINE=spark needs the extra: uv sync --extra spark; or unset it") from error
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise LakeError(
            "SIDECAR_ENGINE=spark needs Java 17 or newer, and there is no java on the PATH; install it, or unset it"
        )
    return SparkTables.open(url, _session())


class SparkTables(Tables):
    """Delta tables as Spark reads them: the Parquet files that are in force."""

    @cached_property
    def engine(self) -> Any:
        """Ibis on the session."""
        return _backend(self.con)

    def view(self, query: str) -> str:
        """Give a query, written for DuckDB, a name, which is returned."""
        import sqlglot

        name, said = new_name("view"), sqlglot.transpile(query, read="duckdb", write="spark")[0]
        self.con.sql(said).createOrReplaceTempView(name)
        return name

    def _files_in_force(self, files: list[str]) -> str:
        name, paths = new_name("lake"), [Path(file).as_uri() for file in files]
        self.con.read.option("mergeSchema", "true").parquet(*paths).createTempView(name)
        return name

    def _empty(self, schema: pa.Schema) -> str:
        name = new_name("empty")
        self.con.createDataFrame(schema.empty_table()).createTempView(name)
        return name


def _session() -> "SparkSession":
    from pyspark.sql import SparkSession

    logging.getLogger("py4j").setLevel(logging.ERROR)
    builder = SparkSession.builder
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    session: SparkSession = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def _backend(session: "SparkSession") -> Any:
    """Ibis on this session, exchanging Arrow tables: its own way through pandas makes floats of whole numbers that may be null."""
    import ibis
    from ibis.backends.pyspark import Backend
    from ibis.backends.pyspark.datatypes import PySparkSchema
    from ibis.formats.pyarrow import PyArrowData

    class ArrowBackend(Backend):  # type: ignore[misc]  # Ibis has no types
        def to_pyarrow(self, expr: Any, /, *, params: Any = None, limit: Any = None, **options: Any) -> Any:
            table = expr.as_table()
            self._run_pre_execute_hooks(expr)
            found = self._session.sql(self.compile(table, params=params, limit=limit, **options)).toArrow()
            return expr.__pyarrow_result__(PyArrowData.convert_table(found, table.schema()))

        def get_schema(self, *names: Any, **places: Any) -> "ibis.Schema":
            # the session's zone is UTC, and Ibis takes it off
            known = super().get_schema(*names, **places).items()
            return ibis.schema({name: "timestamp('UTC', 6)" if kind.is_timestamp() else kind for name, kind in known})

        def _create_cached_table(self, name: str, expr: Any) -> Any:
            # Ibis makes no table of what it holds in memory before it caches; and Spark numbers rows in 32 bits: types are as promised
            self._run_pre_execute_hooks(expr)
            frame = self._session.sql(self.compile(expr))
            types = PySparkSchema.from_ibis(expr.schema()).fields
            frame = frame.select(*(frame[one.name].cast(one.dataType).alias(one.name) for one in types)).cache()
            frame.createOrReplaceTempView(name)
            self._cached_dataframes[name] = frame
            return self.table(name)

        def _register_in_memory_table(self, op: Any) -> None:
            data = op.data.to_pyarrow(op.schema)
            frame = self._session.createDataFrame(data, schema=PySparkSchema.from_ibis(op.schema))
            frame.createOrReplaceTempView(op.name)

    backend = ArrowBackend()
    backend.register_options()  # as `ibis.pyspark` does: whether NaN is null decides how a number is written
    return backend.connect(session)
