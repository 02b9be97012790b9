"""Pulling one stream of every ad account that the token sees.

A token sees several ad accounts, and records carry the number of theirs. Cursors are kept per token, so `account` of the source is the
app's id, which no new token and no newly shared account changes; inside each cursor every ad account has a place of its own. An
account that may not be read, or is named and hidden, stops nothing but itself: its place stays, and the refusal is raised once the
others are read.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from math import ceil
from typing import TypeVar

from connectors.base import Finding, Page, Position, Quota, Source, Stream
from connectors.errors import Fatal
from connectors.meta_ads import accounts, insights, leads, listing
from connectors.meta_ads.accounts import AdAccount, visible
from connectors.meta_ads.client import MetaApi
from connectors.meta_ads.diagnose import diagnose
from connectors.meta_ads.drift import Known
from connectors.meta_ads.fanpages import fan_pages
from connectors.meta_ads.feeds import FEEDS
from connectors.meta_ads.insights import Insights
from connectors.meta_ads.leads import Leads, Owner
from connectors.meta_ads.listing import Listing
from connectors.meta_ads.refusals import VENDOR, AccountLimited, first
from connectors.meta_ads.reports import OLDEST_FIRST, WINDOWS
from models.clock import Clock
from models.keys import RecordKey
from models.records import Record

O = TypeVar("O", AdAccount, Owner)  # noqa: E741
ASKED = {
    "ad_accounts": (accounts.FIELDS, accounts.NEEDED),
    "insights": ((*insights.FIELDS, *WINDOWS, OLDEST_FIRST), insights.NEEDED),
    "leads": (leads.FIELDS, leads.NEEDED),
    **{name: (feed.fields, listing.NEEDED) for name, feed in FEEDS.items()},
}
"""What is asked for of each stream, and what of it there must be."""


class MetaAdsSource(Source):
    """The ad accounts of one token. Errors: Fatal with `credentials` if it is refused or sees none."""

    vendor = VENDOR

    def __init__(self, api: MetaApi, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._names = {name: Known(name, *asked) for name, asked in ASKED.items()}
        """What Meta knows of each stream's fields, learned once per run."""
        self.account = api.app_id
        self.calls: Counter[str] = api.calls
        self.accounts: Sequence[AdAccount]
        self._left_out: Mapping[str, Fatal]
        self.accounts, self._left_out = visible(api, self._names["ad_accounts"])
        api.several = len(self.accounts) > 1

    @property
    def quota(self) -> Quota | None:
        """Percent of the limit that is used most, for Meta tells no calls."""
        used = self._api.used
        return None if used is None else Quota(round(used), 100)

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        """Walk the stream from the cursor to the present."""
        if stream.name == "ad_accounts":
            return self._themselves(stream)
        if stream.name == "insights":
            return self._insights(stream).pages(cursor, resume)
        now = int(self._clock.now().timestamp())
        if stream.name == "leads":
            reader = self._leads(stream)
            return self._in_turn(
                lambda owner, inner: reader.pages(owner, (cursor or {}).get(owner.id), inner, now),
                self._owners(),
                cursor,
                resume,
            )
        objects = self._listing(stream)
        return self._in_turn(
            lambda account, inner: objects.pages(account, (cursor or {}).get(account.id), inner, now),
            self.accounts,
            cursor,
            resume,
        )

    def between(self, stream: Stream, since: datetime, until: datetime, resume: Position | None) -> Iterator[Page]:
        """Days of insights, objects by the time of their change, leads by that of their making."""
        start, last, now = int(since.timestamp()), ceil(until.timestamp()), int(self._clock.now().timestamp())
        if stream.name == "insights":
            return self._insights(stream).between(since, until, resume)
        if stream.name == "leads":
            reader = self._leads(stream)
            return _as_one(
                self._in_turn(
                    lambda owner, inner: reader.between(owner, start, last, inner, now), self._owners(), None, resume
                )
            )
        if stream.name in FEEDS and FEEDS[stream.name].kind:
            objects = self._listing(stream)
            return _as_one(
                self._in_turn(lambda one, inner: objects.between(one, start, last, inner), self.accounts, None, resume)
            )
        return super().between(stream, since, until, resume)

    def read(self, stream: Stream, ids: Sequence[str]) -> list[Record]:
        """Leads, campaigns, ad sets, ads and creatives by id. Meta answers alike for what is gone, hidden or never was: it is absent."""
        known, now = [account.id for account in self.accounts], int(self._clock.now().timestamp())
        if stream.name == "leads":
            return self._leads(stream).read(ids, known, now)
        if stream.name in FEEDS:
            return self._listing(stream).read(ids, known, now)
        return super().read(stream, ids)

    def count(self, stream: Stream) -> int:
        """Objects of all accounts; days and leads are not counted by Meta."""
        if stream.name not in FEEDS:
            return super().count(stream)
        objects = self._listing(stream)
        return sum(objects.count(account) for account in self.accounts)

    def columns(self, stream: Stream) -> Mapping[str, str]:
        """The fields that are asked for and known to Meta, as far as this run has found out, by the SDK's types."""
        names = self._names[stream.name].names
        return self._api.columns(stream.name, [name for name in names if name != OLDEST_FIRST])

    def diagnose(self, streams: Sequence[Stream]) -> list[Finding]:
        """What works, and which permission is missing."""
        return diagnose(self._api, self.accounts, self._left_out, streams, self._clock.now())

    def _in_turn(
        self,
        read: Callable[[O, Position | None], Iterator[Page]],
        owners: Sequence[O],
        cursor: Position | None,
        resume: Position | None,
    ) -> Iterator[Page]:
        """A window per account (or Page); position and cursor name it. `held` are those passed over, which a resumed run tries first."""
        done, refused = cursor or {}, dict[str, Fatal | AccountLimited](self._left_out)
        ids = [owner.id for owner in owners]
        at = ids.index(resume["account"]) if resume and resume["account"] in ids else 0
        held = resume.get("held", []) if resume else []
        for number, owner in enumerate(owners):
            if number < at and owner.id not in held:
                continue
            inner = resume["in"] if resume and owner.id == resume["account"] else None
            try:
                for page in read(owner, inner):
                    position = {"account": owner.id, "in": page.position, "held": list(refused)}
                    done = done if page.cursor is None else {**done, owner.id: page.cursor}
                    yield replace(page, position=position, cursor=None if page.cursor is None else done)
            except (Fatal, AccountLimited) as error:
                if isinstance(error, Fatal) and error.credentials:
                    raise
                refused[owner.id] = error
        if refused:
            raise first(refused.values())

    def _owners(self) -> list[Owner]:
        return [*self.accounts, *fan_pages(self._api)]

    def _insights(self, stream: Stream) -> Insights:
        return Insights(self._api, stream, self.accounts, self._left_out, self._clock, self._names[stream.name])

    def _leads(self, stream: Stream) -> Leads:
        return Leads(self._api, stream, self._names[stream.name])

    def _listing(self, stream: Stream) -> Listing:
        return Listing(self._api, stream, self._names[stream.name])

    def _themselves(self, stream: Stream) -> Iterator[Page]:
        yield Page([self._account(stream, account) for account in self.accounts], {}, {})
        if self._left_out:
            raise first(self._left_out.values())

    def _account(self, stream: Stream, account: AdAccount) -> Record:
        key = RecordKey(VENDOR, account.id, stream.object, account.id)
        return Record(key, self._clock.now(), account.payload)


def _as_one(pages: Iterator[Page]) -> Iterator[Page]:
    """The windows of all accounts as one, which is complete when the last of them is."""
    cursor: Position = {}
    for page in pages:
        cursor = page.cursor or cursor
        yield replace(page, cursor=None)
    yield Page([], {}, cursor)
