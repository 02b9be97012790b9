"""Dagster's own SQLite storage, spared of its dearest habit: it makes a new engine for every event it writes.

A new engine has compiled no statement yet, and a quiet run writes over a thousand events: half of its time was that. Files, tables
and connections (a new one for every event, which is how the web page learns of them) are Dagster's, so either can go on from the other.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Self

from dagster._core.storage.event_log import SqliteEventLogStorage  # no public names in 1.13
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, NullPool, create_engine

ENGINES = 8
"""Files whose engine is kept: the index, the list of runs, and the runs that are written or looked at right now."""


class Events(SqliteEventLogStorage):
    """Dagster's event log in SQLite."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    def has_table(self, table_name: str) -> bool:
        """Whether the index has this table, which Dagster asks anew for every check; a table that is there stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        if shard not in self._initialized_dbs:  # the first time, Dagster makes the tables
            with super()._connect(shard) as connection:
                yield connection
            return
        with self._db_lock, _engine(self.conn_string_for_shard(shard)).begin() as connection:
            yield connection


class Runs(SqliteRunStorage):
    """Dagster's list of runs in SQLite."""

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection whose changes land together, or not at all."""
        with _engine(self._conn_string).begin() as connection:
            yield connection


class LocalStorage(DagsterSqliteStorage):
    """What `dagster.yaml` names: the two above, and Dagster's own storage of schedules."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._run_storage = Runs(self._run_storage._conn_string)  # noqa: SLF001  # of the class we extend
        self._event_log_storage = Events(self._event_log_storage._base_dir)  # noqa: SLF001  # of the class we extend

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """As Dagster reads it from its file."""
        return cls.from_local(config_value["base_dir"], inst_data)


@lru_cache(maxsize=ENGINES)
def _engine(url: str) -> Engine:
    return create_engine(url, poolclass=NullPool, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
