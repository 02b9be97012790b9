"""what a reading costs."""

import sqlalchemy as sa
from alembic import op

revision = "0002_costs"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("extraction", schema=None) as batch_op:
        # until now only the embedded extractor has read, which uses no tokens and costs nothing
        batch_op.add_column(sa.Column("tokens_in", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("tokens_out", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("cost_microusd", sa.Integer(), nullable=True, server_default="0"))
        batch_op.drop_column("tokens")
        batch_op.create_index(batch_op.f("ix_extraction_extracted_at"), ["extracted_at"], unique=False)
    with op.batch_alter_table("extraction", schema=None) as batch_op:
        for name in ("tokens_in", "tokens_out", "cost_microusd"):
            batch_op.alter_column(name, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("extraction", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tokens", sa.Integer(), nullable=False, server_default="0"))
        batch_op.drop_index(batch_op.f("ix_extraction_extracted_at"))
        for name in ("tokens_in", "tokens_out", "cost_microusd"):
            batch_op.drop_column(name)
