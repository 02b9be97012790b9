"""Short lists that have no stamp to search by, owners and pipelines: read whole in every run, and what is missing has gone."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from connectors.base import Page, Position, Stream
from connectors.hubspot.client import Portal, Rows
from connectors.hubspot.paging import leaves
from connectors.hubspot.refusals import VENDOR
from connectors.hubspot.wire import instant, instant_at
from models.keys import RecordKey
from models.records import Record

Json = dict[str, Any]


def owners(portal: Portal, stream: Stream, cursor: Position | None, now: int) -> Iterator[Page]:
    """The seller's own people; those who left are archived and still no customers."""
    rows = [*_owners(portal, stream, archived=False), *_owners(portal, stream, archived=True)]
    yield _whole(portal, stream, {str(row["id"]): row for row in rows}, cursor, now)


def pipelines(portal: Portal, stream: Stream, cursor: Position | None, now: int) -> Iterator[Page]:
    """The pipelines of deals and of tickets, which may have equal ids."""
    rows = {
        f"{kind}/{row['id']}": {**row, "objectType": kind}
        for kind in ("deals", "tickets")
        for row in portal.pipelines(kind, stream.name)
    }
    yield _whole(portal, stream, rows, cursor, now)


def _owners(portal: Portal, stream: Stream, *, archived: bool) -> Iterator[Json]:
    reason = "sweep" if archived else "window"

    def ask(after: str | None) -> Rows:
        return portal.owners(reason, after, archived=archived, stream=stream.name)

    for found in leaves(ask, "the list of owners", stream.name):
        yield from found.rows


def _whole(portal: Portal, stream: Stream, rows: dict[str, Json], cursor: Position | None, now: int) -> Page:
    at = instant_at(now)
    records = [Record(_key(portal, stream, one), _changed(row, at), row) for one, row in rows.items()]
    missing: Sequence[str] = sorted(set(cursor["ids"]) - rows.keys()) if cursor else []
    records += [Record(_key(portal, stream, one), at, {"id": one}, deleted=True) for one in missing]
    return Page(records, {}, {"ids": sorted(rows)})


def _key(portal: Portal, stream: Stream, one: str) -> RecordKey:
    return RecordKey(VENDOR, portal.id, stream.object, one)


def _changed(row: Json, otherwise: datetime) -> datetime:
    try:
        return instant(str(row["updatedAt"]))
    except (KeyError, ValueError):
        return otherwise
