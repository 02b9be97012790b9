"""Where tests keep their stores: a SQLite file, or, where SIDECAR_TEST_DATABASE_URL names a server, a PostgreSQL database each.

A folder's store has the same URL for every process that asks, so commands find what a test has put there. All are copies
of one that was migrated once; PostgreSQL's collation is as unlike SQLite's as a server's may be.
"""

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from sqlalchemy import Engine, make_url
from sqlalchemy.engine import URL

from models.keys import content_id
from models.store import open_store

SERVER = os.environ.get("SIDECAR_TEST_DATABASE_URL")
RUN = "SIDECAR_TEST_RUN"
"""Variable that names this run of the tests; all its databases begin so."""
TEMPLATE = "template0 encoding 'UTF8' locale_provider icu icu_locale 'en' locale 'C'"
"""Capitals beside small letters, punctuation almost ignored: https://www.postgresql.org/docs/15/collation.html."""

_opened: dict[Path, list[Engine]] = {}
_made: dict[Path, list[str]] = {}


def store_url(folder: Path, name: str = "store") -> str:
    """URL of a store of the folder; a database is made, empty and of the newest schema, when it is first asked for."""
    if not SERVER:
        return f"sqlite:///{folder / name}.db"
    database = f"{os.environ[RUN]}_{content_id(str(folder.resolve()))[:16]}_{name}"
    with _server() as server:
        if not server.execute("select 1 from pg_database where datname = %s", [database]).fetchone():
            server.execute(f"create database {database} template {os.environ[RUN]}_migrated")
            _made.setdefault(folder, []).append(database)
    return _url(database).render_as_string(hide_password=False)


def new_store(folder: Path, name: str = "store") -> Engine:
    """The folder's store, open until `close_stores`."""
    lay_store(folder, name)
    engine = open_store(store_url(folder, name))
    _opened.setdefault(folder, []).append(engine)
    return engine


def lay_store(folder: Path, name: str = "store") -> None:
    """Have an empty store lie in the folder, as after a first command; PostgreSQL's is made when it is asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.db"
    if not SERVER and not file.exists():
        file.write_bytes(_migrated())


def variables(home: Path) -> dict[str, str]:
    """Environment of commands that work in this home. Empty on SQLite, which they find there by themselves."""
    if not SERVER:
        return {}
    return {
        "SIDECAR_DATABASE_URL": store_url(home),
        "SIDECAR_PRACTICE_DATABASE_URL": store_url(home / "practice", "practice"),
        RUN: os.environ[RUN],
    }


def dagster_url(folder: Path) -> str:
    """URL of a database for Dagster, in the words of its driver; like many a real one, it holds a store as well."""
    return make_url(store_url(folder)).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def copy_store(of: Path, to: Path) -> None:
    """Let a folder that was copied have its store too; a SQLite file came with it."""
    if SERVER:
        database = make_url(store_url(to)).database
        with _server() as server:
            server.execute(f"drop database {database}")
            server.execute(f"create database {database} template {make_url(store_url(of)).database}")


def close_stores(folder: Path = Path("/")) -> None:
    """Close the stores of the folder and of those below, and drop their databases."""
    for place in [place for place in _opened if place.is_relative_to(folder)]:
        for engine in _opened.pop(place):
            engine.dispose()
    for place in [place for place in _made if place.is_relative_to(folder)]:
        with _server() as server:
            for database in _made.pop(place):
                server.execute(f"drop database if exists {database} with (force)")


def begin() -> bool:
    """Make the database that others are copied from; says whether this process is the one that must `end`."""
    if not SERVER or RUN in os.environ:
        return False
    os.environ[RUN] = f"sidecar_test_{os.getpid()}"  # inherited by workers and commands
    with _server() as server:
        server.execute(f"create database {os.environ[RUN]}_migrated template {TEMPLATE}")
    open_store(_url(f"{os.environ[RUN]}_migrated").render_as_string(hide_password=False)).dispose()
    return True


def end() -> None:
    """Drop every database of this run, those of killed processes too."""
    with _server() as server:
        for (database,) in server.execute(
            "select datname from pg_database where datname like %s", [f"{os.environ[RUN]}\\_%"]
        ):
            server.execute(f"drop database if exists {database} with (force)")
    del os.environ[RUN]


@cache
def _migrated() -> bytes:
    """A SQLite file of the newest schema: to copy it is quicker than to make it."""
    with TemporaryDirectory() as folder:
        open_store(f"sqlite:///{folder}/store.db").dispose()
        return (Path(folder) / "store.db").read_bytes()


def _url(database: str) -> URL:
    return make_url(SERVER or "").set(database=database)


def _server() -> psycopg.Connection:
    return psycopg.connect(SERVER or "", autocommit=True)
