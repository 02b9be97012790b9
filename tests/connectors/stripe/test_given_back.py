"""What was paid, taxed and given back at Stripe, through its API into the lake: what is left is what was earned."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from connectors.stripe import CONNECTOR
from connectors.stripe.settings import StripeSettings
from models.clock import FrozenClock
from pipelines.ingest.lake import Lake
from pipelines.ingest.pull import pull_stream
from pipelines.stitch.journeys import build_journeys
from pipelines.stitch.rates import Rates
from pipelines.stitch.reconcile import unaccounted, unbalanced, unreceived
from sandbox.stripe import API_KEY, billing
from sandbox.stripe.state import StripeState
from tests.conftest import Sandbox
from tests.stores import new_store

STREAMS = ("invoices", "charges", "refunds", "disputes", "balance_transactions")
DAY = 86_400


class Shop:
    """A Stripe account in which purchases of 119.00, 19.00 of them tax, are made and regretted."""

    def __init__(self, state: StripeState) -> None:
        self.state = state

    def sells(self) -> str:
        """An invoice that is paid; the id of its charge."""
        charge = billing.take(self.state, None, 11_900, "eur")
        number = charge["id"].replace("ch", "in")
        self.state.insert_many(
            [
                {
                    "id": number, "object": "invoice", "created": self.state.now(), "currency": "eur", "status": "paid", "total": 11_900,
                    "amount_paid": 11_900, "total_taxes": [{"amount": 1_900}], "status_transitions": {"paid_at": self.state.now() + 7 * DAY},
                    "payments": [self._part("canceled", "pi_first_try"), self._part("paid", charge["payment_intent"])],
                }
            ]
        )  # fmt: skip
        return str(charge["id"])

    def refunds(self, charge: str, amount: int) -> None:
        """Money goes back, and leaves the balance."""
        intent, moved, number = (
            self.state.get(charge)["payment_intent"],
            self.state.next_id("txn"),
            self.state.next_id("re"),
        )
        back = {"amount": -amount, "currency": "eur", "type": "refund", "reporting_category": "refund"}
        self.state.insert_many([{"id": moved, "object": "balance_transaction", "created": self.state.now(), **back}])
        self._refund(number, charge, amount=amount, payment_intent=intent, balance_transaction=moved)

    def holds(self) -> None:
        """An authorisation that nobody captures; it expires, which Stripe tells as a refund."""
        charge = self.state.next_id("ch")
        money = {"amount": 5_000, "amount_captured": 0, "captured": False, "status": "succeeded", "currency": "eur"}
        self.state.insert_many([{"id": charge, "object": "charge", "created": self.state.now(), **money}])
        self._refund(self.state.next_id("re"), charge, amount=5_000, reason="expired_uncaptured_charge")

    def _refund(self, number: str, charge: str, **told: Any) -> None:
        made = {"id": number, "object": "refund", "created": self.state.now(), "charge": charge, "currency": "eur"}
        self.state.insert_many([{**made, "status": "succeeded", **told}])

    def _part(self, status: str, intent: str) -> dict[str, Any]:
        made = {"id": self.state.next_id("inpay"), "object": "invoice_payment", "created": self.state.now()}
        paid = 11_900 if status == "paid" else None
        named = {"type": "payment_intent", "payment_intent": intent}
        return {**made, "status": status, "amount_paid": paid, "currency": "eur", "payment": named}


@pytest.fixture
def shop(stripe_sandbox: Sandbox) -> Shop:
    """One without sales so far."""
    assert isinstance(stripe_sandbox.state, StripeState)
    return Shop(stripe_sandbox.state)


@pytest.fixture
def lake(tmp_path: Path, stripe_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """An empty one, whose Stripe is the sandbox."""
    monkeypatch.setenv("STRIPE_API_KEY", API_KEY)
    monkeypatch.setenv("STRIPE_BASE_URL", stripe_sandbox.url)
    return Lake.open(str(tmp_path / "lake"))


def net(lake: Lake, folder: Path, clock: FrozenClock) -> int:
    """What was earned, after a pull and with all books in agreement."""
    source, store = CONNECTOR.open(StripeSettings(), clock), new_store(folder)
    for name in STREAMS:
        stream = CONNECTOR.streams_by_name[name]
        report = pull_stream(source, CONNECTOR, stream, lake=lake, store=store, staging=folder / "staging", clock=clock)
        assert not report.rejected
    build_journeys(lake, store, clock, Rates())
    assert unbalanced(lake) == unaccounted(lake) == unreceived(lake) == {}
    table = lake.table("revenue")
    assert table is not None
    (row,) = table.to_pyarrow().to_pylist()
    return int(row["net"])


def test_what_is_left_of_regretted_purchases_is_what_was_earned(
    lake: Lake, shop: Shop, tmp_path: Path, clock: FrozenClock
) -> None:
    """Kept, refunded by half and in whole, disputed, and refunded with a credit note, beside a hold that expired: 100, 50, 0, 0 and 50 euros."""
    shop.sells()
    half, whole, lost, noted = (shop.sells() for _ in range(4))
    shop.refunds(half, 5_950)
    shop.refunds(whole, 11_900)
    billing.lose(shop.state, billing.dispute(shop.state, lost)["id"])
    shop.refunds(noted, 5_950)
    billing.credit(shop.state, noted.replace("ch", "in"), 5_950, 950)
    shop.holds()
    assert net(lake, tmp_path, clock) == 20_000
    receipts = lake.table("receipts")
    assert receipts is not None
    left: Counter[str] = Counter()
    for row in receipts.to_pyarrow().to_pylist():
        left[row["purchase"]] += row["amount"]
    assert sorted(left.values()) == [0, 0, 5_000, 5_000, 10_000]
