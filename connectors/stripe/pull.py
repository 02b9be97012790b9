"""Pulling one stream of every account that is read: everything once by lists, and from then on what Stripe's events say has changed.

Stripe's objects have no modification stamp, so `updated_at` of a record is the instant as of which its payload was read: the start
of a listing, the end of a window of events. Windows follow each other, so a later read always wins, and a clock that differs from
Stripe's cannot turn the order around. What is read beside them, by id or by date, is stamped as the next window is: a minute ago.

Cursors are kept under the key's own account; inside each, every account has a place of its own. A connected account that may not be
read stops nothing but itself: its place stays, and the refusal is raised once the others are read.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from connectors.base import Finding, Page, Position, Source, Stream
from connectors.errors import Fatal
from connectors.stripe.accounts import Account, visible
from connectors.stripe.client import StripeApi
from connectors.stripe.diagnose import diagnose
from connectors.stripe.increments import increments
from connectors.stripe.listing import GAP, LAG, between, everything, ledger
from connectors.stripe.objects import Objects
from connectors.stripe.refusals import VENDOR
from models.clock import Clock
from models.records import Record

Walk = Callable[[Account, Position | None], Iterator[Page]]
"""One account's pages; the position is the one to resume from."""


class StripeSource(Source):
    """The accounts that a key reads, in its mode; it counts nothing, tells no columns and has no quota, as Stripe has none.

    Errors: Fatal with `credentials` if the key is refused.
    """

    vendor = VENDOR

    def __init__(self, api: StripeApi, clock: Clock, mode: str, connect: Sequence[str] = ()) -> None:
        self._clock = clock
        self._accounts = visible(api, mode, connect)
        self.account = self._accounts[0].key
        self.calls: Counter[str] = api.calls

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        """Walk the stream from the cursor to a minute ago, or through everything where there is no usable cursor."""
        own = self._accounts[0].id
        # an earlier release read one account, and its cursors and positions name none
        known = {own: cursor} if cursor and "version" in cursor else cursor or {}
        if resume and "account" not in resume:
            resume = {"account": own, "in": resume}

        def walk(account: Account, inner: Position | None) -> Iterator[Page]:
            return self._since(Objects(account, stream), known.get(account.id), inner)

        for account, page in self._in_turn(walk, resume):
            known = known if page.cursor is None else {**known, account.id: page.cursor}
            yield replace(page, cursor=None if page.cursor is None else known)

    def between(self, stream: Stream, since: datetime, until: datetime, resume: Position | None) -> Iterator[Page]:
        """Read once more what was made in `[since, until)`: Stripe's lists know no other date. Balance transactions too."""
        start, end = int(since.timestamp()), int(until.timestamp())

        def walk(account: Account, inner: Position | None) -> Iterator[Page]:
            return between(Objects(account, stream), start, end, inner, self._now() - LAG)

        for _, page in self._in_turn(walk, resume):
            yield replace(page, cursor=None)
        yield Page([], {}, {})  # not before every account was read

    def read(self, stream: Stream, ids: Sequence[str]) -> list[Record]:
        """These records as they are now, looked for in one account after the other, since an id does not tell whose it is.

        One that is gone comes with the payload of its last event, as far back as Stripe keeps events (30 days).
        """
        records: list[Record] = []
        left = list(dict.fromkeys(ids))
        for account in self._accounts:
            records += Objects(account, stream).read(left, self._now() - LAG)
            found = {record.key.id for record in records}
            left = [number for number in left if number not in found]
        return records

    def diagnose(self, streams: Sequence[Stream]) -> list[Finding]:
        """What works, and which permission is missing."""
        return diagnose(self._accounts, streams)

    def _since(self, objects: Objects, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        now = self._now()
        if cursor and cursor["version"] != objects.feed.version:
            cursor = None  # payloads changed their shape
        if not objects.feed.events:
            return ledger(objects, cursor, resume, now)
        if cursor is None or cursor["events_from"] < now - GAP:
            return everything(objects, resume, now)
        return increments(objects, cursor, resume, now)

    def _in_turn(self, walk: Walk, resume: Position | None) -> Iterator[tuple[Account, Page]]:
        """Each account's pages, from the one on that the position names. `held` are those that refused, and a resumed run tries them last.

        Not before: the pages of the account that was interrupted lie staged, and what ends another one's window would land them
        with it. The rest of them by themselves would then seem to be all that there is.
        """
        refused: dict[str, Fatal] = {}
        at, held = (resume["account"], resume.get("held", [])) if resume else (self._accounts[0].id, [])
        passed = [account for account in self._accounts if self._place(account.id) < self._place(at)]
        for account in [*self._accounts[len(passed) :], *(account for account in passed if account.id in held)]:
            inner = resume["in"] if resume and account.id == at else None
            try:
                for page in walk(account, inner):
                    position = {"account": account.id, "in": page.position, "held": list(refused)}
                    yield account, replace(page, position=position)
            except Fatal as error:
                if error.credentials:
                    raise
                refused[account.id] = error
        if refused:
            raise next(iter(refused.values()))

    def _place(self, account: str) -> tuple[bool, str]:
        """Where an account stands among all: the key's own is the first."""
        return account != self._accounts[0].id, account

    def _now(self) -> int:
        return int(self._clock.now().timestamp())
