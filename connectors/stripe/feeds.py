"""How each stream is read: where it is listed, what comes along, which events tell its changes.

Source: https://docs.stripe.com/api and https://docs.stripe.com/api/events/types, version of client.py.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Sublist:
    """A list inside an object, shown up to ten long, and where all of it is; `{id}` is the object's."""

    key: str
    path: str
    params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Feed:
    """Reading instructions of one stream. Without events it is a ledger, whose entries are only ever added."""

    path: str
    events: tuple[str, ...] = ()
    """At most 20 types fit one request; each carries the object of this stream itself."""
    expand: tuple[str, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    sublists: tuple[Sublist, ...] = ()


def _named(prefix: str, *changes: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{change}" for change in changes)


FEEDS = {
    "customers": Feed("customers", _named("customer", "created", "updated", "deleted")),
    "subscriptions": Feed(
        "subscriptions",
        _named(
            "customer.subscription",
            *("created", "updated", "deleted", "paused", "resumed", "trial_will_end"),
            *("pending_update_applied", "pending_update_expired"),
        ),
        params={"status": "all"},  # unless asked for, cancelled ones are left out
        sublists=(Sublist("items", "subscription_items", (("subscription", "{id}"),)),),
    ),
    "invoices": Feed(
        "invoices",
        _named(
            "invoice",
            *("created", "updated", "deleted", "finalized", "finalization_failed", "sent", "paid", "voided", "overdue"),
            *("payment_succeeded", "payment_failed", "payment_action_required", "marked_uncollectible", "overpaid"),
        ),
        expand=("payments",),
        sublists=(
            Sublist("lines", "invoices/{id}/lines"),
            Sublist("payments", "invoice_payments", (("invoice", "{id}"),)),
        ),
    ),
    "charges": Feed(
        "charges", _named("charge", "succeeded", "pending", "failed", "captured", "expired", "refunded", "updated")
    ),
    "refunds": Feed(
        "refunds", (*_named("refund", "created", "updated", "failed"), "charge.refund.updated"), expand=("charge",)
    ),
    "disputes": Feed(
        "disputes",
        _named("charge.dispute", "created", "updated", "closed", "funds_withdrawn", "funds_reinstated"),
        expand=("charge",),
    ),
    "products": Feed("products", _named("product", "created", "updated", "deleted")),
    "prices": Feed("prices", _named("price", "created", "updated", "deleted")),
    "balance_transactions": Feed("balance_transactions"),
}
