"""what vendors say has changed."""

import sqlalchemy as sa
from alembic import op

import models.base

revision = "0003_dirty"
down_revision = "0002_costs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dirty",
        sa.Column("vendor", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("noticed_at", models.base.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("vendor", "account", "stream", "id"),
    )


def downgrade() -> None:
    op.drop_table("dirty")
