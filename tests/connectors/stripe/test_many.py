"""A hundred thousand events through the feed and into the landing.lake."""

from datetime import timedelta

import pytest

from sandbox.stripe.events import event
from sandbox.stripe.shapes import complete

MADE, GONE = 50_000, 5_000


@pytest.mark.slow
def test_a_hundred_thousand_events_are_landed_exactly(stripe_sandbox, clock, landing):
    """Fifty thousand customers were made, each was changed or deleted: the lake's latest view is what Stripe holds."""
    assert landing.pull().windows == 1
    start = stripe_sandbox.state.now()
    made = [
        complete({"id": f"cus_{n:05d}", "object": "customer", "created": start + n * 10, "name": f"Customer {n}"})
        for n in range(MADE)
    ]
    stripe_sandbox.state.insert_many(made[GONE:])
    stripe_sandbox.state.insert_events(
        event(f"evt_{n:05d}_{kind}", f"customer.{kind}", customer, customer["created"] + later)
        for n, customer in enumerate(made)
        for kind, later in (("created", 0), ("deleted" if n < GONE else "updated", 5))
    )
    clock.advance(timedelta(days=6))
    assert landing.pull().windows > 1, "one window would hold them all in memory"
    found = landing.lake.latest("stripe", "customers").select("id", "deleted", "payload").to_pyarrow().to_pylist()
    assert len(found) == MADE
    assert {row["id"] for row in found if row["deleted"]} == {customer["id"] for customer in made[:GONE]}
    assert all(f'"{row["id"]}"' in row["payload"] for row in found)
    assert all(f'"Customer {int(row["id"][4:])}"' in row["payload"] for row in found)
    assert landing.source.calls["window"] < 2_600, "new objects are read by pages, not one by one"
