"""Purchases to expect of somebody who buys at a gamma-distributed rate and leaves with a beta-distributed chance after each."""

import numpy as np
import numpy.typing as npt
import scipy

from pipelines.stitch.lifetime.fitting import Floats

Real = float | npt.NDArray[np.floating]
ASIDE = 1e-5
"""How near to a pole of the formula the expectation is taken beside it."""
REACH, STEP = 40, 0.05
"""The sum over chances goes so many spreads to either side, in steps of this part of one: its error is then below the seventh digit."""


def purchases(time: Real, rate: Real, scale: Real, a: float, b: Real) -> Floats:
    """Purchases within `time` of one who is alive, with rates gamma(rate, scale) and chances to leave beta(a, b).

    Equation (9) of Fader, Hardie & Lee (2005), and (10) but for the chance to be alive. As printed its 2F1 overflows for a few
    hundred purchases; after Euler's transformation (DLMF 15.8.1) it does so only where leaving is nearly certain, so the form with
    the smaller exponent is taken, and a sum over chances where neither can be computed.
    """
    time, rate, scale, b = np.broadcast_arrays(*(np.asarray(one, float) for one in (time, rate, scale, b)))
    # at a = 1 and a + b = 1 both sides of the fraction vanish; beside them only the fifth digit differs
    leave = np.where((np.abs(a - 1) < ASIDE) | (np.abs(a + b - 1) < ASIDE), a + 2 * ASIDE, a)
    third, share = leave + b - 1, time / (scale + time)
    printed = rate < leave - 1
    with np.errstate(all="ignore"):  # what overflows is computed below
        function = scipy.special.hyp2f1(
            np.where(printed, rate, third - rate), np.where(printed, b, leave - 1), third, share
        )
        kept = np.exp(np.where(printed, rate, leave - 1) * np.log1p(-share)) * function
        bought: Floats = np.asarray(third / (leave - 1) * (1 - kept))
    # rounding passes 0 near a pole; who never leaves buys no more than the rate
    bought = np.clip(bought, 0, rate * time / scale)
    rough = ~np.isfinite(bought)
    bought[rough] = [_summed(*row, a) for row in zip(time[rough], rate[rough], scale[rough], b[rough], strict=True)]
    return bought


def _summed(time: float, rate: float, scale: float, b: float, a: float) -> float:
    """The same as a sum over chances to leave on the scale of their log odds, where the beta density has thin tails."""
    spread = np.sqrt(scipy.special.polygamma(1, a) + scipy.special.polygamma(1, b))
    middle = scipy.special.digamma(a) - scipy.special.digamma(b)
    step = STEP * min(1.0, spread)
    odds = np.arange(middle - REACH * spread, middle + REACH * spread, step)
    weight = -a * np.logaddexp(0, -odds) - b * np.logaddexp(0, odds)
    weight = np.exp(weight - weight.max())
    chance = np.maximum(np.exp(-np.logaddexp(0, -odds)), np.finfo(float).tiny)
    return float(weight @ (-np.expm1(-rate * np.log1p(chance * time / scale)) / chance) / weight.sum())
