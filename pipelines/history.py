"""Dagster's runs and events in SQLite, as it keeps them itself, by an event log that keeps its databases open.

The original opens one anew for every event; when the last connection to a database is closed, SQLite moves its write-ahead log into
the file and waits for the disk (https://sqlite.org/wal.html#ckpt). A run of all jobs makes thousands of events: it spent more
time so than on its work.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage  # no public names in 1.13
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event

MOST_OPEN = 8
"""Databases at a time: that of all runs, and those of the runs written or read last."""


class SqliteEvents(SqliteEventLogStorage):
    """The event log: a database for each run, and one for all."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """A transaction on one database; the original's only way to any of them."""
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def wipe(self) -> None:
        """Forget every event."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Let go of everything."""
        self._close()
        super().dispose()

    def _engine(self, shard: str) -> Engine:
        engine = self._engines.pop(shard, None) or self._opened(shard)
        self._engines[shard] = engine  # the last used comes last
        if len(self._engines) > MOST_OPEN:
            self._engines.pop(next(iter(self._engines))).dispose()
        return engine

    def _opened(self, shard: str) -> Engine:
        url, wait = self.conn_string_for_shard(shard), {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
        engine = create_engine(url, pool_size=1, connect_args=wait)
        event.listen(engine, "connect", _begin)
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        return engine

    def _close(self) -> None:
        while self._engines:
            self._engines.popitem()[1].dispose()


class SqliteHistory(DagsterSqliteStorage):
    """Runs, events and schedules under one folder; the same files as Dagster's own `sqlite`."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = SqliteEvents(self._event_log_storage._base_dir)  # noqa: SLF001

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """As dagster.yaml says."""
        return cls.from_local(inst_data=inst_data, **config_value)


def _begin(connection: Any, _: Any) -> None:
    """A power cut may cost the last events, which tell of work and are not it. Source: https://sqlite.org/pragma.html#pragma_synchronous."""
    connection.execute("PRAGMA synchronous=NORMAL")
