"""Moving a store's schema by Alembic, which takes 10 MiB and a fifth of a second to load: only who has something to move loads it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from models.store import REVISIONS, NewerStoreError


def upgrade(connection: Connection) -> None:
    """To the newest revision; nothing where it already is. NewerStoreError where the store's revision is not known here."""
    config = _config(connection)
    _take_over_revision(connection, ScriptDirectory.from_config(config))
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise NewerStoreError from error


def drop(connection: Connection) -> None:
    """Take every table of ours away, and all that is in them."""
    command.downgrade(_config(connection), "base")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _take_over_revision(connection: Connection, scripts: ScriptDirectory) -> None:
    """A store of the first version kept its revision in Alembic's own table, which may be Dagster's instead."""
    kept = set(MigrationContext.configure(connection).get_current_heads())
    if kept & {script.revision for script in scripts.walk_revisions()}:
        connection.exec_driver_sql(f"ALTER TABLE alembic_version RENAME TO {REVISIONS}")
