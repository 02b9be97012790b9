"""What each CRM field is known to hold: it moves in the same commit as the row that says so, and only with a row that is ok."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models.writes import Baseline, WritePlan
from pipelines.understand.people import chunks
from pipelines.write_back import rows
from pipelines.write_back.rows import Row

BASELINE: sa.Table = Baseline.__table__  # type: ignore[attr-defined]  # SQLModel adds it


def acknowledge(session: Session, settled: Sequence[Row], now: datetime) -> None:
    """What the CRM is known to hold follows those of these rows that are ok."""
    true = [row for row in settled if row.state == "ok"]
    known: set[tuple[str, str]] = set()
    for some in chunks(sorted({row.record for row in true})):
        known |= set(session.exec(select(Baseline.record, Baseline.field).where(col(Baseline.record).in_(some))).all())
    fresh: list[dict[str, object]] = []
    changed: list[dict[str, object]] = []
    for row in true:
        fact = {"record": row.record, "field": row.field, "value": row.new_value, "value_hash": row.value_hash}
        (changed if (row.record, row.field) in known else fresh).append(
            {**fact, "write_id": row.id, "acknowledged_at": now}
        )
    if true:
        _take_back(session, true)
        rows.change(session, [row.id for row in true], {"acknowledged_at": now})
    if fresh:
        session.connection().execute(sa.insert(BASELINE), fresh)
    if changed:
        known_by = (BASELINE.c.record == sa.bindparam("of")) & (BASELINE.c.field == sa.bindparam("named"))
        values: dict[str, Any] = {
            one: sa.bindparam(one) for one in ("value", "value_hash", "write_id", "acknowledged_at")
        }
        renamed = [{"of": one.pop("record"), "named": one.pop("field"), **one} for one in changed]
        session.connection().execute(sa.update(BASELINE).where(known_by).values(values), renamed)


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
