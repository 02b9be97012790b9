"""Refusals as the vendor's own SDK sees them: https://docs.stripe.com/error-low-level, /rate-limits and /error-codes."""

from typing import Any

import pytest
import requests
import stripe

from sandbox.stripe.troubles import TROUBLES, trouble
from sandbox.stripe.versions import OLD
from tests.conftest import Sandbox
from tests.sandbox.stripe.conftest import sdk

SEEN: dict[str, tuple[type[stripe.StripeError], str | None, dict[str, str]]] = {
    "rate_limit": (stripe.RateLimitError, "rate_limit", {"stripe-rate-limited-reason": "global-rate"}),
    "rate_limit_timed": (stripe.RateLimitError, "rate_limit", {"retry-after": "7"}),
    "rate_limit_as_400": (stripe.RateLimitError, "rate_limit", {}),
    "lock_timeout": (stripe.RateLimitError, "lock_timeout", {"stripe-should-retry": "true"}),
    "conflict": (stripe.APIError, "idempotency_key_in_use", {"stripe-should-retry": "true"}),
    "server_error": (stripe.APIError, None, {}),
    "unavailable": (stripe.APIError, None, {}),
    "bad_gateway": (stripe.APIError, None, {}),
    "invalid_key": (stripe.AuthenticationError, None, {}),
    "expired_key": (stripe.AuthenticationError, "api_key_expired", {}),
    "forbidden": (stripe.PermissionError, "more_permissions_required", {}),
}


@pytest.mark.parametrize("name", sorted(TROUBLES.keys() - {"empty_page"}))
def test_each_trouble_is_the_sdk_s_own_error(stripe_sandbox: Sandbox, client: stripe.StripeClient, name: str) -> None:
    """Class, code and headers, once; the next request is answered."""
    stripe_sandbox.faults.add(trouble(name, path="/v1/customers", calls=(1,)))
    kind, code, headers = SEEN[name]
    with pytest.raises(kind) as refused:
        client.v1.customers.list()
    given = {key.lower(): value for key, value in (refused.value.headers or {}).items()}
    assert headers.items() <= given.items()
    assert (refused.value.error.code if refused.value.error else None) == code
    assert client.v1.customers.list().data == []


