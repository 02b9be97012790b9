"""What is answered, held against what Stripe's SDK says of it in its annotated resources; requests: `sandbox/stripe/params.py`."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest
import stripe

from sandbox.stripe import billing
from sandbox.stripe.resources import RESOURCES
from tests.conftest import Sandbox
from tests.sandbox.stripe.test_billing import subscribed

RESOURCE_OF = {
    "test_helpers.test_clock": stripe.test_helpers.TestClock,
    "invoice_payment": stripe.InvoicePayment,
    "line_item": stripe.InvoiceLineItem,
    "subscription_item": stripe.SubscriptionItem,
    "discount": stripe.Discount,
    **{
        resource.object: getattr(stripe, resource.camel)
        for resource in RESOURCES.values()
        if "." not in resource.object
    },
}


@pytest.fixture
def billed(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> Sandbox:
    """An account in which a little of everything has happened."""
    subscription = subscribed(client, items=12)
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": 1_600_000_000})
    subscribed(client, clock=clock.id)
    charge = billing.take(stripe_sandbox.state, str(subscription.customer), 900, "jpy")
    client.v1.refunds.create({"charge": charge["id"], "amount": 300})
    billing.dispute(stripe_sandbox.state, billing.take(stripe_sandbox.state, None, 900, "usd")["id"])
    billing.credit(stripe_sandbox.state, stripe_sandbox.state.ids("invoice", "true")[0], 119, 19)
    stripe_sandbox.state.create({"id": "half", "object": "coupon", "percent_off": 50})
    return stripe_sandbox


def required(resource: type) -> set[str]:
    """Keys that the SDK's annotations do not call optional."""
    found: dict[str, Any] = {}
    for part in reversed(resource.__mro__):
        if part.__module__.startswith("stripe."):
            found |= {key: kind for key, kind in vars(part).get("__annotations__", {}).items() if key[0] != "_"}
    return {
        key
        for key, kind in found.items()
        if key != "OBJECT_NAME" and type(None) not in get_args(kind) and "Optional[" not in str(kind)
    }


def known(resource: type) -> set[str]:
    """All keys that the SDK annotates."""
    parts = [part for part in resource.__mro__ if part.__module__.startswith("stripe.")]
    return {key for part in parts for key in vars(part).get("__annotations__", {})}


def differences(answer: dict[str, Any], resource: Any, path: str) -> Iterator[str]:
    """Keys that only one side has, in the object and in every object inside it that the SDK has a class for."""
    if answer.get("deleted"):
        return
    yield from (f"{path}.{key} is unknown to the SDK" for key in answer.keys() - known(resource))
    yield from (f"{path}.{key} is missing" for key in required(resource) - answer.keys())
    for key, value in answer.items():
        inner = resource._inner_class_types.get(key) if hasattr(resource, "_inner_class_types") else None
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and one.get("object") == "list":
                for entry in one["data"]:
                    yield from differences(entry, RESOURCE_OF[entry["object"]], f"{path}.{key}")
            elif isinstance(one, dict) and isinstance(one.get("object"), str) and inner is None:
                yield from differences(one, RESOURCE_OF[one["object"]], f"{path}.{key}")
            elif isinstance(one, dict) and inner is not None:
                yield from differences(one, inner, f"{path}.{key}")


@pytest.mark.parametrize("path", sorted(RESOURCES))
def test_answers_have_the_keys_that_the_sdk_annotates(billed: Sandbox, client: stripe.StripeClient, path: str) -> None:
    """None that the SDK does not know, and all that it does not call optional, in nested objects too."""
    params: dict[str, Any] = {"status": "all"} if path == "subscriptions" else {}
    if path == "accounts":
        billed.state.connect("acct_other")
    rows = client.raw_request("get", f"/v1/{path}", **params).data["data"]
    assert rows, "nothing was looked at"
    assert sorted({line for row in rows for line in differences(row, RESOURCE_OF[row["object"]], path)}) == []
