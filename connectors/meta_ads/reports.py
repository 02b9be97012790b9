"""What ads did on some days: asked for at once where it is little, by a report where it is much, in ever smaller parts where it is too much.

A report is begun, looked at until `async_status` says that it has ended ("Job Running" at 100 % is not the end), and fetched. One that
fails is begun once more; failing again, or being too much, splits it: by days, then by campaigns, ad sets and ads, then by fields.
Source: https://developers.facebook.com/docs/marketing-api/insights/best-practices (asynchronous jobs) and /insights/parameters (`sort`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from connectors.errors import ConnectorError
from connectors.meta_ads.client import MOST_IN_BATCH, Json, MetaApi
from connectors.meta_ads.days import Days, by_day
from connectors.meta_ads.feeds import AD_STATUSES, FEEDS
from connectors.meta_ads.paging import Leaf, leaves
from connectors.meta_ads.payload import AMOUNT
from connectors.meta_ads.refusals import SOON, VENDOR, NotThere, TooMuch

WINDOWS = ("1d_click", "7d_click", "28d_click", "1d_view")
"""Attribution windows asked for; 7d_view and 28d_view are no more, though the SDK still lists them."""
OLDEST_FIRST = "date_start_ascending"
"""The order asked for, so that days are whole one after the other; a wish, for what comes is looked at (`days.py`)."""
KEY = "ad_id"
ENDED = frozenset({"Job Completed", "Job Failed", "Job Skipped"})
LONGEST = 3600.0  # seconds that a report may take; one that is stuck never says so
FIRST_LOOK, LAST_LOOK = 0.5, 30.0  # seconds between looks, doubling from the first to the last
UNBORN_LOOKS = 6  # a report may be invisible at first; after so many looks it is lost
LEVELS = ("account", "campaign", "adset", "ad")
CHILDREN = {"account": "campaigns", "campaign": "adsets", "adset": "ads"}


@dataclass(frozen=True)
class Part:
    """Some work: the days of an account, first and last included, or only some campaigns, ad sets or ads, or only some fields."""

    node: str
    since: date
    until: date
    fields: tuple[str, ...]
    daily: bool = True
    """A row per ad and day, or one per ad."""
    level: str = "account"
    ids: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    def params(self) -> Json:
        """As Meta wants it; ads that are deleted or archived count too, for they have cost."""
        filters: list[Json] = [{"field": "ad.effective_status", "operator": "IN", "value": list(AD_STATUSES)}]
        if self.ids:
            filters.append({"field": f"{self.level}.id", "operator": "IN", "value": list(self.ids)})
        params: dict[str, Any] = {
            "level": "ad", "fields": ",".join(self.fields), "filtering": filters,
            "time_range": {"since": str(self.since), "until": str(self.until)},
        }  # fmt: skip
        if self.windows:
            params["action_attribution_windows"] = list(self.windows)
        if self.order:
            params["sort"] = list(self.order)
        return params | ({"time_increment": 1} if self.daily else {})

    def halves(self, kind: str) -> "tuple[Part, Part]":
        """The part in two, by `days`, `ids` or `fields`."""
        match kind:
            case "days":
                middle = self.since + (self.until - self.since) // 2
                return replace(self, until=middle), replace(self, since=middle + timedelta(days=1))
            case "ids":
                half = len(self.ids) // 2
                return replace(self, ids=self.ids[:half]), replace(self, ids=self.ids[half:])
            case _:
                rest = tuple(name for name in self.fields if name != KEY)
                half = len(rest) // 2
                return replace(self, fields=(KEY, *rest[:half])), replace(self, fields=(KEY, *rest[half:]))


class Reports:
    """Asks for parts. One per run: it looks at all its reports together, 50 in one call."""

    def __init__(self, api: MetaApi, stream: str, reason: str = "window") -> None:
        self._api = api
        self._stream = stream
        self._reason = reason
        self._running: dict[str, int] = {}
        """Looks at each report, as long as it has not ended."""
        self._ended: dict[str, Json | ConnectorError] = {}
        """What each report came to; a refusal is raised when its own turn comes, for the looks are shared by accounts."""

    def begin(self, part: Part) -> str:
        """Begin a report; its id. Errors: TooMuch where Meta sees at once that it is."""
        answer = self._api.post(self._reason, (part.node, "insights"), part.params(), stream=self._stream)
        job = answer.get("report_run_id")
        if not isinstance(job, str):
            raise TooMuch("no report was begun", after=SOON, vendor=VENDOR, stream=self._stream)
        self.know(job, part.node)
        return job

    def know(self, job: str, node: str) -> None:
        """Look at this report of an account too, begun now or by an earlier run."""
        self._api.learn(job, node)
        self._running.setdefault(job, 0)

    def at_once(self, part: Part) -> list[Json]:
        """The rows of a part without a report, which is one call where they fit a page."""
        try:
            return _rows(self._leaves((part.node, "insights"), part.params()))
        except TooMuch:
            return self.rows(part)

    def days(self, part: Part, job: str | None = None, *, at_once: bool = False) -> Iterator[Days]:
        """The days of a part with their rows, some as soon as they are whole; the last day comes with the last of them.

        Without a report where `at_once`; else as `rows`. A day may come again, and then counts as it came last. Errors: as `rows`.
        """
        try:
            path, params = (part.node, part.params()) if at_once else (self._whole(part, job or self.begin(part)), {})
            yield from by_day(lambda: self._leaves((path, "insights"), params), part.since, part.until, KEY)
        except TooMuch:
            smaller = [part] if at_once else self._split(part)
            if not smaller:
                raise
        else:
            return
        if part.since == part.until and not at_once:
            rows = self._together(smaller)
            yield from by_day(lambda: iter([Leaf(rows, None)]), part.since, part.until, KEY)
            return
        for piece, begun in self._begun(smaller):
            yield from self.days(piece, begun)

    def totals(self, part: Part) -> dict[str, str]:
        """What the account itself says that each of its days cost, deleted ads and all; a row per day, so no report is needed.

        Errors: those of `MetaApi.get`.
        """
        params = {**part.params(), "level": "account", "fields": "spend"}
        for name in ("filtering", "action_attribution_windows", "sort"):  # of ads, of actions, and of no use
            params.pop(name, None)
        days = [str(part.since + timedelta(days=number)) for number in range((part.until - part.since).days + 1)]
        told = {row.get("date_start"): row.get("spend") for row in _rows(self._leaves((part.node, "insights"), params))}
        found = {day: told.get(day, "0") for day in days}
        return {day: spend for day, spend in found.items() if isinstance(spend, str) and AMOUNT.fullmatch(spend)}

    def probe(self, part: Part) -> None:
        """Whether Meta knows what the part asks for, by one row of it. Errors: Unknown."""
        self._api.get("definition", (part.node, "insights"), {**part.params(), "limit": 1}, stream=self._stream)

    def rows(self, part: Part, job: str | None = None) -> list[Json]:
        """The rows of a part, from a report that was begun already or from a new one, however often it must be split.

        Errors: Retryable if even one field of one ad's day is too much.
        """
        try:
            return _rows(self._leaves((self._whole(part, job or self.begin(part)), "insights"), {}))
        except TooMuch:
            smaller = self._split(part)
            if not smaller:
                raise
        return self._together(smaller)

    def _together(self, parts: Sequence[Part]) -> list[Json]:
        return _merged(row for piece, begun in self._begun(parts) for row in self.rows(piece, begun))

    def _begun(self, parts: Sequence[Part]) -> list[tuple[Part, str | None]]:
        """All parts begun before the first is waited for; one that is too much from the start is split later."""
        found: list[tuple[Part, str | None]] = []
        for part in parts:
            try:
                found.append((part, self.begin(part)))
            except TooMuch:
                found.append((part, None))
        return found

    def _whole(self, part: Part, job: str) -> str:
        """The report, once it holds all its rows; one that failed is begun once more, which is another."""
        ended = self._wait(job)
        if ended["async_status"] != "Job Completed" and not _too_large(ended):
            job = self.begin(part)
            ended = self._wait(job)
        if ended["async_status"] != "Job Completed":
            raise TooMuch(f"a report ended as {ended['async_status']}", after=SOON, vendor=VENDOR, stream=self._stream)
        return job

    def _leaves(self, path: Sequence[str], params: Mapping[str, Any]) -> Iterator[Leaf]:
        return leaves(self._api, self._reason, path, params, stream=self._stream)

    def _wait(self, job: str) -> Json:
        """Until the report has ended, or is given up."""
        waited, pause = 0.0, FIRST_LOOK
        while job not in self._ended:
            self._look()
            if job in self._ended:
                break
            if waited >= LONGEST:
                self._end(job, {"async_status": "Job Failed"})
                break
            self._api.pause(pause)
            waited, pause = waited + pause, min(2 * pause, LAST_LOOK)
        ended = self._ended[job]
        if isinstance(ended, ConnectorError):
            raise ended
        return ended

    def _look(self) -> None:
        """One look at every report that runs."""
        jobs = list(self._running)
        fields = {"fields": "async_status,async_percent_completion,error_code,error_subcode"}
        for start in range(0, len(jobs), MOST_IN_BATCH):
            group = jobs[start : start + MOST_IN_BATCH]
            answers = self._api.batch(self._reason, [(f"{job}/", fields) for job in group], stream=self._stream)
            for job, answer in zip(group, answers, strict=True):
                self._note(job, answer)

    def _note(self, job: str, answer: Json | ConnectorError) -> None:
        self._running[job] += 1
        if isinstance(answer, NotThere):
            if self._running[job] >= UNBORN_LOOKS:
                self._end(job, {"async_status": "Job Failed"})
        elif isinstance(answer, ConnectorError) or answer.get("async_status") in ENDED:
            self._end(job, answer)

    def _end(self, job: str, told: Json | ConnectorError) -> None:
        self._running.pop(job, None)
        self._ended[job] = told

    def _split(self, part: Part) -> list[Part]:
        """The same work in smaller parts; empty if there are none."""
        if part.since < part.until:
            return list(part.halves("days"))
        if len(part.ids) > 1:
            return list(part.halves("ids"))
        if part.level != "ad":
            below, ids = LEVELS[LEVELS.index(part.level) + 1], self._children(part)
            return [replace(part, level=below, ids=ids)] if ids else []
        return list(part.halves("fields")) if len(part.fields) > 2 else []

    def _children(self, part: Part) -> tuple[str, ...]:
        edge = CHILDREN[part.level]
        params = {"fields": "id", "effective_status": list(FEEDS[edge].statuses)}
        path = (part.ids[0] if part.ids else part.node, edge)
        found = leaves(self._api, self._reason, path, params, stream=self._stream)
        return tuple(sorted(row["id"] for leaf in found for row in leaf.rows))


def _too_large(ended: Json) -> bool:
    return (ended.get("error_code"), ended.get("error_subcode")) == (100, 1487534)


def _rows(pages: Iterable[Leaf]) -> list[Json]:
    return [row for page in pages for row in page.rows]


def _merged(rows: Iterable[Json]) -> list[Json]:
    """Rows of the same ad and day as one: they came with different fields."""
    whole: dict[tuple[Any, Any], Json] = {}
    for row in rows:
        key = row.get("date_start"), row.get(KEY)
        whole[key] = whole.get(key, {}) | row
    return list(whole.values())
