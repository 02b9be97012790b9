"""Gamma-Gamma: what a customer spends on a purchase, between their own average and everybody's.

Values of one customer vary by a gamma distribution of shape p; its scale differs between customers by a gamma distribution (q,
gamma). Assumes that how much and how often are independent, so `dependence` is to be shown beside every use.
Source: Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value", http://www.brucehardie.com/notes/025/.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy

from pipelines.stitch.lifetime.fitting import FITTED, Fit, Floats, Ints, NotFitted, maximise

FEWEST_CUSTOMERS = 30
"""With fewer the spread between customers is a guess."""
DEPENDENT = 0.3
"""Rank correlation of frequency and value from which the assumption is called broken: it explains a tenth of the variation in ranks."""
STARTS = ((1.0, 2.0, 1.0), (6.0, 4.0, 0.4), (20.0, 3.0, 0.1))
"""In units of the mean value, so that no currency is nearer to a start than another."""


@dataclass(frozen=True)
class GammaGamma:
    """The fitted model; `gamma` has the unit of the values."""

    p: float
    q: float
    gamma: float
    fit: Fit

    @classmethod
    def fitted(cls, purchases: Ints, means: Floats) -> Self:
        """Fit to each customer's number of purchases and mean value of them; those without a positive value are left out.

        Errors: NotFitted where customers are too few, all alike, or so unlike that no mean exists (q <= 1).
        """
        used = (purchases > 0) & (means > 0)
        step = -(-int(used.sum()) // FITTED) or 1
        x, z = purchases[used][::step], means[used][::step]
        if len(z) < FEWEST_CUSTOMERS:
            raise NotFitted(
                f"Too few: {len(z)} customers with a value per purchase; the model needs {FEWEST_CUSTOMERS}."
            )
        if np.ptp(z) == 0:
            raise NotFitted("Every purchase has the same value, so there is nothing to estimate.")
        unit = float(z.mean())
        (p, q, gamma), fit = maximise(
            lambda values: float(log_likelihood(values, x, z / unit).sum()), ("p", "q", "gamma"), STARTS, len(z)
        )
        if q <= 1:
            raise NotFitted("A few customers spend so much more than all others that the model has no mean (q <= 1).")
        scaled = Fit(fit.log_likelihood - len(z) * float(np.log(unit)), fit.customers, fit.at_bound)
        return cls(float(p), float(q), float(gamma) * unit, scaled)

    @property
    def mean(self) -> float:
        """Value per purchase to expect of somebody of whom nothing is known."""
        return self.p * self.gamma / (self.q - 1)

    def expected(self, purchases: Ints, means: Floats) -> Floats:
        """Value per purchase to expect of each customer: nearer to their own mean the more they bought. Equation (5)."""
        weight = self.p * purchases / (self.p * purchases + self.q - 1)
        value: Floats = (1 - weight) * self.mean + weight * np.maximum(means, 0)
        return value


def log_likelihood(values: Floats, purchases: Ints, means: Floats) -> Floats:
    """Log-likelihood of each customer's mean value under (p, q, gamma). Equation (1a)."""
    p, q, gamma = values
    shape, total = p * purchases, purchases * means
    both = np.log(gamma + total)
    result: Floats = (
        q * (np.log(gamma) - both) + shape * (np.log(total) - both) - np.log(means) - scipy.special.betaln(shape, q)
    )
    return result


def dependence(purchases: Ints, means: Floats) -> float | None:
    """Rank correlation of how often and how much, -1 to 1; None where either does not vary.

    Ranks, since one large customer makes a correlation of amounts whatever he likes.
    """
    if len(means) < 3 or np.ptp(purchases) == 0 or np.ptp(means) == 0:
        return None
    return float(scipy.stats.spearmanr(purchases, means).statistic)
