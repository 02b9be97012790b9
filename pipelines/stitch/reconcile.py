"""Whether the books agree: `revenue` with all payments, these with the vendor's own balance, and `spend` with what ads cost."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import ibis.expr.types as ir

from models.facts import Payment, Spend
from models.money import minor_digits
from pipelines.ingest.lake import Lake
from pipelines.stitch.derived import RECEIPTS, REVENUE, SPEND, read
from pipelines.stitch.journeys import PARTS, discounts_at
from pipelines.stitch.movements import CHARGE, TAX, movements
from pipelines.stitch.spend import AD_DAY, ad_days

Sums = Counter[tuple[str, str]]
"""Minor units by (kind of payment, currency)."""

BALANCE = ("stripe", "balance_transactions")
ACCOUNT_DAYS = ("meta_ads", "insights")
ACCOUNT_SPEND, UNKNOWN_AD = "account_spend", "unknown"
"""Of the vendor's records: what the account says a day cost, and the ad that bears what no other does."""
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
    """What `revenue` has more (or less, negative) than all payments together; empty if every payment counts once.

    Tax that went back with what was given back is no part of it.
    """
    found: Sums = Counter()
    table = lake.table(REVENUE.name)
    for row in table.to_pyarrow().to_pylist() if table is not None else []:
        for kind, column in PARTS.items():
            found[kind, row["currency"]] += row[column]
    moved = movements(lake)
    back = moved.group_by("currency").agg(tax=moved.tax_returned.sum().cast("int64")).to_pyarrow().to_pylist()
    kept = payments(lake.facts(Payment))
    kept.subtract({(TAX, row["currency"]): row["tax"] for row in back})
    return _difference(found, kept)


def unreceived(lake: Lake) -> Mapping[tuple[str, str], int]:
    """What `receipts` has more (or less, negative) than all payments together; empty if every payment is one receipt."""
    table = read(lake, RECEIPTS)
    whole = (table.kind == CHARGE).ifelse(table.amount, table.tax_returned - table.amount)
    found = payments(table.mutate(amount_minor=whole))
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
    return _difference(Counter({place: number for place, number in own.items() if place[0] != TAX}), found)


def undiscounted(lake: Lake, now: datetime) -> int:
    """Discounts that last at this instant and do not tell what they take off."""
    off = discounts_at(lake, now)
    return int(off.filter(off.amount_minor.isnull()).count().to_pyarrow().as_py())


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


@dataclass(frozen=True)
class AdBill:
    """What ads cost beside what their accounts say: days compared, days of which the account told nothing, and days that are off.

    `unknown` are the days on which ads cost something that Meta names no more; `off` is in minor units, by day and currency.
    """

    days: int
    untold: int
    unknown: int
    off: Mapping[tuple[str, str], int]


def ad_bill(lake: Lake) -> AdBill:
    """Every account's day that was over when it was read; one that was not is told anew within the hour."""
    told = {(row["account"], row["id"]): row for row in _account_days(lake)}
    sums = {(row["account"], row["day"]): row for row in _ad_sums(lake)}
    over = {
        place: row for place, row in told.items() if place not in sums or sums[place]["ends_at"] <= row["updated_at"]
    }
    known = {place: row for place, row in over.items() if row["total"] is not None}
    off: Counter[tuple[str, str]] = Counter()
    for place, row in known.items():
        total = int(Decimal(row["total"]).scaleb(minor_digits(row["currency"])).to_integral_value())
        off[place[1], row["currency"]] += (sums[place]["amount"] if place in sums else 0) - total
    unknown = sum(sums[place]["unknown"] for place in known if place in sums)
    return AdBill(
        len(known), len(over) - len(known), unknown, {place: left for place, left in sorted(off.items()) if left}
    )


def _account_days(lake: Lake) -> list[dict[str, Any]]:
    latest = lake.latest(*ACCOUNT_DAYS)
    payload = latest.payload.cast("json")
    days = latest.filter(~latest.deleted).select(
        "account", "id", "updated_at",
        currency=payload["currency"].unwrap_as("string"), total=payload[ACCOUNT_SPEND].unwrap_as("string"),
    )  # fmt: skip
    rows: list[dict[str, Any]] = days.to_pyarrow().to_pylist()
    return rows


def _ad_sums(lake: Lake) -> list[dict[str, Any]]:
    facts = lake.facts(Spend)
    own = facts.filter(facts.vendor == ACCOUNT_DAYS[0])
    sums = own.group_by("account", "day").agg(
        amount=own.amount_minor.sum().cast("int64"),
        ends_at=own.ends_at.max(),
        unknown=(own.ad_id == UNKNOWN_AD).any().cast("int64"),
    )
    rows: list[dict[str, Any]] = sums.to_pyarrow().to_pylist()
    return rows


def payments(facts: ir.Table) -> Sums:
    """The payments summed by kind and currency."""
    sums = facts.group_by("kind", "currency").agg(amount=facts.amount_minor.sum().cast("int64"))
    return Counter({(row["kind"], row["currency"]): row["amount"] for row in sums.to_pyarrow().to_pylist()})


def _difference(left: Sums, right: Sums) -> dict[tuple[str, str], int]:
    places = sorted({*left, *right})
    return {place: left[place] - right[place] for place in places if left[place] != right[place]}
