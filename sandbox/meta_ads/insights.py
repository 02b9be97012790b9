"""What ads did, added up from their days: by level, by span of days, and split by breakdowns.

Source: https://developers.facebook.com/docs/marketing-api/insights and /insights/parameters; values by AdsInsights._field_types,
numbers being texts. Days are the account's own.
"""

from collections import defaultdict
from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

from facebook_business.adobjects.adsinsights import AdsInsights

from sandbox.meta_ads.errors import MetaRefusal, bad
from sandbox.meta_ads.params import STATUSES, Params, fields, judge, names
from sandbox.meta_ads.state import MetaState, Row

KNOWN = {
    "level", "time_range", "time_increment", "breakdowns", "filtering", "action_attribution_windows",
    "use_unified_attribution_setting", "action_report_time", "sort",
}  # fmt: skip
LEVELS = ("account", "campaign", "adset", "ad")
DEAD_BREAKDOWNS = {"dma"}
"""Listed in the SDK, removed on the server on 2026-06-22 (https://github.com/MeltanoLabs/tap-facebook/issues/270)."""
DEAD_WINDOWS = {"7d_view", "28d_view"}
SPLITS = {
    "publisher_platform": (("facebook", 2), ("instagram", 1)),
    "gender": (("female", 1), ("male", 1)),
    "age": (("25-34", 2), ("35-44", 2), ("45-54", 1)),
    "country": (("DE", 3), ("US", 1)),
    "comscore_market": (("Boston, MA", 1), ("New York, NY", 1)),
}
"""Breakdowns that the sandbox can answer, with the share of each value."""
KEPT_MONTHS = 37
LIVING = STATUSES["ad"] - {"DELETED", "ARCHIVED"}
"""What is answered unless a filter on ad.effective_status asks for more."""


@dataclass(frozen=True)
class Question:
    """One request for insights, judged."""

    account: str
    within: tuple[str, str]
    """Field and id of the object that was asked, such as ("campaign_id", "601…")."""
    level: str
    since: date
    until: date
    step: int | None
    """Days of one row; None for all in one."""
    breakdowns: tuple[str, ...]
    fields: tuple[str, ...]
    ids: tuple[tuple[str, frozenset[str]], ...]
    statuses: Set[str]
    sort: tuple[tuple[str, bool], ...]
    """Fields that rows are sorted by, and whether the greatest comes first."""


def question(state: MetaState, account: Row, within: tuple[str, str], raw: Params) -> Question:
    """Read the parameters of an insights call. MetaRefusal for what Meta does not know or keep."""
    params = judge(raw, KNOWN)
    level = params.get("level", "account")
    if level not in names(AdsInsights.Level):
        raise bad(f"Param level must be one of {sorted(names(AdsInsights.Level))}")
    today = state.clock.now().astimezone(ZoneInfo(account["timezone_name"])).date()
    since, until = _span(params, today)
    windows = set(params.get("action_attribution_windows", []))
    if windows - names(AdsInsights.ActionAttributionWindows) or windows & (DEAD_WINDOWS | state.conduct.dead):
        raise bad("Param action_attribution_windows has a value that is not supported")
    # an account's own sum leaves out nothing, unless it is asked to
    ids, statuses = _filters(params.get("filtering", []), STATUSES["ad"] if level == "account" else LIVING)
    asked = tuple(fields(params, "insight"))
    if gone := state.conduct.dead & {*asked, *params.get("breakdowns", [])}:
        raise bad(f"{min(gone)} is not valid for fields param. please check https://developers.facebook.com")
    return Question(
        account["account_id"], within, level, since, until, _step(params), _breakdowns(params), asked, ids, statuses,
        _sort(params, state.conduct.dead),
    )  # fmt: skip


def rows(state: MetaState, asked: Question) -> list[Row]:
    """The answer's rows, oldest day first unless another order is asked for; by ad where Meta keeps to none."""
    sums: defaultdict[tuple[str, str, str], list[Row]] = defaultdict(list)
    key = f"{asked.level}_id"
    for day in state.days(asked.account, str(asked.since), str(asked.until)):
        if day[asked.within[0]] == asked.within[1] and _wanted(state, asked, day):
            first, last = _period(asked, date.fromisoformat(day["date_start"]))
            sums[str(first), day[key], str(last)].append(day)
    found = [
        {name: value for name, value in row.items() if value is not None}
        for (first, _, last), days in sums.items()
        for row in _split(asked, _added(days, asked, first, last))
    ]
    for name, descending in (("ad_id", False),) if state.conduct.unsorted else reversed(asked.sort):
        found.sort(key=lambda row: str(row.get(name, "")), reverse=descending)
    return found


def _wanted(state: MetaState, asked: Question, day: Row) -> bool:
    if any(day[field] not in ids for field, ids in asked.ids):
        return False
    if asked.level == "ad" and day["ad_id"] in state.conduct.forgotten:
        return False
    ad = state.node(day["ad_id"])
    return ad is None or ad[1].get("effective_status") in asked.statuses


