"""What became of customers: at past cuts, a quarter apart, whether each renewed, grew or left in the 90 days after. Pure functions.

A buyer is an account, or a person who belongs to none. Outcomes never overlap, and only those whose 90 days are over are told.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

WINDOW = timedelta(days=90)
"""Before and after a cut: a quarter holds a renewal or a purchase of most businesses."""
CUTS = 8
"""Two years of quarters: what is older tells of another product."""
GREW = 1.2
"""Who pays this many times what he paid before has grown."""
KINDS = ("renewal", "expansion", "churn")

Movement = tuple[datetime, int]
"""When money came (or went back, negative) and how much, minor units of the reporting currency."""
Contract = tuple[datetime, datetime | None]
"""From when to when a contract ran; without an end it runs."""


@dataclass(frozen=True)
class Case:
    """What became of one buyer after one cut: of a `kind`, it came or it did not."""

    buyer: str
    cut: datetime
    kind: str
    came: bool


def cases(
    paid: Mapping[str, Sequence[Movement]], contracts: Mapping[str, Sequence[Contract]], now: datetime
) -> list[Case]:
    """Every outcome that is known now, by cut and buyer.

    `renewal` is asked of who was under contract: whether a contract runs 90 days later. `churn`, of who was under contract or paid in
    the 90 days before: no contract runs then and nothing was paid. `expansion`, of who paid before: at least 1.2 times as much after.
    """
    found = []
    for cut in quarters(now):
        for buyer in sorted(paid.keys() | contracts.keys()):
            found += list(_of(buyer, cut, paid.get(buyer, ()), contracts.get(buyer, ())))
    return found


def quarters(now: datetime) -> list[datetime]:
    """First instants of the calendar quarters after which 90 days are over, oldest first, UTC."""
    year, month = now.year, 3 * ((now.month - 1) // 3) + 1
    found: list[datetime] = []
    while len(found) < CUTS:
        cut = datetime(year, month, 1, tzinfo=UTC)
        if cut + WINDOW <= now:
            found.append(cut)
        year, month = (year, month - 3) if month > 3 else (year - 1, 10)
    return found[::-1]


def _of(buyer: str, cut: datetime, paid: Sequence[Movement], contracts: Sequence[Contract]) -> Iterator[Case]:
    later = cut + WINDOW
    before, after = _sum(paid, cut - WINDOW, cut), _sum(paid, cut, later)
    bound, runs = _runs(contracts, cut), _runs(contracts, later)
    if bound:
        yield Case(buyer, cut, "renewal", runs)
    if before > 0:
        yield Case(buyer, cut, "expansion", after >= GREW * before)
    if bound or before > 0:
        yield Case(buyer, cut, "churn", not runs and after <= 0)


def _sum(paid: Sequence[Movement], after: datetime, until: datetime) -> int:
    first = bisect_right(paid, after, key=lambda one: one[0])
    last = bisect_right(paid, until, key=lambda one: one[0])
    return sum(amount for _, amount in paid[first:last])


def _runs(contracts: Sequence[Contract], at: datetime) -> bool:
    return any(start <= at and (end is None or end > at) for start, end in contracts)
