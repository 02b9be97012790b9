"""what each stitch has looked at, so that the next one starts from there."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0013_looks"
down_revision = "0012_erasure"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "look",
        *(
            sa.Column(name, sqlmodel.sql.sqltypes.AutoString(), nullable=False)
            for name in ("scope", "release", "rules_version")
        ),
        sa.Column("read_to", sa.JSON(), nullable=False),
        sa.Column("whole_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("scope"),
    )


def downgrade() -> None:
    op.drop_table("look")
