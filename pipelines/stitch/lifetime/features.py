"""Which use of the product, or way of working with us, goes with growth and which with leaving. It never says that one causes the other.

What was done in the 90 days before a cut is compared with what became of the payer in the 90 days after, so nobody counts as a user
because he stayed long enough to become one (immortal time: Suissa 2008, American Journal of Epidemiology 167(4)). Payers are compared
with others of like tenure and activity only (Mantel & Haenszel 1959), and the chances are corrected for the number of looks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import scipy

from pipelines.stitch.lens.statistics import corrected
from pipelines.stitch.lifetime.customers import Bools, Customers
from pipelines.stitch.lifetime.fitting import Ints
from pipelines.stitch.lifetime.intervals import LEVEL
from pipelines.stitch.lifetime.tables import FEATURES

WINDOW = 90
"""Days before and after the cut: a quarter holds a renewal or a purchase of most businesses."""
TENURES = (90, 365)
"""Days since the first payment at which strata begin: new, settled, old."""
ACTIVITIES = (2, 8)
"""Days of activity in the window at which strata begin: hardly, now and then, weekly and more."""
GREW = 1.2
"""Who pays this many times what he paid before has grown."""
FEWEST, FEWEST_EVENTS = 20, 10
"""Payers on either side, and outcomes among them, below which no ratio is told."""
MORE, LESS, UNCLEAR, TOO_FEW = "goes with more", "goes with less", "no clear tie", "too few"


@dataclass(frozen=True)
class Usage:
    """Who did what before the cut: `payer` did `features[feature]`; `active` is the number of days on which each payer did anything."""

    payer: Ints
    feature: Ints
    features: Sequence[str]
    active: Ints


@dataclass(frozen=True)
class Lift:
    """A risk ratio over strata with its interval, and how likely one so far from 1 is by chance."""

    ratio: float
    low: float
    high: float
    chance: float


def lifts(customers: Customers, usage: Usage, paid_before: Ints, paid_after: Ints, cut: int) -> pa.Table:
    """Every outcome by every feature, in the columns of `FEATURES`; those of whom too few did it carry counts and no ratio.

    Shape: `paid_before` and `paid_after` are each payer's net receipts in the windows on either side of day `cut`. Under
    contract bills fall due whenever they do, so growth is told by the latest bill of either side, and of nobody who stayed without one.
    """
    began = _began(customers)
    bound, runs, ended = _contracts(customers, cut)
    there = np.where(bound, runs, paid_before > 0) & (began <= cut)
    bills = (customers.purchases.latest(*span, len(customers)) for span in ((-1, cut), (cut, cut + WINDOW)))
    before, after = (np.where(bound, bill, paid) for bill, paid in zip(bills, (paid_before, paid_after), strict=True))
    outcomes = {
        "grew": (np.isfinite(before) & (np.isfinite(after) | ended), after >= GREW * np.maximum(before, 1)),
        "left": (np.ones(len(customers), bool), np.where(bound, ended, paid_after <= 0)),
    }
    stratum = np.digitize(cut - began, TENURES) * 3 + np.digitize(usage.active, ACTIVITIES)
    rows = [
        row
        for outcome, (told, came) in outcomes.items()
        for row in _rows(outcome, usage, np.flatnonzero(there & told), came, stratum)
    ]
    return pa.Table.from_pylist(list(_judged(rows)), schema=FEATURES.schema)


def mantel_haenszel(did: Bools, came: Bools, stratum: Ints) -> Lift | None:
    """How many times as often the outcome came to those who did it, over strata of the like; None where no stratum tells.

    Shape: arrays of one length, an element per payer.
    Source: interval of Greenland & Robins (1985), Biometrics 41(1); chance from the Mantel-Haenszel chi-square, without correction
    for continuity. Strata in which all or none did it tell nothing and drop out by themselves.
    """
    counts = [
        np.bincount(stratum[some], minlength=int(stratum.max()) + 1) for some in (did & came, did, ~did & came, ~did)
    ]
    a, exposed, c, rest = (count.astype(np.float64) for count in counts)
    both = (exposed > 0) & (rest > 0)
    a, exposed, c, rest = a[both], exposed[both], c[both], rest[both]
    whole, events = exposed + rest, a + c
    over, under = float((a * rest / whole).sum()), float((c * exposed / whole).sum())
    if over == 0 or under == 0:
        return None
    spread = float(((exposed * rest * events - a * c * whole) / whole**2).sum() / (over * under)) ** 0.5
    z = float(scipy.stats.norm.ppf((1 + LEVEL) / 2))
    variance = float((exposed * rest * events * (whole - events) / (whole**2 * np.maximum(whole - 1, 1))).sum())
    excess = float((a - exposed * events / whole).sum())
    chance = float(scipy.stats.chi2.sf(excess**2 / variance, 1)) if variance > 0 else 1.0
    ratio = over / under
    return Lift(ratio, ratio * np.exp(-z * spread), ratio * np.exp(z * spread), chance)


def _rows(outcome: str, usage: Usage, who: Ints, came: Bools, stratum: Ints) -> Iterator[dict[str, object]]:
    for number, feature in enumerate(usage.features):
        did = np.zeros(len(came), bool)
        did[usage.payer[usage.feature == number]] = True
        here, event = did[who], came[who]
        counts = {
            "did": int(here.sum()),
            "did_and": int((here & event).sum()),
            "rest": int((~here).sum()),
            "rest_and": int((~here & event).sum()),
        }
        events = counts["did_and"] + counts["rest_and"]
        told = min(counts["did"], counts["rest"]) >= FEWEST and events >= FEWEST_EVENTS
        lift = mantel_haenszel(here, event, stratum[who]) if told else None
        yield {"outcome": outcome, "feature": feature, **counts, **(vars(lift) if lift else {})}


def _judged(rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, object]]:
    """The rows with their verdict, after correction over all that were looked at (Benjamini & Hochberg 1995)."""
    looked = [row for row in rows if "chance" in row]
    after = corrected([row["chance"] for row in looked])
    chances = {(row["outcome"], row["feature"]): chance for row, chance in zip(looked, after, strict=True)}
    for row in sorted(rows, key=lambda row: (str(row["outcome"]), str(row["feature"]))):
        chance = chances.get((row["outcome"], row["feature"]))
        yield {**row, "chance": chance, "verdict": _verdict(chance, row.get("ratio"))}


def _verdict(chance: float | None, ratio: object) -> str:
    if chance is None or not isinstance(ratio, float):
        return TOO_FEW
    if chance > 1 - LEVEL:
        return UNCLEAR
    return MORE if ratio > 1 else LESS


def _began(customers: Customers) -> Ints:
    """Day of each payer's first payment or contract; far in the future where there is neither."""
    began = np.full(len(customers), np.iinfo(np.int64).max // 2)
    np.minimum.at(began, customers.purchases.payer, customers.purchases.day)
    np.minimum.at(began, customers.contracts.payer, customers.contracts.start)
    return began


def _contracts(customers: Customers, cut: int) -> tuple[Bools, Bools, Bools]:
    """Of each payer: whether a contract was known at the cut, whether it ran, and whether it ended within the window after."""
    known = customers.contracts
    marks = (
        known.start <= cut,
        (known.start <= cut) & (known.end > cut),
        (known.end > cut) & (known.end <= cut + WINDOW),
    )
    found = []
    for mark in marks:
        every = np.zeros(len(customers), bool)
        every[known.payer[mark]] = True
        found.append(every)
    return found[0], found[1], found[2]
