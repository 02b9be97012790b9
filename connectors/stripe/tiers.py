"""What an item is billed for each of its intervals: so much a unit, a pack or by tiers.

Source: https://docs.stripe.com/products-prices/pricing-models and https://docs.stripe.com/api/prices/object.
"""

from collections.abc import Sequence
from fractions import Fraction

from connectors.stripe.payload import Payload


def price_of(item: Payload, currency: str | None) -> Fraction:
    """Minor units of the subscription's currency. Errors: ValueError for a price that tells no amount in it."""
    price = _in(item, currency)
    if item.text("price.billing_scheme") == "tiered":
        tiers = price.entries("tiers")
        if not tiers:
            raise ValueError("price.billing_scheme is tiered and its tiers are not known")
        mode = MODES.get(item.text("price.tiers_mode") or "")
        if mode is None:
            raise ValueError("price.tiers_mode is not known")
        return mode(tiers, item.amount("quantity"))
    unit = price.exact("unit_amount_decimal")
    return (Fraction(price.amount("unit_amount")) if unit is None else unit) * _units(item)


def _in(item: Payload, currency: str | None) -> Payload:
    """The amounts in the subscription's currency, where a price has several."""
    price = item.value("price")
    own = item.text("price.currency")
    if own is not None and own != currency:
        price = item.value(f"price.currency_options.{currency}")
        if not isinstance(price, dict):
            raise ValueError("price has no amount in the currency of the subscription")
    return Payload(item.record, price)


def _units(item: Payload) -> int:
    """The quantity that is billed; a price may count in packs, of which a part is rounded up or down."""
    quantity = item.amount("quantity")
    pack = item.whole("price.transform_quantity.divide_by")
    if pack is None:
        return quantity
    if pack < 1:
        raise ValueError("price.transform_quantity.divide_by is not positive")
    return -(-quantity // pack) if item.text("price.transform_quantity.round") == "up" else quantity // pack


def _volume(tiers: Sequence[Payload], quantity: int) -> Fraction:
    """All units at the price of the tier that the quantity falls in."""
    for tier in tiers:
        up_to = tier.whole("up_to")
        if up_to is None or quantity <= up_to:
            return _decimal(tier, "flat_amount") + _decimal(tier, "unit_amount") * quantity
    raise ValueError("price.tiers end before the quantity")


def _graduated(tiers: Sequence[Payload], quantity: int) -> Fraction:
    """Every unit at the price of its own tier; the first tier's flat amount is due for no unit too."""
    total, below = Fraction(0), 0
    for tier in tiers:
        up_to = tier.whole("up_to")
        reached = quantity if up_to is None else min(quantity, up_to)
        total += _decimal(tier, "flat_amount") + _decimal(tier, "unit_amount") * (reached - below)
        if up_to is None or quantity <= up_to:
            return total
        below = up_to
    raise ValueError("price.tiers end before the quantity")


def _decimal(tier: Payload, key: str) -> Fraction:
    exact = tier.exact(f"{key}_decimal")
    return Fraction(tier.whole(key) or 0) if exact is None else exact


MODES = {"graduated": _graduated, "volume": _volume}
