"""Answers of the endpoints that write: the small part of Stripe's that lets a customer subscribe, pay and get its money back."""

from typing import Any

import orjson

from sandbox.stripe import billing
from sandbox.stripe.errors import StripeRefusal, missing
from sandbox.stripe.params import Params, judge
from sandbox.stripe.render import shown
from sandbox.stripe.shapes import StripeObject
from sandbox.stripe.state import StripeState

CUSTOMER_KEYS = {
    "address", "balance", "business_name", "description", "email", "individual_name", "invoice_prefix", "metadata", "name",
    "next_invoice_sequence", "phone", "preferred_locales", "shipping", "tax_exempt", "test_clock",
}  # fmt: skip
PRODUCT_KEYS = {
    "active",
    "description",
    "id",
    "images",
    "metadata",
    "name",
    "shippable",
    "tax_code",
    "unit_label",
    "url",
}
PRICE_KEYS = {
    "active", "billing_scheme", "currency", "lookup_key", "metadata", "nickname", "product", "recurring", "tax_behavior",
    "unit_amount", "unit_amount_decimal",
}  # fmt: skip
SUBSCRIPTION_KEYS = {"customer", "items", "metadata"}
"""Parameters that are kept as they are given; the sandbox refuses the rest instead of dropping it."""

CLOCK_LIFE = 30 * 86400  # seconds; https://docs.stripe.com/billing/testing/test-clocks


