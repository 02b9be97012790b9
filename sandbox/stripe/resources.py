"""The endpoints that read: where each object is listed, which filters it has and which permission a restricted key needs."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Resource:
    """One listable kind of object; `filters` maps a parameter to the SQL that it means."""

    path: str
    object: str
    permission: str
    filters: dict[str, str] = field(default_factory=dict)

    @property
    def camel(self) -> str:
        """The name that the SDK's parameter classes start with."""
        return self.object.rpartition(".")[2].title().replace("_", "")

    @property
    def module(self) -> str:
        """The part of the SDK that they are in."""
        return self.object.rpartition(".")[0]


def _json(path: str) -> str:
    return f"json_extract(json, '$.{path}')=?"


CUSTOMER = {"customer": "customer=?"}
STATUS = {"status": "label=?"}

RESOURCES = {
    resource.path: resource
    for resource in (
        Resource("customers", "customer", "rak_customer_read", {"email": "email=?", "test_clock": "test_clock=?"}),
        Resource(
            "subscriptions",
            "subscription",
            "rak_subscription_read",
            {**CUSTOMER, **STATUS, "collection_method": _json("collection_method"), "test_clock": "test_clock=?"},
        ),
        Resource(
            "invoices",
            "invoice",
            "rak_invoice_read",
            {**CUSTOMER, **STATUS, "subscription": _json("parent.subscription_details.subscription")},
        ),
        Resource("charges", "charge", "rak_charge_read", {**CUSTOMER, "payment_intent": _json("payment_intent")}),
        Resource(
            "refunds",
            "refund",
            "rak_charge_read",
            {"charge": _json("charge"), "payment_intent": _json("payment_intent")},
        ),
        Resource("disputes", "dispute", "rak_dispute_read", {"charge": _json("charge")}),
        Resource("products", "product", "rak_product_read", {"active": _json("active")}),
        Resource("prices", "price", "rak_plan_read", {"active": _json("active"), "product": _json("product")}),
        Resource(
            "balance_transactions",
            "balance_transaction",
            "rak_balance_transaction_source_read",
            {"type": _json("type"), "source": _json("source"), "currency": _json("currency")},
        ),
        Resource("credit_notes", "credit_note", "rak_credit_note_read", {**CUSTOMER, "invoice": _json("invoice")}),
        Resource("coupons", "coupon", "rak_coupon_read"),
        Resource("payment_intents", "payment_intent", "rak_payment_intent_read", CUSTOMER),
        Resource("events", "event", "rak_event_read"),
        Resource("accounts", "account", "rak_connected_account_read"),
        Resource("test_helpers/test_clocks", "test_helpers.test_clock", "rak_billing_clock_read"),
    )
}

ACCOUNT_PERMISSION = "rak_accounts_kyc_basic_read"
WRITE_PERMISSIONS = {
    "customers": "rak_customer_write",
    "refunds": "rak_charge_write",
    "disputes": "rak_dispute_write",
    "products": "rak_product_write",
    "prices": "rak_plan_write",
    "subscriptions": "rak_subscription_write",
    "test_clocks": "rak_billing_clock_write",
}

SEARCHABLE = ("charges", "customers", "invoices", "payment_intents", "prices", "products", "subscriptions")
"""What can be searched: https://docs.stripe.com/search#supported-query-fields-for-each-resource."""

CLOCKED: dict[str, set[str]] = {"customer": set(), "subscription": {"customer"}}
"""Lists that leave out objects of a test clock unless it, or one of these, is named (SDK: SubscriptionListParams.test_clock)."""

EXPANDED = {
    "balance_transaction": "balance_transactions",
    "charge": "charges",
    "coupon": "coupons",
    "customer": "customers",
    "default_price": "prices",
    "invoice": "invoices",
    "latest_charge": "charges",
    "latest_invoice": "invoices",
    "payment_intent": "payment_intents",
    "price": "prices",
    "product": "products",
    "refunds": "refunds",
    "subscription": "subscriptions",
    "subscriptions": "subscriptions",
}
"""Whose permission a restricted key needs to expand a property. That Stripe asks for it is unverified; to be stricter is safe."""
