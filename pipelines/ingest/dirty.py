"""Records that vendors say have changed: marked by webhooks, read by the next pull before it walks.

A mark only says "look at this one soon"; what is true is what the pull reads. So a mark may be lost, doubled or false without harm, and
a pull that cannot read by id just walks. A mark goes once the record's row has landed, and stays if it was set again meanwhile.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Delete, Engine, bindparam, delete, func
from sqlmodel import col, select

from connectors.base import Connector, Notice, Source, Stream
from connectors.errors import Fatal, RecordRejected, Unsupported
from models.clock import Clock
from models.operations import Dirty
from models.records import Record
from models.store import INSERT, transaction

logger = logging.getLogger(__name__)

BATCH = 100
"""Records that a vendor is asked for at a time."""
MOST = 1_000
"""Marks of one stream that are read one by one; of more (an import at the vendor) the walk tells in fewer calls."""


def mark(store: Engine, vendor: str, notices: Sequence[Notice], at: datetime) -> None:
    """Remember these records until they are read; committed when it returns."""
    named = {(notice.account or "", notice.stream, notice.id) for notice in notices}
    if not named:
        return
    insert = INSERT[store.dialect.name](Dirty)
    again = insert.on_conflict_do_update(
        index_elements=["vendor", "account", "stream", "id"], set_={"noticed_at": insert.excluded.noticed_at}
    )
    rows = [  # in one order, for two deliveries of the same records must not wait for each other
        {"vendor": vendor, "account": account, "stream": stream, "id": record_id, "noticed_at": at}
        for account, stream, record_id in sorted(named)
    ]
    with transaction(store) as session:
        session.connection().execute(again, rows)


def dirty_streams(store: Engine, connector: Connector) -> dict[Stream, datetime]:
    """The vendor's streams that have marks, and when the latest of each was set."""
    newest = (
        select(Dirty.stream, func.max(Dirty.noticed_at)).where(Dirty.vendor == connector.name).group_by(Dirty.stream)
    )
    with transaction(store) as session:
        found = dict(session.exec(newest).all())
    return {stream: found[stream.name] for stream in connector.streams if stream.name in found}


@contextmanager
def dirty_first(
    source: Source, stream: Stream, store: Engine, clock: Clock, land: Callable[[Sequence[Record]], None]
) -> Iterator[None]:
    """Around a walk: the marked records are read and land before it. Those that cannot be read so are the walk's.

    Errors: Retryable, and Fatal for credentials, from reading, with every mark still there.
    """
    began = clock.now()
    marks = _marks(store, source.vendor, stream)
    records = _read(source, stream, [one.id for one in marks if one.account in ("", source.account)])
    if records:
        land(records)
    if records is not None:
        _forget(store, _EXACTLY, [_named(one) for one in marks])
    yield
    if records is None:
        _forget(store, _UNTIL, [{"was_vendor": source.vendor, "was_stream": stream.name, "was_at": began}])


def _marks(store: Engine, vendor: str, stream: Stream) -> Sequence[Dirty]:
    """Marks of the stream in the order they came; those of accounts that are no longer read are nobody's, and go with the others."""
    of_stream = select(Dirty).where(Dirty.vendor == vendor, Dirty.stream == stream.name)
    with transaction(store) as session:
        return session.exec(of_stream.order_by(col(Dirty.noticed_at)).limit(MOST + 1)).all()


def _read(source: Source, stream: Stream, ids: Sequence[str]) -> list[Record] | None:
    """The records as they are now, None where the walk must tell."""
    if len(ids) > MOST:
        return None
    ids = list(dict.fromkeys(ids))
    try:
        return [one for at in range(0, len(ids), BATCH) for one in source.read(stream, ids[at : at + BATCH])]
    except Unsupported:
        return None
    except (Fatal, RecordRejected) as error:
        if isinstance(error, Fatal) and error.credentials:
            raise
        logger.warning("what was said to have changed is left to the walk: %s", error)
        return None


_EXACTLY = delete(Dirty).where(
    col(Dirty.vendor) == bindparam("was_vendor"),
    col(Dirty.account) == bindparam("was_account"),
    col(Dirty.stream) == bindparam("was_stream"),
    col(Dirty.id) == bindparam("was_id"),
    col(Dirty.noticed_at) == bindparam("was_at"),
)
_UNTIL = delete(Dirty).where(
    col(Dirty.vendor) == bindparam("was_vendor"),
    col(Dirty.stream) == bindparam("was_stream"),
    col(Dirty.noticed_at) <= bindparam("was_at"),
)


def _named(one: Dirty) -> dict[str, Any]:
    return {f"was_{name}": getattr(one, name) for name in ("vendor", "account", "stream", "id")} | {
        "was_at": one.noticed_at
    }


def _forget(store: Engine, statement: Delete, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        with transaction(store) as session:
            session.connection().execute(statement, rows)
