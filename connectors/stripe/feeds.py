"""How each stream is read: where it is listed, what comes along, which events tell its changes.

Changes are read from the list of snapshot events (`/v1/events`), which has every type that these streams need. Thin events, whether of
`/v2/core/events` or sent to an event destination, tell of v2 objects or repeat these without the object: none is needed here.
Source: https://docs.stripe.com/api, /api/events/types and /event-destinations, version of client.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.stripe.client import API_VERSION


@dataclass(frozen=True)
class Sublist:
    """A list inside an object, shown up to ten long, and where all of it is; `{id}` is the object's."""

    key: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    expand: tuple[str, ...] = ()


@dataclass(frozen=True)
class Feed:
    """Reading instructions of one stream. Without events it is a ledger, whose entries are only ever added."""

    path: str
    events: tuple[str, ...] = ()
    """At most 20 types fit one request; each carries the object of this stream itself, or one that is `about` it."""
    about: Mapping[str, str] = field(default_factory=dict)
    """Other objects whose events tell that one of this stream has changed, and their key that names it."""
    expand: tuple[str, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    passes: tuple[dict[str, Any], ...] = ({},)
    """Parameters of the lists that hold everything only together."""
    sublists: tuple[Sublist, ...] = ()
    edition: int = 1
    """Raised when its records begin to hold more: what was read before is then listed again."""
    clocked: bool = False
    """Whether the plain list leaves out the objects of test clocks (SDK: CustomerListParams.test_clock)."""
    vanishing: bool = False
    """Whether its objects can be deleted while its lists name all that live. Money that moved stays for ever. A price can be
    deleted, but inline prices are listed nowhere, so a price that no list names need not be gone."""

    @property
    def version(self) -> str:
        """What a cursor must name, or its records have another shape."""
        return API_VERSION if self.edition == 1 else f"{API_VERSION}/{self.edition}"

    @property
    def expansion(self) -> dict[str, list[str]]:
        """What a list is asked to bring along."""
        return {"expand": [f"data.{path}" for path in self.expand]} if self.expand else {}


def _named(prefix: str, *changes: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{change}" for change in changes)


FEEDS = {
    "customers": Feed("customers", _named("customer", "created", "updated", "deleted"), clocked=True, vanishing=True),
    "subscriptions": Feed(
        "subscriptions",
        _named(
            "customer.subscription",
            *("created", "updated", "deleted", "paused", "resumed", "trial_will_end"),
            *("pending_update_applied", "pending_update_expired"),
        ),
        params={"status": "all"},  # unless asked for, cancelled ones are left out
        expand=("discounts", "items.data.discounts"),
        edition=2,  # discounts and tiers
        sublists=(Sublist("items", "subscription_items", (("subscription", "{id}"),), expand=("discounts",)),),
        clocked=True,
        vanishing=True,  # with their test clock; a cancelled one stays
    ),
    "invoices": Feed(
        "invoices",
        _named(
            "invoice",
            *("created", "updated", "deleted", "finalized", "finalization_failed", "sent", "paid", "voided", "overdue"),
            *("payment_succeeded", "payment_failed", "payment_action_required", "marked_uncollectible", "overpaid"),
        )
        + _named("credit_note", "created", "updated", "voided"),
        about={"credit_note": "invoice"},  # what is credited after the payment need not be told of the invoice
        edition=2,  # credit notes
        expand=("payments",),
        sublists=(
            Sublist("lines", "invoices/{id}/lines"),
            Sublist("payments", "invoice_payments", (("invoice", "{id}"),)),
        ),
        vanishing=True,  # drafts
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
    "products": Feed("products", _named("product", "created", "updated", "deleted"), vanishing=True),
    "prices": Feed(
        "prices",
        _named("price", "created", "updated", "deleted"),
        passes=({"active": True}, {"active": False}),  # SDK: Price.list answers active ones unless asked
    ),
    "balance_transactions": Feed("balance_transactions"),
}
