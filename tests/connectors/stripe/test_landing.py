"""What becomes of Stripe's records once they have landed."""

from datetime import timedelta

from connectors.stripe import CONNECTOR
from connectors.stripe.settings import StripeSettings
from models.facts import Identifier
from pipelines.ingest.lake import Lake
from pipelines.ingest.pull import pull_stream
from sandbox.stripe import API_KEY
from tests.stores import new_store


def test_a_customer_who_was_deleted_has_still_paid(stripe_sandbox, clock, tmp_path, monkeypatch):
    """The deletion lands as a tombstone that still says who paid, so earlier payments keep their person."""
    monkeypatch.setenv("STRIPE_API_KEY", API_KEY)
    monkeypatch.setenv("STRIPE_BASE_URL", stripe_sandbox.url)
    lake, store = Lake.open(str(tmp_path / "lake")), new_store(tmp_path)
    source = CONNECTOR.open(StripeSettings(), clock)
    stream = CONNECTOR.streams_by_name["customers"]

    def pull() -> int:
        staging = tmp_path / "staging"
        return pull_stream(source, CONNECTOR, stream, lake=lake, store=store, staging=staging, clock=clock).rows

    customer = stripe_sandbox.state.create({"id": "cus_dana", "object": "customer", "email": "dana@kolbe.example"})
    clock.advance(timedelta(minutes=5))
    assert pull() == 1
    stripe_sandbox.state.delete_customer(customer["id"])
    clock.advance(timedelta(minutes=5))
    assert pull() == 1
    assert lake.latest("stripe", "customers").deleted.to_pyarrow().to_pylist() == [True]
    assert "dana@kolbe.example" in lake.facts(Identifier).value.to_pyarrow().to_pylist()
