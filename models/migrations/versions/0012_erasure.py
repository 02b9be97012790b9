"""who is to be forgotten, and the tombstones that keep a pull from bringing them back."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

import models.base

revision = "0012_erasure"
down_revision = "0011_alerts"
branch_labels = None
depends_on = None

text, instant = sqlmodel.sql.sqltypes.AutoString, models.base.UtcDateTime


def upgrade() -> None:
    op.create_table(
        "erasure",
        *(sa.Column(name, text(), nullable=False) for name in ("id", "person_id", "asked_by")),
        sa.Column("asked_at", instant(timezone=True), nullable=False),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("shown", "naming")),
        *(sa.Column(name, instant(timezone=True), nullable=True) for name in ("erased_at", "done_at")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_erasure_person_id", "erasure", ["person_id"])
    op.create_table(
        "forgotten",
        sa.Column("hash", sa.BigInteger(), autoincrement=False, nullable=False),
        *(sa.Column(name, text(), nullable=False) for name in ("vendor", "object")),
        sa.PrimaryKeyConstraint("hash"),
    )


def downgrade() -> None:
    op.drop_table("forgotten")
    op.drop_table("erasure")
