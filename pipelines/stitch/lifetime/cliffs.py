"""What breaks in month three: the month in which clearly more leave than in the months around it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.stitch.lifetime.intervals import LEVEL, Interval, difference, wilson

FEWEST = 30
"""Payers at risk in a month, and in its neighbours together, below which nothing is called a cliff."""


@dataclass(frozen=True)
class Loss:
    """Who left in one month of tenure, over all cohorts that have lived through it.

    Units: `at_risk` were active the month before, `lost` of these are not in this one; `interval` is that of their share. `cliff`
    says that the share is above that of the months before and after, together.
    """

    month: int
    at_risk: int
    lost: int
    interval: Interval
    excess: Interval | None
    cliff: bool

    @property
    def share(self) -> float:
        """Lost of at risk."""
        return self.lost / self.at_risk


def losses(triangle: Iterable[Mapping[str, Any]], basis: str) -> list[Loss]:
    """The months of tenure of one basis in order, from rows of `RETENTION`; months that are not over are left out.

    Rule: a month is a cliff if the interval (Newcombe) of its loss less that of its neighbours lies above 0, at a level that is
    corrected for the number of months looked at (Bonferroni), with `FEWEST` payers at risk on either side. The first month after
    the cohort's own has one neighbour.
    """
    risk: dict[int, tuple[int, int]] = {}
    rows = {(row["cohort"], row["month"]): row for row in triangle if row["basis"] == basis and row["complete"]}
    for (cohort, month), row in rows.items():
        if before := rows.get((cohort, month - 1)):
            at_risk, lost = risk.get(month, (0, 0))
            risk[month] = (at_risk + before["kept"], lost + before["kept"] - row["stayed"])
    months = [month for month in sorted(risk) if risk[month][0]]
    return [_judged(month, risk, months) for month in months]


def _judged(month: int, risk: Mapping[int, tuple[int, int]], months: Sequence[int]) -> Loss:
    at_risk, lost = risk[month]
    around = [risk[other] for other in (month - 1, month + 1) if other in risk]
    near, near_lost = (sum(column) for column in zip(*around, strict=True)) if around else (0, 0)
    excess = None
    if min(at_risk, near) >= FEWEST:
        excess = difference(lost, at_risk, near_lost, near, 1 - (1 - LEVEL) / len(months))
    return Loss(month, at_risk, lost, wilson(lost, at_risk), excess, cliff=excess is not None and excess.low > 0)
