"""what reviews teach, and evidence that is no quote."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

import models.base

revision = "0007_reviews"
down_revision = "0006_suggestion"
branch_labels = None
depends_on = None

text, instant = sqlmodel.sql.sqltypes.AutoString, models.base.UtcDateTime
SPAN, SPAN_OR_ROWS = '"end" > start and start >= 0', "start >= 0 and (\"end\" > start or level <> 'explicit')"
LEVELS = "level in ('explicit', 'behavioural', 'reviewed', 'deduced', 'asserted')"


def upgrade() -> None:
    with op.batch_alter_table("evidence") as table:
        table.add_column(sa.Column("against", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("level", text(), nullable=False, server_default="explicit"))
        table.add_column(sa.Column("basis", sa.JSON(none_as_null=True), nullable=True))
    with op.batch_alter_table("evidence") as table:
        table.drop_constraint("evidence_span", type_="check")
        table.create_check_constraint("evidence_span", sa.text(SPAN_OR_ROWS))
        table.create_check_constraint("evidence_level", sa.text(LEVELS))
    # beliefs stay as they are until the next run replays them: a CRM must not be emptied in between
    with op.batch_alter_table("belief") as table:
        table.add_column(sa.Column("parents", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("raw", sa.Float(), nullable=False, server_default="0"))
        table.add_column(sa.Column("calibration", text(), nullable=False, server_default="uncalibrated"))
        table.add_column(sa.Column("superseded_by", text(), nullable=True))
        table.add_column(sa.Column("reason", text(), nullable=True))
    op.execute("update belief set raw = confidence")
    op.create_table(
        "drift",
        *(sa.Column(name, text(), nullable=False) for name in ("id", "person_id")),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("holder", text(), nullable=True),
        *(sa.Column(name, text(), nullable=False) for name in ("slot", "aspect", "away_from")),
        sa.Column("at", instant(timezone=True), nullable=False),
        sa.Column("announced", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "review",
        *(sa.Column(name, text(), nullable=False) for name in ("id", "subject")),
        sa.Column("subject_hash", sa.BigInteger(), nullable=False),
        sa.Column("holder", text(), nullable=True),
        *(sa.Column(name, text(), nullable=False) for name in ("slot", "aspect", "polarity", "statement")),
        sa.Column("evidence_ids", sa.JSON(), nullable=False),
        sa.Column("verdict", text(), nullable=False),
        sa.Column("correction", text(), nullable=True),
        *(sa.Column(name, text(), nullable=False) for name in ("reviewer", "role", "source")),
        *(sa.Column(name, instant(timezone=True), nullable=False) for name in ("reviewed_at", "recorded_at")),
        sa.CheckConstraint("verdict in ('agree', 'disagree', 'unsure')", name="review_verdict"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "lesson",
        sa.Column("version", text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("verdicts", "customers")),
        sa.Column("tallies", sa.JSON(), nullable=False),
        sa.Column("method", text(), nullable=False),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("knots", "figures")),
        sa.Column("learnt_at", instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    for name, column in (
        ("drift", "person_id"),
        ("drift", "bucket"),
        ("review", "subject_hash"),
        ("review", "recorded_at"),
    ):
        op.create_index(f"ix_{name}_{column}", name, [column])


def downgrade() -> None:
    for name in ("lesson", "review", "drift"):
        op.drop_table(name)
    with op.batch_alter_table("belief") as table:
        for name in ("parents", "raw", "calibration", "superseded_by", "reason"):
            table.drop_column(name)
    op.execute("delete from evidence where level <> 'explicit'")
    with op.batch_alter_table("evidence") as table:
        table.drop_constraint("evidence_level", type_="check")
        table.drop_constraint("evidence_span", type_="check")
        table.create_check_constraint("evidence_span", sa.text(SPAN))
    with op.batch_alter_table("evidence") as table:
        for name in ("against", "level", "basis"):
            table.drop_column(name)
