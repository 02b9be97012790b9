"""What a subscription leans on comes along with it: coupons, tiers and prices in several currencies, over real HTTP."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from connectors.stripe import CONNECTOR
from connectors.stripe.client import API_VERSION
from models.facts import Discount, Fact, Subscription
from models.keys import RecordKey
from models.records import Record
from sandbox.stripe.resources import RESOURCES
from tests.conftest import NOW
from tests.connectors.stripe.conftest import Puller

MONTHLY = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
TIERS = [{"up_to": 5, "unit_amount_decimal": "100"}, {"up_to": None, "unit_amount_decimal": "50"}]


@pytest.fixture
def planted(puller: Puller) -> Puller:
    """Twelve items of one tiered price, the last one with a coupon of its own, and a coupon of other products on all."""
    known = {"object": "price", "created": 1, "currency": "usd", "recurring": MONTHLY, "billing_scheme": "tiered"}
    price = {"id": "price_1", **known, "tiers_mode": "graduated", "product": "prod_1"}
    items = [
        {
            "id": f"si_{n:02d}",
            "object": "subscription_item",
            "created": 1,
            "price": price,
            "quantity": 6,
            "discounts": [],
        }
        for n in range(12)
    ]
    items[11]["discounts"] = ["di_item"]
    cuts = {"di_all": "other", "di_item": "half"}
    puller.sandbox.state.insert_many(
        [
            {**price, "tiers": TIERS},
            {"id": "half", "object": "coupon", "created": 1, "percent_off": 50.0, "duration": "forever", "applies_to": None},
            {"id": "other", "object": "coupon", "created": 1, "percent_off": 90.0, "duration": "forever", "applies_to": {"products": ["p"]}},
            *({"id": name, "object": "discount", "start": 1, "source": {"type": "coupon", "coupon": of}} for name, of in cuts.items()),
            {"id": "sub_1", "object": "subscription", "created": 1, "customer": "cus_1", "items": items, "discounts": ["di_all"], "currency": "usd"},
        ]
    )  # fmt: skip
    return puller


def facts(payload: dict[str, Any]) -> list[Fact]:
    stream = CONNECTOR.streams_by_name["subscriptions"]
    key = RecordKey("stripe", "acct_sandbox:test", "subscription", payload["id"])
    return list(stream.translate(Record(key, NOW, payload)))


def sums(puller: Puller) -> list[int | None]:
    """The revenue before discounts, and what each of them takes off."""
    found = facts(puller.payloads["sub_1"])
    return [
        fact.mrr_minor if isinstance(fact, Subscription) else fact.amount_minor
        for fact in found
        if isinstance(fact, Subscription | Discount)
    ]


def test_what_lies_too_deep_for_a_list_comes_along_all_the_same(planted: Puller) -> None:
    """Tiers, an item's coupon behind the tenth, and the products that a coupon is for: 12 x 550, half off one of them."""
    planted.pull("subscriptions")
    assert sums(planted) == [6600, 275]


def test_listed_or_retrieved_a_subscription_is_the_same(planted: Puller) -> None:
    """And a coupon that is used once more is no new version of it."""
    planted.pull("subscriptions")
    listed = planted.payloads["sub_1"]
    planted.sandbox.state.update("half", {"times_redeemed": 7})
    (read,) = planted.open().read(CONNECTOR.streams_by_name["subscriptions"], ["sub_1"])
    assert read.payload == listed


def test_a_part_of_many_subscriptions_is_read_once(planted: Puller) -> None:
    """A hundred subscriptions with one coupon and one price cost two calls more than without."""
    whole = planted.sandbox.state.get("sub_1")
    many = [{**whole, "id": f"sub_{n}", "items": whole["items"]["data"][:1]} for n in range(2, 90)]
    planted.sandbox.state.insert_many(many)
    planted.pull("subscriptions")
    paths = Counter(request.path for request in planted.sandbox.log.entries)
    assert (paths["/v1/coupons/other"], paths["/v1/coupons/half"], paths["/v1/prices/price_1"]) == (1, 1, 1)


def test_a_key_that_may_not_read_coupons_gets_revenue_before_discounts(planted: Puller) -> None:
    """Not a failure: the discounts that are missing are facts of their own, and the doctor names the permission."""
    every = {resource.permission for resource in RESOURCES.values()} | {"rak_accounts_kyc_basic_read"}
    planted.key = "rk_test_shy"
    planted.sandbox.state.add_key(planted.key, permissions=every - {"rak_coupon_read"})
    planted.pull("subscriptions")
    assert sums(planted) == [6600, None, None]
    (found,) = (one for one in planted.open().diagnose(CONNECTOR.streams) if not one.ok)
    assert found.subject == "coupons"
    assert "before discounts" in found.message
    assert "Coupons to Read" in str(found.remedy)


def test_a_coupon_that_is_deleted_leaves_its_discount_unread(planted: Puller) -> None:
    """It still counts at Stripe, which tells no more of it."""
    planted.sandbox.state.delete("half")
    planted.pull("subscriptions")
    assert sums(planted) == [6600, None]


def test_what_an_earlier_release_read_is_listed_anew(planted: Puller) -> None:
    """Its subscriptions hold ids of discounts and no tiers; other streams go on where they were."""
    for stream in ("subscriptions", "customers"):
        planted.pull(stream)
        (place,) = (planted.cursors[stream] or {}).values()
        place["version"] = API_VERSION
    planted.clock.advance(timedelta(minutes=10))
    assert planted.pull("subscriptions")[0] == 1
    planted.sandbox.log.entries.clear()
    planted.pull("customers")
    assert {request.path for request in planted.sandbox.log.entries} == {"/v1/account", "/v1/events"}
