"""Maximum likelihood for models with a few positive parameters: several starts, one winner, and a plain word where there is none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SMALLEST, LARGEST = 1e-4, 1e5
"""Where parameters end: beyond it customers are all alike, and the likelihood is flat."""

FITTED = 20_000
"""Customers that a model is fitted to at most, evenly picked: with more the parameters do not move in the second digit."""

PRECISION = 1e-10
"""Change of the log-likelihood per customer at which a search ends; SLSQP then agrees from every start to the fifth digit, and takes
a fifth of the time of L-BFGS-B, whose threads wait for each other on a busy machine."""
NEAR = 1e-6
"""How near to a bound, on the scale of logarithms, counts as at it."""


class NotFitted(ValueError):
    """The data cannot carry the model; the message says why, for whoever reads the page."""


@dataclass(frozen=True)
class Fit:
    """How a model was fitted: the log-likelihood reached, on how many customers, and which parameters ended at a bound."""

    log_likelihood: float
    customers: int
    at_bound: tuple[str, ...]


def maximise(
    log_likelihood: Callable[[Floats], float],
    names: Sequence[str],
    starts: Sequence[Sequence[float] | Floats],
    customers: int,
) -> tuple[Floats, Fit]:
    """The parameters under which the data are most likely.

    Shape: one value per name, all positive; searched on the scale of logarithms from every start.
    Errors: NotFitted if no start converged.
    """
    bounds = [(float(np.log(SMALLEST)), float(np.log(LARGEST)))] * len(names)

    def cost(logs: Floats) -> float:
        return -log_likelihood(np.exp(logs)) / customers

    found = [
        scipy.optimize.minimize(
            cost, np.log(start), method="SLSQP", bounds=bounds, options={"ftol": PRECISION, "maxiter": 500}
        )
        for start in starts
    ]
    converged = [result for result in found if result.success and np.isfinite(result.fun)]
    if not converged:
        raise NotFitted("The fit did not converge from any start; the payments may not look like purchases at random.")
    best = min(converged, key=lambda result: float(result.fun))
    ends = tuple(
        name for name, log, (low, high) in zip(names, best.x, bounds, strict=True) if not low + NEAR < log < high - NEAR
    )
    return np.exp(best.x), Fit(-float(best.fun) * customers, customers, ends)
