"""Shifted beta-geometric: how long those under contract stay.

At each renewal a customer ends with a chance of their own, which differs between customers by a beta distribution (alpha, beta).
The careful stay, so the rate of renewal rises with tenure though nobody changes.
Source: Fader & Hardie (2007), "How to Project Customer Retention", Journal of Interactive Marketing 21(1), 76-90; value of those who
are left: Fader & Hardie (2010), "Customer-Base Valuation in a Contractual Setting", Marketing Science 29(1), 85-93.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy

from pipelines.stitch.lifetime.fitting import Fit, Floats, Ints, NotFitted, maximise

FEWEST_CUSTOMERS, FEWEST_ENDS = 30, 10
"""With fewer ends the two parameters cannot be told apart."""
STARTS = ((1.0, 1.0), (0.5, 5.0), (2.0, 40.0))
"""A mean chance of one half, one in eleven, one in twenty-one."""


@dataclass(frozen=True)
class Sbg:
    """The fitted model; periods are months here, years in the paper."""

    alpha: float
    beta: float
    fit: Fit

    @classmethod
    def fitted(cls, renewals: Ints, ended: Ints, running: Ints) -> Self:
        """Fit to how many ended after, and how many still run with, each number of renewals.

        Shape: arrays of one length, a row per number of renewals; an end before the first renewal counts at 0.
        Errors: NotFitted where customers or ends are too few, or the search does not converge.
        """
        ends, customers = int(ended.sum()), int(ended.sum() + running.sum())
        if customers < FEWEST_CUSTOMERS or ends < FEWEST_ENDS:
            raise NotFitted(
                f"Too few: {customers} subscriptions, of which {ends} ended; "
                f"the model needs {FEWEST_CUSTOMERS} and {FEWEST_ENDS}."
            )

        def log_likelihood(values: Floats) -> float:
            alpha, beta = values
            left = scipy.special.betaln(alpha + 1, beta + renewals)
            stayed = scipy.special.betaln(alpha, beta + renewals)
            known = ended * left + running * stayed
            return float(known.sum() - customers * scipy.special.betaln(alpha, beta))

        (alpha, beta), fit = maximise(log_likelihood, ("alpha", "beta"), STARTS, customers)
        return cls(float(alpha), float(beta), fit)

    def survival(self, periods: Ints) -> Floats:
        """Share that is still there after so many renewals, 0 to 1. Equation (6)."""
        stays: Floats = np.exp(
            scipy.special.betaln(self.alpha, self.beta + periods) - scipy.special.betaln(self.alpha, self.beta)
        )
        return stays

    def ends_next(self, renewals: Ints) -> Floats:
        """Chance that one who renewed so often ends at the next renewal, 0 to 1. Equation (7)."""
        ends: Floats = np.divide(self.alpha, self.alpha + self.beta + renewals)
        return ends

    def renewals_within(self, renewals: Ints, worth: Sequence[float]) -> Floats:
        """Renewals to expect of one who is still there, each counted by what money of its period is `worth` today.

        The sum of S(n + k) / S(n) times worth over k >= 1; without end it is the discounted expected residual lifetime of Fader &
        Hardie (2010), section 3.
        """
        now = self.survival(renewals)
        ahead = enumerate(worth, start=1)
        left: Floats = np.asarray(sum(factor * self.survival(renewals + period) / now for period, factor in ahead))
        return left
