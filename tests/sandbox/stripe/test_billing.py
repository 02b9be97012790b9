"""The life of money: https://docs.stripe.com/billing/subscriptions/overview and /disputes/how-disputes-work."""

from datetime import timedelta
from typing import Any

import pytest
import stripe

from models.clock import FrozenClock
from sandbox.stripe import billing
from tests.conftest import Sandbox


def subscribed(client: stripe.StripeClient, items: int = 1, clock: str | None = None) -> stripe.Subscription:
    """A customer who pays for that many prices of one product, 5.00 a month each."""
    made: Any = {"email": "dana@kolbe.example"} | ({"test_clock": clock} if clock else {})
    customer = client.v1.customers.create(made)
    product = client.v1.products.create({"name": "Press"})
    recurring: Any = {"interval": "month"}
    prices = [
        client.v1.prices.create({"product": product.id, "currency": "eur", "unit_amount": 500, "recurring": recurring})
        for _ in range(items)
    ]
    wanted: Any = [{"price": price.id, "quantity": 2} for price in prices]
    return client.v1.subscriptions.create({"customer": customer.id, "items": wanted})


def test_a_subscription_leads_to_money_on_the_balance(client: stripe.StripeClient) -> None:
    """Product, price, subscription, invoice, payment intent, charge, balance transaction, each naming the next.

    Source: SDK, Invoice.parent and Invoice.payments, which took the place of `subscription` and `charge`.
    """
    subscription = subscribed(client, items=12)
    invoice = client.v1.invoices.retrieve(str(subscription.latest_invoice), {"expand": ["payments"]})
    assert (invoice.status, invoice.total, invoice.amount_paid) == ("paid", 12_000, 12_000)
    assert invoice.parent is not None
    assert invoice.parent.subscription_details is not None
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert invoice.payments is not None
    assert (len(invoice.lines.data), invoice.lines.has_more) == (10, True)
    assert len(list(invoice.lines.auto_paging_iter())) == 12
    assert all(line.pricing and line.pricing.unit_amount_decimal == 500 for line in invoice.lines.data)
    intent = client.v1.payment_intents.retrieve(str(invoice.payments.data[0].payment.payment_intent))
    charge = client.v1.charges.retrieve(str(intent.latest_charge))
    moved = client.v1.balance_transactions.retrieve(str(charge.balance_transaction))
    assert (charge.amount_captured, moved.net, moved.source) == (12_000, 12_000, charge.id)
    gone = {"subscription", "charge", "payment_intent", "tax", "discount"} & invoice.to_dict().keys()
    assert gone == set()


def test_every_step_is_told_by_an_event(client: stripe.StripeClient) -> None:
    """All but the movement of the balance, oldest first."""
    subscribed(client)
    assert [one.type for one in client.v1.events.list({"limit": 100}).data][::-1] == [
        "customer.created",
        "product.created",
        "price.created",
        "customer.subscription.created",
        "payment_intent.created",
        "charge.succeeded",
        "invoice.created",
        "invoice.paid",
        "customer.subscription.updated",
    ]


def test_a_canceled_subscription_stays_and_a_deleted_customer_cancels(client: stripe.StripeClient) -> None:
    """Both are told by `customer.subscription.deleted`: https://docs.stripe.com/api/customers/delete."""
    first, second = subscribed(client), subscribed(client)
    client.v1.subscriptions.cancel(first.id)
    client.v1.customers.delete(str(second.customer))
    for number in (first.id, second.id):
        assert client.v1.subscriptions.retrieve(number).status == "canceled"
    kinds = [one.type for one in client.v1.events.list({"type": "customer.subscription.deleted"}).data]
    assert len(kinds) == 2


