"""Writes, events and idempotency as https://docs.stripe.com/api/events and /idempotent_requests describe them."""

from datetime import timedelta

import pytest
import stripe

from models.clock import FrozenClock
from tests.conftest import Sandbox


def test_metadata_merges_and_an_empty_value_removes(client: stripe.StripeClient) -> None:
    """Keys that are not named stay, "" takes one away (SDK: CustomerUpdateParams.metadata)."""
    made = client.v1.customers.create({"metadata": {"a": "1", "b": "2"}})
    changed = client.v1.customers.update(made.id, {"metadata": {"a": "", "c": "3"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}


def test_each_change_is_told_by_one_event(client: stripe.StripeClient) -> None:
    """Created, updated (with the former values) and deleted, newest first, in the API version of the account."""
    made = client.v1.customers.create({"email": "old@example.com"})
    client.v1.customers.update(made.id, {"email": "new@example.com"})
    client.v1.customers.delete(made.id)
    told = client.v1.events.list().data
    assert [one.type for one in told] == ["customer.deleted", "customer.updated", "customer.created"]
    assert told[1].data.to_dict()["previous_attributes"] == {"email": "old@example.com"}
    assert told[0].data.object["email"] == "new@example.com"
    assert [one.type for one in client.v1.events.list({"types": ["customer.deleted"]}).data] == ["customer.deleted"]
    assert len(client.v1.events.list({"type": "customer.*"}).data) == 3


def test_events_are_gone_after_thirty_days(client: stripe.StripeClient, clock: FrozenClock) -> None:
    """Neither listed nor retrieved once they are older."""
    client.v1.customers.create({})
    event = client.v1.events.list().data[0]
    clock.advance(timedelta(days=30, seconds=1))
    assert client.v1.events.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.events.retrieve(event.id)
    assert refused.value.http_status == 404


def test_a_refund_moves_money_back(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> None:
    """The charge's amount_refunded rises, the balance is debited, both objects tell it, and no more than is left goes back."""
    charge = {"id": "ch_1", "object": "charge", "created": 1, "amount": 500, "amount_captured": 500}
    stripe_sandbox.state.insert_many([charge])
    refund = client.v1.refunds.create({"charge": "ch_1", "amount": 200})
    assert client.v1.charges.retrieve("ch_1").amount_refunded == 200
    assert client.v1.balance_transactions.retrieve(str(refund.balance_transaction)).net == -200
    assert {one.type for one in client.v1.events.list().data} == {"refund.created", "charge.refunded"}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"charge": "ch_1", "amount": 301})
    assert refused.value.param == "amount"


def test_an_idempotency_key_answers_the_same_and_only_for_the_same(client: stripe.StripeClient) -> None:
    """Key and body repeated give the stored answer and no second customer; another body is refused."""
    options: stripe.RequestOptions = {"idempotency_key": "once"}
    first = client.v1.customers.create({"name": "Ada"}, options)
    again = client.v1.customers.create({"name": "Ada"}, options)
    assert first.id == again.id
    assert len(client.v1.customers.list().data) == 1
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({"name": "Bea"}, options)


def test_a_status_that_is_reached_names_the_event(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> None:
    """A cancelled subscription, a lost dispute and a failed refund have events of their own; other changes are updates."""
    state = stripe_sandbox.state
    state.create({"id": "sub_1", "object": "subscription"})
    state.update("sub_1", {"status": "past_due"})
    state.update("sub_1", {"status": "canceled", "ended_at": state.now()})
    state.create({"id": "dp_1", "object": "dispute"})
    state.update("dp_1", {"status": "lost"})
    assert [one.type for one in client.v1.events.list().data][::-1] == [
        "customer.subscription.created",
        "customer.subscription.updated",
        "customer.subscription.deleted",
        "charge.dispute.created",
        "charge.dispute.closed",
    ]
