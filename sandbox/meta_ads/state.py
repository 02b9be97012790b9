"""What the sandboxed ad accounts hold: one SQLite file that outlives the server.

Objects are kept as their JSON with what is searched beside it; insights are kept per ad and day of the account, and every coarser
answer is added up from them. How the vendor behaves beyond its data (job lives, limits) is `Conduct` and is not kept.
"""

import sqlite3
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any

import orjson

from models.clock import Clock
from sandbox.meta_ads import ACCESS_TOKEN
from sandbox.meta_ads.usage import Limits

Row = dict[str, Any]

SCHEMA = """
create table if not exists nodes (seq integer primary key, id text not null unique, kind text not null, account text not null,
    parent text not null, form text not null, created integer not null, updated integer not null, status text not null, json blob not null);
create index if not exists by_account on nodes (kind, account);
create index if not exists by_parent on nodes (kind, parent);
create table if not exists insights (account text not null, day text not null, ad text not null, json blob not null,
    primary key (account, day, ad)) without rowid;
create table if not exists reports (id integer primary key, account text not null, params blob not null, outcome text not null,
    asked integer not null default 0, fetched integer not null default 0);
create table if not exists tokens (token text primary key, permissions text not null, expires integer not null);
"""
PARENTS = {"adset": "campaign_id", "ad": "adset_id", "lead": "ad_id", "form": "page_id"}
PERMISSIONS = frozenset({"ads_read", "leads_retrieval", "pages_show_list", "pages_manage_ads"})
FIRST_REPORT = 6_000_000_000_000_001

LIFE = (("Job Running", 100), ("Job Completed", 100))
"""What a report's node answers, call by call; "Job Running" at 100 % has been seen in the wild (https://github.com/airbytehq/airbyte/issues/4375)."""


@dataclass
class Conduct:
    """How the vendor behaves; a test sets what it needs."""

    life: Sequence[tuple[str, int]] = LIFE
    outcomes: deque[str] = field(default_factory=deque)
    """How the next reports end, where not well: "Job Failed", "Job Skipped", or "stuck" for never."""
    unborn: int = 0
    """So many first looks at a new report say that it is not there."""
    unloaded: int = 0
    """So many first looks at the rows of a completed report say that it is not loaded."""
    most_cells: int | None = None
    """Rows times fields that a report can hold; a larger one fails, or is refused where `refuses_large`."""
    refuses_large: bool = False
    most_page_cells: int | None = None
    """Rows times fields that one page can hold."""
    empty_pages: bool = False
    """Whether every listing longer than a page has an empty one, with `next`, after its first."""
    left_out: int = 0
    """So many parts of the next batches are null: Meta leaves out what takes too long."""
    dead: set[str] = field(default_factory=set)
    """Fields, breakdowns, windows and orders that the SDK lists and this version has no more."""
    forgotten: set[str] = field(default_factory=set)
    """Ads whose rows insights have no more at the level of ads, whatever is asked; the account's own sum still has them."""
    unsorted: bool = False
    """Whether rows of insights come by ad, in whatever order they are asked for."""
    limits: Limits = field(default_factory=Limits)


