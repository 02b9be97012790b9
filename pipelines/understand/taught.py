"""What reviews have taught, as the rules use it: how far sources are relied on, and what a confidence is worth. Plain and frozen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models import Lesson
from pipelines.understand.confidence import HIGH, LOW, NO_TALLIES, logit, sigmoid
from pipelines.understand.measured import Tally

UNCALIBRATED, CALIBRATED = "uncalibrated", "calibrated"
PLATT, ISOTONIC = "platt", "isotonic"


@dataclass(frozen=True)
class Calibration:
    """A map from the filter's confidence to how often such beliefs proved right.

    Shape: `platt` has one knot, slope and intercept of the log-odds; `isotonic` has the corners of a rising line.
    """

    method: str = UNCALIBRATED
    knots: Sequence[tuple[float, float]] = ()

    @property
    def word(self) -> str:
        """What is said beside every confidence."""
        return UNCALIBRATED if self.method == UNCALIBRATED else CALIBRATED

    def of(self, p: float) -> float:
        """What a confidence is worth, 0 to 1; two sides of one question keep adding up to one."""
        if self.method == UNCALIBRATED:
            return p
        if p < 0.5:
            return 1 - self.of(1 - p)
        if self.method == PLATT:
            slope, intercept = self.knots[0]
            mapped = sigmoid(slope * logit(p) + intercept)
        else:
            mapped = _between(self.knots, p)
        return min(max(mapped, LOW), HIGH)


@dataclass(frozen=True)
class Taught:
    """One lesson, or none yet."""

    version: str = "untaught"
    tallies: Mapping[str, Tally] = field(default_factory=lambda: NO_TALLIES)
    calibration: Calibration = field(default_factory=Calibration)


UNTAUGHT = Taught()


def taught_by(lesson: Lesson | None) -> Taught:
    """A lesson as the rules use it."""
    if lesson is None:
        return UNTAUGHT
    tallies = {name: Tally(**tally) for name, tally in lesson.tallies.items()}
    return Taught(lesson.version, tallies, Calibration(lesson.method, [(x, y) for x, y in lesson.knots]))


def _between(corners: Sequence[tuple[float, float]], p: float) -> float:
    """Height of the line through the corners."""
    before = max((corner for corner in corners if corner[0] <= p), default=corners[0])
    after = min((corner for corner in corners if corner[0] >= p), default=corners[-1])
    span = after[0] - before[0]
    return before[1] + (after[1] - before[1]) * (p - before[0]) / span if span else before[1]
