"""What every ad cost and did on every day: one record per ad account and day of its own time zone, replaced as a whole.

Windows are flights of spans. The first flight of a run holds what may still change: yesterday and today, and, once a day, every day
younger than 28 days, for attribution moves; of an account that is new, as many as one report holds. Further flights fill the past,
newest first, back to Meta's memory or the account's first day. The ids of the reports are written down before they are waited for, so
that a run that was killed asks for none twice.
Source: https://developers.facebook.com/docs/marketing-api/insights (37 months are kept; days are the account's own).
"""

import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from connectors.base import Page, Position, Stream
from connectors.errors import Fatal
from connectors.meta_ads.accounts import AdAccount
from connectors.meta_ads.client import MetaApi
from connectors.meta_ads.days import Days
from connectors.meta_ads.drift import Known, Names
from connectors.meta_ads.records import ACCOUNT_SPEND
from connectors.meta_ads.refusals import VENDOR, AccountLimited, TooMuch, first
from connectors.meta_ads.reports import OLDEST_FIRST, WINDOWS, Part, Reports
from models.clock import Clock
from models.keys import RecordKey
from models.records import Record

FIELDS = (
    "ad_id", "ad_name", "adset_id", "adset_name", "campaign_id", "campaign_name", "spend", "impressions", "clicks", "reach",
    "actions", "action_values",
)  # fmt: skip
NEEDED = ("ad_id", "spend")
VERSION = 1  # of fields, windows and the day as the step; a cursor of another version is void
MOVES = 28  # days for which Meta still corrects a day (attribution)
MEMORY = timedelta(days=1123)  # 37 months at their shortest; older days are refused
SPAN = 30  # days of one report
FLIGHT = 50  # spans of the past in one window: reports that run at once (at most 100 per account) and are looked at in one call
ONE = timedelta(days=1)
logger = logging.getLogger(__name__)

Span = dict[str, Any]
"""`account`, `since` and `until` (first and last day), `job`, the id of its report once it is begun, and `read` once it has come."""


