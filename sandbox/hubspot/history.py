"""Which values the properties of a record had, and when: the changes are kept, and what was before the first of them follows from it.

Source: https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide (propertiesWithHistory); SDK: ValueWithTimestamp.
"""

import sqlite3
from collections.abc import Iterable, Mapping

from sandbox.hubspot.errors import Answer
from sandbox.hubspot.objects import ObjectType
from sandbox.hubspot.values import wire

SCHEMA = """
create table if not exists changes (
    seq integer primary key, type text not null, id integer not null, name text not null, at integer not null, old text, new text);
create index if not exists changes_of on changes (type, id, name, seq);
"""


class History:
    """The changes of all records."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.executescript(SCHEMA)

    def note(
        self, kind: ObjectType, record_id: int, at: int, before: Mapping[str, str], after: Mapping[str, str]
    ) -> None:
        """Keep what differs."""
        names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        rows = [(kind.path, record_id, name, at, before.get(name), after.get(name)) for name in names]
        sql = "insert into changes (type, id, name, at, old, new) values (?, ?, ?, ?, ?, ?)"
        self._db.executemany(sql, rows)

    def move(self, kind: ObjectType, old: int, new: int) -> None:
        """Give a record's changes to the one that it was merged into."""
        self._db.execute("update changes set id=? where type=? and id=?", (new, kind.path, old))

    def forget(self, kind: ObjectType, record_id: int) -> None:
        """Keep nothing of a record."""
        self._db.execute("delete from changes where type=? and id=?", (kind.path, record_id))

    def of(
        self, kind: ObjectType, record_id: int, made: int, values: Mapping[str, str], names: Iterable[str]
    ) -> Answer:
        """The values of each property, newest first; a value that was taken away is empty."""
        return {name: self._values(kind, record_id, made, values.get(name), name) for name in names}

    def _values(self, kind: ObjectType, record_id: int, made: int, now: str | None, name: str) -> list[Answer]:
        sql = "select at, old, new from changes where type=? and id=? and name=? order by seq desc"
        changes = self._db.execute(sql, (kind.path, record_id, name)).fetchall()
        first = changes[-1][1] if changes else now
        told = [_entry(new, at) for at, _, new in changes]
        return told if first is None else [*told, _entry(first, made)]


def _entry(value: str | None, at: int) -> Answer:
    return {"value": value or "", "timestamp": wire(at), "sourceType": "INTEGRATION", "sourceId": "sandbox"}
