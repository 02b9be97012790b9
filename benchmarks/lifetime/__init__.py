"""The models of lifetimes on CDNOW's 1/10 sample: the published estimates, and weeks 40 to 78 foretold from the first 39.

Beside the model stands what a spreadsheet would say: everybody goes on buying at the rate so far. `--json` prints for machines.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.lifetime.cdnow import WEEKS_LEFT, Cdnow, read
from pipelines.stitch.lifetime.bgnbd import BgNbd, Histories
from pipelines.stitch.lifetime.fitting import Floats
from pipelines.stitch.lifetime.gamma_gamma import GammaGamma, dependence

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
PUBLISHED = {
    "r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426, "log-likelihood": -9582.4,
    "p": 6.25, "q": 3.74, "gamma": 15.44,
}  # fmt: skip
"""Fader, Hardie & Lee (2005), table 2; Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value."""
MOST = 7
"""Purchases from which customers share a row, as in the paper's figure 3."""
MANY = 100_000
Made = TypeVar("Made")


@dataclass(frozen=True)
class Row:
    """Customers with so many repeat purchases in the first 39 weeks: how many later ones were made and foretold, each per customer."""

    repeats: str
    customers: int
    actual: float
    model: float
    same_rate: float


def main() -> None:
    """Fit, foretell, compare, print."""
    data = read(Path(os.environ.get("SIDECAR_TEST_DATA", DATA)))
    model, fit_s = timed(lambda: BgNbd.fitted(data.known))
    spending, spend_s = timed(lambda: GammaGamma.fitted(data.known.repeats, data.value))
    expected, same = model.expected(WEEKS_LEFT, data.known), same_rate(data)
    found = {
        "estimates": [
            {"name": name, "published": PUBLISHED[name], "found": value} for name, value in estimates(model, spending)
        ],
        "rank_correlation": dependence(data.known.repeats[data.value > 0], data.value[data.value > 0]),
        "holdout": {"purchases": int(data.later.sum()), "model": float(expected.sum()), "same_rate": float(same.sum())},
        "mean_error_per_customer": {"model": error(expected, data), "same_rate": error(same, data)},
        "by_repeats": [asdict(row) for row in by_repeats(data, expected, same)],
        "seconds": {"fit BG/NBD": fit_s, "fit Gamma-Gamma": spend_s, **at_scale(data)},
    }
    if "--json" in sys.argv:
        print(json.dumps(found, indent=2))
    else:
        show(found)


def estimates(model: BgNbd, spending: GammaGamma) -> Iterator[tuple[str, float]]:
    yield from (("r", model.r), ("alpha", model.alpha), ("a", model.a), ("b", model.b))
    yield "log-likelihood", model.fit.log_likelihood
    yield from (("p", spending.p), ("q", spending.q), ("gamma", spending.gamma))


def same_rate(data: Cdnow) -> Floats:
    """What is expected if everybody goes on as before."""
    return data.known.repeats / data.known.age * WEEKS_LEFT


def error(expected: Floats, data: Cdnow) -> float:
    return float(np.abs(expected - data.later).mean())


def by_repeats(data: Cdnow, expected: Floats, same: Floats) -> Iterator[Row]:
    group = np.minimum(data.known.repeats, MOST)
    for one in range(MOST + 1):
        here = group == one
        means = (float(values[here].mean()) for values in (data.later, expected, same))
        yield Row(f"{one}+" if one == MOST else str(one), int(here.sum()), *means)


def at_scale(data: Cdnow) -> dict[str, float]:
    """Seconds for a hundred thousand customers, those of the sample many times over."""
    picked = np.arange(MANY) % len(data.known)
    many = Histories(data.known.repeats[picked], data.known.recency[picked], data.known.age[picked])
    model, fit_s = timed(lambda: BgNbd.fitted(many))
    _, chance_s = timed(lambda: model.buys_within(30 / 7, many))
    _, expect_s = timed(lambda: model.expected(WEEKS_LEFT, many))
    return {"100,000: fit": fit_s, "100,000: chances": chance_s, "100,000: expected purchases": expect_s}


def timed(make: Callable[[], Made]) -> tuple[Made, float]:
    start = time.perf_counter()
    made = make()
    return made, time.perf_counter() - start


def show(found: dict[str, object]) -> None:
    """The figures as tables."""
    plain = json.loads(json.dumps(found))
    console = Console(width=120)
    table = Table("estimate", "published", "found", title="CDNOW, 2,357 customers, first 39 weeks")
    for row in plain["estimates"]:
        table.add_row(row["name"], f"{row['published']:,}", f"{row['found']:,.4f}")
    console.print(table)
    table = Table("repeats so far", "customers", "bought later, each", "BG/NBD", "same rate", title="weeks 40 to 78")
    for row in plain["by_repeats"]:
        table.add_row(
            row["repeats"], f"{row['customers']:,}", *(f"{row[name]:.3f}" for name in ("actual", "model", "same_rate"))
        )
    console.print(table)
    whole, errors = plain["holdout"], plain["mean_error_per_customer"]
    for name in ("model", "same_rate"):
        console.print(
            f"{name}: {whole[name]:,.0f} purchases foretold of {whole['purchases']:,} ({whole[name] / whole['purchases'] - 1:+.1%}), "
            f"mean error {errors[name]:.3f} per customer"
        )
    console.print(", ".join(f"{name} {seconds:.2f} s" for name, seconds in plain["seconds"].items()))
