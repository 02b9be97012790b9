"""How an older version of the API shows an object: events keep the shape of the account's version on the day they were made.

Source: https://docs.stripe.com/changelog (2020-08-27 took sources and subscriptions out of customers; basil, 2025-03-31, moved an
invoice's subscription, charge and tax into `parent`, `payments` and `total_taxes`, and a subscription's period to its items).
"""

from sandbox.stripe.shapes import StripeObject, listed

OLD = "2019-12-03"
"""A version before all of these changes."""

NEWER = {
    "customer": ("business_name", "individual_name", "customer_account", "test_clock"),
    "invoice": (
        "parent",
        "payments",
        "total_taxes",
        "amount_overpaid",
        "amount_paid_off_stripe",
        "issuer",
        "test_clock",
    ),
    "subscription": ("billing_mode", "billing_schedules", "billing_cycle_anchor_config", "discounts", "test_clock"),
}
"""Keys that the old version did not have."""


def as_of(version: str, whole: StripeObject) -> StripeObject:
    """The object in the shape of that version: the old one, or ours for any other."""
    if version != OLD:
        return whole
    kind = whole["object"]
    kept = {key: value for key, value in whole.items() if key not in NEWER.get(kind, ())}
    match kind:
        case "customer":
            lists = {key: listed(f"/v1/customers/{whole['id']}/{key}", []) for key in ("sources", "subscriptions")}
            return kept | lists | {"account_balance": whole["balance"], "tax_info": None}
        case "invoice":
            details = (whole["parent"] or {}).get("subscription_details") or {}
            return kept | {
                "subscription": details.get("subscription"),
                "charge": None,
                "tax": None,
                "billing": "charge_automatically",
            }
        case "subscription":
            period = {"current_period_start": whole["start_date"], "current_period_end": None}
            return kept | period | {"billing": "charge_automatically", "plan": None, "quantity": 1, "tax_percent": None}
    return kept
