"""The next 30 days of every payer, and whether such forecasts came true before.

Without a contract: BG/NBD, the chance of at least one purchase. Under contract: sBG by tenure, the chance that it ends. Each model is
fitted anew before each of three past cuts and compared with the 30 days after it, so no forecast has seen what it foretells.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.stitch.lifetime.bgnbd import BgNbd, Histories
from pipelines.stitch.lifetime.calibration import Calibration, compared
from pipelines.stitch.lifetime.customers import WEEK, Customers
from pipelines.stitch.lifetime.fitting import Floats, Ints, NotFitted
from pipelines.stitch.lifetime.sbg import Sbg
from pipelines.stitch.lifetime.settings import PERIOD

CUTS = 3
"""Periods back: as many windows as overlap neither each other nor the future."""
Forecast = tuple[Floats, npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class Outlook:
    """The chances of the next 30 days and what they rest on.

    Shape: `who` numbers payers, `chance` is one of each; both empty where the model does not hold, and `standing` then says why.
    """

    who: Ints
    chance: Floats
    standing: str
    calibration: Calibration | None


@dataclass(frozen=True)
class Purchasing(Outlook):
    """Who buys again; `left` is the chance to have left by now, `known` what each did so far."""

    left: Floats
    known: Histories | None
    model: BgNbd | None


@dataclass(frozen=True)
class Ending(Outlook):
    """Whose contract ends; `renewals` is how many periods each has run."""

    renewals: Ints
    model: Sbg | None


NOBODY, NOTHING = np.zeros(0, np.int64), np.zeros(0)


def purchasing(customers: Customers) -> Purchasing:
    """Payers without a contract."""
    try:
        who, known = customers.free(customers.today).known(customers.today, len(customers))
        model = BgNbd.fitted(known)
    except NotFitted as why:
        return Purchasing(NOBODY, NOTHING, str(why), None, NOTHING, None, None)

    def foretold(cut: int) -> Forecast:
        free = customers.free(cut)
        who, known = free.known(cut, len(customers))
        chance = BgNbd.fitted(known).buys_within(PERIOD / WEEK, known)
        return chance, free.within(cut, cut + PERIOD, len(customers))[who]

    calibration = _backtest(foretold, customers.today)
    chance, left = model.buys_within(PERIOD / WEEK, known), 1 - model.alive(known)
    return Purchasing(who, chance, _standing(calibration), calibration, left, known, model)


def ending(customers: Customers) -> Ending:
    """Payers whose contract runs."""
    contracts = customers.contracts
    try:
        model = Sbg.fitted(*contracts.table(customers.today))
    except NotFitted as why:
        return Ending(NOBODY, NOTHING, str(why), None, NOBODY, None)

    def foretold(cut: int) -> Forecast:
        runs, renewals = contracts.tenure(cut)
        return Sbg.fitted(*contracts.table(cut)).ends_next(renewals), contracts.end[runs] <= cut + PERIOD

    calibration = _backtest(foretold, customers.today)
    runs, renewals = contracts.tenure(customers.today)
    return Ending(
        contracts.payer[runs], model.ends_next(renewals), _standing(calibration), calibration, renewals, model
    )


def _backtest(foretold: Callable[[int], Forecast], today: int) -> Calibration | None:
    """Forecasts at past cuts, oldest first; cuts before which the data were too thin are left out, None if all were."""
    made = []
    for back in range(CUTS, 0, -1):
        try:
            made.append(foretold(today - back * PERIOD))
        except NotFitted:
            continue
    if not made:
        return None
    chances, events = (np.concatenate(column) for column in zip(*made, strict=True))
    return compared(chances, events, len(made))


def _standing(calibration: Calibration | None) -> str:
    return calibration.standing if calibration else "uncalibrated: too little was known 30 days ago to try it"
