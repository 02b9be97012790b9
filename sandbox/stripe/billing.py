"""How money comes and goes: a subscription bills an invoice, its payment makes a charge, and a bank may call the charge back.

Every step is told by its own events. Source: https://docs.stripe.com/billing/subscriptions/overview and
https://docs.stripe.com/disputes/how-disputes-work.
"""

from typing import Any

from sandbox.stripe.errors import StripeRefusal
from sandbox.stripe.render import shown
from sandbox.stripe.shapes import StripeObject
from sandbox.stripe.state import StripeState

DISPUTE_FEE = 1500  # minor units, Stripe's list price in the US
OPEN = frozenset({"needs_response", "under_review"})


def subscribe(state: StripeState, customer: StripeObject, wanted: list[dict[str, Any]], metadata: Any) -> StripeObject:
    """A running subscription whose first invoice is paid. `wanted` are the items: a price that recurs, and a quantity."""
    number = state.next_id("sub")
    items = [_item(state, number, place, one) for place, one in enumerate(wanted)]
    common = {"customer": customer["id"], "currency": items[0]["price"]["currency"]}
    made = {"id": number, "object": "subscription", **common, "items": items, "metadata": metadata}
    state.create({**made, "test_clock": customer["test_clock"]})
    invoice = bill(state, state.get(number))
    return state.update(number, {"latest_invoice": invoice["id"]})


def bill(state: StripeState, subscription: StripeObject) -> StripeObject:
    """A paid invoice over all items, and everything that its payment leaves behind."""
    number, currency = state.next_id("in"), subscription["currency"]
    lines = [_line(number, place, item) for place, item in enumerate(subscription["items"]["data"])]
    total = sum(line["amount"] for line in lines)
    charge = take(state, subscription["customer"], total, currency)
    intent = {"type": "payment_intent", "payment_intent": charge["payment_intent"]}
    paid_at = {"canceled_at": None, "paid_at": state.now()}
    payment = {"id": state.next_id("inpay"), "object": "invoice_payment", "created": state.now(), "invoice": number}
    payment |= {"amount_paid": total, "amount_requested": total, "currency": currency, "payment": intent}
    payment |= {"status": "paid", "status_transitions": paid_at}
    details = {"metadata": {}, "subscription": subscription["id"]}
    parent = {"type": "subscription_details", "quote_details": None, "subscription_details": details}
    money = {"amount_due": total, "amount_remaining": total, "subtotal": total, "total": total, "currency": currency}
    state.create(
        {
            "id": number,
            "object": "invoice",
            **money,
            "customer": subscription["customer"],
            "parent": parent,
            "lines": lines,
        }
        | {"status": "open", "payments": [payment], "test_clock": subscription["test_clock"]}
    )
    transitions = {
        "finalized_at": state.now(),
        "marked_uncollectible_at": None,
        "paid_at": state.now(),
        "voided_at": None,
    }
    paid = {"status": "paid", "amount_paid": total, "amount_remaining": 0, "status_transitions": transitions}
    return state.update(number, paid)


def credit(state: StripeState, invoice_id: str, amount: int, tax: int) -> StripeObject:
    """A credit note over an invoice that is paid; the invoice bears it, and no event of its own says so."""
    invoice = state.get(invoice_id)
    number, key = state.next_id("cn"), "post_payment_credit_notes_amount"
    rate = {"amount": tax, "tax_behavior": "exclusive", "tax_rate_details": {"tax_rate": "txr_1"}, "taxability_reason": "standard_rated",
            "taxable_amount": amount - tax, "type": "tax_rate_details"}  # fmt: skip
    money = {
        "amount": amount,
        "total": amount,
        "subtotal": amount - tax,
        "post_payment_amount": amount,
        "total_taxes": [rate],
    }
    links = {"invoice": invoice_id, "customer": invoice["customer"], "currency": invoice["currency"], "number": number}
    state.adjust(invoice_id, {key: invoice[key] + amount})
    return state.create({"id": number, "object": "credit_note", **money, **links})


def void(state: StripeState, note_id: str) -> StripeObject:
    """The credit note takes back nothing any more."""
    note = state.get(note_id)
    key = "post_payment_credit_notes_amount"
    state.adjust(note["invoice"], {key: state.get(note["invoice"])[key] - note["amount"]})
    return state.update(note_id, {"status": "void", "voided_at": state.now()})


