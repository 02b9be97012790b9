"""How sure a share is, and the difference between two shares."""

from typing import NamedTuple

import scipy

LEVEL = 0.95
"""How often an interval must hold the truth."""


class Interval(NamedTuple):
    """From and to."""

    low: float
    high: float


def wilson(hits: int, of: int, level: float = LEVEL) -> Interval:
    """Where a share lies that was seen as `hits` of `of`; everywhere from 0 to 1 if nothing was seen.

    Source: Wilson (1927); holds its level for small numbers and shares near 0 and 1, unlike the textbook interval: Brown, Cai &
    DasGupta (2001), Interval Estimation for a Binomial Proportion, Statistical Science 16(2).
    """
    if of == 0:
        return Interval(0.0, 1.0)
    z = float(scipy.stats.norm.ppf((1 + level) / 2))
    share, extra = hits / of, z * z / of
    middle = (share + extra / 2) / (1 + extra)
    half = z * ((share * (1 - share) + extra / 4) / of) ** 0.5 / (1 + extra)
    return Interval(
        max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))
    )  # rounding may pass 0 and 1


def difference(hits: int, of: int, other_hits: int, other_of: int, level: float = LEVEL) -> Interval:
    """Where one share less another lies.

    Source: Newcombe (1998), Interval Estimation for the Difference Between Independent Proportions, Statistics in Medicine 17,
    method 10: both Wilson intervals, squared and added.
    """
    one, two = wilson(hits, of, level), wilson(other_hits, other_of, level)
    share = hits / of if of else 0.5
    other = other_hits / other_of if other_of else 0.5
    down = ((share - one.low) ** 2 + (two.high - other) ** 2) ** 0.5
    up = ((one.high - share) ** 2 + (other - two.low) ** 2) ** 0.5
    return Interval(max(-1.0, share - other - down), min(1.0, share - other + up))
