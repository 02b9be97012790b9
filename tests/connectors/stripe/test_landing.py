"""What becomes of Stripe's records once they have landed."""

from datetime import timedelta

from models.facts import Identifier


def test_a_customer_who_was_deleted_has_still_paid(stripe_sandbox, clock, landing):
    """The deletion lands as a tombstone that still says who paid, so earlier payments keep their person."""
    customer = stripe_sandbox.state.create({"id": "cus_dana", "object": "customer", "email": "dana@kolbe.example"})
    clock.advance(timedelta(minutes=5))
    assert landing.pull().rows == 1
    stripe_sandbox.state.delete_customer(customer["id"])
    clock.advance(timedelta(minutes=5))
    assert landing.pull().rows == 1
    assert landing.lake.latest("stripe", "customers").deleted.to_pyarrow().to_pylist() == [True]
    assert "dana@kolbe.example" in landing.lake.facts(Identifier).value.to_pyarrow().to_pylist()
