"""A row of the ledger as it is worked on: plain, since a plan has a dozen per record, and a model of each would take longer than the CRM."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from dataclasses import field as having
from datetime import datetime
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from models.store import among
from models.writes import IntendedWrite

TABLE: sa.Table = IntendedWrite.__table__  # type: ignore[attr-defined]  # SQLModel adds it
OUTCOME = (
    "old_value", "state", "reason", "error", "parked", "parked_under", "job", "attempts", "sent_at", "acknowledged_at",
)  # fmt: skip
"""What happens to a row after it was planned."""


@dataclass(slots=True)
class Row:
    """The columns of `IntendedWrite`. The beliefs behind a row are kept with it and not read again here."""

    id: str
    plan_id: str
    record: str
    entity_id: str
    field: str
    old_value: str | None
    new_value: str | None
    value_hash: str
    reason: str
    state: str
    attempts: int = 0
    parked: bool = False
    parked_under: str | None = None
    job: str | None = None
    error: str | None = None
    sent_at: datetime | None = None
    acknowledged_at: datetime | None = None
    belief_ids: list[str] = having(default_factory=list)


NAMES = [one.name for one in fields(Row)]
COLUMNS = [TABLE.c[one] for one in NAMES if one != "belief_ids"]
MANY = 20
"""Rows from which one statement for all is cheaper than one each."""
_columns, _outcome = attrgetter(*NAMES), attrgetter(*OUTCOME)
_SETTLED = sa.update(TABLE).where(TABLE.c.id == sa.bindparam("row")).values({one: sa.bindparam(one) for one in OUTCOME})


def read(session: Session, *conditions: Any) -> list[Row]:
    """The rows that meet the conditions, by id."""
    found = session.connection().execute(sa.select(*COLUMNS).where(*conditions).order_by(TABLE.c.id))
    return [Row(*one) for one in found]


def add(session: Session, rows: Iterable[Row]) -> None:
    """Keep new rows."""
    # `asdict` copies deep, which takes many times as long
    if given := [dict(zip(NAMES, _columns(row), strict=True)) for row in rows]:
        session.connection().execute(sa.insert(TABLE), given)


def update(session: Session, rows: Iterable[Row]) -> None:
    """Keep what became of rows; what many of them came to is said once."""
    alike: defaultdict[tuple[Any, ...], list[str]] = defaultdict(list)
    for row in rows:
        alike[_outcome(row)].append(row.id)
    alone: list[dict[str, Any]] = []
    for outcome, ids in alike.items():
        became = dict(zip(OUTCOME, outcome, strict=True))
        if len(ids) < MANY:
            alone += [{"row": one, **became} for one in ids]
        else:
            change(session, ids, became)
    if alone:
        session.connection().execute(_SETTLED, alone)


def change(session: Session, ids: Sequence[str], values: Mapping[str, Any]) -> None:
    """Give these rows the same values."""
    session.connection().execute(sa.update(TABLE).where(among(session, TABLE.c.id, ids)).values(values))
