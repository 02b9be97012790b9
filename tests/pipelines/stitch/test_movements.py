"""What movements of money add to revenue once those of one purchase have met."""

from collections.abc import Iterable
from datetime import date, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.facts import Payment
from pipelines.stitch.lens.bridge import bridge
from pipelines.stitch.lens.calendar import Span
from pipelines.stitch.lens.measures import CHANNEL, measure
from pipelines.stitch.movements import tax_returned
from pipelines.stitch.reconcile import unaccounted, unreceived
from tests.pipelines.stitch.conftest import T0, Bench, person
from tests.pipelines.stitch.market import rows, run


def moved(
    kind: str, amount: int, day: int = 0, *, purchase: str = "o1", credited: int | None = None, currency: str = "eur"
) -> list[Payment]:
    return [
        Payment(
            payer="toy/acme/thing/a", kind=kind, amount_minor=amount, credited_minor=credited, currency=currency,
            purchase=purchase, occurred_at=T0 + timedelta(days=day),
        )
    ]  # fmt: skip


def paid(bench: Bench, **records: Iterable[Payment]) -> dict[str, int]:
    """Columns of the one row of revenue, where one person made a purchase of 119.00 with 19.00 of tax and this came of it."""
    bought = {"a": person(), "c": moved("charge", 11_900), "t": moved("tax", 1_900)}
    bench.hand.write({**bought, **records})
    run(bench)
    (row,) = rows(bench, "revenue")
    assert unaccounted(bench.lake) == unreceived(bench.lake) == {}
    assert sum(receipt["amount"] for receipt in rows(bench, "receipts")) == row["net"]
    return row


@pytest.mark.parametrize(
    ("back", "net"),
    [
        ({"r": ("refund", 11_900)}, 0),
        ({"r": ("refund", 5_950)}, 5_000),
        ({"d": ("dispute", 11_900)}, 0),
        ({"r": ("refund", 5_950), "d": ("dispute", 5_950)}, 0),
        ({"r1": ("refund", 1), "r2": ("refund", 1), "r3": ("refund", 1)}, 9_997),
        ({"r": ("refund", 12_000)}, -100),
    ],
)
def test_what_is_given_back_gives_back_its_share_of_the_tax(bench: Bench, back: dict[str, tuple[str, int]], net: int):
    """Whoever takes the money back, in how many parts ever; above the charge there is no tax to give back."""
    row = paid(bench, **{name: moved(*one, day=9) for name, one in back.items()})
    assert row["net"] == net
    assert row["refunded"] + row["disputed"] == sum(amount for _, amount in back.values())


@pytest.mark.parametrize(("left", "credited", "refund", "net"), [
    (0, 1_900, 11_900, 0), (950, 950, 5_950, 5_000), (950, 950, 11_900, 0), (1_520, 380, 2_380, 8_000), (1_620, 280, 2_380, 8_000),
    (1_710, 190, 0, 10_190),
])  # fmt: skip
def test_a_refund_takes_back_no_tax_that_its_credit_note_took(
    bench: Bench, left: int, credited: int, refund: int, net: int
):
    """The larger of the two counts: the note's where nothing was refunded, the refund's where a note tells of a part only."""
    row = paid(bench, t=moved("tax", left, credited=credited), r=moved("refund", refund, day=9))
    assert row["net"] == net


def test_tax_goes_back_on_the_day_of_the_refund_that_no_note_covers(bench: Bench):
    """Of two refunds the note took the tax of one; what is left goes with the other. The report of what is overdrawn sees whole refunds."""
    refunds = {"r1": moved("refund", 5_950, day=5), "r2": moved("refund", 5_950, day=9)}
    paid(bench, t=moved("tax", 950, credited=950), **refunds)
    found = {row["record"].rsplit("/", 1)[1]: (row["amount"], row["tax_returned"]) for row in rows(bench, "receipts")}
    assert found == {"c": (11_900, 0), "t": (-950, 0), "r1": (-5_950, 0), "r2": (-5_000, 950)}
    assert run(bench).refunded_above_charge == 0
    bench.hand.write({"r3": moved("refund", 1, day=9)})
    assert run(bench).refunded_above_charge == 1


def test_purchases_and_currencies_do_not_share_tax(bench: Bench):
    """A refund of an untaxed purchase, or in another currency, gives back nothing of this one's tax, nor does one without a charge."""
    bench.hand.write(
        {
            "a": person(), "c": moved("charge", 11_900), "t": moved("tax", 1_900), "c2": moved("charge", 500, purchase="o2"),
            "r2": moved("refund", 500, purchase="o2"), "r": moved("refund", 70, currency="usd"),
            "t3": moved("tax", 19, purchase="o3"), "r3": moved("refund", 119, purchase="o3"),
        }
    )  # fmt: skip
    run(bench)
    assert {row["currency"]: row["net"] for row in rows(bench, "revenue")} == {"eur": 10_000 - 138, "usd": -70}


def test_tax_is_dated_as_the_charge_that_paid_it(bench: Bench):
    """A direct debit settles its invoice a week later: no day sees the order without its tax, and none a fall of smaller orders."""
    paid(bench, t=moved("tax", 1_900, day=7), r=moved("refund", 5_950, day=8))
    days = [Span(one, one, UTC) for one in (FIRST, FIRST + timedelta(days=7), FIRST + timedelta(days=8))]
    bought, settled, refunded = measure(bench.lake, days)
    assert [one.revenue for one in (bought, settled, refunded)] == [10_000, 0, -5_000]
    assert refunded.refunds == bridge(settled, refunded).outside["refunds"] == -5_000
    assert sum(cell.amount for cell in refunded.cells[CHANNEL].values()) == 0


def entry(record: str, kind: str, amount: int, credited: int | None = None) -> dict[str, object]:
    return {"record": record, "kind": kind, "amount_minor": amount, "credited_minor": credited, "occurred_at": T0}


AMOUNTS = st.integers(0, 2**60)


@given(st.lists(AMOUNTS, min_size=1, max_size=3), AMOUNTS, AMOUNTS, st.lists(AMOUNTS, max_size=6))
def test_what_is_left_of_the_tax_is_that_of_what_was_kept(charges: list[int], tax: int, credited: int, back: list[int]):
    """To the minor unit at any size: the whole gives back the whole, and no refund gives back less than nothing."""
    entries = [
        *(entry(f"c{n}", "charge", amount) for n, amount in enumerate(charges)), entry("t", "tax", tax, credited or None),
        *(entry(f"r{n}", "refund", amount) for n, amount in enumerate(back)),
    ]  # fmt: skip
    found, charged = list(tax_returned(entries)), sum(charges)
    assert [one.record for one in found] == [f"r{n}" for n in range(len(back))] * bool(charged)
    assert all(one.tax_returned >= 0 for one in found)
    kept = max(charged - sum(back), 0)
    share = tax + credited - (Fraction((tax + credited) * kept, charged) if charged else tax + credited)
    assert abs(sum(one.tax_returned for one in found) - max(share - credited, 0)) <= Fraction(1, 2)
    assert tax == sum(one.tax_returned for one in found) or kept or not charged


FIRST = date(2026, 1, 1)
UTC = ZoneInfo("UTC")
