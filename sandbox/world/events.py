"""Stripe's events of the last 30 days, told by the planted objects themselves; older ones Stripe no longer shows."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sandbox.stripe import API_VERSION
from sandbox.stripe.shapes import complete
from sandbox.world.ids import Ids
from sandbox.world.moments import unix

Object = dict[str, Any]

KEPT = timedelta(days=30)
"""https://docs.stripe.com/api/events: access to events goes back 30 days."""
MADE = {
    "customer": "customer.created", "subscription": "customer.subscription.created", "invoice": "invoice.created",
    "refund": "refund.created", "dispute": "charge.dispute.created",
}  # fmt: skip


def recent(objects: list[Object], ids: Ids, now: datetime) -> list[Object]:
    """What happened to the objects in the last 30 days, oldest first; each event shows its object as it is by now."""
    since = unix(now - KEPT)
    charges = {thing["id"]: thing for thing in objects if thing["object"] == "charge"}
    told = [(at, kind, thing) for thing in objects for at, kind in _happened(thing) if at > since]
    told += [(at, "charge.refunded", charges[thing["charge"]]) for at, kind, thing in told if kind == "refund.created"]
    told.sort(key=lambda item: item[0])
    return [_event(ids, at, kind, thing) for at, kind, thing in told]


def _happened(thing: Object) -> Iterator[tuple[int, str]]:
    kind, created = thing["object"], thing["created"]
    if kind in MADE:
        yield created, MADE[kind]
    if kind == "charge":
        yield created, f"charge.{thing['status']}"
    if kind == "invoice" and thing["status"] == "paid":
        yield thing["status_transitions"]["paid_at"], "invoice.paid"
    if kind == "subscription" and thing["ended_at"]:
        yield thing["ended_at"], "customer.subscription.deleted"
    if kind == "dispute" and thing["status"] in ("won", "lost"):
        yield created, "charge.dispute.closed"


def _event(ids: Ids, at: int, kind: str, thing: Object) -> Object:
    return {
        "id": ids.next("event"), "object": "event", "api_version": API_VERSION, "created": at,
        "data": {"object": complete(thing)}, "livemode": False, "pending_webhooks": 0,
        "request": {"id": None, "idempotency_key": None}, "type": kind,
    }  # fmt: skip
