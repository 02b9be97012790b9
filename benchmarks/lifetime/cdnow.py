"""The 1/10 sample of CDNOW as the papers prepare it: purchases of one day are one, and the first is not counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from pipelines.stitch.lifetime.bgnbd import Histories
from pipelines.stitch.lifetime.fitting import Floats, Ints

CUT, END = date(1997, 9, 30), date(1998, 6, 30)
"""Last days of week 39 and of week 78."""
WEEKS_LEFT = (END - CUT).days / 7


@dataclass(frozen=True)
class Cdnow:
    """What is known at the cut, the mean value of the purchases after the first, and the purchases of the weeks after the cut."""

    known: Histories
    value: Floats
    later: Ints


def read(folder: Path) -> Cdnow:
    """The sample from the shared data."""
    customers: dict[str, dict[date, float]] = {}
    for line in (folder / "cdnow" / "CDNOW_sample.txt").read_text().splitlines():
        _, customer, day, _, dollars = line.split()
        days = customers.setdefault(customer, {})
        when = date.fromisoformat(day)
        days[when] = days.get(when, 0.0) + float(dollars)
    rows = [_row(days) for days in customers.values()]
    x, recency, age, value, later = (np.array(column) for column in zip(*rows, strict=True))
    return Cdnow(Histories(x.astype(np.int64), recency, age), value, later.astype(np.int64))


def _row(days: Mapping[date, float]) -> tuple[int, float, float, float, int]:
    first, *repeats = sorted(day for day in days if day <= CUT)
    recency = (repeats[-1] - first).days / 7 if repeats else 0.0
    value = sum(days[day] for day in repeats) / len(repeats) if repeats else 0.0
    return len(repeats), recency, (CUT - first).days / 7, value, sum(day > CUT for day in days)
