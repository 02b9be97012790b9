"""What the rules find in one person's deeds, oldest first: a pure function, so late deeds change what they must and nothing else.

The rules look once a day on which something was done, and only at what was done up to then: no later deed changes an earlier finding.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from pipelines.understand.behaviour.deeds import ENDED, SIGNED, Deed
from pipelines.understand.behaviour.looks import Look, Numbers, Score, Seen, look, sorted_out
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


class Watch:
    """One rule's walk over one person's deeds: what it sees, and when each thing that holds was last said."""

    def __init__(self, rule: Rule, deeds: Sequence[Deed], zone: ZoneInfo) -> None:
        self.rule, self.zone = rule, zone
        self.seen = sorted_out(rule, deeds, zone)
        self.instants = [one.at for one in self.seen]
        self.span = timedelta(days=rule.window * (2 if rule.look == "change" else 1))
        self.said: dict[str, datetime] = {}

    def at(self, instant: datetime) -> Iterator[Finding]:
        """What is to be said at an instant."""
        first, last = bisect_right(self.instants, instant - self.span), bisect_right(self.instants, instant)
        if last - first < self.rule.least:
            return
        seen = self.seen[first:last]
        found = look(self.rule, seen, instant, self.instants[0])
        if found.n < self.rule.least:
            return
        for which in sorted(found.scores.keys() | self.said.keys()):
            if self.rule.only in ("", which):
                yield from self._judged(which, found, seen, instant)

    def _judged(self, which: str, found: Look, seen: Sequence[Seen], instant: datetime) -> Iterator[Finding]:
        score = found.scores.get(which) or Score(0.0, found.rest)
        last = self.said.get(which)
        if score.score >= self.rule.bar:
            against = False
            if last is not None and (instant - last).days < min(AGAIN, self.rule.window):
                return
            self.said[which] = instant
        elif score.score < GIVEN_UP * self.rule.bar and last is not None:
            against = True
            del self.said[which]
        else:
            return
        numbers = {**score.numbers, "zone": self.zone.key}
        yield Finding(self.rule, which, instant, against, numbers, _counted(one.deed for one in seen))


def findings(deeds: Sequence[Deed], zone: ZoneInfo, rules: Iterable[Rule] = RULES) -> list[Finding]:
    """Everything that the rules find in one person's deeds, in order of time.

    Shape: deeds in any order. What holds is found again once its window, or `AGAIN`, has passed, and when it has turned.
    """
    ordered = sorted(deeds, key=lambda deed: (deed.at, deed.kind, deed.which, deed.record))
    watches = [Watch(rule, own, zone) for rule in rules if (own := _of(rule, ordered))]
    found: list[Finding] = []
    for instant in checkpoints(ordered):
        for watch in watches:
            found += watch.at(instant)
    return found


def checkpoints(deeds: Iterable[Deed]) -> list[datetime]:
    """The last deed of every UTC day on which something was done."""
    return [max(deed.at for deed in day) for _, day in groupby(deeds, key=lambda deed: deed.at.date())]


def _of(rule: Rule, deeds: Sequence[Deed]) -> list[Deed]:
    """The deeds that the rule looks at, of those in order of time; of ends only those after which no contract runs."""
    own = [deed for deed in deeds if deed.kind in rule.kinds]
    if rule.by != ENDED:
        return own
    running, left = 0, dict[datetime, int]()
    for deed in deeds:
        running += (deed.kind == SIGNED) - (deed.kind == ENDED)
        left[deed.at] = running  # of one instant the last one counts
    return [deed for deed in own if left[deed.at] == 0]


def _counted(deeds: Iterable[Deed]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for deed in deeds:
        counts[deed.record] += deed.times
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return dict(ranked[:CITED])
