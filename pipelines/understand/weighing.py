"""What each component weighs: equal until fifty outcomes are known, then as much as it tells of who stays. Versions are frozen rows.

A score is combined by the weights in force at its own instant, so that learning never changes a score of before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy
from sqlmodel import Session, select

from models import AlignmentWeights
from models.keys import content_id
from pipelines.understand.components import NEUTRAL

COMPONENTS = ("goal_fit", "stance", "expectation", "understanding", "engagement_value")
EVER = datetime.min.replace(tzinfo=UTC)
FEWEST = 50
"""Outcomes without which nothing is learned."""
FEWEST_OF_A_KIND = 10
"""Customers who stayed, and who left, without which a fit tells nothing: two for each component."""
GREW = 1.25
"""Times as many outcomes as at the last learning before the next: weights that change daily explain nothing."""
PENALTY = 1.0
"""Weight of the squared coefficients: a component that was hardly seen stays near nothing."""
Floats = npt.NDArray[np.float64]
Case = tuple[Mapping[str, float], bool]
"""The components of a customer as of before, and whether the customer stayed."""


@dataclass(frozen=True)
class Weights:
    """What each component weighs from an instant on: not negative, adding up to 1."""

    version: str
    by_component: Mapping[str, float]
    since: datetime = EVER


EQUAL = Weights("equal-1", dict.fromkeys(COMPONENTS, 1 / len(COMPONENTS)))
"""Equal weights until fifty outcomes allow better ones."""


@dataclass(frozen=True)
class Fitted:
    """Learned weights with how well they tell: log-loss beside that of telling everybody the base rate, on the same outcomes."""

    weights: Mapping[str, float]
    outcomes: int
    stayed: int
    loss: float
    base: float


def in_force(schedule: Sequence[Weights], instant: datetime) -> Weights:
    """The weights that count at an instant. Shape: a schedule in order of time, the equal ones before all."""
    return next((one for one in reversed(schedule) if one.since <= instant), EQUAL)


def schedule(session: Session) -> list[Weights]:
    """All weights ever learned, in order of time."""
    rows = session.exec(select(AlignmentWeights)).all()
    learned = [Weights(row.version, row.weights, row.learnt_at) for row in rows]
    return [EQUAL, *sorted(learned, key=lambda one: (one.since, one.version))]


def by_version(session: Session) -> dict[str, Weights]:
    """All weights that a score may have been combined by, by their version."""
    return {one.version: one for one in schedule(session)}


def fit(cases: Sequence[Case]) -> Fitted | None:
    """Logistic regression with coefficients that cannot be negative, brought to a sum of 1; None where there is too little to learn.

    A component that was not observed is neutral, and adds nothing. Source of the optimiser: Byrd, Lu, Nocedal & Zhu (1995), L-BFGS-B.
    """
    stayed = sum(came for _, came in cases)
    if len(cases) < FEWEST or min(stayed, len(cases) - stayed) < FEWEST_OF_A_KIND:
        return None
    x = np.array([[parts.get(name, NEUTRAL) - NEUTRAL for name in COMPONENTS] for parts, _ in cases])
    y = np.array([came for _, came in cases], np.float64)

    def cost(beta: Floats) -> tuple[float, Floats]:
        z = beta[0] + x @ beta[1:]
        error = 1 / (1 + np.exp(-z)) - y
        loss = float((np.logaddexp(0, z) - y * z).sum() + PENALTY / 2 * (beta[1:] ** 2).sum())
        return loss, np.concatenate([[error.sum()], x.T @ error + PENALTY * beta[1:]])

    bounds = [(None, None), *[(0.0, None)] * len(COMPONENTS)]
    found = scipy.optimize.minimize(cost, np.zeros(len(COMPONENTS) + 1), jac=True, bounds=bounds, method="L-BFGS-B")
    total = float(found.x[1:].sum())
    if total <= 0:  # nothing tells who stays: equal weights remain
        return None
    weights = {name: round(float(one) / total, 6) for name, one in zip(COMPONENTS, found.x[1:], strict=True)}
    z, rate = found.x[0] + x @ found.x[1:], stayed / len(cases)
    base = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    return Fitted(weights, len(cases), stayed, float((np.logaddexp(0, z) - y * z).mean()), float(base))


def learn(session: Session, cases: Sequence[Case], now: datetime) -> AlignmentWeights | None:
    """Append weights learned from these outcomes, if there are enough more of them than at the last time; None if not."""
    rows = session.exec(select(AlignmentWeights)).all()
    known = max((row.outcomes for row in rows), default=0)
    if len(cases) < max(FEWEST, known * GREW) or (fitted := fit(cases)) is None:
        return None
    figures: dict[str, Any] = {"stayed": fitted.stayed, "log_loss": fitted.loss, "log_loss_of_base_rate": fitted.base}
    words = (f"{name}={weight}" for name, weight in sorted(fitted.weights.items()))
    row = AlignmentWeights(
        version=f"learned-{content_id(str(fitted.outcomes), *words)[:12]}",
        weights=dict(fitted.weights),
        outcomes=fitted.outcomes,
        figures=figures,
        learnt_at=now,
    )
    session.add(row)
    return row
