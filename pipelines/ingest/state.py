"""Where every stream stands: up to when it was read, what waits on disk, what has landed; and how to send one back to its beginning.

A reset removes the cursor and the pages that wait. Raw, facts and decisions stay: what is read again lands only if it is new.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq
from sqlalchemy import Engine
from sqlmodel import col, func, select

from connectors.base import Connector, Position
from models.facts import Fact
from models.operations import Cursor, Dirty, Rejection
from models.store import transaction
from pipelines.ingest.anew import made_otherwise
from pipelines.ingest.lake import Lake
from pipelines.ingest.staging import Staging, claim

REACHES = ("until", "events_from", "created_from", "read")
"""What cursors call the instant up to which everything has been read; several accounts in one cursor have one each."""
SECONDS, MILLISECONDS = range(10**9, 10**10), range(10**12, 10**13)
"""Instants of this century as whole numbers."""


@dataclass(frozen=True)
class StreamState:
    """One stream of one vendor account.

    Shape: `account` is None where rows have landed and no cursor or page says of which; `cursor` is None where the next pull reads
    everything. `staged_*` are of an unfinished window. `landed` and `translated` are raw batches; `anew` says that another release read
    them, so that the next pull reads them as facts once more; `records`, `rejected` and `dirty`, what webhooks have named and no pull has
    read yet, are of all accounts.
    """

    vendor: str
    account: str | None
    stream: str
    cursor: Position | None
    reached: datetime | None
    landed_at: datetime | None
    staged_pages: int
    staged_rows: int
    staged_position: Position | None
    records: int
    rejected: int
    dirty: int
    landed: int
    translated: int
    anew: bool


def reached(position: Position | None) -> datetime | None:
    """The instant up to which a cursor says that everything is read, the earliest of several; None if it does not tell one."""
    found = [instant for value in _reaches(position) if (instant := _instant(value))]
    return min(found, default=None)


def read_until(position: Position | None) -> str:
    """A cursor in words."""
    if position is None:
        return "nothing read yet; the next pull reads everything"
    until = reached(position)
    return f"read until {until:%Y-%m-%d %H:%M:%S} UTC" if until else "read up to the last pull"


def stream_states(lake: Lake, store: Engine, staging: Path, connectors: Mapping[str, Connector]) -> list[StreamState]:
    """Every stream of these vendors that has left a trace, by vendor, account and stream."""
    with transaction(store) as session:
        cursors = {(row.vendor, row.stream, row.account): row for row in session.exec(select(Cursor))}
        counted = session.exec(select(Rejection.stream, func.count()).group_by(col(Rejection.stream)))
        rejected: dict[str, int] = dict(counted.all())
        marked = session.exec(select(Dirty.vendor, Dirty.stream, func.count()).group_by(Dirty.vendor, Dirty.stream))
        dirty = {f"{vendor}/{stream}": number for vendor, stream, number in marked}
    known = cursors.keys() | set(_staged(staging, connectors))
    told = {(vendor, stream) for vendor, stream, _ in known}
    traces: list[tuple[str, str, str | None]] = [
        *known,
        *((vendor, stream, None) for vendor, stream in lake.streams() if (vendor, stream) not in told),
    ]
    anew = {
        vendor: made_otherwise(lake, connectors[vendor])
        for vendor in {trace[0] for trace in traces}
        if vendor in connectors
    }
    return [
        _state(
            lake,
            staging,
            connectors[vendor],
            anew[vendor],
            stream,
            account,
            cursors.get((vendor, stream, account or "")),
            rejected,
            dirty,
        )
        for vendor, stream, account in sorted(traces, key=lambda trace: (trace[0], trace[2] or "", trace[1]))
        if vendor in connectors
    ]


def reset(store: Engine, staging: Path, states: Iterable[StreamState]) -> None:
    """Send streams back to their beginning: all of them or, if one is being pulled right now, none (StreamBusyError)."""
    with ExitStack() as claims:
        held = [
            (one, claims.enter_context(claim(staging, one.vendor, one.account, one.stream)))
            for one in states
            if one.account is not None
        ]
        with transaction(store) as session:
            for one, _ in held:
                row = session.get(Cursor, (one.vendor, one.account, one.stream))
                if row is not None:
                    session.delete(row)
        for _, pages in held:  # a page without its cursor is thrown away by the next pull, should we die here
            pages.clear()


def _state(
    lake: Lake,
    staging: Path,
    connector: Connector,
    anew: Sequence[type[Fact]],
    stream: str,
    account: str | None,
    cursor: Cursor | None,
    rejected: Mapping[str, int],
    dirty: Mapping[str, int],
) -> StreamState:
    vendor, position = connector.name, cursor.position if cursor else None
    pages = Staging.of(staging, vendor, account, stream) if account is not None else None
    mark = pages.mark() if pages else None
    known = connector.streams_by_name.get(stream)
    landed = lake.last_batch(vendor, stream)
    marks = [lake.translated(fact, vendor, stream) for fact in known.facts] if known else []
    return StreamState(
        vendor=vendor,
        account=account,
        stream=stream,
        cursor=position,
        reached=reached(position),
        landed_at=cursor.landed_at if cursor else None,
        staged_pages=len(pages.pages()) if pages else 0,
        staged_rows=sum(pq.read_metadata(page).num_rows for page in pages.pages()) if pages else 0,
        staged_position=mark.position if mark else None,
        records=lake.census(vendor, stream).records,
        rejected=rejected.get(f"{vendor}/{stream}", 0),
        dirty=dirty.get(f"{vendor}/{stream}", 0),
        landed=landed,
        translated=min(marks, default=landed),
        anew=known is not None and bool({*anew} & {*known.facts}),
    )


def _staged(staging: Path, connectors: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Vendor, stream and account of every folder in which pages wait."""
    for vendor in connectors:
        for folder in {page.parent for page in (staging / vendor).glob("*/*/*.parquet")}:
            if not folder.suffix:  # else it is about to be removed
                yield vendor, folder.name, unquote(folder.parent.name)


def _reaches(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in REACHES:
                yield inner
            else:
                yield from _reaches(inner)


def _instant(value: Any) -> datetime | None:
    """Seconds or milliseconds since 1970, or ISO 8601; a day means its beginning, UTC. None for anything else."""
    if isinstance(value, str):
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            return None
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    if isinstance(value, int) and value in SECONDS:
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, int) and value in MILLISECONDS:
        return datetime.fromtimestamp(value / 1000, UTC)
    return None
