"""write-back a team can trust: approval, undo, bulk jobs, and what a refused row waits for."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

import models.base

revision = "0010_write_back"
down_revision = "0009_batches"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
PLAN = ("undoes", "needs_approval", "approved_at", "approved_by")
WRITE = ("belief_ids", "parked_under", "job")


def upgrade() -> None:
    op.add_column("write_plan", sa.Column("undoes", TEXT(), nullable=True))
    op.add_column("write_plan", sa.Column("needs_approval", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("write_plan", sa.Column("approved_at", models.base.UtcDateTime(timezone=True), nullable=True))
    op.add_column("write_plan", sa.Column("approved_by", TEXT(), nullable=True))
    op.add_column("intended_write", sa.Column("belief_ids", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("intended_write", sa.Column("parked_under", TEXT(), nullable=True))
    op.add_column("intended_write", sa.Column("job", TEXT(), nullable=True))
    op.drop_index("ix_intended_write_plan_id", "intended_write")
    op.create_index("ix_intended_write_plan_record", "intended_write", ["plan_id", "record"])
    op.create_index("ix_intended_write_job_record", "intended_write", ["job", "record"])


def downgrade() -> None:
    op.drop_index("ix_intended_write_job_record", "intended_write")
    op.drop_index("ix_intended_write_plan_record", "intended_write")
    op.create_index("ix_intended_write_plan_id", "intended_write", ["plan_id"])
    for table, columns in (("write_plan", PLAN), ("intended_write", WRITE)):
        for column in columns:
            op.drop_column(table, column)
