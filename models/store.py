"""Opening the store: SQLite in WAL mode by default, PostgreSQL in production; Alembic owns the schema from day one.

Both hold the same and answer the same: text is mended before it is sent, `LIKE` heeds case, instants are UTC. Rows come in an
order that results depend on only where Python sorts them, for each database sorts text in its own way.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, Engine, Text, cast, event, func, inspect, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlmodel import Session, create_engine

from models.base import mend

REVISIONS = "sidecar_revision"
"""Table of the schema's version; Alembic's usual name is Dagster's, should both live in one database."""
NEWEST = max(script.stem for script in (Path(__file__).parent / "migrations" / "versions").glob("[0-9]*.py"))
"""The schema's version here: each is named like the file that moves to it."""
ALONE = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "select pg_advisory_xact_lock(hashtext('sidecar: {}'))",
}
"""What makes other processes that want the same wait until the transaction has ended."""
INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""By dialect, the insert that can say what is to become of a row that is there already."""
EACH: dict[str, Callable[[Any], Any]] = {
    "sqlite": lambda listed: func.json_each(listed).table_valued("value").c.value,
    "postgresql": lambda listed: func.json_array_elements_text(cast(listed, JSON)).column_valued(),
}
"""By dialect, the texts of a JSON list: https://sqlite.org/json1.html, https://www.postgresql.org/docs/15/functions-json.html."""


class StoreError(Exception):
    """The store cannot be opened; the message says which variable to mend and how."""


class NewerStoreError(Exception):
    """The store's schema is of a version that nothing here leads to."""


def open_store(url: str) -> Engine:
    """A store brought up to the newest schema.

    Errors: StoreError for a URL that no driver understands, no database answers, or whose database is of a newer version.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, hide_parameters=True)  # an error that quotes them would quote customers
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreError(
            "SIDECAR_DATABASE_URL is not a database URL that can be used; write sqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from error
    except ModuleNotFoundError as error:
        raise StoreError(
            f"SIDECAR_DATABASE_URL names a database whose driver {error.name!r} is not installed; add it with: uv add {error.name}"
        ) from error
    except OSError as error:
        raise StoreError(
            f"The folder of the store cannot be made: {error.strerror}: {error.filename}; set SIDECAR_HOME or SIDECAR_DATABASE_URL"
        ) from error
    event.listen(engine, "connect", _begin_sqlite if engine.dialect.name == "sqlite" else _begin_postgresql)
    event.listen(engine, "before_cursor_execute", _mended, retval=True)
    try:
        upgrade(engine)
    except DBAPIError as error:
        engine.dispose()
        why = " ".join(str(error.orig).split())
        raise StoreError(
            f"The store at {parsed.render_as_string()} cannot be opened: {why}; check SIDECAR_DATABASE_URL or SIDECAR_HOME"
        ) from error
    except NewerStoreError as error:
        engine.dispose()
        raise StoreError(
            f"The store at {parsed.render_as_string()} was made by a newer version of the sidecar; update this one"
        ) from error
    return engine


def upgrade(engine: Engine) -> None:
    """Bring the schema to the newest revision, as the only process that does; nothing where it already is."""
    with engine.begin() as connection:
        if _revision(connection) == NEWEST:
            return
        from models import schema  # noqa: PLC0415  # brings Alembic

        _alone(connection, "upgrade of the store")
        schema.upgrade(connection)


def clear_store(url: str) -> None:
    """Take every table of ours, and all that is in them, out of a database. StoreError as in `open_store`."""
    from models import schema  # noqa: PLC0415  # brings Alembic

    engine = open_store(url)
    with engine.begin() as connection:
        schema.drop(connection)
    engine.dispose()


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session whose changes land together, or not at all."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


def alone(session: Session, what: str) -> None:
    """Let nobody else do the same until this transaction, which must not have written yet, has ended; what was read before is old."""
    _alone(session.connection(), what)
    session.expire_all()


def among(session: Session, column: Any, texts: Sequence[str]) -> ColumnElement[bool]:
    """That the column holds one of the texts, which go along as one parameter: one each takes longer to bind than their rows take to find."""
    each = EACH[session.get_bind().dialect.name](literal(json.dumps(list(texts)), Text))
    found: ColumnElement[bool] = column.in_(select(each))
    return found


def _alone(connection: Connection, what: str) -> None:
    connection.exec_driver_sql(ALONE[connection.dialect.name].format(what))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(REVISIONS):
        return None
    found: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {REVISIONS}").scalar()  # noqa: S608  # a name of ours
    return found


def _begin_sqlite(connection: Any, _: Any) -> None:
    """Source: https://sqlite.org/wal.html and https://sqlite.org/pragma.html."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=30000")  # milliseconds: outlasts any write of ours
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA cache_size=-32000")  # KiB; with the 2 MB of the default, pages of indexes come and go
    cursor.execute("PRAGMA case_sensitive_like=ON")  # vendors' ids differ by case alone
    cursor.close()


def _begin_postgresql(connection: Any, _: Any) -> None:
    connection.execute(
        "SET TIME ZONE 'UTC'"
    )  # in a zone east of it, the last day of year 9999 is past Python's calendar
    connection.commit()


def _mended(_: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: Any) -> tuple[str, Any]:
    """SQLAlchemy's hook before every statement: what customers wrote may hold what one of the databases cannot."""
    return statement, _storable(parameters)


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return mend(value)
    if isinstance(value, dict):
        return {name: _storable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):  # nearly all that a row holds is plain text, which is spared a second call
        return type(value)([mend(item) if type(item) is str else _storable(item) for item in value])
    return value
