"""Campaigns, ad sets, ads and creatives of one account: what was touched since the last pull, and everything once in a while.

`updated_time` has whole seconds and many share one, so the filter takes in the second that the last pull began at, and some minutes
before it; loading is an upsert on the id. Source: vendors.md 3.3.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from connectors.base import Page, Position, Stream
from connectors.errors import Fatal
from connectors.meta_ads.accounts import AdAccount
from connectors.meta_ads.client import Json, MetaApi
from connectors.meta_ads.feeds import FEEDS, Feed
from connectors.meta_ads.paging import Leaf, leaves
from connectors.meta_ads.refusals import VENDOR
from models.keys import RecordKey
from models.records import Record

LOOK_BACK = 600  # seconds; a change may show up after the stamp it carries (the lag is Meta's secret)


class Listing:
    """Pages of one listed stream."""

    def __init__(self, api: MetaApi, stream: Stream) -> None:
        self._api = api
        self._stream = stream
        self._feed: Feed = FEEDS[stream.name]

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
            records = [self._record(account, row, position["as_of"]) for row in leaf.rows]
            yield Page(records, {**position, "after": leaf.after}, None if leaf.after else done)

    def _leaves(self, account: AdAccount, position: Position, reason: str) -> Iterator[Leaf]:
        path, params, after = (account.node, self._feed.edge), self._params(position["since"]), position["after"]
        walk = leaves(self._api, reason, path, params, stream=self._stream.name, after=after)
        try:
            first = next(walk)
        except Fatal as error:
            if after is None or error.credentials:
                raise
            # a cursor kept from an earlier run may have expired, which Meta does not say in a code of its own
            walk = leaves(self._api, reason, path, params, stream=self._stream.name)
            first = next(walk)
        yield first
        yield from walk

    def _params(self, since: int | None) -> Json:
        params: dict[str, Any] = {"fields": ",".join(self._feed.fields)}
        if self._feed.statuses:
            params["effective_status"] = list(self._feed.statuses)
        if since is not None:
            # "greater than" is the operator known to work on stamps; with one second less it takes in `since` itself
            bound = {"field": f"{self._feed.kind}.updated_time", "operator": "GREATER_THAN", "value": since - 1}
            params["filtering"] = [bound]
        return params

    def _record(self, account: AdAccount, row: Json, as_of: int) -> Record:
        stamp = row.get("updated_time")
        at = datetime.fromisoformat(stamp).astimezone(UTC) if stamp else datetime.fromtimestamp(as_of, UTC)
        key = RecordKey(VENDOR, account.id, self._stream.object, row["id"])
        return Record(key, at, row, deleted=row.get("effective_status") == "DELETED")