class MetaState:
    """Accounts, ads, their days, leads, reports and tokens."""

    def __init__(self, root: Path, clock: Clock) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.clock = clock
        self.conduct = Conduct()
        self.lock = RLock()
        self._db = sqlite3.connect(root / "meta_ads.db", check_same_thread=False, isolation_level=None)
        self._db.executescript("pragma journal_mode=wal; pragma synchronous=off;" + SCHEMA)
        if self.token(ACCESS_TOKEN) is None:
            self.add_token(ACCESS_TOKEN)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def now(self) -> int:
        """The clock's instant in whole seconds."""
        return int(self.clock.now().timestamp())

    # objects ----------------------------------------------------------------------------------------------------------

    def insert_many(self, kind: str, rows: Iterable[Row]) -> None:
        """Plant objects, in place of any with the same id.

        Kinds: adaccount, campaign, adset, ad, adcreative, lead, insight, form, and page, whose `access_token` is issued with it.
        """
        rows = list(rows)
        for row in rows if kind == "page" else ():
            self.add_token(row["access_token"])
        with self.lock:
            self._db.execute("begin")
            if kind == "insight":
                self._db.executemany(
                    "insert or replace into insights values (?,?,?,?)",
                    ((row["account_id"], row["date_start"], row["ad_id"], orjson.dumps(row)) for row in rows),
                )
            else:
                self._db.executemany(
                    "insert or replace into nodes (id, kind, account, parent, form, created, updated, status, json) values (?,?,?,?,?,?,?,?,?)",
                    (_searched(kind, row) for row in rows),
                )
            self._db.execute("commit")

    def update(self, object_id: str, **changes: Any) -> None:
        """Change an object now; its `updated_time` moves, its place in listings stays."""
        kind, row = self.node(object_id) or _missing(object_id)
        stamp = self.clock.now().strftime("%Y-%m-%dT%H:%M:%S%z")
        whole = _searched(kind, row | ({"updated_time": stamp} if "updated_time" in row else {}) | changes)
        self._db.execute("update nodes set updated=?, status=?, json=? where id=?", (*whole[6:], object_id))

    def remove_day(self, account: str, day: str, ad: str) -> None:
        """An ad's row of a day disappears, as rows do when Meta corrects itself."""
        self._db.execute("delete from insights where account=? and day=? and ad=?", (account, day, ad))

    def node(self, object_id: str) -> tuple[str, Row] | None:
        """Kind and content of an object."""
        found = self._db.execute("select kind, json from nodes where id=?", (object_id,)).fetchone()
        return (found[0], orjson.loads(found[1])) if found else None

    def select(self, kind: str, where: str, values: Sequence[Any]) -> list[Row]:
        """Objects of a kind that meet a condition of our own words, newest first."""
        sql = f"select json from nodes where kind=? and ({where}) order by seq desc"  # noqa: S608  # our own words
        return [orjson.loads(row[0]) for row in self._db.execute(sql, (kind, *values))]

    def days(self, account: str, since: str, until: str) -> list[Row]:
        """Rows of an account's ads from the first to the last day."""
        sql = "select json from insights where account=? and day between ? and ? order by day, ad"
        return [orjson.loads(row[0]) for row in self._db.execute(sql, (account, since, until))]

    def count(self, kind: str) -> int:
        """How many objects of that kind there are."""
        table, where = ("insights", "?<>''") if kind == "insight" else ("nodes", "kind=?")
        (total,) = self._db.execute(f"select count(*) from {table} where {where}", (kind,)).fetchone()  # noqa: S608
        return int(total)

    # reports ----------------------------------------------------------------------------------------------------------

    def add_report(self, account: str, params: Mapping[str, Any], outcome: str) -> str:
        """A new report; its id."""
        sql = "insert into reports (id, account, params, outcome) values ((select coalesce(max(id)+1, ?) from reports), ?, ?, ?) returning id"
        with self.lock:
            row = self._db.execute(sql, (FIRST_REPORT, account, orjson.dumps(params), outcome)).fetchone()
        return str(row[0])

    def holder(self, report: str) -> str | None:
        """The object that a report is of."""
        known = report.isdecimal() and len(report) <= 18
        found = self._db.execute("select account from reports where id=?", (int(report),)).fetchone() if known else None
        return str(found[0]) if found else None

    def look_at(self, report: str, what: str) -> tuple[str, Row, str, int, int] | None:
        """Account, parameters and outcome of a report, and how often it was asked for and fetched, this look included.

        `what` is `asked` (its node) or `fetched` (its rows).
        """
        if not report.isdecimal() or len(report) > 18:
            return None
        with self.lock:
            found = self._db.execute(
                f"update reports set {what}={what}+1 where id=? returning account, params, outcome, asked, fetched",  # noqa: S608
                (int(report),),
            ).fetchone()
        return (found[0], orjson.loads(found[1]), *found[2:]) if found else None

    # tokens -----------------------------------------------------------------------------------------------------------

    def add_token(
        self, token: str, *, permissions: Iterable[str] = PERMISSIONS, expires: datetime | None = None
    ) -> None:
        """Issue a token; without `expires` it never ends."""
        end = int(expires.timestamp()) if expires else 0
        self._db.execute("insert or replace into tokens values (?,?,?)", (token, " ".join(sorted(permissions)), end))

    def revoke(self, token: str) -> None:
        """The token is worth nothing from now on."""
        self._db.execute("delete from tokens where token=?", (token,))

    def page_of(self, token: str) -> str | None:
        """The Page whose own token this is."""
        found = self._db.execute(
            "select id from nodes where kind='page' and json_extract(json, '$.access_token')=?", (token,)
        ).fetchone()
        return str(found[0]) if found else None

    def token(self, token: str) -> tuple[set[str], int] | None:
        """Permissions and end (0: never) of a token; None if it was never issued or is revoked."""
        found = self._db.execute("select permissions, expires from tokens where token=?", (token,)).fetchone()
        return (set(found[0].split()), found[1]) if found else None


def seconds(stamp: str | None) -> int:
    """An instant as Meta writes it, 2026-11-01T12:00:00+0000, in seconds since 1970; 0 for none."""
    return int(datetime.fromisoformat(stamp).timestamp()) if stamp else 0


def _searched(kind: str, row: Row) -> tuple[Any, ...]:
    parent, form = str(row.get(PARENTS.get(kind, ""), "")), str(row.get("form_id", ""))
    created, updated = seconds(row.get("created_time")), seconds(row.get("updated_time"))
    status, account = row.get("effective_status", ""), row.get("account_id", "")
    shown = {key: value for key, value in row.items() if not (kind == "lead" and key == "account_id")}
    return row["id"], kind, account, parent, form, created, updated, status, orjson.dumps(shown)


def _missing(object_id: str) -> Any:
    raise KeyError(object_id)