def test_an_empty_page_may_be_followed_by_more(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> None:
    """The SDK's own pager breaks there, for it needs a last row to go on from (stripe/_list_object.py)."""
    stripe_sandbox.state.insert_many([{"id": "cus_1", "object": "customer", "created": 1}])
    stripe_sandbox.faults.add(trouble("empty_page", path="/v1/customers", calls=(1,)))
    page = client.v1.customers.list()
    assert (page.data, page.has_more) == ([], True)
    with pytest.raises(IndexError):
        list(page.auto_paging_iter())


def test_refusals_name_their_page_and_their_request(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> None:
    """`doc_url` where there is a code, `Request-Id` always: https://docs.stripe.com/api/errors."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.retrieve("cus_no")
    assert refused.value.error is not None
    assert refused.value.error.doc_url == "https://stripe.com/docs/error-codes/resource-missing"
    assert refused.value.request_id is not None


def test_accounts_are_apart(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> None:
    """`Stripe-Account` chooses whose objects, events and idempotent answers: https://docs.stripe.com/connect/authentication."""
    stripe_sandbox.state.connect("acct_ann")
    ann: stripe.RequestOptions = {"stripe_account": "acct_ann", "idempotency_key": "once"}
    made = client.v1.customers.create({"name": "Ann's"}, ann)
    own = client.v1.customers.create({"name": "Ours"}, {"idempotency_key": "once"})
    assert made.id != own.id
    assert [one.name for one in client.v1.customers.list().data] == ["Ours"]
    assert [one.name for one in client.v1.customers.list(None, {"stripe_account": "acct_ann"}).data] == ["Ann's"]
    assert len(client.v1.events.list(None, {"stripe_account": "acct_ann"}).data) == 1
    assert [one.id for one in client.v1.accounts.list().data] == ["acct_ann"]
    with pytest.raises(stripe.PermissionError) as refused:
        client.v1.customers.list(None, {"stripe_account": "acct_stranger"})
    assert refused.value.error is not None
    assert refused.value.error.code == "account_invalid"


def test_expanding_needs_the_permission_of_what_is_expanded(stripe_sandbox: Sandbox) -> None:
    """A key that may read disputes and no charges gets no charge by way of a dispute. Unverified at Stripe."""
    stripe_sandbox.state.add_key("rk_test_few", permissions={"rak_dispute_read"})
    client = sdk(stripe_sandbox, "rk_test_few")
    assert client.v1.disputes.list().data == []
    with pytest.raises(stripe.PermissionError, match="rak_charge_read"):
        client.v1.disputes.list({"expand": ["data.charge"]})


def test_events_keep_the_shape_of_the_account_s_version(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> None:
    """Whatever version is asked in: https://docs.stripe.com/api/events/object#event_object-api_version."""
    stripe_sandbox.state.default_version = OLD
    made = client.v1.customers.create({"business_name": "Kolbe GmbH"})
    (event,) = client.v1.events.list().data
    shown: Any = event.data.object
    assert event.api_version == OLD
    assert "sources" in shown
    assert "business_name" not in shown
    assert client.v1.customers.retrieve(made.id).business_name == "Kolbe GmbH"


@pytest.mark.parametrize("form", ["types[]=a&types[]=customer.created", "types[0]=a&types[1]=customer.created"])
def test_lists_in_brackets_are_read_with_and_without_indices(
    stripe_sandbox: Sandbox, client: stripe.StripeClient, form: str
) -> None:
    """The SDK sends indices, curl none: https://docs.stripe.com/api/events/list."""
    client.v1.customers.create({})
    client.v1.products.create({"name": "x"})
    headers = {"Authorization": "Bearer sk_test_sandbox"}
    page = requests.get(f"{stripe_sandbox.url}/v1/events?{form}", headers=headers, timeout=5).json()
    assert [one["type"] for one in page["data"]] == ["customer.created"]
    assert page["url"] == "/v1/events"


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("starting_after=cus_1&ending_before=cus_2", None, "ending_before"),
        ("limit=101", "parameter_invalid_integer", "limit"),
        ("created[gte][deeper]=1", None, None),
        ("ending_before=cus_no", "resource_missing", "ending_before"),
        ("stripe_account=acct_1", "parameter_unknown", "stripe_account"),
    ],
)
def test_a_list_is_asked_for_in_one_way(
    stripe_sandbox: Sandbox, query: str, code: str | None, param: str | None
) -> None:
    """Both cursors at once, a limit above 100 or a parameter too deep are refused: https://docs.stripe.com/api/pagination."""
    headers = {"Authorization": "Bearer sk_test_sandbox"}
    answer = requests.get(f"{stripe_sandbox.url}/v1/customers?{query}", headers=headers, timeout=5)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error.get("code") == code or code is None
    assert error.get("param") == param or param is None


def test_embedded_lists_page_both_ways(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> None:
    """`ending_before` gives the page before the cursor, in the list's own order."""
    lines = [{"id": f"il_{n}", "object": "line_item"} for n in range(9)]
    stripe_sandbox.state.insert_many([{"id": "in_1", "object": "invoice", "created": 1, "lines": lines}])
    page = client.v1.invoices.line_items.list("in_1", {"ending_before": "il_5", "limit": 3})
    assert ([one.id for one in page.data], page.has_more) == (["il_2", "il_3", "il_4"], True)
    first = client.v1.invoices.line_items.list("in_1", {"ending_before": "il_2", "limit": 3})
    assert ([one.id for one in first.data], first.has_more) == (["il_0", "il_1"], False)
