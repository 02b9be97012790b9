"""What the rules find in one person's deeds, oldest first: a pure function, so late deeds change what they must and nothing else.

The rules look once a day on which something was done, and only at what was done up to then: no later deed changes an earlier finding.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from pipelines.understand.behaviour.deeds import ENDED, SIGNED, Deed
from pipelines.understand.behaviour.looks import Look, Numbers, Score, look, running
from pipelines.understand.behaviour.rules import AGAIN, GIVEN_UP, RULES, Rule

CITED = 20
"""Records that a finding names; what lies beyond is counted."""


@dataclass(frozen=True)
class Finding:
    """One rule that held for one person at an instant, or does not hold any more (`against`), with what was counted.

    Shape: `records` counts the deeds looked at by the record that they hang on, the most first.
    """

    rule: Rule
    which: str
    at: datetime
    against: bool
    numbers: Numbers
    records: Mapping[str, int]

    @property
    def subject(self) -> str:
        """The record that most of it hangs on."""
        return next(iter(self.records))

    @property
    def aspect(self) -> str:
        """The narrower topic."""
        return self.rule.aspect.format(which=self.which)

    @property
    def statement(self) -> str:
        """The finding in words, with its numbers. Units: at most 160 characters."""
        said = self.rule.statement.format(which=self.which, window=self.rule.window, **self.numbers)
        said = f"No longer so: {said[0].lower()}{said[1:]}" if self.against else said
        return said if len(said) <= 160 else f"{said[:159]}…"


@dataclass
class Watch:
    """One rule's memory while it walks: when each thing that holds was last said."""

    rule: Rule
    deeds: Sequence[Deed]
    instants: Sequence[datetime] = ()
    said: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.instants = [deed.at for deed in self.deeds]

    def at(self, instant: datetime, zone: ZoneInfo) -> Iterator[Finding]:
        """What is to be said at an instant."""
        seen = look(self.rule, self.deeds[: bisect_right(self.instants, instant)], instant, zone)
        if seen.n < self.rule.least:
            return
        for which in sorted(seen.scores.keys() | self.said.keys()):
            if self.rule.only in ("", which):
                yield from self._judged(which, seen, instant, zone)

    def _judged(self, which: str, seen: Look, instant: datetime, zone: ZoneInfo) -> Iterator[Finding]:
        score = seen.scores.get(which) or Score(0.0, seen.rest)
        last = self.said.get(which)
        if score.score >= self.rule.bar and (last is None or (instant - last).days >= min(AGAIN, self.rule.window)):
            self.said[which] = instant
            yield self._finding(which, seen, score, instant, zone, against=False)
        elif score.score < GIVEN_UP * self.rule.bar and last is not None:
            del self.said[which]
            yield self._finding(which, seen, score, instant, zone, against=True)

    def _finding(self, which: str, seen: Look, score: Score, at: datetime, zone: ZoneInfo, *, against: bool) -> Finding:
        numbers = {**score.numbers, "zone": zone.key}
        return Finding(self.rule, which, at, against, numbers, _counted(seen.seen or self.deeds[:1]))


def findings(deeds: Sequence[Deed], zone: ZoneInfo, rules: Iterable[Rule] = RULES) -> list[Finding]:
    """Everything that the rules find in one person's deeds, in order of time.

    Shape: deeds in any order. What holds is found again once its window, or `AGAIN`, has passed, and when it has turned.
    """
    ordered = sorted(deeds, key=lambda deed: (deed.at, deed.kind, deed.which, deed.record))
    watches = [Watch(rule, _of(rule, ordered)) for rule in rules]
    found: list[Finding] = []
    for instant in checkpoints(ordered):
        for watch in watches:
            if watch.deeds:
                found += watch.at(instant, zone)
    return found


def checkpoints(deeds: Iterable[Deed]) -> list[datetime]:
    """The last deed of every UTC day on which something was done."""
    return [max(deed.at for deed in day) for _, day in groupby(deeds, key=lambda deed: deed.at.date())]


def _of(rule: Rule, deeds: Sequence[Deed]) -> list[Deed]:
    own = [deed for deed in deeds if deed.kind in rule.kinds]
    if rule.by != ENDED:
        return own
    contracts = [deed for deed in deeds if deed.kind in (SIGNED, ENDED)]
    return [deed for deed in own if running([one for one in contracts if one.at <= deed.at]) == 0]


def _counted(deeds: Sequence[Deed]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for deed in deeds:
        counts[deed.record] += deed.times
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return dict(ranked[:CITED])
