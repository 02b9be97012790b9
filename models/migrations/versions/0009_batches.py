"""requests that are with a provider for hours."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

import models.base

revision = "0009_batches"
down_revision = "0008_weights"
branch_labels = None
depends_on = None


def upgrade() -> None:
    text, instant = sqlmodel.sql.sqltypes.AutoString, models.base.UtcDateTime
    op.create_table(
        "batch",
        sa.Column("id", text(), nullable=False),
        sa.Column("model", text(), nullable=False),
        sa.Column("provider_id", text(), nullable=True),
        sa.Column("status", text(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("gathered_at", instant(timezone=True), nullable=False),
        sa.Column("ended_at", instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("model", "status"):
        op.create_index(f"ix_batch_{column}", "batch", [column])
    names = ("batch_id", "custom_id", "observation_id")
    op.create_table(
        "batch_request",
        *(sa.Column(name, text(), nullable=False) for name in names),
        sa.PrimaryKeyConstraint(*names),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"]),
    )


def downgrade() -> None:
    op.drop_table("batch_request")
    op.drop_table("batch")
