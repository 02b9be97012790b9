"""How Stripe tells a change: which event type, which previous values. Source: https://docs.stripe.com/api/events/types."""

from typing import Any

from sandbox.stripe import API_VERSION
from sandbox.stripe.shapes import StripeObject

PREFIXES = {"subscription": "customer.subscription", "dispute": "charge.dispute"}
"""Objects whose events are named under another object; the rest are named by themselves."""

SILENT = {"account", "balance_transaction", "discount", "invoice_payment", "line_item", "subscription_item"}
"""Objects whose changes Stripe does not tell, or tells by their parent's event."""

FINAL = {
    ("dispute", "won"): "charge.dispute.closed",
    ("dispute", "lost"): "charge.dispute.closed",
    ("dispute", "warning_closed"): "charge.dispute.closed",
    ("subscription", "canceled"): "customer.subscription.deleted",
    ("subscription", "paused"): "customer.subscription.paused",
    ("invoice", "paid"): "invoice.paid",
    ("invoice", "void"): "invoice.voided",
    ("credit_note", "void"): "credit_note.voided",
    ("refund", "failed"): "refund.failed",
}
"""Updates whose event names the state that was reached."""


def kind_of_change(change: str, whole: StripeObject) -> str | None:
    """The event type of a change (created, updated, deleted, or reached a status); None where Stripe tells nothing."""
    kind = whole["object"]
    if kind in SILENT:
        return None
    if kind == "charge" and change == "created":
        return f"charge.{whole['status']}"
    if change == "reached":
        return FINAL.get((kind, whole["status"]), f"{PREFIXES.get(kind, kind)}.updated")
    return f"{PREFIXES.get(kind, kind)}.{change}"


def event(
    event_id: str,
    kind: str,
    whole: StripeObject,
    created: int,
    previous: StripeObject | None = None,
    version: str = API_VERSION,
) -> StripeObject:
    """An event as Stripe lists it; `previous` holds the former values of what changed, `version` the shape of the object."""
    data: StripeObject = {"object": whole}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": event_id,
        "object": "event",
        "api_version": version,
        "created": created,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }


def changed_before(before: StripeObject, after: StripeObject) -> StripeObject:
    """Former values of the keys that differ; inside a hash only of its keys that differ, None for one that is new."""
    previous: StripeObject = {}
    for key in before.keys() | after.keys():
        old: Any = before.get(key)
        new: Any = after.get(key)
        if old == new:
            continue
        previous[key] = changed_before(old, new) if isinstance(old, dict) and isinstance(new, dict) else old
    return previous