def take(state: StripeState, customer: str | None, amount: int, currency: str) -> StripeObject:
    """A charge that succeeded, with its payment intent and its movement of the balance."""
    intent, charge, moved = (state.next_id(prefix) for prefix in ("pi", "ch", "txn"))
    common = {"amount": amount, "currency": currency, "customer": customer}
    state.create(
        {"id": intent, "object": "payment_intent", **common, "amount_received": amount, "latest_charge": charge}
    )
    _move(state, moved, charge, amount, currency, "charge", "charge")
    links = {"payment_intent": intent, "balance_transaction": moved, "amount_captured": amount}
    return state.create({"id": charge, "object": "charge", **common, **links})


def dispute(state: StripeState, charge_id: str, reason: str = "fraudulent") -> StripeObject:
    """The payer's bank takes the whole charge back, and Stripe its fee."""
    charge = state.get(charge_id)
    number, moved = state.next_id("dp"), state.next_id("txn")
    amount, currency = charge["amount"], charge["currency"]
    movement = _move(state, moved, number, -amount, currency, "adjustment", "dispute", fee=DISPUTE_FEE)
    links = {"charge": charge_id, "payment_intent": charge["payment_intent"], "balance_transactions": [movement]}
    told = {"id": number, "object": "dispute", "amount": amount, "currency": currency, "reason": reason, **links}
    made = state.create(told)
    state.update(number, {}, event_type="charge.dispute.funds_withdrawn")
    state.update(charge_id, {"disputed": True})
    return made


def win(state: StripeState, dispute_id: str) -> StripeObject:
    """The bank gives the money back."""
    held = state.get(dispute_id)
    moved = state.next_id("txn")
    back = _move(state, moved, dispute_id, held["amount"], held["currency"], "adjustment", "dispute_reversal")
    state.update(dispute_id, {"status": "won", "balance_transactions": [*held["balance_transactions"], back]})
    return state.update(dispute_id, {}, event_type="charge.dispute.funds_reinstated")


def lose(state: StripeState, dispute_id: str) -> StripeObject:
    """The money is gone for good, as it is where the dispute is accepted. StripeRefusal if it is closed already."""
    if state.get(dispute_id)["status"] not in OPEN:
        raise StripeRefusal(400, "This dispute is already closed.")
    return state.update(dispute_id, {"status": "lost"})


def _item(state: StripeState, subscription: str, place: int, wanted: dict[str, Any]) -> StripeObject:
    price = state.find(wanted.get("price", "")) or {}
    if not price.get("recurring"):
        raise StripeRefusal(400, "The price specified is not a recurring price.", param=f"items[{place}][price]")
    number, quantity = f"{state.next_id('si')}{place}", wanted.get("quantity", 1)
    made = {"id": number, "object": "subscription_item", "created": state.now(), "subscription": subscription}
    return {**made, "price": shown(price), "quantity": quantity}


def _line(invoice: str, place: int, item: StripeObject) -> StripeObject:
    price, quantity = item["price"], item["quantity"]
    amount = price["unit_amount"] * quantity
    origin = {
        "subscription": item["subscription"],
        "subscription_item": item["id"],
        "invoice_item": None,
        "proration": False,
    }
    return {
        "id": f"il_{invoice.removeprefix('in_')}{place}", "object": "line_item", "invoice": invoice, "amount": amount,
        "subtotal": amount, "currency": price["currency"], "quantity": quantity, "quantity_decimal": str(quantity),
        "parent": {"type": "subscription_item_details", "subscription_item_details": origin},
        "pricing": {
            "type": "price_details", "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
    }  # fmt: skip


def _move(
    state: StripeState, number: str, source: str, amount: int, currency: str, kind: str, category: str, *, fee: int = 0
) -> StripeObject:
    """A movement of the balance, which no event tells."""
    money = {"amount": amount, "fee": fee, "net": amount - fee, "currency": currency}
    words = {"type": kind, "reporting_category": category, "source": source}
    state.insert_many([{"id": number, "object": "balance_transaction", "created": state.now(), **money, **words}])
    return state.get(number)