class Insights:
    """Flights over all accounts."""

    def __init__(
        self,
        api: MetaApi,
        stream: Stream,
        accounts: Sequence[AdAccount],
        left_out: Mapping[str, Fatal],
        clock: Clock,
        known: Known,
    ) -> None:
        self._api = api
        self._stream = stream
        self._accounts = {account.id: account for account in accounts}
        self._clock = clock
        self._reports = Reports(api, stream.name)
        self._known = known
        self._refused: dict[str, Fatal | AccountLimited] = dict(left_out)
        """Accounts that may not be read, or not now; the others are, and a refusal is raised in the end."""

    def pages(self, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        """Fly until nothing is left.

        Cursor: per account `read`, the last day that was read with the 27 before it, and `since`, the oldest day known; and `open`, the
        spans of accounts that could not be read to the end of their flight, with what is begun and read of them.
        Position: the flight's `as_of` and its `spans`, which come in any order, each in one page or more.
        """
        state: Position = cursor if cursor and cursor["version"] == VERSION else {"version": VERSION, "accounts": {}}
        if resume and resume["version"] == VERSION:
            state = yield from self._fly(state, resume)
        if left := [span for span in state.get("open", []) if span["account"] not in self._refused]:
            state = yield from self._fly(state, self._flight(left))
        state = yield from self._fly(state, self._flight(self._recent(state)))
        while past := self._past(state):
            state = yield from self._fly(state, self._flight(past))
        if self._refused:
            raise first(self._refused.values())

    def between(self, since: datetime, until: datetime, resume: Position | None) -> Iterator[Page]:
        """The days of each account that the range touches, as far back as Meta remembers; the last page's cursor says that they came."""
        last = until - timedelta(microseconds=1)
        spans = [
            span
            for account in self._accounts.values()
            for span in _spans(
                account.id,
                max(account.day(since), self._floor(account)),
                min(account.day(last), account.day(self._clock.now())),
            )
        ]
        nothing = {"version": VERSION, "accounts": {}}
        for page in self._fly(nothing, resume or self._flight(spans)):
            if page.cursor and self._refused:
                raise first(self._refused.values())
            yield page

    def _flight(self, spans: list[Span]) -> Position:
        return {"version": VERSION, "as_of": self._clock.now().isoformat(), "spans": spans}

    def _fly(self, state: Position, flight: Position) -> Generator[Page, None, Position]:
        """One window: begin the reports, write down their ids, and bring home span after span; returns its cursor."""
        spans: list[Span] = [dict(span) for span in flight["spans"]]
        begun = [self._begin(span) for span in spans if not span.get("read")]
        if any(begun):
            yield Page([], self._position(flight, spans))
        for span in spans:
            # an account of an earlier run may be hidden now
            if span.get("read") or span["account"] in self._refused or span["account"] not in self._accounts:
                continue
            try:
                totals = self._totals(span)
                for some in self._bring(span):
                    span["read"] = (
                        span["until"] in some
                    )  # the last day comes last; until then a span is read from its beginning
                    as_of = datetime.fromisoformat(flight["as_of"])
                    yield Page(self._records(span, some, totals, as_of), self._position(flight, spans))
            except (Fatal, AccountLimited) as error:
                if isinstance(error, Fatal) and error.credentials:
                    raise
                self._refused[span["account"]] = error
                if isinstance(error, Fatal):  # a report that is refused would be refused again
                    span["job"] = None
        done = _after(state, spans, self._today())
        yield Page([], self._position(flight, spans), done)
        return done

    def _position(self, flight: Position, spans: list[Span]) -> Position:
        return {**flight, "spans": [dict(span) for span in spans]}

    def _begin(self, span: Span) -> bool:
        """Begin the span's report where it is worth one and the limits allow it now; whether one was begun."""
        if span["account"] not in self._accounts:
            return False
        node = self._accounts[span["account"]].node
        if span["job"]:
            self._reports.know(span["job"], node)
        if span["job"] or _short(span) or not self._api.may_begin(node):
            return False
        try:
            span["job"] = self._known.asked(
                lambda names: self._reports.begin(self._part(span, names)), lambda names: self._probe(span, names)
            )
        except (Fatal, TooMuch, AccountLimited):
            return False  # met again, and dealt with, when the span's turn comes
        return True

    def _bring(self, span: Span) -> Iterator[Days]:
        """The days of the span, days without any row included: rows may disappear."""

        def ask(names: Names) -> Iterator[Days]:
            return self._reports.days(self._part(span, names), span["job"], at_once=_short(span))

        return self._known.each(ask, lambda names: self._probe(span, names))

    def _probe(self, span: Span, names: Names) -> None:
        """Whether Meta knows these fields, windows and order; tried on the last day."""
        part = self._part(span, names)
        self._reports.probe(replace(part, since=part.until))

    def _part(self, span: Span, names: Names) -> Part:
        since, until = _ends(span)
        fields = tuple(name for name in names if name not in (*WINDOWS, OLDEST_FIRST))
        return Part(
            self._accounts[span["account"]].node, since, until, fields,
            windows=self._windows(names), order=tuple(name for name in names if name == OLDEST_FIRST),
        )  # fmt: skip

    def _totals(self, span: Span) -> dict[str, str]:
        """What the account says that each day cost, by which the sums of its ads are checked; where it is refused, so is the check alone.

        Asked before the ads are: what they cost meanwhile is no difference that somebody must look for.
        """
        try:
            return self._reports.totals(self._part(span, NEEDED))
        except (Fatal, TooMuch) as error:
            if isinstance(error, Fatal) and error.credentials:
                raise
            logger.warning(
                "meta_ads/insights: what ad account %s says it spent is not told: %s", span["account"], error
            )
            return {}

    def _records(self, span: Span, days: Days, totals: Mapping[str, str], as_of: datetime) -> list[Record]:
        """One record per day. One without rows, which is refused when it is read, stands for a day that was not whole.

        The days are taken out as they are made records of: whoever reads them would hold them until the next have come.
        """
        account, windows = self._accounts[span["account"]], list(self._windows(self._known.names))
        about = {"zone": account.zone.key, "currency": account.currency, "windows": windows}
        return [
            Record(
                RecordKey(VENDOR, account.id, self._stream.object, day),
                as_of.astimezone(UTC),
                {"day": day, **about} | ({} if rows is None else {"rows": rows}) | _told(totals, day),
            )
            for day in list(days)
            for rows in [days.pop(day)]
        ]

    def _windows(self, names: Names) -> Names:
        return tuple(name for name in names if name in WINDOWS)

    def _recent(self, state: Position) -> list[Span]:
        """What may have changed, per account: two days within the same day, 28 and what was missed on a new one; first, a whole report."""
        spans = []
        for account in self._readable():
            today = account.day(self._clock.now())
            known = state["accounts"].get(account.id)
            if known is None or known["read"] > str(today):  # a clock was put back
                since = today - (SPAN - 1) * ONE
            elif known["read"] == str(today):
                since = today - ONE
            else:
                since = date.fromisoformat(known["read"]) - (MOVES - 1) * ONE
            spans += _spans(account.id, max(since, self._floor(account)), today)
        return spans

    def _past(self, state: Position) -> list[Span]:
        """The next spans of days that were never read: each account's newest first, accounts in turn."""
        waiting = []
        for account in self._readable():
            known = state["accounts"].get(account.id)
            if known is None:
                continue
            newest = date.fromisoformat(known["since"]) - ONE
            if newest >= (floor := self._floor(account)):
                waiting.append(_spans(account.id, floor, newest))
        most = max((len(spans) for spans in waiting), default=0)
        in_turn = [spans[number] for number in range(most) for spans in waiting if number < len(spans)]
        return in_turn[:FLIGHT]

    def _readable(self) -> list[AdAccount]:
        return [account for account in self._accounts.values() if account.id not in self._refused]

    def _today(self) -> dict[str, str]:
        return {account.id: str(account.day(self._clock.now())) for account in self._accounts.values()}

    def _floor(self, account: AdAccount) -> date:
        """The first day that can be read."""
        oldest = account.day(self._clock.now()) - MEMORY
        return max(oldest, account.created) if account.created else oldest


def _spans(account: str, since: date, until: date) -> list[Span]:
    """The days in spans of a report each, newest first."""
    spans = []
    while until >= since:
        first = max(since, until - (SPAN - 1) * ONE)
        spans.append({"account": account, "since": str(first), "until": str(until), "job": None})
        until = first - ONE
    return spans


def _ends(span: Span) -> tuple[date, date]:
    return date.fromisoformat(span["since"]), date.fromisoformat(span["until"])


def _told(totals: Mapping[str, str], day: str) -> dict[str, str]:
    return {ACCOUNT_SPEND: totals[day]} if day in totals else {}


def _short(span: Span) -> bool:
    """Whether a report, of three calls at least, would be too much ado."""
    since, until = _ends(span)
    return until - since <= ONE


def _after(state: Position, spans: Sequence[Span], today: Mapping[str, str]) -> Position:
    """The cursor behind a flight; no account has read further than its own today."""
    accounts, flown = dict(state["accounts"]), {span["account"] for span in spans}
    unread = {span["account"] for span in spans if not span.get("read")}
    for span in spans:
        if span["account"] in unread or span["account"] not in today:
            continue
        known = accounts.get(span["account"], {"read": span["until"], "since": span["since"]})
        accounts[span["account"]] = {
            "read": min(max(known["read"], span["until"]), today[span["account"]]), "since": min(known["since"], span["since"]),
        }  # fmt: skip
    left = [span for span in state.get("open", []) if span["account"] not in flown]
    left += [span for span in spans if span["account"] in unread]
    return {"version": VERSION, "accounts": accounts} | ({"open": left} if left else {})
