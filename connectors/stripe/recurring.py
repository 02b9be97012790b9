"""Monthly recurring revenue of a subscription: its items' prices brought to one month, before tax, and what discounts take off it.

Trials, unpaid and ended subscriptions and metered prices count nothing; nor does one whose collection is paused. Recurring discounts
are subtracted as long as they last, those of `once` never, as Stripe's own figure does where it is set to subtract recurring ones. It
counts discounts of items and subscriptions, and not those of customers. Sources:
https://docs.stripe.com/billing/subscriptions/analytics, https://docs.stripe.com/billing/subscriptions/pause-payment,
https://support.stripe.com/questions/metric-configurations.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import pairwise

from connectors.payload import LARGEST, wrong
from connectors.stripe.payload import Payload
from connectors.stripe.tiers import price_of
from models.facts import Discount

EARNING = frozenset({"active", "past_due"})
PER_MONTH = {"day": Fraction(365, 12), "week": Fraction(52, 12), "month": Fraction(1), "year": Fraction(1, 12)}
"""How many of these intervals a month has."""


@dataclass(frozen=True)
class Item:
    """What an item brings per month, how often a month it is billed, and what it sells."""

    amount: Fraction
    billed: Fraction
    product: str | None


@dataclass(frozen=True)
class Cut:
    """One discount: what it takes off (a share, or minor units of every bill), of which items, and when."""

    items: frozenset[int]
    share: Fraction
    off: int
    starts_at: datetime
    ends_at: datetime | None

    def lasts(self, at: datetime) -> bool:
        """Whether it counts at that instant."""
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


def monthly(subscription: Payload) -> int:
    """Minor units per month before discounts, rounded once to the nearest. Errors: ValueError for a price that makes no sense."""
    total = round(sum((item.amount for item in _items(subscription)), Fraction(0)))
    if total > LARGEST:
        raise ValueError("items amount to more than any price")
    return total


def discounts(subscription: Payload, payer: str) -> Iterator[Discount]:
    """What the discounts take off, one fact per stretch of time in which it is the same; and one per discount that tells too little.

    Discounts of items come before those of the subscription, each in its order and of what the ones before it left. Of an amount
    each item bears its part, and never more than there is; it comes off every bill, and so as often as the item billed most often.
    Source: https://docs.stripe.com/billing/subscriptions/discounts.
    """
    items = _items(subscription)
    if not any(item.amount for item in items):
        return
    currency, cuts = subscription.currency(), list[Cut]()
    for read, places in _applied(subscription, items):
        cut = _cut(read, places, items, currency) if read else None
        if cut is not None:
            cuts.append(cut)
        elif not _once(read):
            starts_at = (read or subscription).moment("start" if read else "start_date")
            ends_at = read.instant("end") if read else None
            yield Discount(payer=payer, amount_minor=None, currency=currency, starts_at=starts_at, ends_at=ends_at)
    for starts_at, ends_at in _stretches(cuts):
        taken = monthly(subscription) - _left(items, [cut for cut in cuts if cut.lasts(starts_at)])
        if taken:
            yield Discount(payer=payer, amount_minor=taken, currency=currency, starts_at=starts_at, ends_at=ends_at)


def _items(subscription: Payload) -> list[Item]:
    if subscription.text("status") not in EARNING or subscription.value("pause_collection") is not None:
        return []
    currency = subscription.text("currency")
    return [_item(item, currency) for item in subscription.entries("items")]


def _item(item: Payload, currency: str | None) -> Item:
    product = item.text("price.product")
    if item.text("price.recurring.usage_type") == "metered":
        return Item(Fraction(0), Fraction(0), product)
    interval = PER_MONTH.get(item.text("price.recurring.interval") or "")
    count = item.whole("price.recurring.interval_count")
    if interval is None or count is None or count < 1:
        raise ValueError("price.recurring has no known interval")
    billed = interval / count
    return Item(price_of(item, currency) * billed, billed, product)


def _applied(subscription: Payload, items: Sequence[Item]) -> Iterator[tuple[Payload | None, list[int]]]:
    """The discounts in the order in which they count, each with the places of the items that it is on; None for a mere id."""
    for place, item in enumerate(subscription.entries("items")):
        yield from ((read, [place]) for read in _read(item))
    yield from ((read, list(range(len(items)))) for read in _read(subscription))


def _read(holder: Payload) -> Iterator[Payload | None]:
    """An earlier release landed ids alone."""
    found = holder.value("discounts") or []
    if not isinstance(found, list):
        raise wrong("discounts", found, "a list")
    yield from (None if isinstance(one, str) else Payload(holder.record, one) for one in found if one is not None)


def _cut(read: Payload, places: Sequence[int], items: Sequence[Item], currency: str) -> Cut | None:
    """The discount as it recurs; None if it does not, or if it does not tell what it takes off."""
    if not _tells(read) or _once(read):
        return None
    only = read.texts("source.coupon.applies_to.products")
    chosen = frozenset(place for place in places if only is None or items[place].product in only)
    percent, off = read.number("source.coupon.percent_off"), _amount_off(read, currency)
    if percent is None and off is None:
        return None
    share = min(percent or Fraction(0), Fraction(100)) / 100  # more would turn into revenue below zero
    return Cut(chosen, share, off or 0, read.moment("start"), read.instant("end"))


def _tells(read: Payload) -> bool:
    """Whether its coupon has come along."""
    return isinstance(read.value("source.coupon"), dict)


def _once(read: Payload | None) -> bool:
    return read is not None and _tells(read) and read.text("source.coupon.duration") == "once"


def _amount_off(read: Payload, currency: str) -> int | None:
    if read.text("source.coupon.currency") == currency:
        path = "source.coupon.amount_off"
    else:
        path = f"source.coupon.currency_options.{currency}.amount_off"
    return None if read.value(path) is None else read.amount(path)


def _left(items: Sequence[Item], cuts: Sequence[Cut]) -> int:
    """What all items bring per month after these discounts, one after the other."""
    left = [item.amount for item in items]
    for cut in cuts:
        whole = sum((left[place] for place in cut.items), Fraction(0))
        off = cut.off * max((items[place].billed for place in cut.items), default=Fraction(0))
        kept = (1 - cut.share) * (max(whole - off, Fraction(0)) / whole if whole else 1)
        left = [amount * kept if place in cut.items else amount for place, amount in enumerate(left)]
    return round(sum(left, Fraction(0)))


def _stretches(cuts: Sequence[Cut]) -> list[tuple[datetime, datetime | None]]:
    """From each instant at which a discount begins or ends to the next; the last one has no end."""
    turns = sorted({cut.starts_at for cut in cuts} | {cut.ends_at for cut in cuts if cut.ends_at})
    return [*pairwise([*turns, None])] if turns else []  # type: ignore[list-item]  # only the last is None