def test_a_dispute_takes_the_money_and_ends(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> None:
    """Withdrawn with a fee when it opens; given back when it is won, gone when it is accepted, which happens once."""
    charge = billing.take(stripe_sandbox.state, None, 900, "usd")
    won, lost = (billing.dispute(stripe_sandbox.state, charge["id"]) for _ in range(2))
    assert client.v1.charges.retrieve(charge["id"]).disputed
    assert won["balance_transactions"][0]["net"] == -900 - billing.DISPUTE_FEE
    billing.win(stripe_sandbox.state, won["id"])
    assert [moved.net for moved in client.v1.disputes.retrieve(won["id"]).balance_transactions] == [-2400, 900]
    assert client.v1.disputes.close(lost["id"]).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        client.v1.disputes.close(lost["id"])
    told = {one.type for one in client.v1.events.list({"type": "charge.dispute.*"}).data}
    assert told == {f"charge.dispute.{name}" for name in ("created", "closed", "funds_withdrawn", "funds_reinstated")}


def test_a_product_that_has_a_price_is_not_deleted(client: stripe.StripeClient) -> None:
    """One without is: https://docs.stripe.com/api/products/delete."""
    product = client.v1.products.create({"name": "Press"})
    client.v1.prices.create({"product": product.id, "currency": "jpy", "unit_amount": 900})
    with pytest.raises(stripe.InvalidRequestError, match="user-created prices"):
        client.v1.products.delete(product.id)
    spare = client.v1.products.create({"name": "Spare"})
    assert client.v1.products.delete(spare.id).deleted
    with pytest.raises(stripe.InvalidRequestError, match="No such product"):
        client.v1.products.retrieve(spare.id)


def test_inactive_prices_are_listed_when_asked_for(client: stripe.StripeClient) -> None:
    """The plain list holds the active ones (SDK: Price.list)."""
    product = client.v1.products.create({"name": "Press"})
    made: Any = {"product": product.id, "currency": "usd", "unit_amount": 1}
    on, off = client.v1.prices.create(made), client.v1.prices.create({**made, "active": False})
    assert [one.id for one in client.v1.prices.list().data] == [on.id]
    assert [one.id for one in client.v1.prices.list({"active": False}).data] == [off.id]


def test_a_test_clock_takes_its_customers_along(client: stripe.StripeClient) -> None:
    """Hidden from plain lists, except a customer's own subscriptions, and gone with the clock.

    Source: SDK, SubscriptionListParams.test_clock; https://docs.stripe.com/billing/testing/test-clocks.
    """
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": 1_600_000_000, "name": "renewals"})
    subscription = subscribed(client, clock=clock.id)
    assert [one.id for one in client.v1.test_helpers.test_clocks.list().data] == [clock.id]
    assert client.v1.subscriptions.list().data == []
    for named in ({"test_clock": clock.id}, {"customer": str(subscription.customer)}):
        asked: Any = named
        assert [one.id for one in client.v1.subscriptions.list(asked).data] == [subscription.id]
    client.v1.test_helpers.test_clocks.delete(clock.id)
    assert client.v1.customers.retrieve(str(subscription.customer)).deleted
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.list({"test_clock": clock.id})
    assert (refused.value.code, refused.value.param) == ("resource_missing", "test_clock")


def test_search_finds_what_its_query_says_a_minute_later(client: stripe.StripeClient, clock: FrozenClock) -> None:
    """https://docs.stripe.com/search: search_result, has_more and next_page; fresh objects are not found yet."""
    for number in range(25):
        client.v1.customers.create({"email": f"p{number}@example.com", "metadata": {"tier": "gold" if number else ""}})
    assert client.v1.customers.search({"query": 'metadata["tier"]:"gold"'}).data == []
    clock.advance(timedelta(minutes=2))
    page = client.v1.customers.search({"query": 'metadata["tier"]:"gold"', "limit": 10})
    assert (page.object, page.has_more, len(page.data)) == ("search_result", True, 10)
    assert len(list(page.auto_paging_iter())) == 24
    queries = {
        'email:"P3@example.com"': 1,
        'email~"p1"': 11,
        '-email~"p1"': 14,
        'email:"p1@example.com" OR email:"p2@example.com"': 2,
        'email:"p1@example.com" AND metadata["tier"]:"gold"': 1,
        'metadata["tier"]:null': 1,
        "created>1": 25,
        "created<1": 0,
        "created>=1 created<1": 0,
    }
    found = {query: len(list(client.v1.customers.search({"query": query}).auto_paging_iter())) for query in queries}
    assert found == queries


@pytest.mark.parametrize(
    "query", ["", "email", 'bogus:"x"', 'email:"a" AND email:"b" OR email:"c"', "email:unquoted", 'metadata:"x"']
)
def test_a_query_that_is_none_is_refused(client: stripe.StripeClient, query: str) -> None:
    """Neither answered with nothing nor with everything."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.search({"query": query})
    assert refused.value.param == "query"
