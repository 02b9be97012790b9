"""Which scored pairs are worth a human's look: of everybody the best, nothing that was decided, and why in words that show no value."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipelines.stitch.suggest.comparing import Level, Scored, Signal

SHOWN_IN_FULL = frozenset({"country"})
"""What names nobody."""
MASK = "***"

Pair = tuple[str, str]
"""The ids of two persons or accounts, the lesser first."""


@dataclass(frozen=True)
class Likely:
    """A pair that might be the same: `left` and `right` are records, `evidence` is what speaks for it and against it, in words."""

    left: str
    right: str
    weight: float
    probability: float
    evidence: tuple[dict[str, Any], ...]


def single_best(
    found: Scored, sources: Mapping[str, Sequence[str]], barred: Iterable[Pair] = ()
) -> list[dict[str, Any]]:
    """The best pair of each id and source: an id meets at most one other that has records of the same vendor.

    Shape: `sources` are the vendors of each id; `barred` pairs are never given. Rows of `found.table` in its order.
    """
    full: set[tuple[str, str]] = set()
    never = set(barred)
    best = []
    sides = (found.table[side].to_pylist() for side in ("left", "right"))
    for place, (left, right) in enumerate(zip(*sides, strict=True)):
        places = _places(left, right, sources)
        if (left, right) not in never and not places & full:
            full |= places
            best.append(place)
    rows: list[dict[str, Any]] = found.table.take(pa.array(best, pa.int64())).to_pylist()
    return rows


def in_words(row: Mapping[str, Any], signals: Iterable[Signal], told: Mapping[str, Mapping[str, Any]]) -> Likely:
    """A scored pair with its waterfall in words: each signal, what agreed how far and how much that says, strongest first."""
    left, right = row["left"], row["right"]
    evidence = [
        {
            "signal": signal.name,
            "words": signal.levels[level].words,
            "bits": round(row[f"weight_{signal.name}"], 1),
            "shown": _shown(signal, signal.levels[level], told[left], told[right]),
        }
        for signal in signals
        if (level := row[f"level_{signal.name}"]) >= 0
    ]
    evidence.sort(key=lambda one: (-one["bits"], one["signal"]))
    return Likely(left, right, row["weight"], row["probability"], tuple(evidence))


def masked(value: Any) -> str:
    """The first letter of each word: enough to recognise what one knows, too little to use."""
    return " ".join(f"{word[0]}{MASK}" for word in str(value).split())


def _places(left: str, right: str, sources: Mapping[str, Sequence[str]]) -> set[tuple[str, str]]:
    """The places that a pair takes: one of each side for every source of the other."""
    return {(left, source) for source in sources.get(right, ())} | {(right, source) for source in sources.get(left, ())}


def _shown(signal: Signal, level: Level, left: Mapping[str, Any], right: Mapping[str, Any]) -> str:
    """The values of both sides that the level rests on, masked; lists (of keys) are not shown."""
    first = signal.shown if level.rare is None else level.rare
    for column in (signal.columns[first], *signal.columns):
        a, b = left.get(column), right.get(column)
        if isinstance(a, str) and isinstance(b, str):
            if signal.name in SHOWN_IN_FULL:
                return a if a == b else f"{a} / {b}"
            return masked(a) if a == b else f"{masked(a)} / {masked(b)}"
    return ""
