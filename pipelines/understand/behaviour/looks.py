"""How a rule looks at deeds: pure functions from a person's deeds up to an instant to scores with the numbers behind them."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from math import sqrt
from statistics import median
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pipelines.understand.behaviour.deeds import USED, Deed
from pipelines.understand.behaviour.rules import Rule

PARTS = ((5, "nights"), (12, "mornings"), (17, "afternoons"), (22, "evenings"), (24, "nights"))
"""Hours before which a part of the day ends."""
BY_CHANCE = 1.645
"""Standard deviations by which two counts must differ: one fall in twenty would be chance."""
BANDS = ((10, "weekly"), (45, "monthly"), (135, "quarterly"), (270, "twice a year"), (10_000, "yearly"))
"""Days up to which a rhythm is called so."""
WEEK = 7
VIEWS = frozenset({"page", "screen"})
"""What a page or screen is called that was opened and has no name of its own: https://segment.com/docs/connections/spec/."""
Numbers = Mapping[str, int | float | str]


class Seen(NamedTuple):
    """A deed as a rule sees it: on which day of the person's own zone, and of which sort ("" where that cannot be told)."""

    at: datetime
    day: date
    sort: str
    deed: Deed


@dataclass(frozen=True, slots=True)
class Score:
    """How far a rule holds, with what was counted."""

    score: float
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class Look:
    """What a rule sees at one instant: `scores` by what it tells apart; `n` occasions in all, `rest` what it counts of anything else."""

    n: int
    scores: Mapping[str, Score]
    rest: Numbers


NOTHING = Look(0, {}, {})


def sorted_out(rule: Rule, deeds: Sequence[Deed], zone: ZoneInfo) -> list[Seen]:
    """The deeds as the rule sees them; those of no sort are left out where it tells sorts apart."""
    sort = SORTS.get(rule.by)
    if sort is None:
        return [Seen(deed.at, deed.at.date(), deed.which, deed) for deed in deeds]
    seen = (Seen(deed.at, deed.at.astimezone(zone).date(), sort(deed, zone), deed) for deed in deeds)
    return [one for one in seen if one.sort]


def look(rule: Rule, seen: Sequence[Seen], at: datetime, first: datetime) -> Look:
    """What the rule sees of the deeds in its span up to `at`, oldest first; `first` is the first deed of the kind ever."""
    return LOOKS[rule.look](rule, seen, at, first) if len(seen) >= rule.least else NOTHING


def _share(_: Rule, seen: Sequence[Seen], __: datetime, ___: datetime) -> Look:
    """Score: share of the occasions that are of one sort; several deeds of a sort on one day are one occasion."""
    occasions = {(one.day, one.sort) for one in seen}
    counts, n = Counter(sort for _, sort in occasions), len(occasions)
    return Look(n, _scores(counts, n), {"hits": 0, "n": n})


def _change(rule: Rule, seen: Sequence[Seen], at: datetime, first: datetime) -> Look:
    """Score: by how much of itself the number of active days changed from one window to the next; 0 where chance explains it."""
    border = at - timedelta(days=rule.window)
    if first > border - timedelta(days=rule.window):  # who came later has no habit to compare with
        return NOTHING
    half = bisect_right(seen, border, key=lambda one: one.at)
    before, recent = len({one.day for one in seen[:half]}), len({one.day for one in seen[half:]})
    fell = rule.by == "fall"
    by = (before - recent if fell else recent - before) / max(before, 1)
    numbers: Numbers = {"recent": recent, "before": before, "percent": round(100 * by), "since": _month(border)}
    by_chance = abs(recent - before) < BY_CHANCE * sqrt(recent + before)
    return Look(before if fell else recent, {"": Score(0.0 if by_chance else max(by, 0.0), numbers)}, numbers)


def _rhythm(_: Rule, seen: Sequence[Seen], __: datetime, ___: datetime) -> Look:
    """Score: 1 less the spread of the days between purchases over their mean."""
    days = sorted({one.day for one in seen})
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    if not gaps:
        return NOTHING
    usual, mean = median(gaps), sum(gaps) / len(gaps)
    band = next(name for most, name in BANDS if usual <= most)
    spread = sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    numbers: Numbers = {"purchases": len(days), "days": round(usual)}
    return Look(len(gaps), {band: Score(max(1 - spread / mean, 0.0), numbers)}, numbers)


def _habit(rule: Rule, seen: Sequence[Seen], at: datetime, _: datetime) -> Look:
    """Score of each action: share of the window's weeks in which it was used. Occasions are weeks with any use."""
    weeks = {(one.sort, (at - one.at).days // WEEK) for one in seen if one.sort}
    counts, n = Counter(sort for sort, _ in weeks), rule.window // WEEK
    return Look(len({week for _, week in weeks}), _scores(counts, n), {"hits": 0, "n": n})


def _event(rule: Rule, seen: Sequence[Seen], at: datetime, _: datetime) -> Look:
    """Score: 1 on the day of the event."""
    today = sum(one.day == at.date() and one.deed.kind == rule.by for one in seen)
    numbers: Numbers = {"since": _month(at)}
    return Look(today, {"": Score(1.0, numbers)} if today else {}, numbers)


def _scores(counts: Mapping[str, int], n: int) -> dict[str, Score]:
    return {which: Score(hits / n, {"hits": hits, "n": n}) for which, hits in counts.items()}


def part_of_day(deed: Deed, zone: ZoneInfo) -> str:
    """Nights, mornings, afternoons or evenings, where the person is."""
    hour = deed.at.astimezone(zone).hour
    return next(name for end, name in PARTS if hour < end)


def _part_of_week(deed: Deed, zone: ZoneInfo) -> str:
    return "weekends" if deed.at.astimezone(zone).weekday() >= 5 else "working days"


def _action(deed: Deed, _: ZoneInfo) -> str:
    """What was done by name: that some page or screen was opened names nothing that they use."""
    return "" if deed.which in VIEWS else deed.which


def _channel(deed: Deed, _: ZoneInfo) -> str:
    return "" if deed.kind == USED else deed.which


def _discount(deed: Deed, _: ZoneInfo) -> str:
    return "" if deed.lowered is None else "on discount" if deed.lowered else "at full price"


def _month(instant: datetime) -> str:
    return f"{instant:%B %Y}"


LOOKS: Mapping[str, Callable[[Rule, Sequence[Seen], datetime, datetime], Look]] = {
    "share": _share, "change": _change, "rhythm": _rhythm, "habit": _habit, "event": _event,
}  # fmt: skip
SORTS: Mapping[str, Callable[[Deed, ZoneInfo], str]] = {
    "part of day": part_of_day, "part of week": _part_of_week, "channel": _channel, "discount": _discount,
    "action": _action,
}  # fmt: skip
