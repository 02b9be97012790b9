"""Taking over-merged clusters apart: too many records or values, two values where one is possible, or records that a human told apart.

Only clusters that break a rule come here; they are small enough for plain Python. Nothing a human joined is cut for size, for values, or
for two values of a one-ever kind. What a cluster loses is never lost from sight: values that would have joined are named with the cause.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

from pipelines.stitch.bridges import bridges
from pipelines.stitch.rules import JUDGEMENT_PRIORITY

TOO_LARGE, TOO_MANY_VALUES, ONE_EVER, TOLD_APART = "too_large", "too_many_values", "one_ever", "told_apart"
"""Why a tie was refused."""
NO_VALUE = -1
"""What a tie that a human drew shares."""
GLUE = 2
"""Records on each side of a bridge that make it suspicious: a single record at the end of a value holds nothing together."""


class Tie(NamedTuple):
    """One edge between two records; sorts strongest first, then by record."""

    priority: int
    left: int
    right: int
    note: int
    value: int = NO_VALUE


class Link(NamedTuple):
    """One record has one value that others of its cluster have too; values are numbered from 0."""

    value: int
    row: int
    kind: str
    priority: int
    note: int


@dataclass(frozen=True)
class Limits:
    """What a cluster must not do: have too many records or values, two records that were told apart, two values of a one-ever kind.

    Shape: `values` holds the most values by kind; `apart` holds for each record the records it was told apart from, both ways; `sole` its
    value by one-ever kind.
    """

    largest: int
    values: Mapping[str, int] = field(default_factory=dict)
    apart: Mapping[int, set[int]] = field(default_factory=dict)
    sole: Mapping[int, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """Records that hang together: by values, and by what humans drew."""

    links: list[Link]
    drawn: list[Tie]

    @property
    def records(self) -> set[int]:
        """All of them."""
        return {link.row for link in self.links} | {row for tie in self.drawn for row in (tie.left, tie.right)}


@dataclass
class Mended:
    """The ties that are left of suspicious clusters, and why each value that was cut or refused no longer joins all its records."""

    kept: list[Tie] = field(default_factory=list)
    causes: dict[int, str] = field(default_factory=dict)


def mend(links: Sequence[Link], drawn: Sequence[Tie], limits: Limits) -> Mended:
    """Cut clusters until none has too many records or values, then join what is left, strongest first, refusing what must not be."""
    mended = Mended()
    pending = parts(links, drawn)
    while pending:
        part = pending.pop()
        cause, cut = _excess(part, limits)
        for link in cut:
            mended.causes.setdefault(link.value, cause)
        if cut:
            pending += parts([link for link in part.links if link not in cut], part.drawn)
        else:
            kept, refused = constrained([*part.drawn, *pairs(part.links)], limits)
            mended.kept += kept
            for tie, why in refused:
                mended.causes.setdefault(tie.value, why)
    return mended


def parts(links: Iterable[Link], drawn: Iterable[Tie]) -> list[Part]:
    """The components, in the order of their first record; a value that one record alone has left joins nothing."""
    shared = [link for group in _by_value(links).values() if len(group) > 1 for link in group]
    sets, first = _Sets(), dict[int, int]()
    for link in shared:
        sets.join(sets.find(link.row), sets.find(first.setdefault(link.value, link.row)))
    for tie in drawn:
        sets.join(sets.find(tie.left), sets.find(tie.right))
    found: dict[int, Part] = {}
    for link in shared:
        found.setdefault(sets.find(link.row), Part([], [])).links.append(link)
    for tie in drawn:
        found.setdefault(sets.find(tie.left), Part([], [])).drawn.append(tie)
    return list(found.values())


def pairs(links: Iterable[Link]) -> Iterator[Tie]:
    """All pairs that share a value. Star edges hide who is close to whom, so ties are refused among these."""
    for value, group in _by_value(links).items():
        for left, right in combinations(sorted(group, key=lambda link: link.row), 2):
            yield Tie(right.priority, left.row, right.row, right.note, value)


def constrained(ties: Iterable[Tie], limits: Limits) -> tuple[list[Tie], list[tuple[Tie, str]]]:
    """Join strongest first, refusing a tie that would bring two records told apart together, or two sole values that no human joined.

    Shape: the ties that joined something, and those refused with the cause.
    """
    sets, kept, refused = _Sets(), list[Tie](), list[tuple[Tie, str]]()
    for tie in sorted(ties):
        a, b = sets.find(tie.left), sets.find(tie.right)
        if a == b:
            continue
        left, right = sets.members[a], sets.members[b]
        if any(limits.apart.get(record, set()) & right for record in left):
            refused.append((tie, TOLD_APART))
        elif tie.priority != JUDGEMENT_PRIORITY and _clash(left, right, limits.sole):
            refused.append((tie, ONE_EVER))
        else:
            sets.join(a, b)
            kept.append(tie)
    return kept, refused


def _excess(part: Part, limits: Limits) -> tuple[str, set[Link]]:
    """What a part must lose, and why; nothing if it is in order."""
    if part.links and len(part.records) > limits.largest:
        weakest = max(link.priority for link in part.links)
        weak = [link for link in part.links if link.priority == weakest]
        return TOO_LARGE, _glue(part, weak) or set(weak)
    for kind, most in sorted(limits.values.items()):
        held = _by_value(link for link in part.links if link.kind == kind)
        if len(held) > most:
            ranked = sorted(held, key=lambda value: (-len(held[value]), value))
            surplus = {link for value in ranked[most:] for link in held[value]}
            return TOO_MANY_VALUES, _glue(part, [link for group in held.values() for link in group]) or surplus
    return "", set()


def _glue(part: Part, weak: Sequence[Link]) -> set[Link]:
    """Those of the links that alone hold two groups of records together: the weakest bridges of the record-value graph."""
    edges = [(link.row, ~link.value) for link in part.links] + [(tie.left, tie.right) for tie in part.drawn]
    hanging = bridges(edges)
    glue = {link for place, link in enumerate(part.links) if hanging.get(place, 0) >= GLUE}
    return glue & set(weak)


def _by_value(links: Iterable[Link]) -> dict[int, list[Link]]:
    found: dict[int, list[Link]] = {}
    for link in links:
        found.setdefault(link.value, []).append(link)
    return found


def _clash(left: set[int], right: set[int], sole: Mapping[int, Mapping[str, int]]) -> bool:
    """Whether each side has a value that the other has not; a human may have joined several on one side before."""
    ours, theirs = _held(left, sole), _held(right, sole)
    return any(ours[kind] - theirs[kind] and theirs[kind] - ours[kind] for kind in ours.keys() & theirs.keys())


def _held(records: set[int], sole: Mapping[int, Mapping[str, int]]) -> dict[str, set[int]]:
    held: dict[str, set[int]] = {}
    for record in records:
        for kind, value in sole.get(record, {}).items():
            held.setdefault(kind, set()).add(value)
    return held


class _Sets:
    """Disjoint sets that know their members."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}
        self.members: dict[int, set[int]] = {}

    def find(self, record: int) -> int:
        if record not in self._parent:
            self._parent[record] = record
            self.members[record] = {record}
        while self._parent[record] != record:
            self._parent[record] = record = self._parent[self._parent[record]]
        return record

    def join(self, a: int, b: int) -> None:
        if a == b:
            return
        if len(self.members[a]) < len(self.members[b]):
            a, b = b, a
        self._parent[b] = a
        self.members[a] |= self.members.pop(b)
