"""What the portal holds, in one SQLite file: records with their history, associations, custom properties, owners, forms and tokens.

A record keeps its id for life, but for a merge: it makes a new record, and the old ids from then on lead to that one. Values that
must be unique, such as e-mail addresses, belong to living records only.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Any

import orjson

from models.clock import Clock
from sandbox.hubspot.associations import Associations
from sandbox.hubspot.definitions import PIPELINE_PROPERTIES, Definition
from sandbox.hubspot.history import History
from sandbox.hubspot.index import Index
from sandbox.hubspot.limits import Limits
from sandbox.hubspot.lists import Lists
from sandbox.hubspot.objects import BY_NAME, ObjectType
from sandbox.hubspot.properties import Properties
from sandbox.hubspot.stages import Pipelines
from sandbox.hubspot.values import EPOCH, MILLISECOND, milliseconds, read, wire

SCHEMA = """
create table if not exists records (
    type text not null, id integer not null, created integer not null, modified integer not null, archived integer not null default 0,
    archived_at integer, json blob not null, primary key (type, id)) without rowid;
create index if not exists by_change on records (type, archived, modified, id);
create table if not exists uniques (type text, name text, value text, id integer, primary key (type, name, value)) without rowid;
create table if not exists aliases (type text, old integer, id integer not null, primary key (type, old)) without rowid;
create table if not exists things (
    kind text, id text, at integer not null, json blob not null, seq integer primary key, unique (kind, id));
