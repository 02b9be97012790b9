"""Taking over-merged clusters apart: too many records, two values where one is possible, or two records that a human told apart.

Only clusters that break a rule come here; they are small enough for plain Python. Nothing a human joined is cut for size, or for
two values of a one-ever kind.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import NamedTuple

from pipelines.stitch.rules import JUDGEMENT_PRIORITY


class Tie(NamedTuple):
    """One edge between two records; sorts strongest first, then by record."""

    priority: int
    left: int
    right: int
    note: int


@dataclass(frozen=True)
class Limits:
    """What a cluster must not do: have too many records, two that were told apart, or two values of a one-ever kind.

    Shape: `apart` holds for each record the records it was told apart from, both ways; `sole` its value by one-ever kind.
    """

    largest: int
    apart: Mapping[int, set[int]]
    sole: Mapping[int, Mapping[str, int]]


@dataclass(frozen=True)
class Mended:
    """The ties that are left of suspicious clusters, how many were refused, and how many clusters were cut for size."""

    kept: list[Tie]
    refused: int
    oversize: int


def pairs(links: Iterable[tuple[int, int, str, int, int, int]]) -> Iterator[Tie]:
    """All pairs that share a value. Star edges hide who is close to whom, so a cluster is cut on these.

    Shape: links are `(first, value_hash, kind, row, priority, note)`.
    """
    for _, group in groupby(sorted(links), key=lambda link: link[:3]):
        holders = {row: (priority, note) for _, _, _, row, priority, note in group}
        for left, right in combinations(sorted(holders), 2):
            yield Tie(holders[right][0], left, right, holders[right][1])


def mend(ties: Iterable[Tie], limits: Limits) -> Mended:
    """Cut clusters until none is too large, then join what is left, strongest ties first, refusing what must not be."""
    kept: list[Tie] = []
    refused = oversize = 0
    for cluster in clusters(ties):
        small = _demoted(cluster, limits.largest)
        oversize += len(small) != len(cluster)
        joined, barred = constrained(small, limits)
        kept += joined
        refused += len(cluster) - len(small) + barred
    return Mended(kept, refused, oversize)


def clusters(ties: Iterable[Tie]) -> list[list[Tie]]:
    """The ties of each component, in the order of their first tie."""
    sets = _Sets()
    ordered = sorted(ties)
    for tie in ordered:
        sets.join(sets.find(tie.left), sets.find(tie.right))
    found: dict[int, list[Tie]] = {}
    for tie in ordered:
        found.setdefault(sets.find(tie.left), []).append(tie)
    return list(found.values())


def constrained(ties: Sequence[Tie], limits: Limits) -> tuple[list[Tie], int]:
    """Join strongest first, refusing a tie that would bring two records told apart together, or two sole values that no human joined.

    Shape: the ties that joined something, and how many were refused.
    """
    sets, kept, refused = _Sets(), list[Tie](), 0
    for tie in sorted(ties):
        a, b = sets.find(tie.left), sets.find(tie.right)
        if a == b:
            continue
        left, right = sets.members[a], sets.members[b]
        told_apart = any(limits.apart.get(record, set()) & right for record in left)
        if told_apart or (tie.priority != JUDGEMENT_PRIORITY and _clash(left, right, limits.sole)):
            refused += 1
            continue
        sets.join(a, b)
        kept.append(tie)
    return kept, refused


def _demoted(cluster: list[Tie], largest: int) -> list[Tie]:
    """The cluster without its weakest identifiers, kind by kind, until no part is larger than allowed."""
    records = {record for tie in cluster for record in (tie.left, tie.right)}
    weakest = max(tie.priority for tie in cluster)
    if len(records) <= largest or weakest == JUDGEMENT_PRIORITY:
        return cluster
    stronger = [tie for tie in cluster if tie.priority < weakest]
    return [tie for part in clusters(stronger) for tie in _demoted(part, largest)]


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
