"""Shapley values: what each channel adds, averaged over every order in which the channels could have come.

The worth of a set of channels is the share of journeys that converted among those that met no other channel, so that journeys without
a conversion count as well. There are 2^n sets: beyond `MOST` channels the rarest are one, `OTHER`.
Source: Shapley, "A value for n-person games", Contributions to the Theory of Games II (1953); the worth by rates of conversion:
Dalessandro, Perlich, Stitelman & Provost, "Causally motivated attribution for online advertising", ADKDD (2012).
"""

from collections.abc import Mapping, Sequence
from math import factorial

import numpy as np
from numpy.typing import NDArray

MOST = 12
OTHER = "(other)"
Journeys = Mapping[int, tuple[int, int]]
"""Journeys and those of them that converted, by the set of channels that they met: bit i stands for channel i."""


def grouped(frequency: Mapping[str, int]) -> dict[str, str]:
    """The group of each channel: itself, or `OTHER` for the rarest where there are more than `MOST` (ties by name)."""
    ranked = sorted(frequency, key=lambda name: (-frequency[name], name))
    kept = ranked if len(ranked) <= MOST else ranked[: MOST - 1]
    return {name: name if name in kept else OTHER for name in ranked}


def worths(journeys: Journeys, channels: int) -> NDArray[np.float64]:
    """Worth of every set of channels: the rate of conversion among journeys that met these at most; 0 where there were none."""
    counts = np.zeros((2**channels, 2))
    for met, (all_, converted) in journeys.items():
        counts[met] += (all_, converted)
    sets = np.arange(2**channels)
    for bit in range(channels):  # sums over subsets, one channel at a time
        holding = sets[(sets >> bit) & 1 == 1]
        counts[holding] += counts[holding ^ (1 << bit)]
    return np.divide(counts[:, 1], counts[:, 0], out=np.zeros(len(counts)), where=counts[:, 0] > 0)


def values(worth: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Shapley value of each of n players from the worth of all 2^n sets; they add up to the worth of all less that of none."""
    worth = np.asarray(worth, float)
    players, sets = len(worth).bit_length() - 1, np.arange(len(worth))
    size = np.array([int(one).bit_count() for one in sets])
    orders = [factorial(one) * factorial(players - one - 1) / factorial(players) for one in range(players)]
    found = np.zeros(players)
    for player in range(players):
        before = sets[(sets >> player) & 1 == 0]
        found[player] = np.dot(np.take(orders, size[before]), worth[before | (1 << player)] - worth[before])
    return found
