"""The parts of alignment that need more than a look at one belief: pure functions of the evidence log and of deeds, at any instant.

Each is walked once per person and then looked up; nothing that comes after an instant changes what a part was at that instant.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from models import Evidence, Level, Polarity
from pipelines.understand.beliefs import HALF_LIFE, by_topic, days, quotes
from pipelines.understand.confidence import Confidence, steps
from pipelines.understand.topics import REVIEW

NEUTRAL = 0.5
GOALS = ("value", "need")
"""Slots of what somebody wants from us."""
INTENT = "intent"
DELIVERED = 90.0
"""Days in which use shows that a goal is served: a quarter."""
CHECKED = 90.0
"""Days after which a stated intent is held against what was done."""
PAYS = 90.0
"""Days: who bought within so many before stating an intent pays already, and is expected to pay on in the second half of `CHECKED`."""
STEM = 5
"""Letters by which two words are one: "report", "reporting" and "reports" are."""
IDLE = frozenset(["about", "after", "also", "been", "before", "being", "could", "does", "from", "have", "into", "just", "like", "more", "most", "much", "need", "needs", "only", "other", "over", "should", "some", "such", "than", "that", "their", "them", "then", "there", "these", "they", "this", "those", "very", "want", "wants", "what", "when", "which", "will", "with", "without", "would", "your"])  # fmt: skip


@dataclass(frozen=True)
class Component:
    """One part of the score: its value, 0 to 1, and how many observations it rests on."""

    value: float
    n: int


NOT_OBSERVED = Component(NEUTRAL, 0)


@dataclass(frozen=True, slots=True)
class Used:
    """Something done in the product, as its events call it."""

    at: datetime
    action: str


@dataclass(frozen=True)
class Doings:
    """What a person did, each in order of time: `used` by themselves, `bought` by them or by their account, won deals included.

    `closed` tells of their texts that are part of a ticket, by observation, when that ticket was closed, each time.
    """

    used: Sequence[Used] = ()
    bought: Sequence[datetime] = ()
    closed: Mapping[str, Sequence[datetime]] = field(default_factory=dict)


NOTHING_DONE = Doings()


class Goals:
    """Whether what somebody wants is served: the share of active goals, by how sure they are, that were delivered.

    A goal is a topic of `GOALS` that is held. It is served if, in the quarter before, an action was used whose name shares a stem with
    the goal's aspect or statements; or if it was last asked for in a ticket that was closed since, for whatever reason. An open
    ticket is no failure: where no use of the product is known, a goal that no ticket served cannot be judged.
    """

    def __init__(self, own: Sequence[Evidence], done: Doings, half_lives: Mapping[str, float]) -> None:
        goals = [row for row in own if row.slot in GOALS and row.level != Level.behavioural]
        self._goals = [(Walk(rows, slot, half_lives), rows) for (_, slot, _), rows in by_topic(goals).items()]
        self._used = [(days(one.at), stems(one.action)) for one in done.used]
        self._days = [day for day, _ in self._used]
        self._closed = done.closed

    @property
    def delivered(self) -> list[datetime]:
        """When tickets that asked for a goal were closed, in no order."""
        return [
            at
            for _, rows in self._goals
            for row in rows
            for at in self._closed.get(row.observation_id, ())
            if row.occurred_at <= at
        ]

    def at(self, instant: datetime) -> Component:
        """Value: 1 if every goal is served. n: goals that can be judged."""
        day = days(instant)
        last = bisect_right(self._days, day)
        if not last and not self._closed:
            return NOT_OBSERVED
        recent = self._used[bisect_left(self._days, day - DELIVERED) : last]
        in_use = frozenset[str]().union(*(words for _, words in recent))
        held = [
            (2 * state.p - 1, bool(_wanted(rows, instant) & in_use) or self._settled(rows, instant))
            for walk, rows in self._goals
            if (state := walk.at(day)) and state.p > NEUTRAL
        ]
        judged = [(importance, served) for importance, served in held if served or last]
        total = sum(importance for importance, _ in judged)
        return Component(sum(one for one, served in judged if served) / total, len(judged)) if judged else NOT_OBSERVED

    def _settled(self, rows: Sequence[Evidence], instant: datetime) -> bool:
        """Whether all who asked last did so in tickets that were closed from then on; what a review says is no asking."""
        asked = [row for row in _said_for(rows, instant) if not row.against and not row.source_class.startswith(REVIEW)]
        latest = [row for row in asked if row.occurred_at == asked[-1].occurred_at]
        return bool(latest) and all(
            any(row.occurred_at <= at <= instant for at in self._closed.get(row.observation_id, ())) for row in latest
        )


class Expectations:
    """Whether stated intents came true: one less the mean surprise, surprise being one less the chance given to what then happened.

    An intent is checked at the first instant asked for after `CHECKED` days. Who did not pay yet should have bought by then; who did
    should have bought in the second half of that time, so that a last bill is not taken for loyalty.
    """

    def __init__(self, own: Sequence[Evidence], bought: Sequence[datetime], half_lives: Mapping[str, float]) -> None:
        intents = [row for row in own if row.slot == INTENT and row.level != Level.behavioural]
        self._bought = [days(at) for at in bought]
        stated = [
            (unit.day, state.p)
            for rows in by_topic(intents).values()
            for unit, state in steps(quotes(rows, Polarity.positive), half_lives.get(INTENT, HALF_LIFE))
        ]
        self._due, self._given = _summed((day + CHECKED, self._chance_of_what_came(day, p)) for day, p in stated)

    def at(self, instant: datetime) -> Component:
        """Value: 1 if everything came as stated and as surely. n: intents checked."""
        n = bisect_right(self._due, days(instant))
        return Component(self._given[n] / n, n) if n else NOT_OBSERVED

    def _chance_of_what_came(self, day: float, p: float) -> float:
        pays = self._within(day - PAYS, day)
        came = self._within(day + CHECKED / 2 if pays else day, day + CHECKED)
        return p if came else 1 - p

    def _within(self, after: float, until: float) -> bool:
        return bisect_right(self._bought, until) > bisect_right(self._bought, after)


class Skill:
    """How well the self-model foretells the next observation, beside always telling the person's own rate so far (prequential).

    Every unit of a topic that had one before was foretold by the belief as it stood, faded by the silence; the unit then says which
    side it was. Source: Dawid (1984), Statistical theory: the prequential approach, JRSS A 147(2); Brier skill score, Murphy (1973).
    """

    def __init__(self, own: Sequence[Evidence], half_lives: Mapping[str, float]) -> None:
        told: list[tuple[float, float | None, bool]] = []
        for (_, slot, _), rows in by_topic(own).items():
            half_life = half_lives.get(slot, HALF_LIFE)
            before: tuple[float, Confidence] | None = None
            for unit, state in steps(quotes(rows, Polarity.positive), half_life):
                foretold = before[1].silent(unit.day - before[0], half_life).p if before else None
                told.append((unit.day, foretold, unit.sign > 0))
                before = (unit.day, state)
        self._days, self._errors, self._base = list[float](), [0.0], [0.0]
        positive = 0
        for seen, (day, foretold, came) in enumerate(sorted(told, key=lambda one: (one[0], one[2], one[1] or 0.0))):
            rate = (positive + 1) / (seen + 2)  # Laplace: starts from knowing nothing
            if foretold is not None:
                self._days.append(day)
                self._errors.append(self._errors[-1] + (foretold - came) ** 2)
                self._base.append(self._base[-1] + (rate - came) ** 2)
            positive += came

    def at(self, instant: datetime) -> Component:
        """Value: 0 no better than the base rate, 1 perfect. n: observations foretold."""
        n = bisect_right(self._days, days(instant))
        return Component(max(0.0, 1 - self._errors[n] / self._base[n]), n) if n else NOT_OBSERVED


def stems(text: str) -> frozenset[str]:
    """The first letters of the words that carry a text."""
    found = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text))
    words = (word.casefold() for word in found)
    return frozenset(word[:STEM] for word in words if len(word) > 3 and word not in IDLE)


class Walk:
    """One topic's confidence for the positive side, at any day; walked once and then looked up."""

    def __init__(self, rows: Sequence[Evidence], slot: str, half_lives: Mapping[str, float]) -> None:
        self._half_life = half_lives.get(slot, HALF_LIFE)
        walked = list(steps(quotes(rows, Polarity.positive), self._half_life))
        self._days, self._states = [unit.day for unit, _ in walked], [state for _, state in walked]

    def at(self, day: float) -> Confidence | None:
        """How it stood on a day, faded by the silence; None if nothing had been said."""
        place = bisect_right(self._days, day)
        return self._states[place - 1].silent(day - self._days[place - 1], self._half_life) if place else None


def _wanted(rows: Iterable[Evidence], instant: datetime) -> frozenset[str]:
    return frozenset[str]().union(*(stems(f"{row.aspect} {row.statement}") for row in _said_for(rows, instant)))


def _said_for(rows: Iterable[Evidence], instant: datetime) -> list[Evidence]:
    return [row for row in rows if row.occurred_at <= instant and row.polarity == Polarity.positive]


def _summed(values: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Days in order, and running sums of the values from nothing on."""
    ordered = sorted(values)
    sums = [0.0]
    for _, value in ordered:
        sums.append(sums[-1] + value)
    return [day for day, _ in ordered], sums
