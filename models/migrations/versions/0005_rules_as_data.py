"""rules as data, and what a stitch decided by them."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

import models.base

revision = "0005_rules"
down_revision = "0004_streams"
branch_labels = None
depends_on = None

text, instant = sqlmodel.sql.sqltypes.AutoString, models.base.UtcDateTime
EDGE = ("rules_version", "left", "right", "via_kind", "via_value")
TAKEN_BACK = ("superseded_by", "superseded_because")


def upgrade() -> None:
    op.create_table(
        "identity_rule",
        *(sa.Column(name, text(), nullable=False) for name in ("id", "scope", "kind")),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("normaliser", text(), nullable=False),
        sa.Column("max_records", sa.Integer(), nullable=False),
        sa.Column("max_values", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("needs_same_name", "one_ever", "enabled")),
        sa.Column("blocked", sa.JSON(), nullable=False),
        *(sa.Column(name, text(), nullable=False) for name in ("decided_by", "reason")),
        sa.Column("decided_at", instant(timezone=True), nullable=False),
        sa.Column("superseded_at", instant(timezone=True), nullable=True),
        *(sa.Column(name, text(), nullable=True) for name in TAKEN_BACK),
        sa.CheckConstraint("priority > 0 and max_records > 0 and max_values > 0", name="identity_rule_limits"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "stitch",
        sa.Column("version", sa.Integer(), nullable=False, autoincrement=False),
        *(sa.Column(name, text(), nullable=False) for name in ("scope", "rules_version")),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("stitched_at", instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "refused_tie",
        *(
            sa.Column(name, text(), nullable=False)
            for name in ("id", "left", "right", "kind", "value", "scope", "cause")
        ),
        sa.Column("stitch_version", sa.Integer(), nullable=False),
        sa.Column("since", instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("identity_event") as table:
        for name in EDGE:
            table.add_column(sa.Column(name, text(), nullable=True))
    with op.batch_alter_table("judgement") as table:
        for name in TAKEN_BACK:
            table.add_column(sa.Column(name, text(), nullable=True))
    with op.batch_alter_table("membership") as table:
        table.add_column(sa.Column("formerly", text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("membership") as table:
        table.drop_column("formerly")
    with op.batch_alter_table("judgement") as table:
        for name in TAKEN_BACK:
            table.drop_column(name)
    with op.batch_alter_table("identity_event") as table:
        for name in EDGE:
            table.drop_column(name)
    for name in ("refused_tie", "stitch", "identity_rule"):
        op.drop_table(name)
