"""Splitting a change of revenue into its causes, exactly: parts are fractions until they are rounded, and add up to the minor unit.

Revenue of a cell (a channel, an ad, a segment) is traffic x conversion x order value. Each factor's part is its Shapley value: its
effect averaged over every order in which the three could have changed, which leaves no residual and needs no logarithm of zero.
Traffic of a cell is all traffic x the cell's share of it, so its part is split once more, into traffic and mix; two factors within
one are Owen's extension of the same value.

Source: Shorrocks 2013, "Decomposition procedures for distributional analysis", Journal of Economic Inequality 11:99-126; Sun 1998,
"Changes in energy consumption and energy intensity: a complete decomposition model", Energy Economics 20:85-100; Owen 1977, "Values of
games with a priori unions".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

FACTORS = ("traffic", "mix", "conversion", "order_value")
"""What the change of a cell is split into, in the order of `Effects`."""


@dataclass(frozen=True)
class Cell:
    """What a part of the business did in one span.

    Units: `visits` and `orders` are counts, `amount` is minor units, what the orders brought.
    """

    visits: int = 0
    orders: int = 0
    amount: int = 0


class Effects(NamedTuple):
    """How much each factor changed the revenue of one cell, minor units; they add up to the cell's change."""

    traffic: int = 0
    mix: int = 0
    conversion: int = 0
    order_value: int = 0


NOTHING = Cell()


def decompose(before: Mapping[str, Cell], after: Mapping[str, Cell]) -> dict[str, Effects]:
    """What changed each cell's revenue from one span to the other.

    Shape: an entry per cell of either span. A rate that cannot be known in one span (a conversion without visits, an order value
    without orders) counts as unchanged: a cell that is new or has vanished is a matter of traffic, one that stopped selling one of
    conversion. Money that came without an order counts as order value.
    """
    visits = tuple(sum(cell.visits for cell in cells.values()) for cells in (before, after))
    found = {}
    for name in sorted({*before, *after}):
        pair = before.get(name, NOTHING), after.get(name, NOTHING)
        found[name] = Effects(*rounded(_effects(*pair, *visits), pair[1].amount - pair[0].amount))
    return found


def rounded(parts: Sequence[Fraction], total: int) -> list[int]:
    """The parts in whole units that add up to `total`, as the parts themselves do; the largest remainders are rounded up (Hamilton's rule)."""
    floors = [part.numerator // part.denominator for part in parts]
    order = sorted(range(len(parts)), key=lambda place: (floors[place] - parts[place], place))
    for place in order[: total - sum(floors)]:
        floors[place] += 1
    return floors


def added(effects: Iterable[Effects]) -> Effects:
    """The sum over cells."""
    return Effects(*(sum(column) for column in zip(*effects, strict=True)))


def _effects(before: Cell, after: Cell, visits_before: int, visits_after: int) -> tuple[Fraction, ...]:
    nobody, change = Fraction(0), Fraction(after.amount - before.amount)
    if any(cell.amount and not cell.orders * cell.visits for cell in (before, after)):
        return nobody, nobody, nobody, change
    v0, v1 = before.visits, after.visits
    k0, k1 = _known(_rate(before.orders, v0), _rate(after.orders, v1))
    a0, a1 = _known(_rate(before.amount, before.orders), _rate(after.amount, after.orders))
    visit = _alone(k0, k1, a0, a1)  # what one more visit brings
    s0, s1 = _known(_rate(v0, visits_before), _rate(v1, visits_after))
    return (
        (visits_after - visits_before) * (s0 + s1) / 2 * visit,
        (s1 - s0) * Fraction(visits_before + visits_after, 2) * visit,
        (k1 - k0) * _alone(Fraction(v0), Fraction(v1), a0, a1),
        (a1 - a0) * _alone(Fraction(v0), Fraction(v1), k0, k1),
    )


def _alone(x0: Fraction, x1: Fraction, y0: Fraction, y1: Fraction) -> Fraction:
    """The product of two factors, averaged over the orders in which a third may change before, between and after them."""
    return (x0 * y0 + x1 * y1) / 3 + (x0 * y1 + x1 * y0) / 6


def _rate(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None


def _known(before: Fraction | None, after: Fraction | None) -> tuple[Fraction, Fraction]:
    """Both rates; one that is unknown is as the other."""
    known = before if before is not None else after if after is not None else Fraction(0)
    return (known if before is None else before, known if after is None else after)