create index if not exists newest on things (kind, at, seq);
create table if not exists tokens (token text primary key, scopes text, expired_at integer);
"""
FIRST_ID = 100_001
BIN = timedelta(days=90)
UNIQUE_BESIDE = {"hs_additional_emails": "email"}
"""Values that count as values of another property when it comes to being unique."""

Values = dict[str, str]


@dataclass(frozen=True)
class Record:
    """One record as it is kept. Units: milliseconds since 1970."""

    type: ObjectType
    id: int
    created: int
    modified: int
    archived_at: int | None
    values: Values
    """Only properties that have a value, without the stamps and the id."""

    def all_values(self) -> Values:
        """The properties with stamps and id."""
        stamps = zip(self.type.stamps, (wire(self.created), wire(self.modified), str(self.id)), strict=True)
        return {**self.values, **dict(stamps)}


class HubSpotState:
    """The portal. `index_lag` is how long a change takes until search finds it, `search_slack` how far search misses a window."""

    def __init__(self, root: Path, clock: Clock) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.clock = clock
        self.index_lag = timedelta(0)
        self.search_slack = timedelta(0)
        self.limits = Limits(clock)
        self._lock = RLock()
        self.db = sqlite3.connect(root / "hubspot.db", check_same_thread=False, isolation_level=None)
        self.db.executescript("pragma journal_mode=wal; pragma synchronous=off;" + SCHEMA)
        self.pipelines = Pipelines(self.db, self.now)
        self.properties = Properties(self.db, self.now, self.pipelines)
        self.lists = Lists(self.db, self.now, self.properties)
        self.associations = Associations(self.db)
        self.history = History(self.db)
        self.index = Index(self.db)

    def close(self) -> None:
        """Let go of the file."""
        self.db.close()

    def now(self) -> int:
        """The clock's instant in milliseconds, as HubSpot stamps."""
        return (self.clock.now() - EPOCH) // MILLISECOND

    @contextmanager
    def together(self) -> Iterator[None]:
        """All or nothing of what is written in the block, which may be inside another."""
        with self._lock:
            if self.db.in_transaction:
                yield
                return
            self.db.execute("begin")
            try:
                yield
            except BaseException:
                self.db.execute("rollback")
                raise
            self.db.execute("commit")

    # planting -----------------------------------------------------------------------------------------------------

    def insert_many(self, object_type: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Plant history as it is: records, or what stands beside them; gives how many.

        Shape: a record has `properties` (strings by name), and where wanted `id`, `createdAt`, `updatedAt` and `archivedAt` (by
        default the stamps among the properties, else now), and `associations` (ids by object; their records may come later).
        `owners`, `forms` and `submissions/<guid of the form>` are as the API answers them, `properties/<object>` as it takes them.
        Owners come before the records that name them. Errors: KeyError for a property that does not exist, BadValue for a value
        that does not fit.
        """
        what, _, of = object_type.partition("/")
        with self.together():
            if what == "properties":
                return len([self.properties.create(BY_NAME[of], row) for row in rows])
            if what in BY_NAME:
                return self._insert_records(BY_NAME[what], rows)
            return self._insert_things(object_type, rows)

    def _insert_records(self, kind: ObjectType, rows: Iterable[Mapping[str, Any]]) -> int:
        known, owners, number = self.properties.known(kind), self.owner_ids(), 0
        for row in rows:
            number += 1
            planted = self._planted(kind, row, known, owners)
            self._keep(planted)
            for old in _several(planted, "hs_merged_object_ids"):
                self.db.execute("insert into aliases values (?, ?, ?)", (kind.path, int(old), planted.id))
            for target, ids in row.get("associations", {}).items():
                for one in ids:
                    self.associations.link(kind, planted.id, BY_NAME[target], int(one))
        return number

    def _insert_things(self, kind: str, rows: Iterable[Mapping[str, Any]]) -> int:
        values = [
            (kind, row.get("id") or row["conversionId"], row.get("submittedAt") or milliseconds(row["createdAt"]), orjson.dumps(row))
            for row in rows
        ]  # fmt: skip
        self.db.executemany("insert into things (kind, id, at, json) values (?, ?, ?, ?)", values)
        return len(values)

    def _planted(
        self, kind: ObjectType, row: Mapping[str, Any], known: Mapping[str, Definition], owners: frozenset[str]
    ) -> Record:
        given = {name: read(known[name], text, owners) for name, text in row["properties"].items() if text}
        made, changed = (
            row.get("createdAt") or given.get(kind.created),
            row.get("updatedAt") or given.get(kind.modified),
        )
        created = milliseconds(made) if made else self.now()
        return Record(
            kind, int(row.get("id") or self._next_id()), created, milliseconds(changed) if changed else created,
            milliseconds(row["archivedAt"]) if row.get("archivedAt") else None,
            {name: text for name, text in given.items() if name not in kind.stamps},
        )  # fmt: skip

    # changing -----------------------------------------------------------------------------------------------------

    def create(self, object_type: str, values: Values) -> Record:
        """A new record with these values, which must have been checked."""
        kind, now = BY_NAME[object_type], self.now()
        with self.together():
            values = {name: text for name, text in values.items() if text}
            return self._keep(Record(kind, self._next_id(), now, now, None, values))

    def update(self, object_type: str, record_id: int | str, values: Values) -> Record:
        """The record with these values, which must have been checked; "" takes one away. KeyError for an unknown or archived id."""
        with self.together():
            before = self.get(object_type, record_id)
            after = {name: text for name, text in {**before.values, **values}.items() if text}
            return self._replace(before, after, None)

    def archive(self, object_type: str, record_id: int | str) -> None:
        """Put a record into the recycling bin; one that is not there stays so."""
        with self.together():
            found = self.find(object_type, record_id)
            if found and found.archived_at is None:
                self._replace(found, found.values, self.now())

    def restore(self, object_type: str, record_id: int | str) -> Record:
        """Take a record out of the recycling bin, which stamps it. KeyError if it is not there.

        Source: https://knowledge.hubspot.com/records/restore-deleted-records; the stamp: what integrators saw
        (https://integrate.hubspot.com/t/restoring-recently-deleted-contacts/11963).
        """
        with self.together():
            found = self.find(object_type, record_id)
            if found is None or found.archived_at is None or found.archived_at < self.bin_start():
                raise KeyError(record_id)
            return self._replace(found, found.values, None)

    def purge(self, object_type: str, record_id: int | str) -> None:
        """Delete a record for good; one that is not there stays so."""
        with self.together():
            found = self.find(object_type, record_id)
            if found:
                self._forget(found)
                self.history.forget(found.type, found.id)

    def change_stage(self, object_type: str, pipeline: str, stage: str, given: Mapping[str, Any]) -> None:
        """Change a stage, which touches every record of its pipeline."""
        kind = BY_NAME[object_type]
        with self.together():
            self.pipelines.change(kind.path, pipeline, stage, given)
            where = f"archived=0 and json_extract(json, '$.{PIPELINE_PROPERTIES[kind.path][0]}')=?"
            for one in list(self.select(kind, where, [pipeline], "id", -1)):
                self._replace(one, one.values, None)

    def merge(self, object_type: str, primary_id: int | str, other_id: int | str) -> Record:
        """A new record in place of two, whose ids lead to it from now on. KeyError for an unknown or archived id.

        Source: https://developers.hubspot.com/changelog/updated-merge-functionality-for-contacts-and-companies.
        """
        with self.together():
            first, second = self.get(object_type, primary_id), self.get(object_type, other_id)
            kind, merged = first.type, self._next_id()
            gone = [str(first.id), str(second.id), *_several(first, "hs_merged_object_ids")]
            gone += _several(second, "hs_merged_object_ids")
            values = {**second.values, **first.values, "hs_merged_object_ids": ";".join(gone)}
            if kind.path == "contacts" and len({each.values.get("email") for each in (first, second)} - {None}) > 1:
                known = [*_several(first, "hs_additional_emails"), *_several(second, "hs_additional_emails")]
                values["hs_additional_emails"] = ";".join([*known, second.values["email"]])
            for old in (first, second):
                self._forget(old)
                self.db.execute("update aliases set id=? where type=? and id=?", (merged, kind.path, old.id))
                self.db.execute("insert into aliases values (?, ?, ?)", (kind.path, old.id, merged))
                self.associations.move(kind, old.id, merged)
                self.history.move(kind, old.id, merged)
            made = min(first.created, second.created)
            return self._keep(Record(kind, merged, made, self.now(), None, values))

    def _replace(self, before: Record, values: Values, archived_at: int | None) -> Record:
        # two changes within one millisecond still differ in their stamps
        after = Record(
            before.type, before.id, before.created, max(self.now(), before.modified + 1), archived_at, values
        )
        if self.index_lag:
            self.index.remember(
                before.type.path, before.id, before.created, before.modified, before.values, after.modified
            )
        self._forget(before)
        after = self._keep(after)
        self.history.note(after.type, after.id, after.modified, before.values, after.values)
        return after

    def _keep(self, record: Record) -> Record:
        """The record as it is kept: a deal is told what follows from its stage."""
        record = replace(record, values=self._calculated(record))
        archived = record.archived_at is not None
        row = (
            record.type.path, record.id, record.created, record.modified, archived, record.archived_at, orjson.dumps(record.values),
        )  # fmt: skip
        self.db.execute("insert into records values (?, ?, ?, ?, ?, ?, ?)", row)
        if not archived:
            self.db.executemany("insert into uniques values (?, ?, ?, ?)", self._uniques(record))
        return record

    def _calculated(self, record: Record) -> Values:
        stage = (
            self.pipelines.stage("deals", record.values.get("pipeline"), record.values.get("dealstage"))
            if record.type.path == "deals"
            else None
        )
        if stage is None:
            return record.values
        closed, probability = stage.metadata["isClosed"], stage.metadata["probability"]
        won = "true" if closed == "true" and probability == "1.0" else "false"
        told = {"hs_is_closed": closed, "hs_is_closed_won": won, "hs_deal_stage_probability": probability}
        return {**record.values, **told}

    def bin_start(self) -> int:
        """Since when what was archived may still be restored, and is listed: 90 days."""
        return self.now() - BIN // MILLISECOND

    def _forget(self, record: Record) -> None:
        self.db.execute("delete from records where type=? and id=?", (record.type.path, record.id))
        where = "delete from uniques where type=? and name=? and value=? and id=?"
        self.db.executemany(where, self._uniques(record))

    def _uniques(self, record: Record) -> list[tuple[str, str, str, int]]:
        names = self.properties.unique(record.type)
        own = [(name, record.values[name]) for name in names if name in record.values]
        own += [(meant, one) for name, meant in UNIQUE_BESIDE.items() for one in _several(record, name)]
        return [(record.type.path, name, value.lower(), record.id) for name, value in own]

    def _next_id(self) -> int:
        sql = "select max(coalesce((select max(id) from records), 0), coalesce((select max(old) from aliases), 0))"
        (last,) = self.db.execute(sql).fetchone()
        return max(int(last) + 1, FIRST_ID)

    # reading ------------------------------------------------------------------------------------------------------

    def find(self, object_type: str, record_id: int | str) -> Record | None:
        """The record of that id, archived or not; the id of a merged record leads to what it became."""
        kind = BY_NAME[object_type]
        if not str(record_id).isdecimal():
            return None
        sql = "select coalesce((select id from aliases where type=? and old=?), ?)"
        (real,) = self.db.execute(sql, (kind.path, int(record_id), int(record_id))).fetchone()
        return next(self.select(kind, "id=?", [real], "id", 1), None)

    def get(self, object_type: str, record_id: int | str) -> Record:
        """The living record. KeyError for an unknown or archived id."""
        found = self.find(object_type, record_id)
        if found is None or found.archived_at is not None:
            raise KeyError(record_id)
        return found

    def holder(self, kind: ObjectType, name: str, value: str) -> int | None:
        """The id of the living record that has this value of a unique property; case does not count."""
        sql = "select id from uniques where type=? and name=? and value=?"
        row = self.db.execute(sql, (kind.path, name, value.strip().lower())).fetchone()
        return None if row is None else int(row[0])

    def count(self, object_type: str) -> int:
        """How many living records of that kind there are."""
        sql = "select count(*) from records where type=? and archived=0"
        (total,) = self.db.execute(sql, (BY_NAME[object_type].path,)).fetchone()
        return int(total)

    def select(
        self,
        kind: ObjectType,
        where: str,
        values: list[Any],
        order: str,
        limit: int,
        offset: int = 0,
        source: str = "records",
    ) -> Iterator[Record]:
        """Records of one kind under an SQL condition, in an SQL order, as the table or what takes its place knows them."""
        sql = f"select id, created, modified, archived_at, json from {source} where type=? and {where} order by {order} limit ? offset ?"  # noqa: S608  # our own words
        with closing(self.db.execute(sql, (kind.path, *values, limit, offset))) as rows:
            for record_id, created, modified, archived_at, json in rows:
                yield Record(kind, record_id, created, modified, archived_at, orjson.loads(json))

    def things(self, kind: str, where: str, values: list[Any], order: str, limit: int) -> list[tuple[int, Any]]:
        """Owners, forms or submissions with their running number."""
        sql = f"select seq, json from things where kind=? and {where} order by {order} limit ?"  # noqa: S608  # our own words
        return [(seq, orjson.loads(json)) for seq, json in self.db.execute(sql, (kind, *values, limit))]

    def owner_ids(self) -> frozenset[str]:
        """Ids of all owners, deactivated ones too."""
        return frozenset(one for (one,) in self.db.execute("select id from things where kind='owners'"))

    # tokens -------------------------------------------------------------------------------------------------------

    def add_token(self, token: str, *, scopes: set[str] | None = None, expired_at: datetime | None = None) -> None:
        """Issue a token, which is a private app's if it begins with pat-; None are all scopes, `expired_at` is when it ended."""
        given = None if scopes is None else " ".join(sorted(scopes))
        ended = None if expired_at is None else (expired_at - EPOCH) // MILLISECOND
        self.db.execute("insert or replace into tokens values (?, ?, ?)", (token, given, ended))

    def token(self, token: str) -> tuple[set[str] | None, int | None] | None:
        """Scopes (None: all) and when the token ends; None for a token never issued."""
        row = self.db.execute("select scopes, expired_at from tokens where token=?", (token,)).fetchone()
        return None if row is None else (None if row[0] is None else set(row[0].split()), row[1])


def _several(record: Record, name: str) -> list[str]:
    return [one for one in record.values.get(name, "").split(";") if one]
