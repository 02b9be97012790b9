"""Markov removal effect: how many conversions would be lost if a channel were not there.

Journeys are walks from channel to channel that end in a conversion or in nothing. What leads to a channel that is taken away ends in
nothing. Source: Anderl, Becker, von Wangenheim & Schumann, "Mapping the customer journey", IJRM 33 (2016), 457-474 (first order).
"""

from collections.abc import Mapping

import numpy as np

START, CONVERSION, NOTHING = "(start)", "(conversion)", "(nothing)"
Steps = Mapping[tuple[str, str], int]
"""How often a walk went from one place straight to another; the places are channels, `START`, `CONVERSION` and `NOTHING`."""


def effects(steps: Steps) -> dict[str, float]:
    """Share of all conversions that is lost without each channel, 0 to 1; empty where nobody converted or nobody came."""
    channels = sorted({place for step in steps for place in step} - {START, CONVERSION, NOTHING})
    index = {place: number for number, place in enumerate([START, *channels])}
    onward, converting, leaving = np.zeros((len(index), len(index))), np.zeros(len(index)), np.zeros(len(index))
    for (source, target), times in steps.items():
        leaving[index[source]] += times
        if target in index:
            onward[index[source], index[target]] += times
        elif target == CONVERSION:
            converting[index[source]] += times
    seen = np.where(leaving > 0, leaving, 1)
    onward, converting = onward / seen[:, None], converting / seen
    whole = _converted(onward, converting)
    if not channels or not whole:
        return {}
    return {name: 1 - _converted(*_without(onward, converting, index[name])) / whole for name in channels}


def _converted(onward: np.ndarray, converting: np.ndarray) -> float:
    """The probability that a walk from the start ends in a conversion."""
    return float(np.linalg.solve(np.eye(len(onward)) - onward, converting)[0])


def _without(onward: np.ndarray, converting: np.ndarray, place: int) -> tuple[np.ndarray, np.ndarray]:
    left, ending = onward.copy(), converting.copy()
    left[:, place] = 0
    left[place, :] = ending[place] = 0
    return left, ending
