"""Whether the books agree: `revenue` with all payments, these with the vendor's own balance, and `spend` with what ads cost."""

from collections import Counter
from collections.abc import Mapping

import ibis.expr.types as ir

from models.facts import Payment
from pipelines.ingest.lake import Lake
from pipelines.stitch.derived import RECEIPTS, REVENUE, SPEND
from pipelines.stitch.journeys import PARTS
from pipelines.stitch.spend import AD_DAY, ad_days

Sums = Counter[tuple[str, str]]
"""Minor units by (kind of payment, currency)."""

BALANCE = ("stripe", "balance_transactions")
CATEGORIES = {
    "charge": "charge",
    "charge_failure": "charge",
    "partial_capture_reversal": "charge",
    "refund": "refund",
    "refund_failure": "refund",
    "dispute": "dispute",
    "dispute_reversal": "dispute",
}
"""Kind of payment behind a movement of the balance. Source: https://docs.stripe.com/reports/reporting-categories."""


def unaccounted(lake: Lake) -> Mapping[tuple[str, str], int]:
    """What `revenue` has more (or less, negative) than all payments together; empty if every payment counts once."""
    found: Sums = Counter()
    table = lake.table(REVENUE.name)
    for row in table.to_pyarrow().to_pylist() if table is not None else []:
        for kind, column in PARTS.items():
            found[kind, row["currency"]] += row[column]
    return _difference(found, payments(lake.facts(Payment)))


def unreceived(lake: Lake) -> Mapping[tuple[str, str], int]:
    """What `receipts` has more (or less, negative) than all payments together; empty if every payment is one receipt."""
    table = lake.table(RECEIPTS.name)
    if table is None:
        return _difference(Counter(), payments(lake.facts(Payment)))
    sums = (
        table.group_by("kind", "currency").agg(amount=table.amount.abs().sum().cast("int64")).to_pyarrow().to_pylist()
    )
    found = Counter({(row["kind"], row["currency"]): row["amount"] for row in sums})
    return _difference(found, payments(lake.facts(Payment)))


def unbalanced(lake: Lake) -> Mapping[tuple[str, str], int] | None:
    """What Stripe's payments have more (or less, negative) than its balance; None where no balance has been pulled.

    Units: minor units of the settlement currency; an account that converts on payout differs by design.
    """
    latest = lake.latest(*BALANCE)
    balance = latest.filter(~latest.deleted)
    payload = balance.payload.cast("json")
    moved = balance.select(
        category=payload["reporting_category"].unwrap_as("string"),
        currency=payload["currency"].unwrap_as("string"),
        amount=payload["amount"].unwrap_as("int64"),
    )
    sums = moved.group_by("category", "currency").agg(amount=moved.amount.sum().cast("int64")).to_pyarrow().to_pylist()
    if not sums:
        return None
    found: Sums = Counter()
    for row in sums:
        if kind := CATEGORIES.get(row["category"]):
            # money that leaves is negative in the balance and positive as a refund or dispute
            found[kind, row["currency"]] += row["amount"] if kind == "charge" else -row["amount"]
    facts = lake.facts(Payment)
    own = payments(facts.filter(facts.vendor == BALANCE[0]))
    return _difference(Counter({place: number for place, number in own.items() if place[0] != "tax"}), found)


def misallocated(lake: Lake) -> Mapping[tuple[str, str], int]:
    """Ad-days whose rows in `spend` do not add up to what the platform says, by platform and currency; empty if all do."""
    table = lake.table(SPEND.name)
    told = ad_days(lake).select(*AD_DAY, "amount")
    if table is not None:
        told = told.union(table.select(*AD_DAY, amount=-table.amount))
    left = told.group_by(*AD_DAY).agg(amount=told.amount.sum())
    off = left.filter(left.amount != 0).group_by("vendor", "currency").agg(days=lambda rows: rows.count())
    rows = off.order_by("vendor", "currency").to_pyarrow().to_pylist()
    return {(row["vendor"], row["currency"]): row["days"] for row in rows}


def payments(facts: ir.Table) -> Sums:
    """The payments summed by kind and currency."""
    sums = facts.group_by("kind", "currency").agg(amount=facts.amount_minor.sum().cast("int64"))
    return Counter({(row["kind"], row["currency"]): row["amount"] for row in sums.to_pyarrow().to_pylist()})


def _difference(left: Sums, right: Sums) -> dict[tuple[str, str], int]:
    places = sorted({*left, *right})
    return {place: left[place] - right[place] for place in places if left[place] != right[place]}
