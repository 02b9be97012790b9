"""How often each extractor is right, as measured: the most that a piece of its evidence may be relied on.

`measured.json` is data with its origin, written by `python -m benchmarks beliefs --write` and by nothing else. An extractor that
has not been measured has no figure here, and its evidence none but its source's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from models.keys import content_id

MEASURED = Path(__file__).with_name("measured.json")
ENOUGH = 20
"""Predictions in a source class below which the figure of all classes is taken: one more hit would move it by .05."""


@dataclass(frozen=True)
class Tally:
    """Predictions of one extractor that were judged, and how many of them were right."""

    hits: int
    predictions: int

    @property
    def precision(self) -> float:
        """Mean of what the precision can be, having started from knowing nothing: `(hits + 1) / (predictions + 2)`."""
        return (self.hits + 1) / (self.predictions + 2)


@dataclass(frozen=True)
class Caps:
    """Precision per extractor and source class, and the version of the figures behind it."""

    version: str
    extractors: Mapping[str, Mapping[str, Tally]]
    """By name of the extractor and source class; the class "" is all of them."""

    def of(self, read_by: str, source_class: str) -> float:
        """The most that evidence may be relied on, 0 to 1; 1 where its extractor (`model:prompt:schema`) has not been measured."""
        tallies = self.extractors.get(read_by.rsplit(":", 2)[0])  # a model's own name may hold a colon
        if tallies is None:
            return 1.0
        own = tallies.get(source_class)
        return own.precision if own and own.predictions >= ENOUGH else tallies[""].precision


@cache
def caps() -> Caps:
    """The figures that ship, read once."""
    raw = MEASURED.read_text()
    return read(json.loads(raw), content_id(raw)[:8])


def read(data: Mapping[str, Any], version: str) -> Caps:
    """Figures as they are kept."""
    return Caps(
        version,
        {
            name: {source: Tally(**tally) for source, tally in kept["tallies"].items()}
            for name, kept in data["extractors"].items()
        },
    )
