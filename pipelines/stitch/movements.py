"""Every movement of money as revenue counts it: one purchase's tax is dated as its charge, and goes back with what is given back.

A vendor tells tax with the bill, and charges, refunds and disputes by themselves; what they have in common is the purchase.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from models.facts import Payment
from pipelines.ingest.lake import Lake

CHARGE, TAX = "charge", "tax"
GIVEN_BACK = ("refund", "dispute")
BILL = ["purchase", "currency"]
"""Among what shares these, tax is told apart: amounts of other currencies are no part of it."""


class Returned(NamedTuple):
    """Tax that goes back with a refund or dispute, in minor units."""

    record: str
    kind: str
    tax_returned: int


def movements(lake: Lake) -> ir.Table:
    """Every payment once: `record, payer, kind, currency, purchase, occurred_at, amount_minor, tax_returned, amount`.

    Units: minor units; `amount` is what it adds to net revenue, negative where it takes. Tax is dated at the charge that it was paid
    with, which a bill that is settled days later (a direct debit) does not know.
    """
    told = lake.facts(Payment)
    told = told.mutate(purchase=ibis.coalesce(told.purchase, told.record))
    charged = told.filter(told.kind == CHARGE).group_by(*BILL).agg(charged_at=lambda rows: rows.occurred_at.min())
    known = told.left_join(charged, BILL).select(*told.columns, "charged_at")
    known = known.left_join(ibis.memtable(_returned(told)), ["record", "kind"]).select(*known.columns, "tax_returned")
    known = known.mutate(
        occurred_at=(known.kind == TAX).ifelse(known.charged_at, None).coalesce(known.occurred_at),
        tax_returned=known.tax_returned.fill_null(0),
    )
    return known.select(
        "record", "payer", "kind", "currency", "purchase", "occurred_at", "amount_minor", "tax_returned",
        amount=(known.kind == CHARGE).ifelse(known.amount_minor, known.tax_returned - known.amount_minor),
    )  # fmt: skip


def tax_returned(purchase: Sequence[Mapping[str, Any]]) -> Iterator[Returned]:
    """The tax that goes back with each refund and dispute of a purchase, of which these are all payments of one currency.

    Each part of what was charged bears equal tax, rounded over all that was given back so far, so that the whole gives back the whole.
    What credit notes took back already (`credited_minor`) is not taken again; nor is more given back than was charged. Nothing is told
    where no charge is known, as nobody can say then which part of it came back.
    """
    charged, tax, credited = (
        sum(row[column] or 0 for row in purchase if row["kind"] == kind)
        for kind, column in ((CHARGE, "amount_minor"), (TAX, "amount_minor"), (TAX, "credited_minor"))
    )
    given = done = 0
    for row in sorted(purchase, key=lambda row: (row["occurred_at"], row["record"])):
        if row["kind"] in GIVEN_BACK and charged:
            given += row["amount_minor"]
            share = round(Fraction((tax + credited) * min(given, charged), charged))
            due = max(share - credited, 0)
            yield Returned(row["record"], row["kind"], due - done)
            done = due


def _returned(told: ir.Table) -> pa.Table:
    """What goes back with which record; exact beyond 64 bits, hence by Python, and only for what was taxed and given back."""
    taxed, given = (told.filter(told.kind.isin(kinds)).select(*BILL).distinct() for kinds in ((TAX,), GIVEN_BACK))
    both = told.semi_join(taxed, BILL).semi_join(given, BILL)
    columns = ("record", "kind", "occurred_at", "amount_minor", "credited_minor")
    rows = both.select(*BILL, *columns).order_by(*BILL).to_pyarrow().to_pylist()
    return _table(
        part for _, bill in groupby(rows, lambda row: [row[name] for name in BILL]) for part in tax_returned([*bill])
    )


def _table(found: Iterable[Returned]) -> pa.Table:
    return pa.Table.from_pylist([one._asdict() for one in found], schema=RETURNED)


RETURNED_COLUMNS: dict[str, pa.DataType] = {"record": pa.string(), "kind": pa.string(), "tax_returned": pa.int64()}
RETURNED = pa.schema(RETURNED_COLUMNS)
