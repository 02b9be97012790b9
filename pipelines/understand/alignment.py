"""How well customer and offer agree: pure functions of the log of evidence and payments.

Only components that have been observed are averaged, and the average is pulled once toward 0.5. A score is sampled when something
was said, found in what they do, or paid, never because somebody looked; and nothing that comes later changes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from math import sqrt

from models import Alignment, Evidence, Level, Polarity, Slot
from pipelines.understand.beliefs import INFERRED, by_topic, days
from pipelines.understand.components import (
    NEUTRAL,
    NOTHING_DONE,
    Component,
    Doings,
    Expectations,
    Goals,
    Skill,
    Used,
    Walk,
)
from pipelines.understand.topics import in_order
from pipelines.understand.weighing import COMPONENTS, EQUAL, Weights, in_force

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KAPPA = 3.0
"""Observations that the neutral start is worth."""
Z90 = 1.645
"""Standard deviations of a 90 % interval."""
RECENT = 90.0
"""Days of payments that are held against the time before them: a quarter."""
HISTORY = 180.0
"""Days of paying below which there is no habit to compare with."""
FAST, SLOW = 14.0, 60.0
"""Half-lives in days of the two averages whose gap is the trend."""
ENTER, LEAVE = 0.03, 0.01
"""Gap at which a trend begins, and below which it ends."""
MIN_SAMPLES, MIN_DAYS = 4, 21.0


@dataclass(frozen=True, slots=True)
class Paid:
    """A movement of money of one payer: plus for charges, minus for what went back, in minor units of one currency."""

    at: datetime
    amount: int
    currency: str


@dataclass(frozen=True)
class Sample:
    """The score right after something happened."""

    as_of: datetime
    components: Mapping[str, Component]
    overall: float
    low: float
    high: float
    coverage: float
    trend: str
    evidence_ids: Sequence[str]
    weights: str = EQUAL.version


def history(
    evidence: Sequence[Evidence],
    payments: Sequence[Paid],
    valences: Mapping[str, float],
    half_lives: Mapping[str, float],
    doings: Doings = NOTHING_DONE,
    schedule: Sequence[Weights] = (EQUAL,),
) -> list[Sample]:
    """Every score of one person: one sample per UTC day on which something was said, found, paid or delivered, oldest first.

    Shape: payments and doings in order of time; days on which no component has an observation are left out; empty means that nothing
    is known.
    """
    own = in_order(row for row in evidence if _about_us(row, valences))
    stances = Stances(own, valences, half_lives)
    goals, skill = Goals(own, doings, half_lives), Skill(own, half_lives)
    expectations = Expectations(own, doings.bought, half_lives)
    weekly = weeks(doings.used)
    moments = []
    for instant in _moments([*(row.occurred_at for row in own), *(paid.at for paid in payments), *goals.delivered]):
        parts = {
            "goal_fit": goals.at(instant),
            "stance": stances.at(instant),
            "expectation": expectations.at(instant),
            "understanding": skill.at(instant),
            "engagement_value": joined(engagement_value(payments, instant), engagement_value(weekly, instant)),
        }
        ids = [row.id for row in own if row.occurred_at <= instant]
        moments.append((instant, {name: part for name, part in parts.items() if part.n}, ids))
    return samples(moments, schedule)


def faded(
    score: Alignment, evidence: Sequence[Evidence], slots: Sequence[Slot], weights: Weights, instant: datetime
) -> Alignment:
    """A person's score as it has become by an instant after it, if nothing came since: what is held fades, what was done stays.

    Shape: `evidence` and `weights` are those behind the score.
    """
    valences = {slot.name: slot.valence for slot in slots}
    half_lives = {slot.name: slot.half_life_days for slot in slots}
    behind = set(score.evidence_ids)
    own = [row for row in evidence if row.id in behind and _about_us(row, valences)]
    return with_stance(score, Stances(own, valences, half_lives).at(instant), weights)


def components_of(score: Alignment) -> dict[str, Component]:
    """The components of a score that was kept."""
    return {name: Component(part["value"], int(part["n"])) for name, part in score.components.items()}


def with_stance(score: Alignment, stance: Component, weights: Weights) -> Alignment:
    """The same score with another stance."""
    overall, low, high = combine({**components_of(score), "stance": stance}, weights)
    kept = {"value": stance.value, "n": float(stance.n)}
    changed = {"overall": overall, "low": low, "high": high, "components": {**score.components, "stance": kept}}
    return Alignment(**{**score.model_dump(), **changed})


def samples(
    moments: Iterable[tuple[datetime, Mapping[str, Component], Sequence[str]]], schedule: Sequence[Weights] = (EQUAL,)
) -> list[Sample]:
    """Scores and trends of a series of moments, oldest first; a moment without components is no sample."""
    found: list[Sample] = []
    series: list[tuple[float, float]] = []
    word = "insufficient"
    for instant, components, ids in moments:
        if not components:
            continue
        weights = in_force(schedule, instant)
        overall, low, high = combine(components, weights)
        series.append((days(instant), overall))
        word = trend(series, word)
        share = coverage(components)
        found.append(Sample(instant, components, overall, low, high, share, word, ids, weights.version))
    return found


def combine(components: Mapping[str, Component], weights: Weights = EQUAL) -> tuple[float, float, float]:
    """Overall score with the ends of its 90 % interval. Units: 0 to 1; without components the neutral 0.5.

    Where all that was observed weighs nothing, it counts alike: a score that rests on something is not made of nothing.
    """
    parts = {name: part for name, part in components.items() if part.n}
    if not parts:
        return NEUTRAL, 0.0, 1.0
    total = sum(weights.by_component[name] for name in parts)
    share = {name: weights.by_component[name] / total if total else 1 / len(parts) for name in parts}
    n, mean = sum(part.n for part in parts.values()), sum(share[name] * part.value for name, part in parts.items())
    overall = (KAPPA * NEUTRAL + n * mean) / (KAPPA + n)
    spread = Z90 * sqrt(sum(share[name] ** 2 * _variance(part) for name, part in parts.items()))
    return overall, max(overall - spread, 0.0), min(overall + spread, 1.0)


def coverage(components: Mapping[str, Component]) -> float:
    """Share of all components that have observations."""
    return sum(part.n > 0 for part in components.values()) / len(COMPONENTS)


def pooled(components: Iterable[Component]) -> Component:
    """One component of several persons, each weighing as much as was observed of it."""
    parts = [part for part in components if part.n]
    n = sum(part.n for part in parts)
    return Component(sum(part.value * part.n for part in parts) / n, n) if n else Component(NEUTRAL, 0)


def joined(money: Component, use: Component) -> Component:
    """What was paid and what was used as one component, each counting as much as the other."""
    parts = [part for part in (money, use) if part.n]
    return Component(sum(part.value for part in parts) / len(parts), sum(part.n for part in parts)) if parts else money


def weeks(used: Sequence[Used]) -> list[Paid]:
    """Use of the product as a habit is measured: one for each week with any, at its first."""
    first = {(used.at - EPOCH).days // 7: used.at for used in reversed(used)}
    return [Paid(at, 1, "weeks") for at in sorted(first.values())]


class Stances:
    """What one person holds of us, at any instant: each topic is walked once and then looked up."""

    def __init__(
        self, evidence: Sequence[Evidence], valences: Mapping[str, float], half_lives: Mapping[str, float]
    ) -> None:
        words = [row for row in evidence if row.level != Level.behavioural]  # deeds have components of their own
        topics = by_topic(words).items()
        self._topics = [(valences[slot], Walk(rows, slot, half_lives)) for (_, slot, _), rows in topics]

    def at(self, instant: datetime) -> Component:
        """Mean over the topics voiced so far of half plus half of what is held: 1 is all for us, 0 all against."""
        day, values, n = days(instant), [], 0
        for valence, walk in self._topics:
            if state := walk.at(day):
                values.append(NEUTRAL + 0.5 * valence * (2 * state.p - 1))
                n += state.units
        return Component(sum(values) / len(values), n) if values else Component(NEUTRAL, 0)


def engagement_value(payments: Sequence[Paid], instant: datetime) -> Component:
    """What was paid in the last quarter against the payer's own habit before: .5 as ever, 1 all new, 0 stopped.

    Only the payer's own past is looked at, so that nobody moves because others did; only the currency paid in most often.
    """
    past = [paid for paid in payments if paid.at <= instant]
    currencies = [paid.currency for paid in past]
    if not past or (instant - past[0].at).days < HISTORY:
        return Component(NEUTRAL, 0)
    currency = max(sorted(set(currencies)), key=currencies.count)
    first, border, now = days(past[0].at), days(instant) - RECENT, days(instant)
    of_currency = [paid for paid in past if paid.currency == currency]
    recent = [paid for paid in of_currency if days(paid.at) > border]
    # the very first payment opens the span that the others fill, and is not counted in it
    before = [paid for paid in of_currency if first < days(paid.at) <= border]
    rate, habit = _rate(recent, now - border), _rate(before, border - first)
    if rate + habit == 0:
        return Component(NEUTRAL, 0)
    return Component(rate / (rate + habit), len(recent) + len(before))


def trend(series: Sequence[tuple[float, float]], before: str = "steady") -> str:
    """Converging, diverging, steady, or insufficient. Shape: (day, score) of samples, oldest first, ending at the reference."""
    if len(series) < MIN_SAMPLES or series[-1][0] - series[0][0] < MIN_DAYS:
        return "insufficient"
    (fast, fast_weights), (slow, slow_weights) = _average(series, FAST), _average(series, SLOW)
    variance = sum(weight * (score - slow) ** 2 for weight, (_, score) in zip(slow_weights, series, strict=True))
    gaps = sum((one - other) ** 2 for one, other in zip(fast_weights, slow_weights, strict=True))
    # 1.28 standard errors: nine in ten steady series stay steady, if samples were independent
    gate = max(LEAVE if before in ("converging", "diverging") else ENTER, 1.28 * sqrt(variance * gaps))
    if fast - slow > gate:
        return "converging"
    return "diverging" if slow - fast > gate else "steady"


def _about_us(row: Evidence, valences: Mapping[str, float]) -> bool:
    heard = row.holder is None and row.level not in INFERRED
    return heard and row.polarity != Polarity.neutral and valences.get(row.slot, 0.0) != 0.0


def _moments(instants: Iterable[datetime]) -> list[datetime]:
    """The last instant of every UTC day on which something happened."""
    return [max(day) for _, day in groupby(sorted(instants), key=lambda instant: instant.date())]


def _rate(payments: Sequence[Paid], span: float) -> float:
    return max(sum(paid.amount for paid in payments), 0) / span if span > 0 else 0.0


def _variance(part: Component) -> float:
    """Of a component as the mean of a Beta distribution that starts neutral."""
    shrunk = (KAPPA * NEUTRAL + part.n * part.value) / (KAPPA + part.n)
    return shrunk * (1 - shrunk) / (KAPPA + part.n + 1)


def _average(series: Sequence[tuple[float, float]], half_life: float) -> tuple[float, list[float]]:
    weights = [2 ** ((day - series[-1][0]) / half_life) for day, _ in series]
    total = sum(weights)
    normal = [weight / total for weight in weights]
    return sum(weight * score for weight, (_, score) in zip(normal, series, strict=True)), normal
