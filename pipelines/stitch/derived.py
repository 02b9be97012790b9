"""The derived tables of the lake: their columns, and writing them only when their content has changed."""

from collections.abc import Mapping
from dataclasses import dataclass

import ibis.expr.types as ir
import pyarrow as pa

from pipelines.ingest.lake import Lake
from pipelines.ingest.schemas import INSTANT

ENGAGEMENTS = ("call", "email", "meeting", "task", "ticket", "form")
"""Kinds of engagement that are counted apart; `engagements` counts all."""


@dataclass(frozen=True)
class Derived:
    """One derived table: its columns with type and meaning, and the columns that name a row."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: Mapping[str, tuple[pa.DataType, str]]

    @property
    def schema(self) -> pa.Schema:
        """Its columns as Arrow has them."""
        return pa.schema({name: kind for name, (kind, _) in self.columns.items()})


JOURNEYS = Derived(
    "journeys",
    "One row per person: how they came, what they did with us.",
    ("person_id",),
    {
        "person_id": (pa.string(), "the person"),
        "account_id": (pa.string(), "the account they belong to now; empty if none is known"),
        "records": (pa.int64(), "vendor records of this person"),
        "first_touch_at": (INSTANT, "first contact with our marketing, UTC"),
        "first_touch_channel": (pa.string(), "channel of the first touch"),
        "first_touch_source": (pa.string(), "name of the campaign, ad or source of the first touch"),
        "first_touch_source_id": (pa.string(), "vendor id of the campaign or ad of the first touch"),
        "last_touch_at": (INSTANT, "latest contact with our marketing, UTC"),
        "last_touch_channel": (pa.string(), "channel of the latest touch"),
        "last_touch_source": (pa.string(), "name of the campaign, ad or source of the latest touch"),
        "touches": (pa.int64(), "contacts with our marketing"),
        "engagements": (pa.int64(), "things done with us or by us with them, of any kind"),
        **{f"{kind}s": (pa.int64(), f"engagements of kind {kind}") for kind in ENGAGEMENTS},
        "first_engaged_at": (INSTANT, "first engagement, UTC"),
        "last_engaged_at": (INSTANT, "latest engagement, UTC"),
    },
)
REVENUE = Derived(
    "revenue",
    "Money by payer and currency; payments that name nobody are one row per currency with scope `unassigned`.",
    ("scope", "entity_id", "currency"),
    {
        "entity_id": (pa.string(), "the person or account that paid; empty for unassigned money"),
        "scope": (pa.string(), "person, account or unassigned"),
        "currency": (pa.string(), "ISO 4217, lower case"),
        "charged": (pa.int64(), "money taken, minor units"),
        "refunded": (pa.int64(), "money given back, minor units"),
        "disputed": (pa.int64(), "money called back by banks, minor units"),
        "tax": (pa.int64(), "tax that was paid with it, minor units"),
        "net": (pa.int64(), "charged less refunded, disputed and tax, minor units"),
        "payments": (pa.int64(), "movements of money"),
        "last_payment_at": (INSTANT, "latest movement, UTC"),
        "mrr": (pa.int64(), "monthly recurring revenue of running subscriptions, minor units"),
    },
)
OUTCOMES = Derived(
    "outcomes",
    "Deals by account and currency as the CRM tells them; never revenue.",
    ("account_id", "currency"),
    {
        "account_id": (pa.string(), "the account; empty for deals that name none"),
        "currency": (pa.string(), "ISO 4217, lower case; empty where the CRM names none"),
        **{
            name: (pa.int64(), text)
            for status in ("open", "won", "lost")
            for name, text in ((status, f"{status} deals"), (f"{status}_amount", "their amounts, minor units"))
        },
    },
)
DERIVED = (JOURNEYS, REVENUE, OUTCOMES)


def shaped(derived: Derived, expression: ir.Table) -> pa.Table:
    """The rows in the table's own columns and in the order of its key."""
    table: pa.Table = expression.select(*derived.columns).to_pyarrow().cast(derived.schema)
    return table.sort_by([(name, "ascending") for name in derived.key])


def put(lake: Lake, derived: Derived, table: pa.Table) -> bool:
    """Write the table unless the lake holds the very same rows; says whether it was written."""
    known = lake.table(derived.name)
    if known is not None and set(known.columns) == set(derived.columns) and shaped(derived, known).equals(table):
        return False
    lake.replace(derived.name, table, description=derived.description)
    return True
