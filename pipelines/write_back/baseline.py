"""What each CRM field is known to hold: it moves in the same commit as the row that says so, and only with a row that is ok."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models.store import INSERT, among
from models.writes import Baseline, WritePlan
from pipelines.write_back import rows
from pipelines.write_back.rows import Row

BASELINE: sa.Table = Baseline.__table__  # type: ignore[attr-defined]  # SQLModel adds it


def acknowledge(session: Session, settled: Sequence[Row]) -> None:
    """What the CRM is known to hold follows those of these rows that are ok; they have been kept before."""
    true = [row for row in settled if row.state == "ok"]
    if not true:
        return
    _take_back(session, true)
    write = rows.TABLE.c
    facts = {
        "record": write.record, "field": write.field, "value": write.new_value, "value_hash": write.value_hash, "write_id": write.id,
        "acknowledged_at": write.acknowledged_at,
    }  # fmt: skip
    written = sa.select(*facts.values()).where(among(session, write.id, [row.id for row in true]))
    insert = INSERT[session.get_bind().dialect.name](BASELINE).from_select(list(facts), written)
    known_by = [column.name for column in BASELINE.primary_key]
    said = {name: insert.excluded[name] for name in facts if name not in known_by}
    session.connection().execute(insert.on_conflict_do_update(index_elements=known_by, set_=said))


def _take_back(session: Session, true: Sequence[Row]) -> None:
    """The writes that an undoing plan's rows have taken back say so."""
    plans = select(WritePlan.id, WritePlan.undoes).where(
        col(WritePlan.id).in_({row.plan_id for row in true}), col(WritePlan.undoes).is_not(None)
    )
    for plan_id, undone in session.exec(plans).all():
        table = rows.TABLE
        same = (table.c.record == sa.bindparam("taken")) & (table.c.field == sa.bindparam("named"))
        back = sa.update(table).where(table.c.plan_id == undone, table.c.state == "ok", same).values(state="undone")
        taken = [{"taken": row.record, "named": row.field} for row in true if row.plan_id == plan_id]
        session.connection().execute(back, taken)
