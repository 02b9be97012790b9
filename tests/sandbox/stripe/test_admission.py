"""Who is let in: https://docs.stripe.com/api/authentication, /errors and /versioning."""

from pathlib import Path

import pytest
import requests
import stripe

from models.clock import FrozenClock
from sandbox.faults import Fault
from sandbox.stripe.shapes import DEFAULTS, complete, resource_keys
from sandbox.stripe.state import StripeState
from tests.conftest import Sandbox
from tests.sandbox.stripe.conftest import sdk


def test_an_unknown_key_is_refused_without_being_repeated(stripe_sandbox: Sandbox) -> None:
    """401, and the answer hides the key."""
    with pytest.raises(stripe.AuthenticationError) as refused:
        sdk(stripe_sandbox, "sk_test_wrong_key").v1.customers.list()
    assert "sk_test_wrong_key" not in str(refused.value)


def test_an_expired_key_says_so(stripe_sandbox: Sandbox) -> None:
    """401 with code api_key_expired, which the SDK shows under `error` only."""
    stripe_sandbox.state.add_key("rk_test_old", expired=True)
    with pytest.raises(stripe.AuthenticationError) as refused:
        sdk(stripe_sandbox, "rk_test_old").v1.customers.list()
    assert refused.value.error is not None
    assert refused.value.error.code == "api_key_expired"


def test_a_restricted_key_reads_what_it_may(stripe_sandbox: Sandbox) -> None:
    """The permitted list works, any other is 403 and names the missing permission."""
    stripe_sandbox.state.add_key("rk_test_few", permissions={"rak_customer_read"})
    client = sdk(stripe_sandbox, "rk_test_few")
    assert client.v1.customers.list().data == []
    with pytest.raises(stripe.PermissionError, match="rak_charge_read"):
        client.v1.charges.list()


def test_only_the_pinned_version_is_spoken(stripe_sandbox: Sandbox) -> None:
    """Another Stripe-Version is refused; without the header the account's own is used, and every answer has an id."""
    headers = {"Authorization": "Bearer sk_test_sandbox"}
    old = {**headers, "Stripe-Version": "2022-11-15"}
    assert requests.get(f"{stripe_sandbox.url}/v1/customers", headers=old, timeout=5).status_code == 400
    answer = requests.get(f"{stripe_sandbox.url}/v1/customers", headers=headers, timeout=5)
    assert answer.ok
    assert answer.headers["Request-Id"].startswith("req_")


def test_a_rate_limit_is_a_fault_that_the_sdk_does_not_retry(
    stripe_sandbox: Sandbox, client: stripe.StripeClient
) -> None:
    """A plain 429 reaches the caller with its Retry-After."""
    body = {"error": {"code": "rate_limit", "message": "Too many", "type": "invalid_request_error"}}
    stripe_sandbox.faults.add(
        Fault(path="/v1/customers", calls=(1,), status=429, body=body, headers={"Retry-After": "7"})
    )
    with pytest.raises(stripe.RateLimitError) as limited:
        client.v1.customers.list()
    headers = {name.lower(): value for name, value in (limited.value.headers or {}).items()}
    assert headers["retry-after"] == "7"


@pytest.mark.parametrize("kind", sorted(DEFAULTS))
def test_no_object_has_a_key_that_the_sdk_does_not_know(kind: str) -> None:
    """Every key of every kind of object is one of the SDK's own resource of the pinned version."""
    whole = complete({"id": "x_1", "object": kind, **({} if kind in {"discount", "line_item"} else {"created": 1})})
    assert whole.keys() <= resource_keys(kind)


def test_the_state_outlives_the_server(tmp_path: Path, clock: FrozenClock) -> None:
    """What one server was told, the next one on the same folder knows."""
    state = StripeState(tmp_path, clock)
    state.create({"id": "cus_1", "object": "customer", "name": "Ada"})
    state.close()
    again = StripeState(tmp_path, clock)
    assert again.get("cus_1")["name"] == "Ada"
    assert again.count("event") == 1
    again.close()
