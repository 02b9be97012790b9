"""how far each stitch had read, so that the next one looks at what has changed since."""

import sqlalchemy as sa
from alembic import op

revision = "0013_how_far_a_stitch_had_read"
down_revision = "0012_erasure"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("stitch") as batch_op:
        batch_op.add_column(sa.Column("read_to", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("stitch") as batch_op:
        batch_op.alter_column("read_to", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("stitch") as batch_op:
        batch_op.drop_column("read_to")
