"""How a rule looks at deeds: pure functions from a person's deeds up to an instant to scores with the numbers behind them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from math import sqrt
from statistics import mean, median, pstdev
from zoneinfo import ZoneInfo

from pipelines.understand.behaviour.deeds import ENDED, SIGNED, USED, Deed
from pipelines.understand.behaviour.rules import Rule

PARTS = ((5, "nights"), (12, "mornings"), (17, "afternoons"), (22, "evenings"), (24, "nights"))
"""Hours before which a part of the day ends."""
BY_CHANCE = 1.645
"""Standard deviations by which two counts must differ: one fall in twenty would be chance."""
BANDS = ((10, "weekly"), (45, "monthly"), (135, "quarterly"), (270, "twice a year"), (10_000, "yearly"))
"""Days up to which a rhythm is called so."""
WEEK = 7
Numbers = Mapping[str, int | float | str]


@dataclass(frozen=True)
class Score:
    """How far a rule holds, with what was counted."""

    score: float
    numbers: Numbers


@dataclass(frozen=True)
class Look:
    """What a rule sees at one instant: `scores` by what it tells apart; `n` occasions in all."""

    n: int
    scores: Mapping[str, Score]
    seen: Sequence[Deed] = ()
    rest: Numbers = field(default_factory=dict)
    """What was counted of a thing that is not among the scores."""


NOTHING = Look(0, {})


def look(rule: Rule, deeds: Sequence[Deed], at: datetime, zone: ZoneInfo) -> Look:
    """What the rule sees of these deeds (those of its kinds, up to `at`, oldest first)."""
    return LOOKS[rule.look](rule, deeds, at, zone)


def _share(rule: Rule, deeds: Sequence[Deed], at: datetime, zone: ZoneInfo) -> Look:
    """Score: share of the occasions that are of one sort; several deeds of a sort on one day are one occasion."""
    seen = _within(deeds, at, rule.window)
    sort = SORTS[rule.by]
    occasions = {(deed.at.astimezone(zone).date(), which) for deed in seen if (which := sort(deed, zone))}
    counts, n = Counter(which for _, which in occasions), len(occasions)
    scores = {which: Score(hits / n, {"hits": hits, "n": n}) for which, hits in counts.items()}
    return Look(n, scores, seen, {"hits": 0, "n": n})


def _change(rule: Rule, deeds: Sequence[Deed], at: datetime, _: ZoneInfo) -> Look:
    """Score: by how much of itself the number of active days changed from one window to the next; 0 where chance explains it."""
    border, start = at - timedelta(days=rule.window), at - timedelta(days=2 * rule.window)
    if not deeds or deeds[0].at > start:  # who came later than that has no habit to compare with
        return NOTHING
    recent = len({deed.at.date() for deed in deeds if deed.at > border})
    before = len({deed.at.date() for deed in deeds if start < deed.at <= border})
    fell = rule.by == "fall"
    by = (before - recent if fell else recent - before) / max(before, 1)
    if abs(recent - before) < BY_CHANCE * sqrt(recent + before):
        by = 0.0
    numbers = {"recent": recent, "before": before, "percent": round(100 * by), "since": _month(border)}
    return Look(before if fell else recent, {"": Score(max(by, 0.0), numbers)}, _within(deeds, at, 2 * rule.window))


def _rhythm(rule: Rule, deeds: Sequence[Deed], at: datetime, _: ZoneInfo) -> Look:
    """Score: 1 less the spread of the days between purchases over their mean."""
    seen = _within(deeds, at, rule.window)
    days = sorted({deed.at.date() for deed in seen})
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    if not gaps:
        return NOTHING
    usual = median(gaps)
    band = next(name for most, name in BANDS if usual <= most)
    score = max(1 - pstdev(gaps) / mean(gaps), 0.0)
    numbers = {"purchases": len(days), "days": round(usual)}
    return Look(len(gaps), {band: Score(score, numbers)}, seen, numbers)


def _habit(rule: Rule, deeds: Sequence[Deed], at: datetime, _: ZoneInfo) -> Look:
    """Score of each action: share of the window's weeks in which it was used. Occasions are weeks with any use."""
    seen = [deed for deed in _within(deeds, at, rule.window) if deed.which]
    weeks = {(deed.which, (at - deed.at).days // WEEK) for deed in seen}
    counts, n = Counter(which for which, _ in weeks), rule.window // WEEK
    scores = {which: Score(hits / n, {"hits": hits, "n": n}) for which, hits in counts.items()}
    return Look(len({week for _, week in weeks}), scores, seen, {"hits": 0, "n": n})


def _event(rule: Rule, deeds: Sequence[Deed], at: datetime, _: ZoneInfo) -> Look:
    """Score: 1 on the day of the event; a contract has ended only when no other runs."""
    today = [deed for deed in deeds if deed.at.date() == at.date() and deed.kind == rule.by]
    if not today:
        return NOTHING
    return Look(len(today), {"": Score(1.0, {"since": _month(at)})}, today)


def running(deeds: Sequence[Deed]) -> int:
    """Contracts that run after these deeds."""
    return sum((deed.kind == SIGNED) - (deed.kind == ENDED) for deed in deeds)


def part_of_day(deed: Deed, zone: ZoneInfo) -> str:
    """Nights, mornings, afternoons or evenings, where the person is."""
    hour = deed.at.astimezone(zone).hour
    return next(name for end, name in PARTS if hour < end)


def _part_of_week(deed: Deed, zone: ZoneInfo) -> str:
    return "weekends" if deed.at.astimezone(zone).weekday() >= 5 else "working days"


def _channel(deed: Deed, _: ZoneInfo) -> str:
    return "" if deed.kind == USED else deed.which


def _discount(deed: Deed, _: ZoneInfo) -> str:
    return "" if deed.lowered is None else "on discount" if deed.lowered else "at full price"


def _within(deeds: Sequence[Deed], at: datetime, window: int) -> list[Deed]:
    start = at - timedelta(days=window)
    return [deed for deed in deeds if deed.at > start]


def _month(instant: datetime) -> str:
    return f"{instant:%B %Y}"


LOOKS: Mapping[str, Callable[[Rule, Sequence[Deed], datetime, ZoneInfo], Look]] = {
    "share": _share, "change": _change, "rhythm": _rhythm, "habit": _habit, "event": _event,
}  # fmt: skip
SORTS: Mapping[str, Callable[[Deed, ZoneInfo], str]] = {
    "part of day": part_of_day, "part of week": _part_of_week, "channel": _channel, "discount": _discount,
}  # fmt: skip
