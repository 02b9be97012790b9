"""The objects of one stream in one account: listed or retrieved, with their embedded lists complete, as records."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import repeat
from operator import itemgetter

from connectors.base import Stream
from connectors.stripe.accounts import Account
from connectors.stripe.changes import deletes, snapshot
from connectors.stripe.client import Json
from connectors.stripe.feeds import FEEDS
from connectors.stripe.paging import LIMIT, Leaf, leaves
from connectors.stripe.parts import Parts
from connectors.stripe.refusals import VENDOR, Forbidden, ObjectGone
from models.keys import RecordKey
from models.records import Record, records_of

CREDITED = (
    "id",
    "object",
    "created",
    "status",
    "total",
    "total_taxes",
    "pre_payment_amount",
    "post_payment_amount",
    "voided_at",
)
"""What is kept of a credit note; its lines may be many, and its document is signed anew on every read."""


def instant(seconds: int) -> datetime:
    """Stripe's seconds in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


class Objects:
    """Reads them as they are now; `as_of` is the instant that a record is stamped with, in seconds."""

    def __init__(self, account: Account, stream: Stream) -> None:
        self.feed = FEEDS[stream.name]
        self.account = account
        self._api = account.api
        self._stream = stream
        self._credits = True
        self._parts = Parts(self._api, stream.name)

    def passes(self) -> list[Json]:
        """Parameters of the lists that together hold everything; objects of a test clock are listed by their clock only.

        Live mode has no test clocks: https://docs.stripe.com/billing/testing/test-clocks.
        """
        passes = list(self.feed.passes)
        if self.feed.clocked and self.account.mode == "test":
            clocks = self._walk("test_helpers/test_clocks", {}, [], endpoint="test_clocks")
            passes += [{"test_clock": clock["id"]} for leaf in clocks for clock in leaf.rows]
        return passes

    def leaves(self, params: Json, trail: list[str]) -> Iterator[Leaf]:
        """Pages of a list, newest first; none of a test clock that is gone, since its objects went with it."""
        try:
            yield from self._walk(self.feed.path, {**self.feed.params, **self.feed.expansion, **params}, trail)
        except ObjectGone:
            if "test_clock" not in params:
                raise
            yield Leaf([], trail, last=True)

    def events(self, params: Json) -> Iterator[Leaf]:
        """Pages of events, newest first."""
        return self._walk("events", params, [], endpoint="events")

    def newest(self, made: Json) -> dict[str, Json]:
        """One page of the newest objects made in that range, by id."""
        params = {"limit": LIMIT, **self.feed.params, **self.feed.expansion, "created": made}
        page = self._api.list("window", self.feed.path, params, stream=self._stream.name)
        return {row["id"]: row for row in page["data"]}

    def records(self, rows: Iterable[Json], as_of: int) -> list[Record]:
        """Listed rows as records; one that is deleted while it is read is left out: if it was known, an event tells."""
        found = [whole for row in rows if (whole := self.completed(row, "window")) is not None]
        ids = map(itemgetter("id"), found)
        return records_of(VENDOR, self.account.key, self._stream.object, ids, repeat(instant(as_of)), found)

    def retrieve(self, number: str, reason: str) -> Json | None:
        """The object, complete; None if it is gone, as a deleted customer is whose stub is all that is left."""
        params = {"expand": list(self.feed.expand)} if self.feed.expand else {}
        try:
            found = self._api.get(reason, f"{self.feed.path}/{number}", params, stream=self._stream.name)
        except ObjectGone:
            return None
        return None if found.get("deleted") else self.completed(found, reason)

    def completed(self, row: Json, reason: str) -> Json | None:
        """The object with its embedded lists complete; None if it is deleted while they are read."""
        try:
            return self._whole(row, reason)
        except ObjectGone:
            return None

    def event(self, number: str, reason: str) -> Json:
        """One event."""
        return self._api.get(reason, f"events/{number}", {}, stream=self._stream.name, endpoint="events")

    def read(self, ids: Sequence[str], as_of: int) -> list[Record]:
        """Those of the ids that this account has or, as its events of the last 30 days tell, had."""
        at, found = instant(as_of), {number: self.retrieve(number, "window") for number in ids}
        records = [self.record(payload, at) for payload in found.values() if payload]
        missing = {number for number, payload in found.items() if payload is None}
        for payload in self.deleted() if missing else ():
            if payload.get("id") in missing:
                missing.remove(payload["id"])
                records.append(self.record(payload, at, deleted=True))
            if not missing:
                break
        return records

    def deleted(self) -> Iterator[Json]:
        """Last payloads of what was deleted, newest first, as far back as events go (30 days)."""
        kinds = [kind for kind in self.feed.events if deletes(kind)]
        for leaf in self.events({"types": kinds}) if kinds else ():
            yield from map(snapshot, leaf.rows)

    def record(self, payload: Json, at: datetime, *, deleted: bool = False) -> Record:
        """A record of this stream."""
        return Record(RecordKey(VENDOR, self.account.key, self._stream.object, payload["id"]), at, payload, deleted)

    def _whole(self, row: Json, reason: str) -> Json:
        """The object is the same whether it was listed or retrieved."""
        for sublist in self.feed.sublists:
            embedded = row.get(sublist.key)
            if isinstance(embedded, dict) and embedded.get("has_more"):
                entries = {entry["id"]: entry for entry in embedded["data"]}
                params: Json = {name: value.format(id=row["id"]) for name, value in sublist.params}
                if sublist.expand:
                    params["expand"] = [f"data.{path}" for path in sublist.expand]
                rest = self._walk(sublist.path.format(id=row["id"]), params, list(entries)[-1:], reason=reason)
                entries.update((entry["id"], entry) for leaf in rest for entry in leaf.rows)
                row = {**row, sublist.key: {**embedded, "data": list(entries.values()), "has_more": False}}
        charge = row.get("charge")
        if "charge" in self.feed.expand and isinstance(charge, dict):
            # the rest is the charges stream's, and changes by itself: receipt_url is signed anew on every read
            row = {**row, "charge": {key: charge.get(key) for key in ("id", "object", "customer")}}
        if self._stream.name == "subscriptions":
            row = self._parts.filled(row, reason)
        if self._stream.name == "invoices":
            row = self._credited(row, reason)
        return row

    def _credited(self, invoice: Json, reason: str) -> Json:
        """The invoice with its credit notes, where it has any; without them if the key may not read them."""
        if not self._credits or not any(invoice.get(f"{when}_payment_credit_notes_amount") for when in ("pre", "post")):
            return invoice
        walk = self._walk("credit_notes", {"invoice": invoice["id"]}, [], reason=reason, endpoint="credit_notes")
        try:
            notes = [{key: note.get(key) for key in CREDITED} for leaf in walk for note in leaf.rows]
        except Forbidden:
            self._credits = False
            return invoice
        return {**invoice, "credit_notes": notes}

    def _walk(
        self, path: str, params: Json, trail: list[str], *, reason: str = "window", endpoint: str | None = None
    ) -> Iterator[Leaf]:
        return leaves(self._api, reason, path, params, stream=self._stream.name, endpoint=endpoint, trail=trail)
