"""what people were told about the machinery."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

import models.base

revision = "0011_alerts"
down_revision = "0010_write_back"
branch_labels = None
depends_on = None

text, instant = sqlmodel.sql.sqltypes.AutoString, models.base.UtcDateTime


def upgrade() -> None:
    op.create_table(
        "alert",
        *(sa.Column(name, text(), nullable=False) for name in ("id", "subject", "about")),
        sa.Column("failing", sa.Boolean(), nullable=False),
        sa.Column("changed_at", instant(timezone=True), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_alert_subject", "alert", ["subject"])
    op.create_index("ix_alert_changed_at", "alert", ["changed_at"])


def downgrade() -> None:
    op.drop_table("alert")
