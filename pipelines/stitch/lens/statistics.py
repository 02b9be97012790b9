"""How sure a mean is, from how often each value occurs: the resampled data are never held, only how often each value was drawn."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

SEED = 20260101
"""The bootstrap draws the same numbers in every run, so that a table changes only with its data."""
DRAWS = 2_000
"""Enough for the 2.5 % ends to be steady to about a tenth of their distance. Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13."""
DISTINCT = 500
"""Above so many distinct values, sum and size are drawn from their joint normal limit, which is the same in shape and costs nothing."""
FEWEST = 5
"""With fewer observations on either side nothing is said to differ: two that happen to be equal have no spread, and would look certain."""
LEVEL = 0.95
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tally:
    """How often each value occurs: distinct `values` with their `counts`."""

    values: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    @property
    def n(self) -> int:
        """Number of observations."""
        return int(self.counts.sum())

    @property
    def total(self) -> int:
        """Their sum, exactly."""
        return sum(int(value) * int(count) for value, count in zip(self.values, self.counts, strict=True))

    @property
    def mean(self) -> float:
        """Their mean; there must be one at least."""
        return self.total / self.n

    @property
    def deviation(self) -> float:
        """Standard deviation with n - 1; 0 for a single observation."""
        squares = float(((self.values - self.mean) ** 2 * self.counts).sum())
        return float(np.sqrt(squares / (self.n - 1))) if self.n > 1 else 0.0

    def without(self, part: "Tally") -> "Tally":
        """The observations that are not in a part of them."""
        counts = self.counts.copy()
        counts[np.searchsorted(self.values, part.values)] -= part.counts  # values are sorted
        return Tally(self.values[counts > 0], counts[counts > 0])


def tally(values: npt.ArrayLike, counts: npt.ArrayLike) -> Tally:
    """A tally in order of values."""
    values, counts = np.asarray(values, np.int64), np.asarray(counts, np.int64)
    order = np.argsort(values)
    return Tally(values[order], counts[order])


class Drawn(NamedTuple):
    """Samples drawn again: the sum and the size of each, `DRAWS` of them."""

    sums: Floats
    sizes: Floats

    @property
    def means(self) -> Floats:
        """Their means; NaN where nobody was drawn."""
        found: Floats = np.where(self.sizes > 0, self.sums, np.nan) / self.sizes.clip(min=1)
        return found


def resampled(tally: Tally, chance: np.random.Generator) -> Drawn:
    """Samples in which every observation occurs a Poisson number of times, so that parts of a whole can be drawn one by one and added.

    Source: Chamandy et al. 2012, "Estimating uncertainty for massive data streams" (Google), the Poisson bootstrap.
    """
    values, counts = tally.values.astype(np.float64), tally.counts.astype(np.float64)
    if len(values) <= DISTINCT:
        drawn = chance.poisson(counts, (DRAWS, len(counts)))
        return Drawn(drawn @ values, drawn.sum(axis=1).astype(np.float64))
    spread = [[counts @ values**2, counts @ values], [counts @ values, counts.sum()]]
    both = chance.multivariate_normal([counts @ values, counts.sum()], spread, DRAWS)
    return Drawn(both[:, 0], np.maximum(both[:, 1], 1.0))


def interval(draws: Floats) -> tuple[float, float]:
    """The middle 95 % of the draws that are numbers; there must be one."""
    low, high = np.nanquantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def differ(one: Tally, other: Tally) -> float:
    """How likely chance alone would set two means at least so far apart (Welch's t test); 1 where there is too little to tell."""
    if min(one.n, other.n) < FEWEST or not (one.deviation or other.deviation):
        return 1.0
    sizes = (one.mean, one.deviation, one.n, other.mean, other.deviation, other.n)
    return float(scipy.stats.ttest_ind_from_stats(*sizes, equal_var=False).pvalue)


def corrected(chances: list[float]) -> list[float]:
    """The chances after as many looks as there are: Benjamini and Hochberg's, which hold down the share of false finds among the finds."""
    return [float(one) for one in scipy.stats.false_discovery_control(chances)] if chances else []
