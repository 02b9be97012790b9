"""which id each record has by the rules alone, so that a judgement taken back gives it back.

Empty, as where nobody judged: the next stitch looks at everything and fills it in.
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0014_ids_by_rules"
down_revision = "0013_looks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("membership") as table:
        table.add_column(sa.Column("by_rules", sqlmodel.sql.sqltypes.AutoString(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("membership") as table:
        table.drop_column("by_rules")
