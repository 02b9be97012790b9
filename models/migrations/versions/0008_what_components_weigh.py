"""what the components of alignment weigh."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

import models.base

revision = "0008_weights"
down_revision = "0007_reviews"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alignment_weights",
        sa.Column("version", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("weights", sa.JSON(), nullable=False),
        sa.Column("outcomes", sa.Integer(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("learnt_at", models.base.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_index("ix_alignment_weights_learnt_at", "alignment_weights", ["learnt_at"])


def downgrade() -> None:
    op.drop_table("alignment_weights")
