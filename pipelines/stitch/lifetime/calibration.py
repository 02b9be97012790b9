"""Whether chances came true: foretold before a cut, observed after it, and compared with always telling the base rate."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.stitch.lifetime.fitting import Floats
from pipelines.stitch.lifetime.intervals import Interval, wilson

BINS = 10
FEWEST_EVENTS = 20
"""Events, and non-events, below which a comparison says nothing: the interval of the rate is then as wide as the rate."""
TOLERANCE = 0.1
"""A foretold rate may be off by this part of the observed one beyond its interval: nobody acts on a smaller error."""


@dataclass(frozen=True)
class Bin:
    """Chances of about one size: how many, what was foretold on average and what happened, with its 95 % interval."""

    number: int
    foretold: float
    happened: float
    interval: Interval


@dataclass(frozen=True)
class Calibration:
    """What became of foretold chances.

    Units: all shares and chances 0 to 1. `brier` is the mean squared error, `base` that of telling everybody the observed rate;
    `cuts` counts the days before which was foretold.
    """

    number: int
    events: int
    foretold: float
    brier: float
    base: float
    cuts: int
    bins: tuple[Bin, ...]

    @property
    def standing(self) -> str:
        """Calibrated, or uncalibrated and why, in words that can stand beside every chance."""
        if min(self.events, self.number - self.events) < FEWEST_EVENTS:
            return f"uncalibrated: {self.events} events in {self.number} forecasts are too few to compare"
        if self.brier >= self.base:
            return f"uncalibrated: no better than telling everybody the same ({self.number} forecasts)"
        low, high = wilson(self.events, self.number)
        if not low * (1 - TOLERANCE) <= self.foretold <= high * (1 + TOLERANCE):
            return f"uncalibrated: {self.foretold:.1%} foretold, {self.events / self.number:.1%} happened"
        return f"calibrated on {self.number} forecasts"


def compared(foretold: Floats, happened: npt.NDArray[np.bool_], cuts: int) -> Calibration:
    """Compare each chance with what happened.

    Shape: arrays of one length. Bins hold about equally many forecasts, equal chances are never parted; empty bins are left out.
    Source: Brier (1950); bins of equal size keep every interval about equally wide: Naeini, Cooper & Hauskrecht (2015), AAAI.
    """
    number, events = len(foretold), int(happened.sum())
    rate = events / number if number else 0.0
    edges = np.unique(np.quantile(foretold, np.linspace(0, 1, BINS + 1)[1:-1])) if number else np.array([])
    place = np.searchsorted(edges, foretold, side="right")
    bins = tuple(_bin(foretold[place == one], happened[place == one]) for one in np.unique(place))
    brier = float(((foretold - happened) ** 2).mean()) if number else 0.0
    return Calibration(number, events, float(foretold.mean()) if number else 0.0, brier, rate * (1 - rate), cuts, bins)


def _bin(foretold: Floats, happened: npt.NDArray[np.bool_]) -> Bin:
    events = int(happened.sum())
    return Bin(len(foretold), float(foretold.mean()), events / len(foretold), wilson(events, len(foretold)))
