"""Monthly recurring revenue of a subscription: its items' prices brought to one month, before discounts and tax.

Source: https://docs.stripe.com/billing/subscriptions/analytics: trials, unpaid and ended subscriptions and metered prices count
nothing; nor does one whose collection is paused (https://docs.stripe.com/billing/subscriptions/pause-payment).
"""

from fractions import Fraction

from connectors.payload import LARGEST
from connectors.stripe.payload import Payload

EARNING = frozenset({"active", "past_due"})
PER_MONTH = {"day": Fraction(365, 12), "week": Fraction(52, 12), "month": Fraction(1), "year": Fraction(1, 12)}
"""How many of these intervals a month has."""


def monthly(subscription: Payload) -> int:
    """Minor units per month, rounded once to the nearest.

    Errors: ValueError for tiered prices, whose tiers a list of subscriptions does not carry (they lie deeper than Stripe expands).
    """
    if subscription.text("status") not in EARNING or subscription.value("pause_collection") is not None:
        return 0
    total = round(sum((_of_item(item) for item in subscription.entries("items")), Fraction(0)))
    if total > LARGEST:
        raise ValueError("items amount to more than any price")
    return total


def _of_item(item: Payload) -> Fraction:
    if item.text("price.recurring.usage_type") == "metered":
        return Fraction(0)
    if item.text("price.billing_scheme") == "tiered":
        raise ValueError("price.billing_scheme is tiered; its monthly amount is not known")
    interval = PER_MONTH.get(item.text("price.recurring.interval") or "")
    count = item.whole("price.recurring.interval_count")
    if interval is None or count is None or count < 1:
        raise ValueError("price.recurring has no known interval")
    unit = item.exact("price.unit_amount_decimal")
    price = Fraction(item.amount("price.unit_amount")) if unit is None else unit
    return price * _units(item) * interval / count


def _units(item: Payload) -> int:
    """The quantity that is billed; a price may count in packs, of which a part is rounded up or down."""
    quantity = item.amount("quantity")
    pack = item.whole("price.transform_quantity.divide_by")
    if pack is None:
        return quantity
    if pack < 1:
        raise ValueError("price.transform_quantity.divide_by is not positive")
    return -(-quantity // pack) if item.text("price.transform_quantity.round") == "up" else quantity // pack
