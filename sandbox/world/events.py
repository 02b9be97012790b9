"""Stripe's events of the last 30 days, told by the planted objects themselves; older ones Stripe no longer shows."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sandbox.stripe.events import event, kind_of_change
from sandbox.stripe.render import shown
from sandbox.stripe.shapes import complete
from sandbox.world.ids import Ids
from sandbox.world.moments import unix

Object = dict[str, Any]

KEPT = timedelta(days=30)
"""https://docs.stripe.com/api/events: access to events goes back 30 days."""


def recent(objects: list[Object], ids: Ids, now: datetime) -> list[Object]:
    """What happened to the objects in the last 30 days, oldest first; each event shows its object as it is by now."""
    since = unix(now - KEPT)
    charges = {thing["id"]: thing for thing in objects if thing["object"] == "charge"}
    told = [(at, kind, thing) for thing in objects for at, kind in _happened(thing) if at > since]
    told += [(at, "charge.refunded", charges[thing["charge"]]) for at, kind, thing in told if kind == "refund.created"]
    told.sort(key=lambda item: item[0])
    return [event(ids.next("event"), kind, shown(complete(thing)), at) for at, kind, thing in told]


def _happened(thing: Object) -> Iterator[tuple[int, str]]:
    made = kind_of_change("created", thing)
    if made:
        yield thing["created"], made
    at = {
        ("invoice", "paid"): thing["created"], ("subscription", "canceled"): thing.get("ended_at"),
        ("dispute", "won"): thing["created"], ("dispute", "lost"): thing["created"],
    }.get((thing["object"], thing.get("status", "")))  # fmt: skip
    reached = kind_of_change("reached", thing) if at else None
    if at and reached:
        yield at, reached