def _added(days: list[Row], asked: Question, first: str, last: str) -> Row:
    """One row of the level, numbers summed."""
    whole: Row = {"date_start": first, "date_stop": last}
    for level in LEVELS[: LEVELS.index(asked.level) + 1]:
        whole |= {name: days[-1].get(name) for name in (f"{level}_id", f"{level}_name")}
    whole["account_currency"] = days[-1]["account_currency"]
    whole["spend"] = str(sum(Decimal(day["spend"]) for day in days))
    for name in ("impressions", "clicks", "reach"):
        whole[name] = str(sum(int(day.get(name, "0")) for day in days))
    for name in ("actions", "action_values"):
        kinds: defaultdict[str, Decimal] = defaultdict(Decimal)
        for action in (action for day in days for action in day.get(name, [])):
            kinds[action["action_type"]] += Decimal(action["value"])
        whole[name] = [{"action_type": kind, "value": str(value)} for kind, value in sorted(kinds.items())] or None
    return whole


def _split(asked: Question, whole: Row) -> Iterator[Row]:
    """One row per combination of breakdowns, with the fields asked for; the last combination has what is left over."""
    shown = {"date_start", "date_stop", *asked.fields}
    combos = list(product(*(SPLITS[name] for name in asked.breakdowns)))
    weights = [_weight(combo) for combo in combos]
    left = {name: Decimal(whole[name]) for name in ("spend", "impressions", "clicks", "reach")}
    for number, combo in enumerate(combos):
        part = dict(whole)
        for name, rest in left.items():
            places = Decimal(1) if name != "spend" else Decimal(1).scaleb(Decimal(whole["spend"]).as_tuple().exponent)  # type: ignore[arg-type]
            last = number == len(combos) - 1
            share = rest if last else (Decimal(whole[name]) * weights[number] / sum(weights)).quantize(places)
            left[name] -= share
            part[name] = str(share)
        broken = dict(zip(asked.breakdowns, (value for value, _ in combo), strict=True))
        yield {name: value for name, value in part.items() if name in shown} | broken


def _weight(combo: tuple[tuple[str, int], ...]) -> int:
    weight = 1
    for _, share in combo:
        weight *= share
    return weight


def _span(params: Params, today: date) -> tuple[date, date]:
    given = params.get("time_range")
    if not isinstance(given, dict) or given.keys() != {"since", "until"}:
        raise bad("the sandbox wants time_range with since and until")
    try:
        since, until = date.fromisoformat(given["since"]), date.fromisoformat(given["until"])
    except (TypeError, ValueError):
        raise bad("Must be a date representation in the format YYYY-MM-DD") from None
    if since > until:
        raise bad("since must not be after until")
    years, month = divmod(today.year * 12 + today.month - 1 - KEPT_MONTHS, 12)
    if since < date(years, month + 1, min(today.day, 28)):
        message = "(#3018) The start date of the time range cannot be beyond 37 months from the current date"
        raise MetaRefusal(400, 3018, message)
    return since, until


def _step(params: Params) -> int | None:
    step = params.get("time_increment", "all_days")
    if step == "all_days":
        return None
    if not isinstance(step, int) or not 1 <= step <= 90:
        raise bad("Param time_increment must be all_days or a number of days from 1 to 90")
    return step


def _sort(params: Params, dead: Set[str]) -> tuple[tuple[str, bool], ...]:
    asked = params.get("sort", [])
    found = [name.rpartition("_") for name in ([asked] if isinstance(asked, str) else asked)]
    for name, _, way in found:
        if name not in names(AdsInsights.Field) or way not in {"ascending", "descending"} or f"{name}_{way}" in dead:
            raise bad(f"Param sort[0] must be a field with _ascending or _descending, and {name} is not")
    return tuple((name, way == "descending") for name, _, way in found)


def _breakdowns(params: Params) -> tuple[str, ...]:
    asked = tuple(params.get("breakdowns", []))
    for name in asked:
        if name not in names(AdsInsights.Breakdowns) or name in DEAD_BREAKDOWNS:
            raise bad(f"breakdowns[0] must be one of the following values: {name} is not")
        if name not in SPLITS:
            raise bad(f"the sandbox cannot break down by {name}")
    return asked


def _filters(given: list[Row], statuses: Set[str]) -> tuple[tuple[tuple[str, frozenset[str]], ...], Set[str]]:
    ids = []
    for one in given:
        if one.get("operator") != "IN" or not isinstance(one.get("value"), list):
            raise bad("the sandbox filters insights by IN alone")
        values = frozenset(map(str, one["value"]))
        match one.get("field"):
            case "campaign.id" | "adset.id" | "ad.id" as field:
                ids.append((field.replace(".", "_"), values))
            case "ad.effective_status" if values <= STATUSES["ad"]:
                statuses = values
            case field:
                raise bad(f"Filtering field {field} with this operation and these values is not valid")
    return tuple(ids), statuses


def _period(asked: Question, day: date) -> tuple[date, date]:
    if asked.step is None:
        return asked.since, asked.until
    number = (day - asked.since).days // asked.step
    first = asked.since + timedelta(days=number * asked.step)
    return first, min(asked.until, first + timedelta(days=asked.step - 1))


def cells(found: list[Any], asked: Question) -> int:
    """How much an answer holds."""
    return len(found) * len(asked.fields)
