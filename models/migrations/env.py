"""Alembic's entry: migrates over the connection that `models.store.upgrade` hands in."""

from alembic import context
from sqlmodel import SQLModel

import models  # noqa: F401  # registers every table
from models.store import REVISIONS

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    version_table=REVISIONS,
    render_as_batch=True,  # SQLite cannot alter a column in place
)
with context.begin_transaction():
    context.run_migrations()
