"""Lists, retrieves and expansion as https://docs.stripe.com/api/pagination and /expanding_objects describe them."""

from collections.abc import Callable

import httpx
import pytest
import stripe

from sandbox.stripe import API_KEY
from sandbox.stripe.app import FORM
from tests.conftest import Sandbox


def plant(sandbox: Sandbox, number: int, **more: object) -> None:
    customers = [{"id": f"cus_{n:03d}", "object": "customer", "created": 1000 + n, **more} for n in range(number)]
    sandbox.state.insert_many(customers)


def test_lists_are_newest_first_and_has_more_is_exact(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> None:
    """Twenty customers fill two pages of ten, and the second says that nothing follows."""
    plant(stripe_sandbox, 20)
    first = client.v1.customers.list()
    second = client.v1.customers.list({"starting_after": first.data[-1].id})
    assert [one.id for one in first.data] == [f"cus_{n:03d}" for n in range(19, 9, -1)]
    assert (first.has_more, second.has_more) == (True, False)


def test_ending_before_gives_the_page_before(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> None:
    """The page before a cursor holds its nearest newer objects, still newest first."""
    plant(stripe_sandbox, 9)
    page = client.v1.customers.list({"ending_before": "cus_002", "limit": 3})
    assert [one.id for one in page.data] == ["cus_005", "cus_004", "cus_003"]
    assert page.has_more


@pytest.mark.parametrize(
    ("created", "ids"),
    [
        (1003, ["cus_003"]),
        ({"gte": 1002, "lt": 1004}, ["cus_003", "cus_002"]),
        ({"gt": 1002, "lte": 1004}, ["cus_004", "cus_003"]),
    ],
)
def test_created_takes_an_instant_or_a_window(
    stripe_sandbox: Sandbox, client: stripe.StripeClient, created: object, ids: list[str]
) -> None:
    """All five forms of the created filter (SDK: CustomerListParamsCreated)."""
    plant(stripe_sandbox, 6)
    assert [one.id for one in client.v1.customers.list({"created": created}).data] == ids


def test_filters_that_a_list_has_are_obeyed(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> None:
    """E-mail is case-sensitive; charges filter by customer; a cancelled subscription is listed only when asked for."""
    stripe_sandbox.state.insert_many(
        [
            {"id": "cus_a", "object": "customer", "created": 1, "email": "A@example.com"},
            {"id": "ch_a", "object": "charge", "created": 2, "customer": "cus_a"},
            {"id": "ch_b", "object": "charge", "created": 3},
            {"id": "sub_a", "object": "subscription", "created": 4, "status": "canceled"},
            {"id": "sub_b", "object": "subscription", "created": 5, "status": "active"},
        ]
    )
    assert client.v1.customers.list({"email": "a@example.com"}).data == []
    assert [one.id for one in client.v1.charges.list({"customer": "cus_a"}).data] == ["ch_a"]
    assert [one.id for one in client.v1.subscriptions.list().data] == ["sub_b"]
    assert [one.id for one in client.v1.subscriptions.list({"status": "all"}).data] == ["sub_b", "sub_a"]


def test_objects_of_a_test_clock_hide_from_plain_lists(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> None:
    """Customers of a test clock are listed only when that clock is named (SDK: CustomerListParams.test_clock)."""
    stripe_sandbox.state.insert_many([{"id": "clock_1", "object": "test_helpers.test_clock", "created": 1}])
    plant(stripe_sandbox, 1, test_clock="clock_1")
    assert client.v1.customers.list().data == []
    assert len(client.v1.customers.list({"test_clock": "clock_1"}).data) == 1
    assert client.v1.customers.retrieve("cus_000").test_clock == "clock_1"


Call = Callable[[stripe.StripeClient], object]


REFUSED: dict[str, tuple[Call, int, str | None, str | None]] = {
    "limit above 100": (lambda c: c.v1.customers.list({"limit": 500}), 400, "parameter_invalid_integer", "limit"),
    "limit below 1": (lambda c: c.v1.customers.list({"limit": 0}), 400, "parameter_invalid_integer", "limit"),
    "no number": (lambda c: c.v1.customers.list({"limit": "x"}), 400, "parameter_invalid_integer", "limit"),
    "unknown": (lambda c: c.v1.customers.list({"bogus": 1}), 400, "parameter_unknown", "bogus"),
    "unknown in a hash": (
        lambda c: c.v1.customers.list({"created": {"since": 1}}),
        400,
        "parameter_unknown",
        "created[since]",
    ),
    "unknown in a body": (
        lambda c: c.v1.customers.create({"address": {"town": "x"}}),
        400,
        "parameter_unknown",
        "address[town]",
    ),
    "unknown cursor": (
        lambda c: c.v1.customers.list({"starting_after": "cus_no"}),
        400,
        "resource_missing",
        "starting_after",
    ),
    "expanding a list without data": (lambda c: c.v1.customers.list({"expand": ["x"]}), 400, None, "expand"),
    "five levels of a list": (
        lambda c: c.v1.subscriptions.list({"expand": ["data.items.data.price.tiers"]}),
        400,
        None,
        "expand",
    ),
    "unknown id": (lambda c: c.v1.customers.retrieve("cus_no"), 404, "resource_missing", "id"),
    "missing": (lambda c: c.v1.subscription_items.list({}), 400, "parameter_missing", "subscription"),
    "unknown value": (lambda c: c.v1.subscriptions.list({"status": "gone"}), 400, None, "status"),
    "unknown value in a hash": (
        lambda c: c.v1.prices.create({"currency": "eur", "product": "p", "recurring": {"interval": "hour"}}),  # type: ignore[typeddict-item]
        400,
        None,
        "recurring[interval]",
    ),
    "type and types": (lambda c: c.v1.events.list({"type": "a", "types": ["b"]}), 400, None, "types"),
    "unknown route": (lambda c: c.v1.payouts.list(), 404, None, None),
}


@pytest.mark.parametrize(("call", "status", "code", "param"), REFUSED.values(), ids=REFUSED)
def test_what_stripe_refuses_is_refused(
    client: stripe.StripeClient, call: Call, status: int, code: str | None, param: str | None
) -> None:
    """Unknown, nested, ill-typed or out-of-range parameters and unknown ids get Stripe's status, code and param."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        call(client)
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (status, code, param)


@pytest.mark.parametrize(("kind", "body"), [("application/json", b'{"email": "a@x.example"}'), (FORM, b"email=\xff")])
def test_a_body_that_is_no_form_is_refused(stripe_sandbox: Sandbox, kind: str, body: bytes) -> None:
    """Stripe takes forms only (https://docs.stripe.com/api), and text in UTF-8."""
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": kind}
    answer = httpx.post(f"{stripe_sandbox.url}/v1/customers", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_deleted_customer_leaves_a_stub_and_no_cursor(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> None:
    """Retrieve answers `deleted: true` with 200, lists leave it out, and its id is no cursor any more."""
    plant(stripe_sandbox, 2)
    client.v1.customers.delete("cus_000")
    assert client.v1.customers.retrieve("cus_000").to_dict() == {"id": "cus_000", "object": "customer", "deleted": True}
    assert [one.id for one in client.v1.customers.list().data] == ["cus_001"]
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        client.v1.customers.list({"starting_after": "cus_000"})


def test_embedded_lists_show_ten_and_page_on(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> None:
    """An invoice of 25 lines and a subscription of 12 items show ten; the rest has its own pages."""
    lines = [{"id": f"il_{n}", "object": "line_item"} for n in range(25)]
    items = [{"id": f"si_{n}", "object": "subscription_item", "created": 1} for n in range(12)]
    stripe_sandbox.state.insert_many(
        [
            {"id": "in_1", "object": "invoice", "created": 1, "lines": lines},
            {"id": "sub_1", "object": "subscription", "created": 1, "items": items},
        ]
    )
    shown = client.v1.invoices.retrieve("in_1").lines
    assert (len(shown.data), shown.has_more, shown.url) == (10, True, "/v1/invoices/in_1/lines")
    assert [one.id for one in shown.auto_paging_iter()] == [line["id"] for line in lines]
    paged = client.v1.subscription_items.list({"subscription": "sub_1"})
    assert [one.id for one in paged.auto_paging_iter()] == [item["id"] for item in items]


def test_ids_are_expanded_where_asked(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> None:
    """A refund's charge and that charge's customer come along; an invoice's payments only when asked for."""
    paid = {"id": "inpay_1", "object": "invoice_payment", "created": 1, "payment": {"type": "charge", "charge": "ch_1"}}
    stripe_sandbox.state.insert_many(
        [
            {"id": "cus_1", "object": "customer", "created": 1, "name": "Ada"},
            {"id": "ch_1", "object": "charge", "created": 1, "customer": "cus_1"},
            {"id": "re_1", "object": "refund", "created": 1, "charge": "ch_1"},
            {"id": "in_1", "object": "invoice", "created": 1, "payments": [paid]},
        ]
    )
    refund = client.v1.refunds.list({"expand": ["data.charge.customer"]}).data[0]
    assert refund.charge.customer.name == "Ada"
    assert client.v1.charges.retrieve("ch_1", {"expand": ["refunds"]}).refunds.data[0].id == "re_1"
    assert "payments" not in client.v1.invoices.retrieve("in_1").to_dict()
    payments = client.v1.invoices.retrieve("in_1", {"expand": ["payments"]}).payments
    assert payments is not None
    assert payments.data[0].payment.charge == "ch_1"


def subscribed(sandbox: Sandbox) -> None:
    """A subscription with a coupon on it and on its one item, whose price has tiers."""
    price = {"id": "price_1", "object": "price", "created": 1, "tiers": [{"up_to": None, "unit_amount": 5}]}
    cuts = [
        {"id": name, "object": "discount", "start": 1, "source": {"type": "coupon", "coupon": "half"}}
        for name in ("di_1", "di_2")
    ]
    item = {
        "id": "si_1",
        "object": "subscription_item",
        "created": 1,
        "price": {"id": "price_1", "object": "price"},
        "discounts": ["di_2"],
    }
    sandbox.state.insert_many(
        [
            {"id": "half", "object": "coupon", "created": 1, "percent_off": 50, "duration": "forever"}, price, *cuts,
            {"id": "sub_1", "object": "subscription", "created": 1, "items": [item], "discounts": ["di_1"]},
        ]
    )  # fmt: skip


def test_discounts_are_ids_until_they_are_expanded(stripe_sandbox: Sandbox, client: stripe.StripeClient) -> None:
    """On the subscription and on its items, with their coupon as deep as four levels go; what a coupon includes only on request."""
    subscribed(stripe_sandbox)
    assert client.v1.subscriptions.retrieve("sub_1").discounts == ["di_1"]
    found = client.v1.subscriptions.list(
        {"expand": ["data.discounts.source.coupon", "data.items.data.discounts"]}
    ).data[0]
    assert found.to_dict()["discounts"][0]["source"]["coupon"]["percent_off"] == 50
    assert found.to_dict()["items"]["data"][0]["discounts"][0]["source"]["coupon"] == "half"
    (item,) = client.v1.subscription_items.list({"subscription": "sub_1", "expand": ["data.discounts"]}).data
    assert item.to_dict()["discounts"][0]["id"] == "di_2"
    assert "applies_to" not in client.v1.coupons.retrieve("half").to_dict()
    assert "applies_to" in client.v1.coupons.retrieve("half", {"expand": ["applies_to"]}).to_dict()


@pytest.mark.parametrize(
    "path", ["discount", "discounts.coupon", "discounts.source", "items.discounts", "items.data.coupon"]
)
def test_a_path_that_leads_nowhere_is_refused(stripe_sandbox: Sandbox, client: stripe.StripeClient, path: str) -> None:
    """400 with the path, as for any property that is no reference."""
    subscribed(stripe_sandbox)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.subscriptions.retrieve("sub_1", {"expand": [path]})
