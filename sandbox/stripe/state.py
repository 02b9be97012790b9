"""What the sandboxed Stripe account holds: one SQLite file that outlives the server.

Invariant: every change made through here (create, update, delete) is answered by the next read and told by exactly one event;
`insert_many` alone plants history without telling. Lists are newest first, ties in reverse order of planting. A connected account has
a file of its own, so nothing of one account can show in another (https://docs.stripe.com/connect/authentication).
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from threading import RLock
from typing import Any

import orjson

from models.clock import Clock
from sandbox.stripe import ACCOUNT_ID, API_VERSION
from sandbox.stripe.errors import missing
from sandbox.stripe.events import changed_before, event, kind_of_change
from sandbox.stripe.render import needs_work, shown
from sandbox.stripe.shapes import StripeObject, complete
from sandbox.stripe.versions import as_of

SCHEMA = """
create table if not exists objects (
    seq integer primary key, id text not null unique, type text not null, created integer not null, customer text,
    email text, label text, test_clock text, folded integer not null, gone integer not null default 0, json blob not null);
create index if not exists newest on objects (type, created, seq);
create index if not exists by_customer on objects (type, customer, created, seq);
create table if not exists replies (key text primary key, request text not null, status integer not null, body blob not null);
create table if not exists keys (key text primary key, permissions text, expired integer not null);
"""

INSERT = "insert into objects (id, type, created, customer, email, label, test_clock, folded, json) values (?,?,?,?,?,?,?,?,?)"


class StripeState:
    """The account's objects, events, keys and idempotent answers.

    `default_version` is the account's own API version: events are shown in it, whatever version is asked in
    (https://docs.stripe.com/api/events/object#event_object-api_version).
    """

    def __init__(self, root: Path, clock: Clock, account: str = ACCOUNT_ID) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.clock = clock
        self.account = account
        self.default_version = API_VERSION
        self._root = root
        self._connected: dict[str, StripeState] = {}
        self._lock = RLock()
        self._db = sqlite3.connect(root / "stripe.db", check_same_thread=False, isolation_level=None)
        self._db.executescript("pragma journal_mode=wal; pragma synchronous=off;" + SCHEMA)
        if self.find(account) is None:
            self.insert_many([{"id": account, "object": "account", "created": self.now()}])

    def close(self) -> None:
        """Let go of the files."""
        for account in self._connected.values():
            account.close()
        self._db.close()

    def connect(self, account: str) -> "StripeState":
        """A connected account, empty when it is new; `delete` disconnects it."""
        self.insert_many([{"id": account, "object": "account", "created": self.now()}])
        return self.of(account)

    def of(self, account: str) -> "StripeState":
        """The state of this account or of one that is connected to it. KeyError for any other."""
        if account == self.account:
            return self
        if self.get(account)["object"] != "account":
            raise KeyError(account)
        if account not in self._connected:
            self._connected[account] = StripeState(self._root / account, self.clock, account)
        return self._connected[account]

    def now(self) -> int:
        """The clock's instant in whole seconds, as Stripe stamps."""
        return int(self.clock.now().timestamp())

    # planting -----------------------------------------------------------------------------------------------------

    def insert_many(self, objects: Iterable[StripeObject]) -> None:
        """Plant objects as history, without events; absent keys get their plain values. In order of age where stamps tie."""
        self._insert(complete(given) for given in objects)

    def insert_events(self, events: Iterable[StripeObject]) -> None:
        """Plant events as history (see `sandbox.stripe.events.event` for their shape)."""
        self._insert(events)

    def _insert(self, objects: Iterable[StripeObject]) -> None:
        with self._lock:
            self._db.execute("begin")
            try:
                self._db.executemany(INSERT, map(_row, objects))
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")

    # changing -----------------------------------------------------------------------------------------------------

    def create(self, given: StripeObject, event_type: str | None = None) -> StripeObject:
        """Make an object now (or at its own `created`) and tell it by an event."""
        whole = complete({"created": self.now(), **given})
        with self._lock:
            self._insert([whole])
            self._tell("created", whole, event_type=event_type)
        return whole

    def update(self, object_id: str, changes: StripeObject, event_type: str | None = None) -> StripeObject:
        """Replace those keys and tell it by an event that carries what they were. KeyError for an unknown id."""
        with self._lock:
            before = self.get(object_id)
            after = self.adjust(object_id, changes)
            change = "updated" if before.get("status") == after.get("status") else "reached"
            self._tell(change, after, previous=changed_before(before, after), event_type=event_type)
        return after

    def adjust(self, object_id: str, changes: StripeObject) -> StripeObject:
        """Replace those keys of an object whose change another object's event tells. KeyError for an unknown id."""
        with self._lock:
            after = complete(self.get(object_id) | changes)
            self._db.execute(
                "update objects set customer=?, email=?, label=?, test_clock=?, folded=?, json=? where id=?",
                (*_row(after)[3:], object_id),
            )
        return after

    def delete(self, object_id: str) -> StripeObject:
        """Delete an object, tell it by an event, and answer the stub that Stripe answers."""
        with self._lock:
            whole = self.get(object_id)
            self._db.execute("update objects set gone=1 where id=?", (object_id,))
            self._tell("deleted", whole)
        return {"id": object_id, "object": whole["object"], "deleted": True}

    def delete_customer(self, customer_id: str) -> StripeObject:
        """Delete a customer and cancel what it subscribed to; only its stub can be read afterwards."""
        for subscription in self.ids("subscription", "customer=? and label <> 'canceled'", customer_id):
            self.update(subscription, {"status": "canceled", "canceled_at": self.now(), "ended_at": self.now()})
        return self.delete(customer_id)

    def delete_clock(self, clock_id: str) -> StripeObject:
        """Delete a test clock with the customers and subscriptions of its time, each told by an event."""
        for kind in ("subscription", "customer"):
            for one in self.ids(kind, "test_clock=?", clock_id):
                self.delete(one)
        return self.delete(clock_id)

    def _tell(
        self, change: str, whole: StripeObject, *, previous: StripeObject | None = None, event_type: str | None = None
    ) -> None:
        kind = event_type or kind_of_change(change, whole)
        if kind is None:
            return
        told = as_of(self.default_version, shown(whole))
        self._insert([event(self.next_id("evt"), kind, told, self.now(), previous, self.default_version)])

    def next_id(self, prefix: str) -> str:
        """A fresh id with that prefix, of no other account."""
        (last,) = self._db.execute("select coalesce(max(seq), 0) from objects").fetchone()
        owner = "" if self.account == ACCOUNT_ID else self.account.removeprefix("acct_")
        return f"{prefix}_{owner}{last + 1:014d}"

    # reading ------------------------------------------------------------------------------------------------------

    def find(self, object_id: str) -> StripeObject | None:
        """The object, its stub if it is deleted, or None."""
        row = self._db.execute("select json, type, gone from objects where id=?", (object_id,)).fetchone()
        if row is None:
            return None
        if row[2]:
            return {"id": object_id, "object": row[1], "deleted": True}
        found: StripeObject = orjson.loads(row[0])
        return found

    def get(self, object_id: str) -> StripeObject:
        """The living object. KeyError for an unknown or deleted id."""
        found = self.find(object_id)
        if found is None or found.get("deleted"):
            raise KeyError(object_id)
        return found

    def ids(self, object_name: str, where: str, *values: Any) -> list[str]:
        """Ids of the living objects of that kind for which the condition holds, newest first."""
        sql = f"select id from objects where type=? and gone=0 and {where} order by created desc, seq desc"  # noqa: S608  # our own words
        return [row[0] for row in self._db.execute(sql, (object_name, *values))]

    def count(self, object_name: str) -> int:
        """How many living objects of that kind there are."""
        (total,) = self._db.execute("select count(*) from objects where type=? and gone=0", (object_name,)).fetchone()
        return int(total)

    def page(
        self,
        object_name: str,
        where: list[str],
        values: list[Any],
        *,
        limit: int,
        after: str | None,
        before: str | None,
    ) -> tuple[list[tuple[bytes, bool]], bool]:
        """One page, newest first, as kept JSON and whether it needs work before it is shown, and whether more follow."""
        where, values = ["type=?", "gone=0", *where], [object_name, *values]
        order = "created desc, seq desc"
        if cursor := after or before:
            place = self._place(object_name, cursor, "starting_after" if after else "ending_before")
            where.append("(created, seq) < (?, ?)" if after else "(created, seq) > (?, ?)")
            values += place
        if before and not after:
            order = "created, seq"
        sql = f"select json, folded from objects where {' and '.join(where)} order by {order} limit ?"  # noqa: S608  # our own words
        with closing(self._db.execute(sql, (*values, limit + 1))) as rows:
            found = [(row[0], bool(row[1])) for row in rows]
        page = found[:limit]
        return (page if order.endswith("desc") else page[::-1]), len(found) > limit

    def _place(self, object_name: str, cursor: str, param: str) -> tuple[int, int]:
        row = self._db.execute(
            "select created, seq from objects where id=? and type=? and gone=0", (cursor, object_name)
        ).fetchone()
        if row is None:
            raise missing(object_name, cursor, param, status=400)
        return row[0], row[1]

    # keys and idempotency -----------------------------------------------------------------------------------------

    def add_key(self, key: str, *, permissions: set[str] | None = None, expired: bool = False) -> None:
        """Issue a key; `permissions` makes it a restricted one, such as {"rak_customer_read"}."""
        allowed = None if permissions is None else " ".join(sorted(permissions))
        self._db.execute("insert or replace into keys values (?, ?, ?)", (key, allowed, expired))

    def key(self, key: str) -> tuple[set[str] | None, bool] | None:
        """Permissions (None: all) and whether the key has expired; None for a key never issued."""
        row = self._db.execute("select permissions, expired from keys where key=?", (key,)).fetchone()
        return None if row is None else (None if row[0] is None else set(row[0].split()), bool(row[1]))

    def reply(self, key: str) -> tuple[str, int, bytes] | None:
        """What was asked and answered under an idempotency key."""
        row: tuple[str, int, bytes] | None = self._db.execute(
            "select request, status, body from replies where key=?", (key,)
        ).fetchone()
        return row

    def keep_reply(self, key: str, request: str, status: int, body: bytes) -> None:
        """Remember an answer for the next request with this idempotency key."""
        self._db.execute("insert into replies values (?, ?, ?, ?)", (key, request, status, body))


def _row(whole: StripeObject) -> tuple[Any, ...]:
    kind = whole["object"]
    label = whole["type"] if kind == "event" else whole.get("status")
    customer, clock = whole.get("customer"), whole.get("test_clock")
    return (
        whole["id"],
        kind,
        whole["start"] if kind == "discount" else whole["created"],  # it has no other stamp
        customer,
        whole.get("email"),
        label,
        clock,
        needs_work(whole),
        orjson.dumps(whole),
    )
