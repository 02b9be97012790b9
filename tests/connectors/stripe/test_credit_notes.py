"""A credit note changes its invoice, whether or not the invoice itself is told of, and takes back its own tax."""

from datetime import timedelta
from typing import Any

import pytest

from connectors.stripe import CONNECTOR
from models.facts import Payment
from models.keys import RecordKey
from models.records import Record
from sandbox.stripe import billing
from sandbox.stripe.resources import RESOURCES
from sandbox.stripe.state import StripeState
from tests.conftest import NOW
from tests.connectors.stripe.conftest import Puller

LATER = timedelta(minutes=10)
INVOICES = CONNECTOR.streams_by_name["invoices"]
PAID: dict[str, Any] = {
    "object": "invoice", "created": 1, "customer": "cus_1", "currency": "eur", "status": "paid", "total": 12_600, "amount_paid": 12_600,
    "total_taxes": [{"amount": 1_900}, {"amount": 700}], "status_transitions": {"paid_at": 5},
}  # fmt: skip


@pytest.fixture
def state(puller: Puller) -> StripeState:
    """A paid invoice with tax of two rates: 19 % on 100.00 and, on the rest, 7 %."""
    found = puller.sandbox.state
    assert isinstance(found, StripeState)
    found.insert_many([{"id": "in_1", **PAID}])
    return found


def tax(puller: Puller) -> int:
    payload = puller.payloads["in_1"]
    facts = INVOICES.translate(Record(RecordKey("stripe", "acct_sandbox:test", "invoice", "in_1"), NOW, payload))
    return sum(fact.amount_minor for fact in facts if isinstance(fact, Payment))


def test_a_credit_note_alone_brings_its_invoice(puller: Puller, state: StripeState) -> None:
    """No event of the invoice tells of it; the tax that it names comes back, and goes again when it is void."""
    puller.pull("invoices")
    assert tax(puller) == 2_600
    puller.clock.advance(LATER)
    made = billing.credit(state, "in_1", 1_070, 70)
    puller.clock.advance(LATER)
    assert puller.pull("invoices")[0] == 1
    assert tax(puller) == 2_530
    billing.void(state, made["id"])
    puller.clock.advance(LATER)
    assert puller.pull("invoices")[0] == 1
    assert tax(puller) == 2_600


def test_many_notes_of_one_invoice_are_read_to_the_end(puller: Puller, state: StripeState) -> None:
    """Also on the first load, and the same again from an event."""
    for _ in range(130):
        billing.credit(state, "in_1", 50, 8)
    puller.pull("invoices")
    assert tax(puller) == 2_600 - 130 * 8
    listed = puller.payloads["in_1"]
    puller.clock.advance(LATER)
    state.update("in_1", {}, event_type="invoice.updated")
    puller.clock.advance(LATER)
    assert puller.pull("invoices")[0] == 1
    assert puller.payloads["in_1"] == listed


def test_an_invoice_with_and_without_events_of_its_own_comes_once(puller: Puller, state: StripeState) -> None:
    """And a note of an invoice that is no more is not taken for the invoice."""
    puller.pull("invoices")
    puller.clock.advance(LATER)
    state.update("in_1", {"description": "seen"})
    billing.credit(state, "in_1", 119, 19)
    lost = {"id": "cn_lost", "object": "credit_note", "invoice": "in_lost"}
    state.create(lost)
    puller.clock.advance(LATER)
    assert puller.pull("invoices")[0] == 1
    assert (puller.payloads["in_1"]["description"], tax(puller)) == ("seen", 2_581)
    assert set(puller.payloads) == {"in_1"}


def test_a_draft_that_was_told_by_both_and_deleted_is_a_tombstone_of_itself(puller: Puller, state: StripeState) -> None:
    """Its own event shows it, however many notes came later."""
    puller.pull("invoices")
    puller.clock.advance(LATER)
    state.update("in_1", {"description": "last"})
    billing.credit(state, "in_1", 119, 19)
    state.delete("in_1")
    state.create({"id": "cn_late", "object": "credit_note", "invoice": "in_1"})
    puller.clock.advance(LATER)
    puller.pull("invoices")
    assert puller.deleted == {"in_1"}
    assert puller.payloads["in_1"]["object"] == "invoice"


def test_a_key_that_may_not_read_credit_notes_takes_tax_back_in_proportion(puller: Puller, state: StripeState) -> None:
    """The stream goes on; a tenth of the amount is taken for a tenth of the tax."""
    billing.credit(state, "in_1", 1_260, 70)
    every = {resource.permission for resource in RESOURCES.values()} | {"rak_accounts_kyc_basic_read"}
    puller.key = "rk_test_shy"
    state.add_key(puller.key, permissions=every - {"rak_credit_note_read"})
    puller.pull("invoices")
    assert tax(puller) == 2_340
