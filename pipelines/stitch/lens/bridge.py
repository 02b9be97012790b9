"""From one day's revenue to another's: how much of the change is traffic, mix, conversion, order value, large buyers, money given back.

Every view (by channel, by ad, by a trait of the buyers) splits the whole change, to the minor unit; which view tells it best is for
`causes.py` to say.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipelines.stitch.derived import Derived
from pipelines.stitch.lens.decompose import FACTORS, Cell, Effects, added, decompose
from pipelines.stitch.lens.measures import CHANNEL, DIMENSIONS, Measures

WHOLE = "whole"
"""The view that tells nothing apart: one cell, hence no mix."""
LARGE, REFUNDS, DISPUTES = "large_buyers", "refunds", "disputes"
PARTS = (*FACTORS, LARGE, REFUNDS, DISPUTES)
"""What a change is made of."""

BRIDGE = Derived(
    "bridge",
    "Why revenue changed from one business day to the next; for every day and view the amounts add up to the change.",
    ("day", "dimension", "part", "which"),
    {
        "day": (pa.string(), "day of the business's own time zone, as 2026-01-31"),
        "against": (pa.string(), "the day that it is compared with"),
        "dimension": (pa.string(), "the view: channel, ad or a trait of the buyers"),
        "part": (pa.string(), f"what changed: {', '.join(PARTS)}"),
        "which": (pa.string(), "the channel, ad or segment; empty for what belongs to none"),
        "currency": (pa.string(), "the reporting currency"),
        "amount": (pa.int64(), "how much it changed revenue, minor units"),
        "change": (pa.int64(), "how much revenue changed in all, minor units"),
    },
)


@dataclass(frozen=True)
class Bridge:
    """Why one span's revenue differs from another's.

    Shape: `views` by dimension and member, `WHOLE` among them. Units: minor units of the reporting currency.
    """

    before: Measures
    after: Measures
    views: Mapping[str, Mapping[str, Effects]]

    @property
    def change(self) -> int:
        """Revenue after less revenue before."""
        return self.after.revenue - self.before.revenue

    @property
    def outside(self) -> dict[str, int]:
        """The parts that belong to no cell of any view."""
        return {
            LARGE: sum(self.after.large.values()) - sum(self.before.large.values()),
            REFUNDS: self.after.refunds - self.before.refunds,
            DISPUTES: self.after.disputes - self.before.disputes,
        }

    def parts(self, dimension: str) -> dict[str, int]:
        """The change by what it is made of, seen by one dimension; adds up to the change."""
        return {**added(self.views[dimension].values())._asdict(), **self.outside}


def bridge(before: Measures, after: Measures) -> Bridge:
    """Split the change from one span to another by every dimension."""
    views = {name: decompose(before.cells[name], after.cells[name]) for name in DIMENSIONS}
    views[WHOLE] = decompose(_whole(before), _whole(after))
    return Bridge(before, after, views)


def table(bridges: Sequence[Bridge], currency: str | None) -> pa.Table:
    """The bridges as rows of the derived table; parts of nothing are left out."""
    rows = [row for one in bridges for name in DIMENSIONS for row in _rows(one, name, currency)]
    found = pa.Table.from_pylist(rows, schema=BRIDGE.schema)
    return found.sort_by([(name, "ascending") for name in BRIDGE.key])


def _rows(one: Bridge, dimension: str, currency: str | None) -> Iterator[dict[str, Any]]:
    shared = {
        "day": one.after.span.code, "against": one.before.span.code, "dimension": dimension,
        "currency": currency, "change": one.change,
    }  # fmt: skip
    cells = [(part, which, amount) for which, effects in one.views[dimension].items() for part, amount in effects._asdict().items()]  # fmt: skip
    for part, which, amount in [*cells, *((part, None, amount) for part, amount in one.outside.items())]:
        if amount:
            yield {**shared, "part": part, "which": which, "amount": amount}


def _whole(measures: Measures) -> dict[str, Cell]:
    cells = measures.cells[CHANNEL].values()
    return {WHOLE: Cell(*(sum(getattr(cell, name) for cell in cells) for name in ("visits", "orders", "amount")))}
