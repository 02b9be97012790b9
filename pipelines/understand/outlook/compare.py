"""How well a score tells an outcome: AUC, Brier and lift with bootstrap intervals, beside the other score and beside chance.

Both scores are judged on the same customers and cuts, those of whom both were known before. Draws are of customers, not of rows, for
two quarters of one customer are no two customers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from models.keys import stable_hash
from pipelines.stitch.lens.statistics import SEED
from pipelines.stitch.lifetime.calibration import FEWEST_EVENTS

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
ALIGNMENT, LEAD_SCORE, CHANCE = "alignment", "lead score", "chance"
FOLDS = 5
DRAWS = 500
"""Enough for the ends of a 90 % interval to be steady to a hundredth."""
TOP = 0.2
"""The fifth of customers with the highest score: as many as a team can call."""


@dataclass(frozen=True)
class Judged:
    """One case with what was known before: whose, whether it came, and both scores as of the cut."""

    buyer: str
    came: bool
    alignment: float
    lead_score: float


@dataclass(frozen=True)
class Estimate:
    """A figure with the ends of its 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Verdict:
    """How one score did. Figures are None where there are too few outcomes; `standing` then says so."""

    predictor: str
    cases: int
    buyers: int
    events: int
    standing: str
    auc: Estimate | None = None
    brier: Estimate | None = None
    lift: Estimate | None = None


def judge(cases: Sequence[Judged], *, against: bool) -> list[Verdict]:
    """Alignment, the lead score and chance on one kind of outcome; `against` where a high score speaks against it (churn)."""
    events = sum(case.came for case in cases)
    buyers = sorted({case.buyer for case in cases})
    sizes = (len(cases), len(buyers), events)
    if min(events, len(cases) - events) < FEWEST_EVENTS:
        few = f"insufficient: {events} of {len(cases)} outcomes came; {FEWEST_EVENTS} of either kind are needed"
        return [Verdict(name, *sizes, few) for name in (ALIGNMENT, LEAD_SCORE, CHANCE)]
    ordered = sorted(cases, key=lambda case: (case.buyer, case.alignment, case.lead_score, case.came))
    sign = -1.0 if against else 1.0
    came = np.array([case.came for case in ordered])
    owner = np.searchsorted(buyers, [case.buyer for case in ordered])
    fold = np.array([stable_hash(case.buyer) % FOLDS for case in ordered])
    raw = {
        ALIGNMENT: sign * np.array([case.alignment for case in ordered]),
        LEAD_SCORE: sign * np.array([case.lead_score for case in ordered]),
        CHANCE: np.zeros(len(ordered)),
    }
    return [_verdict(name, sizes, score, probabilities(score, came, fold), came, owner) for name, score in raw.items()]


def probabilities(score: Floats, came: Bools, fold: npt.NDArray[np.int64]) -> Floats:
    """The stated map to a probability: logistic in the standardised score, fitted on the customers of the other folds.

    Source: Platt (1999). A score that is the same for all is mapped to the rate of the other folds.
    """
    found = np.zeros(len(score))
    for one in np.unique(fold):
        here, rest = fold == one, fold != one
        if not rest.any():  # all customers fell into one fold
            rest = here
        slope, intercept = platt(score[rest], came[rest])
        found[here] = 1 / (1 + np.exp(-(slope * score[here] + intercept)))
    return found


def platt(score: Floats, came: Bools) -> tuple[float, float]:
    """Slope and intercept of the log-odds, with targets moved off 0 and 1 as Platt does, so that few cases are never certain."""
    hits, misses = int(came.sum()), int((~came).sum())
    target = np.where(came, (hits + 1) / (hits + 2), 1 / (misses + 2))
    middle, spread = float(score.mean()), float(score.std()) or 1.0
    x = (score - middle) / spread

    def cost(beta: Floats) -> tuple[float, Floats]:
        z = beta[0] * x + beta[1]
        error = 1 / (1 + np.exp(-z)) - target
        return float((np.logaddexp(0, z) - target * z).sum()), np.array([error @ x, error.sum()])

    slope, intercept = scipy.optimize.minimize(cost, np.zeros(2), jac=True, method="L-BFGS-B").x
    return float(slope / spread), float(intercept - slope * middle / spread)


def auc(hits: Floats, misses: Floats) -> float:
    """Chance that a case that came had the higher score than one that did not; ties count half. NaN where all are alike.

    Shape: how many cases came, and how many did not, at each distinct score, the lowest first.
    """
    below = misses.cumsum() - misses
    pairs = hits.sum() * misses.sum()
    return float(hits @ (below + misses / 2) / pairs) if pairs else float("nan")


def lift(hits: Floats, misses: Floats) -> float:
    """How many times as often it came to the top fifth as to all; where scores tie at the border, each tied case counts in part.

    Shape: as for `auc`.
    """
    came, size = hits[::-1], (hits + misses)[::-1]
    if not came.any():
        return float("nan")
    upto, room = size.cumsum(), TOP * size.sum()
    border = int(np.searchsorted(upto, room))
    share = (room - upto[border]) / size[border] + 1
    return float((came[:border].sum() + share * came[border]) / room / (came.sum() / size.sum()))


def at_each(score: Floats) -> Callable[[Floats], Floats]:
    """Adds up what cases weigh at each distinct score, the lowest first."""
    _, place = np.unique(score, return_inverse=True)

    def told(weight: Floats) -> Floats:
        sums: Floats = np.bincount(place, weight).astype(np.float64)
        return sums

    return told


def _verdict(
    name: str, sizes: tuple[int, int, int], score: Floats, chance: Floats, came: Bools, owner: npt.NDArray[np.int64]
) -> Verdict:
    told, error = at_each(score), (chance - came) ** 2

    def figures(weight: Floats) -> tuple[float, float, float]:
        hits, misses = told(weight * came), told(weight * ~came)
        return auc(hits, misses), float(error @ weight / weight.sum()), lift(hits, misses)

    drawn = np.array([figures(weight) for weight in _drawn(owner)])
    low, high = np.nanquantile(drawn, [0.05, 0.95], axis=0)
    found = (Estimate(*map(float, one)) for one in zip(figures(np.ones(len(came))), low, high, strict=True))
    return Verdict(name, *sizes, "compared", *found)


def _drawn(owner: npt.NDArray[np.int64]) -> Iterator[Floats]:
    """How often each case counts where customers are drawn with replacement, `DRAWS` times; the same in every run."""
    chance, buyers = np.random.default_rng(SEED), int(owner[-1]) + 1
    for _ in range(DRAWS):
        yield np.bincount(chance.integers(0, buyers, buyers), minlength=buyers)[owner].astype(np.float64)
