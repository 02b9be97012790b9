"""Pulling one stream of every ad account that the token sees.

A token sees several ad accounts, and records carry the number of theirs. Cursors are kept per token, so `account` of the source is the
app's id, which no new token and no newly shared account changes; inside each cursor every ad account has a place of its own. An
account that may not be read stops nothing but itself: its place stays, and the refusal is raised once the others are read.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from connectors.base import Finding, Page, Position, Source, Stream
from connectors.errors import Fatal
from connectors.meta_ads.accounts import AdAccount, visible
from connectors.meta_ads.client import MetaApi
from connectors.meta_ads.diagnose import diagnose
from connectors.meta_ads.insights import Insights
from connectors.meta_ads.leads import Leads
from connectors.meta_ads.listing import Listing
from connectors.meta_ads.refusals import VENDOR, AccountLimited, first
from models.clock import Clock
from models.keys import RecordKey
from models.records import Record


class MetaAdsSource(Source):
    """The ad accounts of one token. Errors: Fatal with `credentials` if it is refused or sees none."""

    vendor = VENDOR

    def __init__(self, api: MetaApi, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self.account = api.app_id
        self.calls: Counter[str] = api.calls
        self.accounts: Sequence[AdAccount] = visible(api)
        api.several = len(self.accounts) > 1

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        """Walk the stream from the cursor to the present."""
        if stream.name == "ad_accounts":
            return iter([Page([self._account(stream, account) for account in self.accounts], {}, {})])
        if stream.name == "insights":
            return Insights(self._api, stream, self.accounts, self._clock).pages(cursor, resume)
        reader = Leads(self._api, stream) if stream.name == "leads" else Listing(self._api, stream)
        return self._in_turn(reader, cursor or {}, resume)

    def diagnose(self, streams: Sequence[Stream]) -> list[Finding]:
        """What works, and which permission is missing."""
        return diagnose(self._api, self.accounts, streams, self._clock.now())

    def _in_turn(self, reader: Leads | Listing, cursor: Position, resume: Position | None) -> Iterator[Page]:
        """A window per account; position and cursor name it. `held` are those passed over before it, which a resumed run tries first."""
        refused: dict[str, Fatal | AccountLimited] = {}
        now, number = int(self._clock.now().timestamp()), resume["account"] if resume else ""
        again = resume.get("held", []) if resume else []
        for account in [account for account in self.accounts if account.id >= number or account.id in again]:
            inner = resume["in"] if resume and account.id == number else None
            try:
                for page in reader.pages(account, cursor.get(account.id), inner, now):
                    position = {"account": account.id, "in": page.position, "held": list(refused)}
                    cursor = cursor if page.cursor is None else {**cursor, account.id: page.cursor}
                    yield replace(page, position=position, cursor=None if page.cursor is None else cursor)
            except (Fatal, AccountLimited) as error:
                if isinstance(error, Fatal) and error.credentials:
                    raise
                refused[account.id] = error
        if refused:
            raise first(refused.values())

    def _account(self, stream: Stream, account: AdAccount) -> Record:
        key = RecordKey(VENDOR, account.id, stream.object, account.id)
        return Record(key, self._clock.now(), account.payload)
