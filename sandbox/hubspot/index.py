"""The search index, which follows the records at a distance: as long as it lags, a record is found where it was.

An old version goes on being found under its old values and stamp, while the answer shows the record as it is; a new record is not found
yet. So rows may stand outside the window that was asked for, and no second search need agree with the first
(estuary/connectors#1861, #1871 and #2210; hubspot-api-php#59).
"""

import sqlite3
from collections.abc import Mapping

import orjson

SCHEMA = """
create table if not exists versions (
    type text not null, id integer not null, created integer not null, modified integer not null, replaced integer not null,
    json blob not null);
create index if not exists versions_at on versions (type, replaced, modified);
"""


class Index:
    """The versions that the index still knows."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.executescript(SCHEMA)

    def remember(
        self, kind: str, record_id: int, created: int, modified: int, values: Mapping[str, str], replaced: int
    ) -> None:
        """Keep a version that has just been replaced. Units: milliseconds since 1970."""
        row = (kind, record_id, created, modified, replaced, orjson.dumps(values))
        self._db.execute("insert into versions values (?, ?, ?, ?, ?, ?)", row)

    def as_of(self, at: int) -> str:
        """What takes the place of the table of records in a search that knows them as they were at that instant."""
        return f"""(
            select type, id, created, modified, archived, archived_at, json from records where modified <= {at}
            union all
            select v.type, v.id, v.created, v.modified, r.archived, r.archived_at, v.json
            from versions v join records r on r.type = v.type and r.id = v.id
            where v.modified <= {at} and v.replaced > {at})"""  # noqa: S608  # our own words and a number
