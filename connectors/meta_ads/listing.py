"""Campaigns, ad sets, ads and creatives of one account: what was touched since the last pull, and everything once in a while.

`updated_time` has whole seconds and many share one, so the filter takes in the second that the last pull began at, and some minutes
before it; loading is an upsert on the id.
Source: https://developers.facebook.com/docs/marketing-api/reference/ad-account/ads (filtering, effective_status, summary).
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from connectors.base import Page, Position, Stream
from connectors.errors import ConnectorError, Fatal, Unsupported
from connectors.meta_ads.accounts import AdAccount
from connectors.meta_ads.client import Json, MetaApi, raised, there
from connectors.meta_ads.drift import Known, Names
from connectors.meta_ads.feeds import FEEDS, Feed
from connectors.meta_ads.paging import Leaf, leaves
from connectors.meta_ads.refusals import VENDOR, Unknown
from models.keys import RecordKey
from models.records import Record

NEEDED = ("id", "account_id")
DELETED = "DELETED"
LOOK_BACK = 600  # seconds; a change may show up after the stamp it carries (the lag is Meta's secret)


class Listing:
    """Pages of one listed stream."""

    def __init__(self, api: MetaApi, stream: Stream, known: Known) -> None:
        self._api = api
        self._stream = stream
        self._feed: Feed = FEEDS[stream.name]
        self._known = known

    def pages(self, account: AdAccount, known: Position | None, resume: Position | None, now: int) -> Iterator[Page]:
        """One window of one account; the last page carries what to know next time: `until` and when it was `listed` whole.

        Position: `as_of` (seconds) is when the window began, `since` from when on it reads (None: everything), `after` Meta's cursor.
        """
        due = known is None or known["until"] > now or now - known["listed"] >= self._feed.whole.total_seconds()
        if known is not None and not due and not self._feed.kind:
            yield Page([], {}, known)
            return
        since = None if due or known is None else known["until"] - LOOK_BACK
        position: Position = resume or {"as_of": now, "since": since, "after": None}
        listed = known["listed"] if known and position["since"] is not None else position["as_of"]
        done = {"until": position["as_of"], "listed": listed}
        reason = "sweep" if known and position["since"] is None else "window"
        for leaf in self._leaves(account, position, reason):
            records = [self._record(account.id, row, position["as_of"]) for row in leaf.rows]
            yield Page(records, {**position, "after": leaf.after}, None if leaf.after else done)

    def between(self, account: AdAccount, since: int, until: int, resume: Position | None) -> Iterator[Page]:
        """What was stamped in `[since, until)`; the last page's cursor says so."""
        position: Position = resume or {"as_of": until, "since": since, "until": until, "after": None}
        for leaf in self._leaves(account, position, "window"):
            records = [self._record(account.id, row, position["as_of"]) for row in leaf.rows]
            yield Page(records, {**position, "after": leaf.after}, None if leaf.after else {"until": until})

    def read(self, ids: Sequence[str], accounts: Collection[str], now: int) -> list[Record]:
        """Those of the objects that are there, and belong to these accounts."""

        def ask(names: Names) -> list[Json | ConnectorError]:
            fields = {"fields": ",".join(names)}
            answers = self._api.each("window", [(f"{one}/", fields) for one in ids], stream=self._stream.name)
            return raised(answers, Unknown)

        rows = [row for row in there(self._known.asked(ask)) if row.get("account_id") in accounts]
        return [self._record(str(row["account_id"]), row, now) for row in rows]

    def count(self, account: AdAccount) -> int:
        """How many there are that are not deleted, as Meta counts them."""
        params: dict[str, Any] = {"fields": "id", "limit": 1, "summary": True}
        if self._feed.statuses:
            params["effective_status"] = [status for status in self._feed.statuses if status != DELETED]
        path = (account.node, self._feed.edge)
        summary = self._api.get("count", path, params, stream=self._stream.name).get("summary")
        total = summary.get("total_count") if isinstance(summary, dict) else None
        if not isinstance(total, int):
            raise Unsupported("Meta told no count", vendor=VENDOR, stream=self._stream.name)
        return total

    def _leaves(self, account: AdAccount, position: Position, reason: str) -> Iterator[Leaf]:
        try:
            return self._walk(account, position, reason)
        except Fatal as error:
            if position["after"] is None or error.credentials:
                raise
            # a cursor kept from an earlier run may have expired, which Meta does not say in a code of its own
            return self._walk(account, position | {"after": None}, reason)

    def _walk(self, account: AdAccount, position: Position, reason: str) -> Iterator[Leaf]:
        """The pages, the first of which is read at once: it shows whether the fields and the cursor are good."""
        path, after = (account.node, self._feed.edge), position["after"]

        def begin(names: Names) -> tuple[Leaf, Iterator[Leaf]]:
            params = self._params(position["since"], position.get("until"), names)
            walk = leaves(self._api, reason, path, params, stream=self._stream.name, after=after)
            return next(walk), walk

        first, rest = self._known.asked(begin)
        return chain([first], rest)

    def _params(self, since: int | None, until: int | None, names: Names) -> Json:
        params: dict[str, Any] = {"fields": ",".join(names)}
        if self._feed.statuses:
            params["effective_status"] = list(self._feed.statuses)
        # "greater" and "less than" are the operators known to work on stamps; one second less takes in `since` itself
        bounds = [("GREATER_THAN", since - 1)] if since is not None else []
        bounds += [("LESS_THAN", until)] if until is not None else []
        if bounds:
            field = f"{self._feed.kind}.updated_time"
            params["filtering"] = [{"field": field, "operator": how, "value": stamp} for how, stamp in bounds]
        return params

    def _record(self, account: str, row: Json, as_of: int) -> Record:
        stamp = row.get("updated_time")
        at = datetime.fromisoformat(stamp).astimezone(UTC) if stamp else datetime.fromtimestamp(as_of, UTC)
        key = RecordKey(VENDOR, account, self._stream.object, row["id"])
        return Record(key, at, row, deleted=row.get("effective_status") == DELETED)
