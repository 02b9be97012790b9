"""BG/NBD: when customers without a contract buy again, and whether they are still there.

While alive, a customer buys at random at a rate of their own; after each purchase they leave with a chance of their own. Rates
differ between customers by a gamma distribution (r, alpha), chances by a beta distribution (a, b).
Source: Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2), 275-284; equation numbers are
of that paper.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy

from pipelines.stitch.lifetime.fitting import FITTED, Fit, Floats, Ints, NotFitted, maximise
from pipelines.stitch.lifetime.purchases import purchases

FEWEST_CUSTOMERS, FEWEST_REPEATERS = 100, 30
"""With fewer, the four parameters are guesses: in simulations the share that leaves is then off by half or more."""
NAMES = ("r", "alpha", "a", "b")
STARTS = ((1.0, 1.0, 1.0, 1.0), (0.3, 5.0, 0.8, 2.5), (1.0, 20.0, 0.2, 2.0), (5.0, 50.0, 2.0, 8.0))
"""Few and many purchases, early and late leaving; time is in the unit of the data, weeks here."""

SCOUTED = 5_000
"""Customers on whom the starts compete; `FITTED` then refine the winner, which spares three searches in four."""


@dataclass(frozen=True)
class Histories:
    """What is known of each customer up to a cut.

    Shape: arrays of one length, an element per customer: purchases after the first, time from the first to the last, time from
    the first to the cut.
    Units: any one unit of time, weeks in this project.
    Errors: ValueError where a last purchase lies after the cut, or before the first.
    """

    repeats: Ints
    recency: Floats
    age: Floats

    def __post_init__(self) -> None:
        """Refuse what cannot have happened."""
        ordered = (self.recency >= 0) & (self.recency <= self.age) & (self.repeats >= 0)
        if not np.all(ordered & ((self.repeats > 0) | (self.recency == 0))):
            raise ValueError(
                "Purchases must lie between the first one and the cut; check that all times are in one unit."
            )

    def __len__(self) -> int:
        """How many customers."""
        return len(self.repeats)

    def sample(self, most: int) -> Self:
        """All of them if they are not too many, else at most so many from beginning to end."""
        step = -(-len(self) // most) or 1
        return type(self)(self.repeats[::step], self.recency[::step], self.age[::step])


@dataclass(frozen=True)
class BgNbd:
    """The fitted model; `r` and `alpha` tell how rates differ, `a` and `b` how chances to leave differ."""

    r: float
    alpha: float
    a: float
    b: float
    fit: Fit

    @classmethod
    def fitted(cls, known: Histories) -> Self:
        """Fit by maximum likelihood.

        Errors: NotFitted where customers or repeaters are too few, or the search does not converge.
        """
        repeaters = int(np.count_nonzero(known.repeats))
        if len(known) < FEWEST_CUSTOMERS or repeaters < FEWEST_REPEATERS:
            raise NotFitted(
                f"Too few: {len(known)} customers without contract, of whom {repeaters} bought again; "
                f"the model needs {FEWEST_CUSTOMERS} and {FEWEST_REPEATERS}."
            )
        few, _ = _most_likely(known.sample(SCOUTED), STARTS)
        (r, alpha, a, b), fit = _most_likely(known.sample(FITTED), [few])
        return cls(float(r), float(alpha), float(a), float(b), fit)

    def alive(self, known: Histories) -> Floats:
        """Chance that each customer is still one, 0 to 1; nobody is seen to leave before a second purchase. Equation of section 4.3."""
        x = known.repeats
        odds = np.log(self.a) - np.log(np.maximum(self.b + x - 1, np.finfo(float).tiny))
        silent = (self.r + x) * (np.log(self.alpha + known.age) - np.log(self.alpha + known.recency))
        alive: Floats = np.where(x > 0, scipy.special.expit(-(odds + silent)), 1.0)
        return alive

    def buys_within(self, time: float, known: Histories) -> Floats:
        """Chance of at least one purchase within `time` after the cut, 0 to 1.

        Nobody leaves between purchases, so it is the chance to be alive times that of a purchase at the rate so far:
        the rate of one who is alive is gamma(r + x, alpha + T).
        """
        none = (self.r + known.repeats) * -np.log1p(time / (self.alpha + known.age))
        within: Floats = self.alive(known) * -np.expm1(none)
        return within

    def expected(self, time: float, known: Histories) -> Floats:
        """Purchases to expect of each customer within `time` after the cut. Equation (10); of a new one, with an age of 0, it is (9)."""
        x = known.repeats
        return np.multiply(self.alive(known), purchases(time, self.r + x, self.alpha + known.age, self.a, self.b + x))


def log_likelihood(values: Floats, known: Histories) -> Floats:
    """Log-likelihood of each customer under (r, alpha, a, b), as in the paper's appendix: never leaves the scale of logarithms."""
    r, alpha, a, b = values
    x = known.repeats
    counts, place = np.unique(x, return_inverse=True)
    rates = scipy.special.gammaln(r + counts) - scipy.special.gammaln(r) + r * np.log(alpha)
    stays = scipy.special.betaln(a, b + counts) - scipy.special.betaln(a, b)
    alive = -(r + x) * np.log(alpha + known.age)
    with np.errstate(divide="ignore"):  # b + x - 1 can only vanish at x = 0, where nobody left
        left = np.log(a) - np.log(np.maximum(b + x - 1, 0)) - (r + x) * np.log(alpha + known.recency)
    either = np.where(x > 0, np.logaddexp(alive, left), alive)
    result: Floats = (rates + stays)[place] + either
    return result


def _most_likely(known: Histories, starts: Sequence[Sequence[float] | Floats]) -> tuple[Floats, Fit]:
    once, copies = _distinct(known)
    return maximise(lambda values: float(copies @ log_likelihood(values, once)), NAMES, starts, len(known))


def _distinct(known: Histories) -> tuple[Histories, Floats]:
    """Each history once, and how many customers have it."""
    rows = np.column_stack([known.repeats, known.recency, known.age])
    once, copies = np.unique(rows, axis=0, return_counts=True)
    return Histories(once[:, 0].astype(np.int64), once[:, 1], once[:, 2]), copies.astype(np.float64)
