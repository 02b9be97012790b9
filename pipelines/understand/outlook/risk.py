"""How likely each payer leaves within 90 days: the models of purchases and contracts, sharpened by alignment where that has helped.

Foretold anew at past cuts, 90 days apart, by models and scores that knew nothing of what came after. Alignment shifts the odds only
if that made the error smaller on customers it was not fitted on; else the models stand alone, and the row says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import numpy.typing as npt
import scipy

from models.keys import stable_hash
from pipelines.stitch.lifetime.bgnbd import BgNbd
from pipelines.stitch.lifetime.calibration import FEWEST_EVENTS, Calibration, compared
from pipelines.stitch.lifetime.customers import WEEK, Customers
from pipelines.stitch.lifetime.fitting import Floats, Ints, NotFitted
from pipelines.stitch.lifetime.sbg import Sbg
from pipelines.stitch.lifetime.settings import PERIOD
from pipelines.understand.components import NEUTRAL
from pipelines.understand.outlook.compare import FOLDS

PERIODS = 3
AHEAD = PERIODS * PERIOD
"""Days ahead: a quarter."""
CUTS = 3
LEAST, MOST = 0.001, 0.999
"""Chances are kept off 0 and 1, whose odds are endless."""
PENALTY = 1.0
"""Weight of the squared shift: with few outcomes alignment moves nothing."""
FREE, BOUND = "buys nothing", "ends the contract"
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Foretold:
    """Chances of one model at one cut, with alignment as of then (neutral where none was known). Shape: arrays of one length."""

    who: Ints
    base: Floats
    aligned: Floats
    came: Bools


@dataclass(frozen=True)
class Risks:
    """The chance of leaving of some payers, in what way, and how far it can be trusted.

    Shape: `who` numbers payers; `base` is the chance without alignment, `chance` what is served. Both empty where no model holds.
    """

    way: str
    who: Ints
    base: Floats
    chance: Floats
    adjusted: bool
    standing: str
    calibration: Calibration | None


@dataclass(frozen=True)
class Shift:
    """How alignment moves the log-odds of leaving: `level` for all, and `pull` for each point below neutral, never negative."""

    level: float
    pull: float

    def of(self, base: Floats, aligned: Floats) -> Floats:
        """The chances after it."""
        moved: Floats = scipy.special.expit(scipy.special.logit(base) + self.level + self.pull * (NEUTRAL - aligned))
        return moved


Model = Callable[[int], tuple[Ints, Floats]]
Happened = Callable[[int, Ints], Bools]
Before = Callable[[datetime], Mapping[str, float]]
"""How aligned each person and account was before an instant, as far as that was known."""


def risks(customers: Customers, before: Before) -> list[Risks]:
    """The risk of every payer: who has no contract may buy nothing, who has one may end it, each within 90 days."""
    everybody, contracts = len(customers), customers.contracts

    def buys_nothing(cut: int) -> tuple[Ints, Floats]:
        who, known = customers.free(cut).known(cut, everybody)
        return who, 1 - BgNbd.fitted(known).buys_within(AHEAD / WEEK, known)

    def ends(cut: int) -> tuple[Ints, Floats]:
        runs, renewals = contracts.tenure(cut)
        model = Sbg.fitted(*contracts.table(cut))
        stays = np.prod([1 - model.ends_next(renewals + more) for more in range(PERIODS)], axis=0)
        return contracts.payer[runs], 1 - stays

    def bought_nothing(cut: int, who: Ints) -> Bools:
        found: Bools = ~customers.purchases.within(cut, cut + AHEAD, everybody)[who]
        return found

    def ended(cut: int, _: Ints) -> Bools:
        runs, _ = contracts.tenure(cut)
        found: Bools = contracts.end[runs] <= cut + AHEAD
        return found

    aligned = _reader(customers, before)
    return [
        _risk(FREE, buys_nothing, bought_nothing, customers, aligned),
        _risk(BOUND, ends, ended, customers, aligned),
    ]


def _risk(
    way: str, model: Model, happened: Happened, customers: Customers, aligned: Callable[[int, Ints], Floats]
) -> Risks:
    today = customers.today
    try:
        who, base = model(today)
    except NotFitted as why:
        return Risks(way, np.zeros(0, np.int64), np.zeros(0), np.zeros(0), adjusted=False, standing=str(why), calibration=None)  # fmt: skip
    base = np.clip(base, LEAST, MOST)
    past = []
    for back in range(CUTS, 0, -1):
        cut = today - back * AHEAD
        try:
            then, chance = model(cut)
        except NotFitted:
            continue
        past.append(Foretold(then, np.clip(chance, LEAST, MOST), aligned(cut, then), happened(cut, then)))
    if not past:
        few = f"uncalibrated: too little was known {AHEAD} days ago to try it"
        return Risks(way, who, base, base, adjusted=False, standing=few, calibration=None)
    whole = Foretold(*(np.concatenate([getattr(one, name) for one in past]) for name in ("who", "base", "aligned", "came")))  # fmt: skip
    fold = np.array([stable_hash(customers.payers["entity_id"][int(one)].as_py()) % FOLDS for one in whole.who])
    sharpened = out_of_sample(whole, fold)
    adjusted = sharpened is not None and error(sharpened, whole.came) < error(whole.base, whole.came)
    told = sharpened if adjusted and sharpened is not None else whole.base
    found = compared(told, whole.came, len(past))
    now = shift(whole.base, whole.aligned, whole.came).of(base, aligned(today, who)) if adjusted else base
    return Risks(way, who, base, now, adjusted=adjusted, standing=found.standing, calibration=found)


def out_of_sample(past: Foretold, fold: npt.NDArray[np.int64]) -> Floats | None:
    """The chances with alignment, each by a shift fitted on the customers of other folds; None where too few left or stayed."""
    if min(past.came.sum(), (~past.came).sum()) < FEWEST_EVENTS:
        return None
    found = np.zeros(len(past.came))
    for one in np.unique(fold):
        here, rest = fold == one, fold != one
        found[here] = shift(past.base[rest], past.aligned[rest], past.came[rest]).of(
            past.base[here], past.aligned[here]
        )
    return found


def shift(base: Floats, aligned: Floats, came: Bools) -> Shift:
    """The shift that fits best, drawn toward none; low alignment may only raise the risk."""
    start, below = scipy.special.logit(base), NEUTRAL - aligned

    def cost(beta: Floats) -> tuple[float, Floats]:
        z = start + beta[0] + beta[1] * below
        wrong = scipy.special.expit(z) - came
        loss = float((np.logaddexp(0, z) - came * z).sum() + PENALTY / 2 * (beta**2).sum())
        return loss, np.array([wrong.sum(), wrong @ below]) + PENALTY * beta

    found = scipy.optimize.minimize(cost, np.zeros(2), jac=True, bounds=[(None, None), (0.0, None)], method="L-BFGS-B")
    return Shift(float(found.x[0]), float(found.x[1]))


def error(chance: Floats, came: Bools) -> float:
    """Brier score."""
    return float(((chance - came) ** 2).mean())


def _reader(customers: Customers, before: Before) -> Callable[[int, Ints], Floats]:
    """Alignment of payers at the end of a day, neutral where nothing was known."""
    names = [str(name) for name in customers.payers["entity_id"].to_pylist()]

    @cache
    def known(cut: int) -> Floats:
        # the business's day ends by the next midnight UTC at the latest west of it; one day less never looks ahead
        day = customers.origin + timedelta(days=cut)
        stood = before(datetime(day.year, day.month, day.day, tzinfo=UTC))
        return np.array([stood.get(name, NEUTRAL) for name in names])

    def read(cut: int, who: Ints) -> Floats:
        chosen: Floats = known(cut)[who]
        return chosen

    return read
