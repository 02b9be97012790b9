"""The columns that a vendor tells of a stream, and how they change: one that vanished or changed its type may silence facts without any error.

Names and types are kept, never a value. A column of another type is another row, so that both types and their times stay known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from models.operations import StreamColumn
from models.store import transaction

WARNED_FOR = timedelta(days=7)
"""How long a change that takes something away is warned of: whoever looks once a week sees it, and nobody has to acknowledge it."""


@dataclass(frozen=True)
class ColumnChange:
    """One column that is no longer what it was; `was` is None for a new one, `now` for one that vanished; both are types."""

    name: str
    was: str | None
    now: str | None

    @property
    def kind(self) -> str:
        """What happened: added, vanished or retyped."""
        return "added" if self.was is None else "vanished" if self.now is None else "retyped"


def note_columns(
    store: Engine, vendor: str, account: str, stream: str, told: Mapping[str, str], now: datetime
) -> list[ColumnChange]:
    """Remember the columns as they are told now; returns what changed since the last time, by name. Nothing the first time."""
    with transaction(store) as session:
        rows = _rows(session, vendor, stream, account)
        known = {row.name: row.type for row in rows if row.gone_at is None}
        before = {(row.name, row.type): row for row in rows}
        for name, kind in told.items() - known.items():
            row = before.get((name, kind))
            if row is None:
                session.add(
                    StreamColumn(vendor=vendor, account=account, stream=stream, name=name, type=kind, first_seen=now)
                )
            else:
                row.gone_at = None  # it came back
        for name, kind in known.items() - told.items():
            before[name, kind].gone_at = now
    changed = sorted({name for name, _ in known.items() ^ told.items()}) if rows else []
    return [ColumnChange(name, known.get(name), told.get(name)) for name in changed]


def lately_lost(store: Engine, vendor: str, stream: str, now: datetime) -> list[ColumnChange]:
    """Columns of a stream that vanished or changed their type within `WARNED_FOR`, and have not come back."""
    with transaction(store) as session:
        rows = _rows(session, vendor, stream)
    there = {(row.account, row.name): row.type for row in rows if row.gone_at is None}
    return [
        ColumnChange(row.name, row.type, there.get((row.account, row.name)))
        for row in rows
        if row.gone_at is not None and now - row.gone_at < WARNED_FOR
    ]


def _rows(session: Session, vendor: str, stream: str, account: str | None = None) -> list[StreamColumn]:
    where = (col(StreamColumn.vendor) == vendor) & (col(StreamColumn.stream) == stream)
    if account is not None:
        where &= col(StreamColumn.account) == account
    rows = session.exec(select(StreamColumn).where(where))
    return sorted(rows, key=lambda row: (row.name, row.first_seen, row.account))
