"""What a subscription leans on and no list brings along: the terms of its coupons, and the tiers and other currencies of its prices.

Stripe expands four levels deep, and these lie deeper. Neither ever changes, so each is read once in a run. A coupon that is deleted,
or that the key may not read, stays a mere id: its subscription counts before that discount, and says so.
Source: https://docs.stripe.com/api/expanding_objects, /api/coupons/update and /api/prices/update.
"""

from collections.abc import Sequence

from connectors.stripe.client import Json, StripeApi
from connectors.stripe.refusals import Forbidden, ObjectGone

DEEPER = {"coupons": ("applies_to", "currency_options"), "prices": ("tiers", "currency_options")}
TERMS = (
    "id", "object", "amount_off", "applies_to", "currency", "currency_options", "duration", "duration_in_months", "percent_off",
)  # fmt: skip
"""What a coupon means; the rest (`times_redeemed`, `valid`) moves without meaning anything else here."""


class Parts:
    """Coupons and prices of one account, by id."""

    def __init__(self, api: StripeApi, stream: str) -> None:
        self._api = api
        self._stream = stream
        self._found: dict[tuple[str, str], Json | None] = {}
        self._forbidden: set[str] = set()

    def filled(self, subscription: Json, reason: str) -> Json:
        """The subscription with all of them in their places."""
        items = subscription.get("items") or {}
        entries = [self._item(entry, subscription.get("currency"), reason) for entry in items.get("data", ())]
        found = self._discounts(subscription.get("discounts"), reason)
        return {**subscription, "discounts": found, "items": {**items, "data": entries}}

    def _item(self, item: Json, currency: str | None, reason: str) -> Json:
        price = item.get("price")
        if price and (price.get("billing_scheme") == "tiered" or price.get("currency") != currency):
            whole = self._part("prices", price.get("id"), reason) or {}
            price = price | {key: whole[key] for key in DEEPER["prices"] if key in whole}
        return {**item, "price": price, "discounts": self._discounts(item.get("discounts"), reason)}

    def _discounts(self, found: Sequence[Json | str] | None, reason: str) -> list[Json | str]:
        return [one if isinstance(one, str) else self._discount(one, reason) for one in found or ()]

    def _discount(self, discount: Json, reason: str) -> Json:
        source = discount.get("source") or {}
        coupon = self._part("coupons", source.get("coupon"), reason)
        if coupon is None:
            return discount
        return {**discount, "source": {**source, "coupon": {key: coupon.get(key) for key in TERMS}}}

    def _part(self, path: str, number: object, reason: str) -> Json | None:
        """The part; None if it is gone or may not be read."""
        if not isinstance(number, str) or path in self._forbidden:
            return None
        if (path, number) not in self._found:
            self._found[path, number] = self._read(path, number, reason)
        return self._found[path, number]

    def _read(self, path: str, number: str, reason: str) -> Json | None:
        expand = {"expand": list(DEEPER[path])}
        try:
            return self._api.get(reason, f"{path}/{number}", expand, stream=self._stream, endpoint=path)
        except ObjectGone:
            return None
        except Forbidden:
            self._forbidden.add(path)
            return None
