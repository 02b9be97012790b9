"""Ids of the planted world: running numbers in each vendor's own form."""

import hashlib
from collections import Counter

from sandbox.salesforce.ids import make_id

KEY_PREFIXES = {
    "User": "005", "Account": "001", "Contact": "003", "Lead": "00Q", "Opportunity": "006", "OpportunityContactRole": "00K",
    "Campaign": "701", "CampaignMember": "00v", "Task": "00T", "Event": "00U", "Case": "500", "CaseComment": "00a",
    "EmailMessage": "02s",
}  # fmt: skip
"""First three characters of an id, by object (Salesforce help, "Standard Field Record ID Prefix Decoder")."""
STRIPE_PREFIXES = {
    "customer": "cus", "product": "prod", "price": "price", "subscription": "sub", "subscription_item": "si", "invoice": "in",
    "line_item": "il", "invoice_payment": "inpay", "payment_intent": "pi", "charge": "ch", "refund": "re", "dispute": "du",
    "balance_transaction": "txn", "event": "evt", "tax_rate": "txr",
}  # fmt: skip
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Ids:
    """Gives out the next id of a Salesforce object or of a kind of Stripe object."""

    def __init__(self) -> None:
        self.given: Counter[str] = Counter()

    def next(self, kind: str) -> str:
        """An id that was not given out before; the same calls give the same ids."""
        self.given[kind] += 1
        if kind in KEY_PREFIXES:
            return make_id(KEY_PREFIXES[kind], self.given[kind])
        return f"{STRIPE_PREFIXES[kind]}_{_token(f'{kind}/{self.given[kind]}')}"


def _token(text: str) -> str:
    # 14 characters of base 62, as long as Stripe's own
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=10).digest(), "big")
    token = ""
    for _ in range(14):
        number, digit = divmod(number, 62)
        token += DIGITS[digit]
    return token
