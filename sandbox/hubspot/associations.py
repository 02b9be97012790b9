"""Which record is associated with which, in both directions. The first company of a record is its primary one."""

import sqlite3

from sandbox.hubspot.errors import Answer
from sandbox.hubspot.objects import ObjectType, association_type, primary_type

SCHEMA = """
create table if not exists associations (
    source text, source_id integer, target text, target_id integer, is_primary integer not null,
    primary key (source, source_id, target, target_id)) without rowid;
"""
LIVING = "exists (select 1 from records r where r.type=target and r.id=target_id and r.archived=0)"
"""What an archived record is associated with is not shown from the other side."""


class Associations:
    """The associations of the portal."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.executescript(SCHEMA)

    def link(self, source: ObjectType, source_id: int, target: ObjectType, target_id: int) -> int:
        """Associate two records without a label, and give the type; done twice it is done once."""
        number = association_type(source, target)
        primary = self._is_first(source, source_id, target) or self._is_first(target, target_id, source)
        rows = ((source, source_id, target, target_id), (target, target_id, source, source_id))
        self._db.executemany(
            "insert or ignore into associations values (?, ?, ?, ?, ?)",
            [(near.path, near_id, far.path, far_id, primary) for near, near_id, far, far_id in rows],
        )
        return number

    def _is_first(self, member: ObjectType, member_id: int, company: ObjectType) -> bool:
        if company.path != "companies" or primary_type(member, company) is None:
            return False
        sql = "select 1 from associations where source=? and source_id=? and target=? and is_primary"
        return self._db.execute(sql, (member.path, member_id, company.path)).fetchone() is None

    def move(self, kind: ObjectType, old: int, new: int) -> None:
        """Give a record's associations to the one it was merged into."""
        for side in ("source", "target"):
            where = (new, kind.path, old)
            self._db.execute(f"update or ignore associations set {side}_id=? where {side}=? and {side}_id=?", where)  # noqa: S608
            self._db.execute(f"delete from associations where {side}=? and {side}_id=?", (kind.path, old))  # noqa: S608

    def page(
        self, source: ObjectType, source_id: int, target: ObjectType, *, after: int, limit: int
    ) -> tuple[list[tuple[int, bool]], int | None]:
        """Ids above `after` with whether each is the primary one, and where the next page starts if there is one."""
        sql = f"select target_id, is_primary from associations where source=? and source_id=? and target=? and target_id>? and {LIVING} order by target_id limit ?"  # noqa: S608  # our own words
        values = (source.path, source_id, target.path, after, limit + 1)
        found = [(record_id, bool(primary)) for record_id, primary in self._db.execute(sql, values)]
        page = found[:limit]
        return page, page[-1][0] if len(found) > limit else None


def types(source: ObjectType, target: ObjectType, *, primary: bool) -> list[Answer]:
    """The types of one association as v4 shows them (SDK: AssociationSpecWithLabel)."""
    numbers: list[tuple[int | None, str | None]] = [(association_type(source, target), None)]
    if primary:
        numbers.insert(0, (primary_type(source, target), "Primary"))
    return [{"category": "HUBSPOT_DEFINED", "typeId": number, "label": label} for number, label in numbers]
