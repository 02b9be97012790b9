"""Whether a confidence means what it says: scores, and the map that makes it so. Pure functions of confidences, labels and customers.

Platt's map (1999, with his smoothed targets) below a thousand labels, isotonic regression (Zadrozny and Elkan 2002) from there on.
Everything that is claimed of a map is measured on customers it was not fitted on: whole customers are held out, never single rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy

from models.keys import stable_hash
from pipelines.understand.confidence import HIGH, LOW
from pipelines.understand.taught import ISOTONIC, PLATT, Calibration

Floats: TypeAlias = npt.NDArray[np.float64]

ENOUGH = 200
"""Labels below which nothing is called calibrated."""
MANY = 1_000
"""Labels from which the freer map no longer overfits."""
FOLDS = 5
BINS = 10
RESAMPLES = 500


@dataclass(frozen=True)
class Labels:
    """Judged beliefs: the filter's confidence in what was shown, whether it was right, and whose belief it was."""

    p: Floats
    right: Floats
    customer: Sequence[str]

    def __len__(self) -> int:
        return len(self.p)


@dataclass(frozen=True)
class Bin:
    """Labels of like confidence: how many, what was said, and what was so."""

    n: int
    said: float
    was: float


def fitted(labels: Labels) -> Calibration:
    """The map that these labels teach; none while there are too few of them, or all say the same."""
    if len(labels) < ENOUGH or len(set(labels.right.tolist())) < 2:
        return Calibration()
    return _platt(labels) if len(labels) < MANY else _isotonic(labels)


def held_out(labels: Labels) -> Floats:
    """What each label's confidence is worth by a map fitted on other customers."""
    fold = np.array([stable_hash("fold", customer) % FOLDS for customer in labels.customer])
    worth = labels.p.copy()
    for number in range(FOLDS):
        others, own = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        rest = Labels(labels.p[others], labels.right[others], [labels.customer[one] for one in others.tolist()])
        if len(own) and len(rest) and len(set(rest.right.tolist())) == 2:
            found = _platt(rest) if len(labels) < MANY else _isotonic(rest)
            worth[own] = [found.of(float(p)) for p in labels.p[own]]
    return worth


def figures(p: Floats, labels: Labels) -> dict[str, object]:
    """How good confidences are: Brier score with its parts, log-loss, and the expected calibration error with its 90 % interval."""
    low, high = _interval(p, labels)
    reliability, resolution, uncertainty = murphy(p, labels.right)
    return {
        "brier": _round(brier(p, labels.right)),
        "reliability": _round(reliability),
        "resolution": _round(resolution),
        "uncertainty": _round(uncertainty),
        "log_loss": _round(log_loss(p, labels.right)),
        "ece": _round(ece(p, labels.right)),
        "ece_low": _round(low),
        "ece_high": _round(high),
        "bins": [[one.n, _round(one.said), _round(one.was)] for one in bins(p, labels.right)],
    }


def brier(p: Floats, right: Floats) -> float:
    """Mean squared error of probabilities (Brier 1950); 0 is perfect, .25 is knowing nothing."""
    return float(np.mean((p - right) ** 2))


def log_loss(p: Floats, right: Floats) -> float:
    """Mean surprise, in nats."""
    safe = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-np.mean(right * np.log(safe) + (1 - right) * np.log(1 - safe)))


def murphy(p: Floats, right: Floats) -> tuple[float, float, float]:
    """Reliability, resolution and uncertainty (Murphy 1973), by bins of equal mass: Brier is about the first less the second plus the third."""
    base, found = float(np.mean(right)), bins(p, right)
    total = sum(one.n for one in found)
    reliability = sum(one.n * (one.said - one.was) ** 2 for one in found) / total
    resolution = sum(one.n * (one.was - base) ** 2 for one in found) / total
    return reliability, resolution, base * (1 - base)


def ece(p: Floats, right: Floats) -> float:
    """Expected calibration error over bins of equal mass; too high on few labels, hence never shown without its interval."""
    found = bins(p, right)
    return sum(one.n * abs(one.said - one.was) for one in found) / sum(one.n for one in found)


def bins(p: Floats, right: Floats) -> list[Bin]:
    """At most ten bins of equal mass, from the least to the most sure."""
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, min(BINS, len(p))) if len(part)]
    return [Bin(len(part), float(np.mean(p[part])), float(np.mean(right[part]))) for part in parts]


def _platt(labels: Labels) -> Calibration:
    """Slope and intercept of the log-odds; targets are smoothed so that a clean sample does not claim certainty."""
    x = np.log(np.clip(labels.p, LOW, HIGH) / (1 - np.clip(labels.p, LOW, HIGH)))
    hits = float(labels.right.sum())
    high, low = (hits + 1) / (hits + 2), 1 / (len(labels) - hits + 2)
    target = np.where(labels.right > 0, high, low)

    def loss(knot: Floats) -> float:
        z = knot[0] * x + knot[1]
        return float(np.sum(np.logaddexp(0, z) - target * z))

    slope, intercept = scipy.optimize.minimize(loss, np.array([1.0, 0.0]), method="BFGS").x
    return Calibration(PLATT, [(_round(float(max(slope, 0.0))), _round(float(intercept)))])


def _isotonic(labels: Labels) -> Calibration:
    """A rising step function by pooling adjacent violators, told by its corners."""
    levels, place = np.unique(labels.p, return_inverse=True)
    mass = np.bincount(place)
    mean = np.bincount(place, labels.right) / mass
    risen = scipy.optimize.isotonic_regression(mean, weights=mass).x
    corner = (
        np.r_[True, (np.diff(risen)[:-1] != 0) | (np.diff(risen)[1:] != 0), True]
        if len(risen) > 2
        else np.ones(len(risen), bool)
    )
    knots = zip(levels[corner].tolist(), risen[corner].tolist(), strict=True)
    return Calibration(ISOTONIC, [(_round(x), _round(y)) for x, y in knots])


def _interval(p: Floats, labels: Labels) -> tuple[float, float]:
    """The middle 90 % of the error over resampled customers."""
    names, place = np.unique(np.array(labels.customer, dtype=object).astype(str), return_inverse=True)
    own = [np.flatnonzero(place == number) for number in range(len(names))]
    dice = np.random.default_rng(1)  # the same interval in every run
    found = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([own[one] for one in dice.integers(0, len(names), len(names))])
        found.append(ece(p[rows], labels.right[rows]))
    low, high = np.quantile(found, [0.05, 0.95])
    return float(low), float(high)


def _round(number: float) -> float:
    return round(number, 6)
