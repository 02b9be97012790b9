"""what vendors tell of streams."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

import models.base

revision = "0004_streams"
down_revision = "0003_dirty"
branch_labels = None
depends_on = None


def upgrade() -> None:
    text, instant = sqlmodel.sql.sqltypes.AutoString, models.base.UtcDateTime
    key = ("vendor", "account", "stream")
    op.create_table(
        "stream_column",
        *(sa.Column(name, text(), nullable=False) for name in (*key, "name", "type")),
        sa.Column("first_seen", instant(timezone=True), nullable=False),
        sa.Column("gone_at", instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint(*key, "name", "type"),
    )
    op.create_table(
        "stream_count",
        *(sa.Column(name, text(), nullable=False) for name in key),
        sa.Column("at_vendor", sa.Integer(), nullable=False),
        sa.Column("counted_at", instant(timezone=True), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("in_lake", "missing", "surplus")),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint(*key),
    )


def downgrade() -> None:
    op.drop_table("stream_count")
    op.drop_table("stream_column")
