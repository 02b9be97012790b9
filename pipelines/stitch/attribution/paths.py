"""The way to each purchase: who bought what when, and which touches came before.

A customer is the account that paid or that the paying person belongs to, else the person. Everybody at an account walks its path.
"""

from datetime import timedelta

import ibis
import ibis.expr.types as ir
from ibis import _

from pipelines.stitch.arrivals import UNKNOWN, WAYS, way

DIRECT = ("direct_traffic", "direct")
"""Visits of people who knew the address."""
UNIT = ["customer_id", "conversion"]
"""What names a purchase of a customer."""


def touches(came: ir.Table, belongs: ir.Table) -> ir.Table:
    """Arrivals (`arrivals.py`) with the customer that each person is or belongs to; `belongs` has `person_id, account_id`."""
    known = came.left_join(belongs, "person_id").drop("person_id_right")
    return known.select(
        "person_id", "platform", "campaign_id", "ad_id", touched_at="occurred_at", nth="place",
        customer_id=ibis.coalesce(known.account_id, known.person_id),
        channel=ibis.coalesce(known.marketed_as, known.channel),
        way=way(known),
    )  # fmt: skip


def purchases(receipts: ir.Table) -> ir.Table:
    """Every purchase of every customer, by currency: what remains of it, and whether it is the customer's first.

    Shape: `customer_id, conversion, currency, amount, value, converted_at, first`. `value` is null where a part has no rate. A refund
    whose charge is not known stands alone, at its own instant, and is nobody's first.
    """
    known = receipts.mutate(customer_id=ibis.coalesce(receipts.account_id, receipts.person_id))
    known = known.filter(known.customer_id.notnull())
    money = known.group_by(*UNIT[:1], "currency", conversion="purchase").agg(
        amount=_total(known.amount), value=_whole(known)
    )
    bought = known.filter(known.kind == "charge", known.amount > 0)
    paid = bought.group_by("customer_id", conversion="purchase").agg(paid_at=bought.occurred_at.min())
    moved = known.group_by("customer_id", conversion="purchase").agg(moved_at=known.occurred_at.min())
    order = [paid.paid_at, paid.conversion]
    ranked = paid.mutate(nth=ibis.row_number().over(group_by="customer_id", order_by=order))
    at = moved.left_join(ranked, UNIT).select(
        *UNIT,
        converted_at=ibis.coalesce(_.paid_at, _.moved_at),
        first=(_.nth == 0).fill_null(False),  # noqa: FBT003
    )
    return money.join(at, UNIT)


def by_customer(bought: ir.Table) -> ir.Table:
    """All that each customer paid, by currency, as if it had been paid with the first purchase; who never bought is left out."""
    first = bought.filter(bought["first"]).select(*UNIT, "converted_at", "first").distinct()
    sums = bought.group_by("customer_id", "currency").agg(amount=_total(bought.amount), value=_whole(bought))
    return sums.join(first, "customer_id")


def paths(bought: ir.Table, touched: ir.Table, lookback: timedelta) -> ir.Table:
    """The touches before each purchase and within the lookback, `place` 0 being the first of `length`; purchases without any are left out.

    Shape: `UNIT`, `converted_at`, the columns of a touch, `place`, `length` and `days` before the purchase.
    """
    units = bought.select(*UNIT, "converted_at").distinct()
    since = units.converted_at - ibis.interval(days=lookback.days)
    found = (
        units.mutate(since=since)
        .join(
            touched,
            [_.customer_id == touched.customer_id, touched.touched_at <= _.converted_at, touched.touched_at >= _.since],
        )
        .drop("customer_id_right")
    )
    order = [found.touched_at, found.person_id, found.nth]
    return found.mutate(
        place=ibis.row_number().over(group_by=UNIT, order_by=order).cast("int64"),
        length=found.count().over(group_by=UNIT).cast("int64"),
        days=(found.converted_at.epoch_seconds() - found.touched_at.epoch_seconds()) / 86_400,
    )  # fmt: skip


def ways(bought: ir.Table, touched: ir.Table) -> ir.Table:
    """How exactly it is known how customers came (`arrivals.WAYS`), by the most exact of their touches before they first bought."""
    first = bought.filter(bought["first"]).select("customer_id", "converted_at").distinct()
    before = first.left_join(
        touched, [first.customer_id == touched.customer_id, touched.touched_at <= first.converted_at]
    )
    best = before.mutate(exact=_rank(before.way)).group_by("customer_id").agg(exact=_.exact.min())
    return best.group_by("exact").agg(customers=best.count())


def _rank(told: ir.StringValue) -> ir.IntegerValue:
    return ibis.cases(*((told == one, rank) for rank, one in enumerate(WAYS)), else_=WAYS.index(UNKNOWN))


def _total(amounts: ir.IntegerColumn) -> ir.IntegerScalar:
    return amounts.sum().cast("int64")


def _whole(known: ir.Table) -> ir.IntegerScalar:
    """The sum of values, null if one of them is."""
    return (known.value.count() == known.count()).ifelse(_total(known.value), ibis.null("int64"))
