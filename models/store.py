"""Opening the store: SQLite in WAL mode by default, PostgreSQL in production; Alembic owns the schema from day one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlmodel import Session, create_engine


class StoreError(Exception):
    """The store cannot be opened; the message says which variable to mend and how."""


def open_store(url: str) -> Engine:
    """A store brought up to the newest schema.

    Errors: StoreError for a URL that no driver understands or no database answers. Source: https://sqlite.org/wal.html for the pragmas.
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
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _sqlite_pragmas)
    try:
        upgrade(engine)
    except DBAPIError as error:
        raise StoreError(
            f"The store at {parsed.render_as_string()} cannot be opened: {str(error.orig).strip()}; check SIDECAR_DATABASE_URL or SIDECAR_HOME"
        ) from error
    return engine


def upgrade(engine: Engine) -> None:
    """Bring the schema to the newest revision; does nothing where it already is."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session whose changes land together, or not at all."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


def _sqlite_pragmas(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=30000")  # milliseconds: outlasts any write of ours
    cursor.close()
