"""The vendor's own SDK, pointed at the sandbox."""

import pytest
import stripe

from sandbox.stripe import API_VERSION
from tests.conftest import Sandbox


def sdk(sandbox: Sandbox, key: str = "sk_test_sandbox") -> stripe.StripeClient:
    """A client that never retries by itself, so that every refusal is seen."""
    bases = {"api": sandbox.url, "files": sandbox.url, "connect": sandbox.url, "meter_events": sandbox.url}
    return stripe.StripeClient(key, stripe_version=API_VERSION, base_addresses=bases, max_network_retries=0)


@pytest.fixture
def client(stripe_sandbox: Sandbox) -> stripe.StripeClient:
    """The SDK with the sandbox's key."""
    return sdk(stripe_sandbox)
