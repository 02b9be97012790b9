"""Leads of one account: people who filled in a form on an ad, as long as Meta keeps them, which is 90 days.

There is no list of an account's leads. An ad can only have new ones if it was shown, so insights name the ads to ask, and those are
asked fifty in one call. Source: https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from connectors.base import Page, Position, Stream
from connectors.errors import ConnectorError, Fatal
from connectors.meta_ads.accounts import AdAccount
from connectors.meta_ads.client import MOST_IN_BATCH, Json, MetaApi
from connectors.meta_ads.paging import LIMIT, Leaf, leaves, read_leaf
from connectors.meta_ads.payload import free_text
from connectors.meta_ads.refusals import VENDOR, NotThere, TooMuch
from connectors.meta_ads.reports import Part, Reports
from models.keys import RecordKey
from models.records import Record

logger = logging.getLogger(__name__)

FIELDS = (
    "id", "created_time", "ad_id", "ad_name", "adset_id", "adset_name", "campaign_id", "campaign_name", "form_id", "field_data",
    "is_organic", "platform",
)  # fmt: skip
KEPT = 90 * 86400  # seconds
LOOK_BACK = 3600  # seconds; a lead may be listed after the second it was made in
SHOWN_BEFORE = timedelta(days=2)  # a form may be sent a while after its ad was shown last


class Leads:
    """Pages of the leads stream."""

    def __init__(self, api: MetaApi, stream: Stream) -> None:
        self._api = api
        self._stream = stream

    def pages(self, account: AdAccount, known: Position | None, resume: Position | None, now: int) -> Iterator[Page]:
        """One window of one account.

        Cursor: `until` (seconds), when the window began. Position: `as_of`, the last `ad` asked, `held` if one before was refused.
        A lead is stamped once and never changes, so windows look back, and a second that two leads share is read as a whole.
        Of an ad whose Page lets nobody in, the leads wait: those of other ads land, the cursor stays, and the refusal is raised last.
        """
        as_of, last, held = (resume["as_of"], resume["ad"], resume.get("held", False)) if resume else (now, "", False)
        until = known["until"] if known and known["until"] <= now else 0  # a clock may have been put back
        since = max(until - LOOK_BACK, as_of - KEPT)
        refusals: list[Fatal] = []
        ads = [ad for ad in self._shown(account, since, now) if ad > last]
        groups = [ads[start : start + MOST_IN_BATCH] for start in range(0, len(ads), MOST_IN_BATCH)] or [[]]
        for number, group in enumerate(groups, start=1):
            records = [self._record(account, row, as_of) for row in self._of(account, group, since, refusals)]
            held = held or bool(refusals)
            done = {"until": until if held else as_of} if number == len(groups) else None
            yield Page(records, {"as_of": as_of, "ad": group[-1] if group else last, "held": held}, done)
        if refusals:
            raise refusals[0]

    def _shown(self, account: AdAccount, since: int, now: int) -> list[str]:
        """Ads that were shown in that time, in order of their ids."""
        first = account.day(datetime.fromtimestamp(since, UTC)) - SHOWN_BEFORE
        until = account.day(datetime.fromtimestamp(now, UTC))
        part = Part(account.node, first, until, ("ad_id",), daily=False)
        rows = Reports(self._api, self._stream.name, "definition").at_once(part)
        return sorted({row["ad_id"] for row in rows if isinstance(row.get("ad_id"), str)})

    def _of(self, account: AdAccount, ads: Sequence[str], since: int, refusals: list[Fatal]) -> Iterator[Json]:
        """Leads of some ads from that second on; an ad that is refused is noted and passed over."""
        bound = {"field": "time_created", "operator": "GREATER_THAN", "value": since - 1}
        params = {"fields": ",".join(FIELDS), "filtering": [bound]}
        for ad in ads:
            self._api.learn(ad, account.node)
        asked = [(f"{ad}/leads", {**params, "limit": LIMIT}) for ad in ads]
        answers = self._api.batch("window", asked, stream=self._stream.name) if asked else []
        for ad, answer in zip(ads, answers, strict=True):
            try:
                for leaf in self._leaves(ad, params, answer):
                    yield from leaf.rows
            except Fatal as error:
                if error.credentials:
                    raise
                refusals.append(error)

    def _leaves(self, ad: str, params: Json, answer: Json | ConnectorError) -> Iterator[Leaf]:
        """The first page, which came in a batch, and those behind it."""
        path = (ad, "leads")
        if isinstance(answer, NotThere):
            logger.warning("ad %s cannot be seen any more; its latest leads, if any, are unknown", ad)
            return
        if isinstance(answer, TooMuch):
            yield from leaves(self._api, "window", path, params, stream=self._stream.name)
            return
        if isinstance(answer, ConnectorError):
            raise answer
        first = read_leaf(answer, f"{ad}/leads", self._stream.name)
        yield first
        if first.after:
            yield from leaves(self._api, "window", path, params, stream=self._stream.name, after=first.after)

    def _record(self, account: AdAccount, row: Json, as_of: int) -> Record:
        """The lead, with its answers in free words beside it, each under a key of its own: a text is found by its field's name.

        One that has no date is kept as of now, and refused when it is read as facts.
        """
        key = RecordKey(VENDOR, account.id, self._stream.object, row["id"])
        at = _created(row) or datetime.fromtimestamp(as_of, UTC)
        return Record(key, at, row | free_text(row.get("field_data")))


def _created(row: Json) -> datetime | None:
    try:
        return datetime.fromisoformat(row["created_time"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
