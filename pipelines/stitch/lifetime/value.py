"""What payers brought so far, and what they are likely to bring: the two are never added."""

from dataclasses import dataclass

import numpy as np

from pipelines.stitch.lifetime.bgnbd import BgNbd, Histories
from pipelines.stitch.lifetime.customers import WEEK, Customers
from pipelines.stitch.lifetime.fitting import Floats, NotFitted
from pipelines.stitch.lifetime.gamma_gamma import DEPENDENT, GammaGamma, dependence
from pipelines.stitch.lifetime.predict import Ending, Purchasing
from pipelines.stitch.lifetime.settings import PERIOD, YEAR, LifetimeSettings


@dataclass(frozen=True)
class Worth:
    """What is to come of each payer within the horizon.

    Shape: `predicted` has an element per payer, NaN where no model holds or some of their money has no rate; minor units of the
    reporting currency, discounted.
    `spending` is the model of values per purchase, or None with `reason`; `tie` is the rank correlation of how often and how much.
    """

    predicted: Floats
    spending: GammaGamma | None
    reason: str
    tie: float | None

    @property
    def assumption(self) -> str:
        """What the tie means for the model, which takes it to be none."""
        if self.tie is None:
            return "how often and how much could not be compared"
        if abs(self.tie) < DEPENDENT:
            return f"how often and how much are nearly independent (rank correlation {self.tie:.2f})"
        return f"how often and how much go together (rank correlation {self.tie:.2f}): predicted values are biased, read them as a rank"


def worth(customers: Customers, buying: Purchasing, ending: Ending, settings: LifetimeSettings) -> Worth:
    """Predict what each payer will bring: purchases times value for those without contract, renewals times price for those under one."""
    predicted = np.full(len(customers), np.nan)
    unrated = np.where(customers.unrated, np.nan, 0)
    if ending.model is not None:
        monthly = customers.monthly[ending.who] * (12 / YEAR)
        predicted[ending.who] = (
            monthly * ending.model.renewals_within(ending.renewals, settings.worth) + unrated[ending.who]
        )
    if buying.model is None or buying.known is None:
        return Worth(predicted, None, buying.standing, None)
    number = buying.known.repeats + 1
    mean = customers.settled[buying.who] / number + unrated[buying.who]
    rated = np.isfinite(mean)
    tie = dependence(number[rated], mean[rated])
    try:
        spending = GammaGamma.fitted(number[rated], mean[rated])
    except NotFitted as why:
        return Worth(predicted, None, str(why), tie)
    predicted[buying.who] = _purchases(buying.model, buying.known, settings) * spending.expected(number, mean)
    return Worth(predicted, spending, "", tie)


def _purchases(model: BgNbd, known: Histories, settings: LifetimeSettings) -> Floats:
    """Purchases within the horizon, each counted by what money of its period is worth today: the sum of the papers' DET, cut off.

    Source: Fader, Hardie & Lee (2005), RFM and CLV, Journal of Marketing Research 42(4), where the sum has no end.
    """
    total, before = np.zeros(len(known)), np.zeros(len(known))
    for period, factor in enumerate(settings.worth, start=1):
        until = model.expected(period * PERIOD / WEEK, known)
        total, before = total + factor * (until - before), until
    return total
