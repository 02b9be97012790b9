"""Answers of the endpoints that write: customers, and refunds with what they do to charge and balance."""

from typing import Any

import orjson

from sandbox.stripe.errors import StripeRefusal, missing
from sandbox.stripe.params import Params, judge
from sandbox.stripe.render import shown
from sandbox.stripe.shapes import StripeObject
from sandbox.stripe.state import StripeState

CUSTOMER_KEYS = {
    "address", "balance", "business_name", "description", "email", "individual_name", "invoice_prefix", "metadata", "name",
    "next_invoice_sequence", "phone", "preferred_locales", "shipping", "tax_exempt", "test_clock",
}  # fmt: skip
"""Parameters that are kept as they are given; the sandbox refuses the rest instead of dropping it."""


class Writer:
    """Creates, changes and deletes over the state; every change is told by an event."""

    def __init__(self, state: StripeState) -> None:
        self._state = state

    def create_customer(self, _: dict[str, str], params: Params) -> bytes:
        """A new customer."""
        given = _kept(judge("CustomerCreateParams", params))
        given["metadata"] = merged({}, given.get("metadata", {}))
        made = self._state.create({"id": self._state.next_id("cus"), "object": "customer", **given})
        return orjson.dumps(shown(made))

    def update_customer(self, path: dict[str, str], params: Params) -> bytes:
        """The customer with the given values replaced and the metadata merged."""
        before = self._living("customer", path["id"])
        given = _kept(judge("CustomerUpdateParams", params))
        if "metadata" in given:
            given["metadata"] = merged(before["metadata"], given["metadata"])
        return orjson.dumps(shown(self._state.update(path["id"], given)))

    def delete_customer(self, path: dict[str, str], params: Params) -> bytes:
        """The stub of the deleted customer."""
        judge("CustomerDeleteParams", params)
        self._living("customer", path["id"])
        return orjson.dumps(self._state.delete_customer(path["id"]))

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
            raise missing(kind, object_id, param)
        return found


def merged(before: dict[str, str], given: dict[str, str] | str) -> dict[str, str]:
    """Metadata after an update: given keys replace, "" removes one, and "" for the whole removes all."""
    if isinstance(given, str):
        return {}
    return {key: value for key, value in {**before, **given}.items() if value != ""}


def _kept(given: Params) -> dict[str, Any]:
    given.pop("expand", None)
    for name in given.keys() - CUSTOMER_KEYS:
        raise StripeRefusal(400, f"the sandbox does not keep {name!r} of a customer", param=name)
    return {name: None if value == "" and name != "metadata" else value for name, value in given.items()}
