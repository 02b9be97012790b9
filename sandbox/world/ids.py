"""Ids of the planted world: running numbers in each vendor's own form."""

import hashlib
import uuid
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
HUBSPOT_FIRST = {
    "hubspot_contact": 51_000_001, "company": 52_000_001, "deal": 53_000_001, "ticket": 54_000_001, "call": 55_000_001,
    "email": 56_000_001, "meeting": 57_000_001, "note": 58_000_001, "communication": 59_000_001, "owner": 70_001,
}  # fmt: skip
"""First id of each kind of HubSpot object; HubSpot's ids are whole numbers."""
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Ids:
    """Gives out the next id of a Salesforce object, or of a kind of Stripe or HubSpot object."""

    def __init__(self) -> None:
        self.given: Counter[str] = Counter()

    def next(self, kind: str) -> str:
        """An id that was not given out before; the same calls give the same ids."""
        self.given[kind] += 1
        if kind in KEY_PREFIXES:
            return make_id(KEY_PREFIXES[kind], self.given[kind])
        if kind in HUBSPOT_FIRST:
            return str(HUBSPOT_FIRST[kind] + self.given[kind] - 1)
        if kind == "hubspot_form":  # a submission has a random UUID
            digest = hashlib.blake2b(f"{kind}/{self.given[kind]}".encode(), digest_size=16).digest()
            return str(uuid.UUID(bytes=digest, version=4))
        return f"{STRIPE_PREFIXES[kind]}_{_token(f'{kind}/{self.given[kind]}')}"


def _token(text: str) -> str:
    # 14 characters of base 62, as long as Stripe's own
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=10).digest(), "big")
    token = ""
    for _ in range(14):
        number, digit = divmod(number, 62)
        token += DIGITS[digit]
    return token
