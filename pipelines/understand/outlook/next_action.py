"""What each person is likely to do within 30 days: the rate of each kind of deed of late, tried at a past cut."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from math import log

import numpy as np

from pipelines.stitch.lifetime.calibration import Calibration, compared
from pipelines.understand.behaviour.deeds import ANSWERED, BOUGHT, USED, Deed

AHEAD = timedelta(days=30)
HALF_LIFE = 14.0
"""Days after which a deed counts half: who has stopped is soon seen to have. A plain mean of a quarter foretold returns to nearly all."""
SHAPE, DAYS = 0.2, 10.0
"""What is believed of a rate before anything was seen: a fifth of an active day in ten. A Gamma prior; Gelman et al., Bayesian Data Analysis, 2.6."""
KINDS = {USED: "uses the product", BOUGHT: "buys", ANSWERED: "answers"}


def chances(deeds: Sequence[Deed], now: datetime) -> dict[str, float]:
    """Chance of at least one day with each kind of deed that was ever seen of the person, within 30 days after `now`.

    The Poisson rate of active days, each counting less the older it is, as a Gamma prior and those days leave it (a discounted rate:
    West & Harrison, Bayesian Forecasting and Dynamic Models, 2.4 and 10.8). Answers are told by channel.
    """
    active: dict[str, set[date]] = defaultdict(set)
    first = now
    for deed in deeds:
        if deed.at <= now and (action := named(deed)):
            active[action].add(deed.at.date())
            first = min(first, deed.at)
    seen = _faded((now - first).total_seconds() / 86_400)
    return {action: _chance(days, seen, now.date()) for action, days in sorted(active.items())}


def likeliest(found: Mapping[str, float]) -> tuple[str, float] | None:
    """The most likely action; None for somebody who never did anything."""
    return max(found.items(), key=lambda item: (item[1], item[0])) if found else None


def tried(everybody: Iterable[Sequence[Deed]], now: datetime) -> Calibration:
    """Chances of 30 days ago beside what was done since, of all persons and actions."""
    cut, foretold, came = now - AHEAD, list[float](), list[bool]()
    for deeds in everybody:
        done = {named(deed) for deed in deeds if cut < deed.at <= now}
        for action, chance in chances(deeds, cut).items():
            foretold.append(chance)
            came.append(action in done)
    return compared(np.array(foretold), np.array(came, bool), 1)


def named(deed: Deed) -> str | None:
    """The action in words; None for what nobody foretells (contracts have a model of their own)."""
    words = KINDS.get(deed.kind)
    return f"{words} by {deed.which}" if words and deed.kind == ANSWERED else words


def _chance(days: Iterable[date], seen: float, today: date) -> float:
    amount = sum(2 ** (-(today - day).days / HALF_LIFE) for day in days)
    none = ((DAYS + seen) / (DAYS + seen + AHEAD.days)) ** (SHAPE + amount)
    return float(1 - none)


def _faded(days: float) -> float:
    """How many days so many days are worth, each counting less the older it is."""
    return float(HALF_LIFE / log(2) * (1 - 2 ** (-days / HALF_LIFE)))
