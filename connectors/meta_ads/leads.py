"""Leads: people who filled in a form, as long as Meta keeps them, which is 90 days. Of an ad account by its ads, of a Page by its forms.

There is no list of an account's leads. Insights name the ads that were shown of late, and those are asked fifty in one call. Forms are
asked for all of their leads, for a form may be sent long after its ad was shown, or without an ad (a link, a post, the Page itself).
What both tell is one record: a lead belongs to the account that its ad names, and to the Page if there is no ad or we may not see it.
Where a Page cannot be seen, only leads of ads that were shown of late come. Source:
https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from connectors.base import Page, Position, Stream
from connectors.errors import ConnectorError, Fatal
from connectors.meta_ads.accounts import AdAccount
from connectors.meta_ads.client import MOST_IN_BATCH, Json, MetaApi, raised, there
from connectors.meta_ads.drift import Known, Names
from connectors.meta_ads.fanpages import FanPage
from connectors.meta_ads.paging import LIMIT, Leaf, leaves, read_leaf
from connectors.meta_ads.payload import free_text
from connectors.meta_ads.refusals import VENDOR, Denied, NotThere, TooMuch, Unknown
from connectors.meta_ads.reports import Part, Reports
from models.keys import RecordKey
from models.records import Record

logger = logging.getLogger(__name__)

FIELDS = (
    "id", "created_time", "ad_id", "ad_name", "adset_id", "adset_name", "campaign_id", "campaign_name", "form_id", "field_data",
    "is_organic", "platform",
)  # fmt: skip
NEEDED = ("id", "created_time", "ad_id", "form_id", "field_data")
KEPT = 90 * 86400  # seconds
LOOK_BACK = 3600  # seconds; a lead may be listed after the second it was made in
SHOWN_BEFORE = timedelta(days=2)  # a form may be sent a while after its ad was shown last

Owner = AdAccount | FanPage
"""Who is asked for leads: an account by its ads, a Page by its forms."""


class Leads:
    """Pages of the leads stream."""

    def __init__(self, api: MetaApi, stream: Stream, known: Known) -> None:
        self._api = api
        self._stream = stream
        self._known = known

    def pages(self, owner: Owner, known: Position | None, resume: Position | None, now: int) -> Iterator[Page]:
        """One window of one owner.

        Cursor: `until` (seconds), when the window began. A lead is stamped once and never changes, so windows look back, and a second
        that two leads share is read as a whole.
        """
        as_of = resume["as_of"] if resume else now
        until = known["until"] if known and known["until"] <= now else 0  # a clock may have been put back
        yield from self._window(owner, max(until - LOOK_BACK, as_of - KEPT), None, as_of, until, resume)

    def between(self, owner: Owner, since: int, until: int, resume: Position | None, now: int) -> Iterator[Page]:
        """Leads made in `[since, until)`, as far as Meta still keeps them; the last page's cursor says so."""
        first = max(since, now - KEPT)
        if first < min(until, now):
            yield from self._window(owner, first, until, min(until, now), first, resume)
        else:
            yield Page([], {"as_of": until}, {"until": until})

    def read(self, ids: Sequence[str], accounts: Collection[str], now: int) -> list[Record]:
        """Those of the leads that are there, of these accounts or of forms that we see.

        Each is looked up with its ad, or its form, for a lead does not name its account.
        """
        rows = there(self._known.asked(lambda names: raised(self._each(ids, ",".join(names)), Unknown)))
        ads = self._brought(rows)
        others = [row for row in rows if ads.get(row.get("ad_id")) not in accounts]
        forms = self._told(others, "form_id", "page_id")
        found = [(ads.get(row.get("ad_id")) or forms.get(row.get("form_id")), row) for row in rows]
        return [
            self._record(owner, row, now)
            for owner, row in found
            if owner and (owner in accounts or row.get("form_id") in forms)
        ]

    def _window(
        self, owner: Owner, since: int, until: int | None, as_of: int, before: int, resume: Position | None
    ) -> Iterator[Page]:
        """Position: `as_of`, the last `node` (ad or form) asked, `held` if one before was refused.

        Of a node whose Page lets nobody in, the leads wait: those of others land, the cursor stays, and the refusal is raised last.
        """
        last, held = (resume.get("node", ""), resume.get("held", False)) if resume else ("", False)
        refusals: list[Fatal] = []
        found = self._shown(owner, since, until or as_of) if isinstance(owner, AdAccount) else owner.forms(self._api)
        nodes = [node for node in found if node > last]
        groups = [nodes[start : start + MOST_IN_BATCH] for start in range(0, len(nodes), MOST_IN_BATCH)] or [[]]
        for number, group in enumerate(groups, start=1):
            rows = list(self._of(owner, group, (since, until), refusals))
            ads = self._brought(rows) if isinstance(owner, FanPage) else {}
            held = held or bool(refusals)
            done = {"until": before if held else as_of} if number == len(groups) else None
            position = {"as_of": as_of, "node": group[-1] if group else last, "held": held}
            records = [self._record(ads.get(row.get("ad_id"), owner.id), row, as_of) for row in rows]
            yield Page(records, position, done)
        if refusals:
            raise refusals[0]

    def _shown(self, account: AdAccount, since: int, until: int) -> list[str]:
        """Ads that were shown in that time, in order of their ids."""
        first = account.day(datetime.fromtimestamp(since, UTC)) - SHOWN_BEFORE
        part = Part(account.node, first, account.day(datetime.fromtimestamp(until, UTC)), ("ad_id",), daily=False)
        rows = Reports(self._api, self._stream.name, "definition").at_once(part)
        ads = sorted({row["ad_id"] for row in rows if isinstance(row.get("ad_id"), str)})
        for ad in ads:
            self._api.learn(ad, account.node)
        return ads

    def _of(
        self, owner: Owner, nodes: Sequence[str], span: tuple[int, int | None], refusals: list[Fatal]
    ) -> Iterator[Json]:
        """Leads of some ads or forms in that time; a node that is refused is noted and passed over."""

        def ask(names: Names) -> list[Json | ConnectorError]:
            params = {**self._params(owner, span, names), "limit": LIMIT}
            return self._api.batch("window", [(f"{node}/leads", params) for node in nodes], stream=self._stream.name)

        try:
            answers = self._known.asked(lambda names: raised(ask(names), Unknown)) if nodes else []
        except Unknown:
            answers = ask(self._known.names)  # one of the nodes is refused, and no field
        for node, answer in zip(nodes, answers, strict=True):
            try:
                for leaf in self._leaves(node, self._params(owner, span, self._known.names), answer):
                    yield from leaf.rows
            except Fatal as error:
                if error.credentials:
                    raise
                refusals.append(error)

    def _params(self, owner: Owner, span: tuple[int, int | None], names: Names) -> Json:
        since, until = span
        bounds = [{"field": "time_created", "operator": "GREATER_THAN", "value": since - 1}]
        if until is not None:
            bounds.append({"field": "time_created", "operator": "LESS_THAN", "value": until})
        proof = owner.proof(self._api) if isinstance(owner, FanPage) else {}
        return {"fields": ",".join(names), "filtering": bounds, **proof}

    def _leaves(self, node: str, params: Json, answer: Json | ConnectorError) -> Iterator[Leaf]:
        """The first page, which came in a batch, and those behind it."""
        path = (node, "leads")
        if isinstance(answer, NotThere):
            logger.warning("%s cannot be seen any more; its latest leads come by their form, if we may see that", node)
            return
        if isinstance(answer, TooMuch):
            yield from leaves(self._api, "window", path, params, stream=self._stream.name)
            return
        if isinstance(answer, ConnectorError):
            raise answer
        first = read_leaf(answer, f"{node}/leads", self._stream.name)
        yield first
        if first.after:
            yield from leaves(self._api, "window", path, params, stream=self._stream.name, after=first.after)

    def _brought(self, rows: Sequence[Json]) -> dict[str | None, str]:
        """Accounts of the ads that brought these leads, by ad; an ad that we may not read is as one that cannot be seen."""
        return self._told(rows, "ad_id", "account_id", Denied)

    def _told(self, rows: Sequence[Json], key: str, field: str, *unless: type[Fatal]) -> dict[str | None, str]:
        """A field of the ads or forms that leads name, by id; those that cannot be seen are absent."""
        ids = sorted({row[key] for row in rows if isinstance(row.get(key), str)})
        answers = [one for one in self._each(ids, field) if not isinstance(one, unless)]
        return {row.get("id"): str(row[field]) for row in there(answers) if field in row}

    def _each(self, ids: Sequence[str], fields: str) -> list[Json | ConnectorError]:
        return self._api.each("window", [(f"{one}/", {"fields": fields}) for one in ids], stream=self._stream.name)

    def _record(self, owner: str, row: Json, as_of: int) -> Record:
        """The lead, with its answers in free words beside it, each under a key of its own: a text is found by its field's name.

        One that has no date is kept as of now, and refused when it is read as facts.
        """
        key = RecordKey(VENDOR, owner, self._stream.object, row["id"])
        at = _created(row) or datetime.fromtimestamp(as_of, UTC)
        return Record(key, at, row | free_text(row.get("field_data")))


def _created(row: Json) -> datetime | None:
    try:
        return datetime.fromisoformat(row["created_time"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
