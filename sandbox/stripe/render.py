"""What an answer shows of a kept object: lists cut at ten, includable keys only on request, ids expanded where asked.

Source: https://docs.stripe.com/api/expanding_objects (dotted paths, four levels, `data.` in front on a list).
"""

from collections.abc import Callable

from sandbox.stripe.errors import StripeRefusal
from sandbox.stripe.shapes import INCLUDABLE, StripeObject, listed

Find = Callable[[str], StripeObject | None]
Refunds = Callable[[str], list[StripeObject]]

EMBEDDED = {"invoice": "lines", "subscription": "items"}
"""Lists that an object always carries."""

EMBEDDED_LIMIT = 10
"""How many entries of an embedded list are shown; the rest is under its `url`."""

EXPAND_DEPTH = 4

EXPANDABLE = {
    "balance_transaction": {"source"},
    "charge": {"balance_transaction", "customer", "payment_intent", "refunds"},
    "coupon": {"applies_to", "currency_options"},
    "credit_note": {"customer", "invoice"},
    "customer": {"subscriptions"},
    "discount": {"customer", "source.coupon"},
    "dispute": {"charge", "payment_intent"},
    "invoice": {"customer", "lines", "payments", "parent.subscription_details.subscription"},
    "invoice_payment": {"invoice", "payment.charge", "payment.payment_intent"},
    "payment_intent": {"customer", "latest_charge"},
    "price": {"currency_options", "product", "tiers"},
    "product": {"default_price"},
    "refund": {"balance_transaction", "charge", "customer", "payment_intent"},
    "subscription": {"customer", "discounts", "items", "latest_invoice"},
    "subscription_item": {"discounts", "price"},
}


def shown(whole: StripeObject) -> StripeObject:
    """The object as it is answered when nothing is expanded."""
    hidden = INCLUDABLE.get(whole["object"], ())
    plain = {key: value for key, value in whole.items() if key not in hidden}
    key = EMBEDDED.get(whole["object"], "")
    if plain.get(key):
        plain[key] = _cut(plain[key])
    return plain


def needs_work(whole: StripeObject) -> bool:
    """Whether the kept form differs from the shown one."""
    kind = whole["object"]
    entries = (whole.get(EMBEDDED.get(kind, "")) or {}).get("data", ())
    return len(entries) > EMBEDDED_LIMIT or any(key in whole for key in INCLUDABLE.get(kind, ()))


def _cut(whole: StripeObject) -> StripeObject:
    entries = whole["data"]
    more = whole["has_more"] or len(entries) > EMBEDDED_LIMIT
    return listed(whole["url"], entries[:EMBEDDED_LIMIT], has_more=more)


def within_depth(path: str) -> list[str]:
    """The levels of a path. StripeRefusal for more than Stripe expands."""
    parts = path.split(".")
    if len(parts) > EXPAND_DEPTH:
        message = f"You cannot expand more than {EXPAND_DEPTH} levels of a property ({path})."
        raise StripeRefusal(400, message, param="expand")
    return parts


class Expander:
    """Fills ids in with their objects."""

    def __init__(self, find: Find, refunds: Refunds) -> None:
        self._find = find
        self._refunds = refunds

    def answer(self, whole: StripeObject, paths: list[str]) -> StripeObject:
        """The object with those paths expanded. Errors: StripeRefusal for a path that leads nowhere."""
        plain = shown(whole)
        for path in paths:
            self._expand(whole, plain, within_depth(path), path)
        return plain

    def _expand(self, whole: StripeObject, plain: StripeObject, parts: list[str], path: str) -> None:
        name, rest = self._split(plain["object"], parts, path)
        *hashes, key = name.split(".")
        holder, kept = plain, whole
        for part in hashes:
            # a copy, for the kept object must stay as it is
            holder[part] = dict(holder.get(part) or {})
            holder, kept = holder[part], kept.get(part) or {}
        value = holder.get(key, kept.get(key))
        if (plain["object"], key) == ("charge", "refunds"):
            value = listed(f"/v1/charges/{plain['id']}/refunds", self._refunds(plain["id"]))
        holder[key] = self._filled(value, rest, path)

    def _filled(self, value: object, rest: list[str], path: str) -> object:
        if isinstance(value, str):
            found = self._find(value)
            if found is None:
                return value
            value = found if found.get("deleted") else shown(found)
        if isinstance(value, list):
            return [self._filled(one, rest, path) for one in value]
        if not isinstance(value, dict):
            return value
        if value.get("object") == "list":
            if rest and rest[0] != "data":
                raise _unexpandable(rest[0], path)
            entries = [self._filled(dict(one), rest[1:], path) for one in _cut(value)["data"]]
            return {**_cut(value), "data": entries}
        if rest and not value.get("deleted"):
            self._expand(value, value, rest, path)
        return value

    @staticmethod
    def _split(kind: str, parts: list[str], path: str) -> tuple[str, list[str]]:
        for length in range(1, len(parts) + 1):
            name = ".".join(parts[:length])
            if name in EXPANDABLE.get(kind, set()):
                return name, parts[length:]
        raise _unexpandable(parts[0], path)


def _unexpandable(name: str, path: str) -> StripeRefusal:
    message = f"This property cannot be expanded ({name})."
    return StripeRefusal(400, message, code="property_not_expandable", param=f"expand ({path})")
