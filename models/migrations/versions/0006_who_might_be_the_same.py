"""who might be the same."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

import models.base

revision = "0006_suggestion"
down_revision = "0005_rules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    text, instant = sqlmodel.sql.sqltypes.AutoString, models.base.UtcDateTime
    op.create_table(
        "suggestion",
        *(sa.Column(name, text(), nullable=False) for name in ("id", "scope", "left", "right", "status")),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("weight", "probability")),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("suggested_at", instant(timezone=True), nullable=False),
        sa.Column("decided_at", instant(timezone=True), nullable=True),
        *(sa.Column(name, text(), nullable=True) for name in ("decided_by", "reason")),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("status in ('open', 'accepted', 'refused', 'closed')", name="suggestion_status"),
        sa.CheckConstraint("probability >= 0 and probability <= 1", name="suggestion_probability"),
    )
    for column in ("left", "right", "status"):
        op.create_index(f"ix_suggestion_{column}", "suggestion", [column])


def downgrade() -> None:
    op.drop_table("suggestion")
