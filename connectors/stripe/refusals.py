"""What Stripe's refusals ask of us, where the plain three reactions are not enough; and how a permission is granted."""

from connectors.errors import Fatal, RecordRejected, Retryable

VENDOR = "stripe"
SOON = 2.0  # seconds, before asking again after a server's trouble
RATE_LIMITED = 1.0  # seconds, where a 429 does not say (limits count per second: https://docs.stripe.com/rate-limits)

DASHBOARD = "in the Stripe Dashboard under Developers > API keys edit the restricted key and set"
GRANTS = {
    "account": "basic account information (rak_accounts_kyc_basic_read) to Read",
    "customers": "Customers to Read",
    "subscriptions": "Subscriptions to Read",
    "invoices": "Invoices to Read",
    "charges": "Charges and Refunds to Read",
    "refunds": "Charges and Refunds to Read",
    "disputes": "Disputes to Read, and Charges and Refunds to Read, since a dispute names its payer by its charge",
    "products": "Products to Read",
    "prices": "Prices to Read",
    "balance_transactions": "Balance transaction sources to Read",
    "credit_notes": "Credit notes to Read",
    "coupons": "Coupons to Read",
    "events": "Events to Read",
    "test_clocks": "Test clocks to Read",
    "accounts": "Connected accounts to Read, or name the accounts in STRIPE_CONNECT",
}
"""What to set for each endpoint. The words of the Dashboard move; the permission is the one that the refusal names."""

DISCONNECTED = "connect it again in the Dashboard under Connect > Accounts, or take it out of STRIPE_CONNECT"


class CursorGone(Retryable):
    """The object that a page was to start after is deleted; an earlier one may still be there."""


class Forbidden(Fatal):
    """The key may not read what was asked for."""


class ObjectGone(RecordRejected):
    """This id cannot be retrieved any more."""


def remedy(endpoint: str) -> str:
    """How to let the key read an endpoint."""
    return f"{DASHBOARD} {GRANTS[endpoint]}"