class Writer:
    """Creates, changes and deletes over the state; every change is told by an event."""

    def __init__(self, state: StripeState) -> None:
        self._state = state

    def create_customer(self, _: dict[str, str], params: Params) -> bytes:
        """A new customer."""
        given = _kept(judge("CustomerCreateParams", params), CUSTOMER_KEYS)
        given["metadata"] = merged({}, given.get("metadata", {}))
        if clock := given.get("test_clock"):
            self._living("test_helpers.test_clock", clock, "test_clock")
        made = self._state.create({"id": self._state.next_id("cus"), "object": "customer", **given})
        return orjson.dumps(shown(made))

    def update_customer(self, path: dict[str, str], params: Params) -> bytes:
        """The customer with the given values replaced and the metadata merged."""
        before = self._living("customer", path["id"])
        given = _kept(judge("CustomerUpdateParams", params), CUSTOMER_KEYS)
        if "metadata" in given:
            given["metadata"] = merged(before["metadata"], given["metadata"])
        return orjson.dumps(shown(self._state.update(path["id"], given)))

    def delete_customer(self, path: dict[str, str], params: Params) -> bytes:
        """The stub of the deleted customer."""
        judge("CustomerDeleteParams", params)
        self._living("customer", path["id"])
        return orjson.dumps(self._state.delete_customer(path["id"]))

    def create_product(self, _: dict[str, str], params: Params) -> bytes:
        """A new product."""
        given = _kept(judge("ProductCreateParams", params), PRODUCT_KEYS)
        given = {"id": self._state.next_id("prod"), **given, "metadata": merged({}, given.get("metadata", {}))}
        return orjson.dumps(shown(self._state.create({"object": "product", **given})))

    def delete_product(self, path: dict[str, str], params: Params) -> bytes:
        """The stub of a deleted product; one that has a price stays (https://docs.stripe.com/api/products/delete)."""
        judge("ProductDeleteParams", params)
        self._living("product", path["id"])
        if self._state.ids("price", "json_extract(json, '$.product')=?", path["id"]):
            message = "This product cannot be deleted because it has one or more user-created prices."
            raise StripeRefusal(400, message)
        return orjson.dumps(self._state.delete(path["id"]))

    def create_price(self, _: dict[str, str], params: Params) -> bytes:
        """A new price of a product."""
        given = _kept(judge("PriceCreateParams", params), PRICE_KEYS)
        self._living("product", given.get("product", ""), "product")
        given["metadata"] = merged({}, given.get("metadata", {}))
        if "unit_amount" in given:
            given["unit_amount_decimal"] = str(given["unit_amount"])
        if "recurring" in given:
            plain = {"interval_count": 1, "meter": None, "trial_period_days": None, "usage_type": "licensed"}
            given |= {"type": "recurring", "recurring": plain | given["recurring"]}
        return orjson.dumps(shown(self._state.create({"id": self._state.next_id("price"), "object": "price", **given})))

    def create_subscription(self, _: dict[str, str], params: Params) -> bytes:
        """A running subscription, its first invoice paid at once."""
        given = _kept(judge("SubscriptionCreateParams", params), SUBSCRIPTION_KEYS)
        customer = self._living("customer", given.get("customer", ""), "customer")
        metadata = merged({}, given.get("metadata", {}))
        return orjson.dumps(shown(billing.subscribe(self._state, customer, given.get("items", []), metadata)))

    def cancel_subscription(self, path: dict[str, str], params: Params) -> bytes:
        """The subscription, canceled now; it can still be retrieved."""
        judge("SubscriptionCancelParams", params)
        self._living("subscription", path["id"])
        now = self._state.now()
        ended = {"status": "canceled", "canceled_at": now, "ended_at": now}
        return orjson.dumps(shown(self._state.update(path["id"], ended)))

    def close_dispute(self, path: dict[str, str], params: Params) -> bytes:
        """The dispute, accepted and so lost."""
        judge("DisputeCloseParams", params)
        self._living("dispute", path["id"])
        return orjson.dumps(shown(billing.lose(self._state, path["id"])))

    def create_clock(self, _: dict[str, str], params: Params) -> bytes:
        """A new test clock."""
        given = judge("TestClockCreateParams", params, "test_helpers")
        given.pop("expand", None)
        state = self._state
        made = {
            "id": state.next_id("clock"),
            "object": "test_helpers.test_clock",
            "deletes_after": state.now() + CLOCK_LIFE,
        }
        return orjson.dumps(state.create({**made, **given}))

    def delete_clock(self, path: dict[str, str], params: Params) -> bytes:
        """The stub of a deleted test clock; the customers and subscriptions of its time go with it."""
        judge("TestClockDeleteParams", params, "test_helpers")
        self._living("test_helpers.test_clock", path["id"])
        return orjson.dumps(self._state.delete_clock(path["id"]))

    def create_refund(self, _: dict[str, str], params: Params) -> bytes:
        """A refund of a charge, by default of all that is left of it."""
        asked = judge("RefundCreateParams", params)
        charge = self._living("charge", asked.get("charge", ""), "charge")
        left = charge["amount_captured"] - charge["amount_refunded"]
        amount = asked.get("amount", left)
        if left == 0:
            message = f"Charge {charge['id']} has already been refunded."
            raise StripeRefusal(400, message, code="charge_already_refunded")
        if not 0 < amount <= left:
            raise StripeRefusal(
                400, f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount"
            )
        return orjson.dumps(self.refund(charge, amount, asked.get("reason"), merged({}, asked.get("metadata", {}))))

    def refund(self, charge: StripeObject, amount: int, reason: str | None, metadata: dict[str, str]) -> StripeObject:
        """Move the money back: balance transaction, refund, and the charge's amount_refunded."""
        state, now = self._state, self._state.now()
        refund_id = state.next_id("re")
        moved = {"id": state.next_id("txn"), "object": "balance_transaction", "created": now, "amount": -amount}
        money = {"net": -amount, "currency": charge["currency"], "type": "refund", "reporting_category": "refund"}
        state.insert_many([{**moved, **money, "source": refund_id}])
        links = {"charge": charge["id"], "payment_intent": charge["payment_intent"], "balance_transaction": moved["id"]}
        made = {"id": refund_id, "object": "refund", "amount": amount, "currency": charge["currency"], "reason": reason}
        refund = state.create({**made, **links, "metadata": metadata})
        refunded = charge["amount_refunded"] + amount
        changes = {"amount_refunded": refunded, "refunded": refunded == charge["amount_captured"]}
        state.update(charge["id"], changes, event_type="charge.refunded")
        return refund

    def _living(self, kind: str, object_id: str, param: str = "id") -> StripeObject:
        found = self._state.find(object_id)
        if found is None or found["object"] != kind or found.get("deleted"):
            raise missing(kind.rpartition(".")[2], object_id, param)
        return found


def merged(before: dict[str, str], given: dict[str, str] | str) -> dict[str, str]:
    """Metadata after an update: given keys replace, "" removes one, and "" for the whole removes all."""
    if isinstance(given, str):
        return {}
    return {key: value for key, value in {**before, **given}.items() if value != ""}


def _kept(given: Params, keys: set[str]) -> dict[str, Any]:
    given.pop("expand", None)
    for name in given.keys() - keys:
        raise StripeRefusal(400, f"the sandbox does not keep {name!r}", param=name)
    return {name: None if value == "" and name != "metadata" else value for name, value in given.items()}
