"""The derived tables of the lake: their columns, and writing them only when their content has changed."""

from collections.abc import Mapping
from dataclasses import dataclass

import ibis.expr.types as ir
import pyarrow as pa

from pipelines.ingest.lake import Lake
from pipelines.ingest.schemas import INSTANT

ENGAGEMENTS = ("call", "email", "message", "meeting", "task", "ticket", "form", "product")
"""Kinds of engagement that are counted apart; `engagements` counts all."""
UNASSIGNED = "unassigned"
"""Scope of money that no person or account paid, as far as we know."""
TOUCH: Mapping[str, tuple[pa.DataType, str]] = {
    "at": (INSTANT, "when it was, UTC"),
    "channel": (pa.string(), "its channel, such as lead_ad, paid_social or campaign"),
    "source": (pa.string(), "name of the campaign, ad or source"),
    "source_id": (pa.string(), "vendor id of the campaign or source"),
    "ad_id": (pa.string(), "the ad platform's id of the ad, where it is known"),
    "ad": (pa.string(), "name of that ad, where its platform has told of it"),
    "platform": (
        pa.string(),
        "the ad platform it came by, as its connector is called, where a link, a click id or the ad tells",
    ),
}
"""What is known of one contact with our marketing."""


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
        **{
            f"{end}_touch_{name}": (kind, f"{words} touch: {text}")
            for end, words in (("first", "first"), ("last", "latest"))
            for name, (kind, text) in TOUCH.items()
        },
        "touches": (pa.int64(), "arrivals and contacts with our marketing, each once whoever tells of it"),
        "engagements": (pa.int64(), "things done with us or by us with them, of any kind"),
        **{f"{kind}s": (pa.int64(), f"engagements of kind {kind}") for kind in ENGAGEMENTS},
        "first_engaged_at": (INSTANT, "first engagement, UTC"),
        "last_engaged_at": (INSTANT, "latest engagement, UTC"),
        "sessions": (pa.int64(), "bursts of visits and product use"),
        "last_session_at": (INSTANT, "end of the latest session, UTC"),
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
        "tax": (pa.int64(), "tax that was paid with it and did not go back with what was given back, minor units"),
        "net": (pa.int64(), "charged less refunded, disputed and tax, minor units"),
        "payments": (pa.int64(), "movements of money"),
        "last_payment_at": (INSTANT, "latest movement, UTC"),
        "mrr": (pa.int64(), "monthly recurring revenue of running subscriptions after discounts, minor units"),
    },
)
RECEIPTS = Derived(
    "receipts",
    "Every movement of money once, with its payer; net revenue is the sum of the amounts of a currency.",
    ("record", "kind", "purchase"),
    {
        "record": (pa.string(), "the vendor record that tells of it"),
        "kind": (pa.string(), "charge, refund, dispute or tax"),
        "scope": (pa.string(), "whether a person or an account paid; unassigned where nobody is known"),
        "entity_id": (pa.string(), "the person or account that paid; empty where nobody is known"),
        "person_id": (pa.string(), "the person, where a person paid"),
        "account_id": (pa.string(), "the account that paid, or that the paying person belongs to now"),
        "occurred_at": (INSTANT, "when the money moved, UTC"),
        "currency": (pa.string(), "ISO 4217, lower case"),
        "amount": (
            pa.int64(),
            "minor units; what is refunded, disputed or tax is negative, and without the tax that goes back with it",
        ),
        "tax_returned": (
            pa.int64(),
            "tax that goes back with a refund or dispute and that no credit note has told of, minor units",
        ),
        "value": (pa.int64(), "the same in minor units of the reporting currency; empty where no rate is known"),
        "purchase": (
            pa.string(),
            "what a charge shares with its refunds, disputes and tax; the record itself where none is told",
        ),
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
SPEND = Derived(
    "spend",
    "What each ad cost each day, by the persons it brought that day; one row without person where it brought nobody we know.",
    ("vendor", "account", "day", "ad_id", "currency", "person_id"),
    {
        "vendor": (pa.string(), "the ad platform"),
        "account": (pa.string(), "its id of the ad account"),
        "day": (pa.string(), "day of the ad account's own time zone, as 2026-01-31"),
        "ad_id": (pa.string(), "the platform's id of the ad"),
        "ad": (pa.string(), "the ad's latest name"),
        "campaign_id": (pa.string(), "the platform's id of the ad's campaign"),
        "campaign": (pa.string(), "the campaign's latest name"),
        "person_id": (pa.string(), "whom the ad brought that day; empty for what is allocated to nobody"),
        "way": (pa.string(), "how exactly that is known: by a form on the ad platform, or by a link that names the ad"),
        "currency": (pa.string(), "ISO 4217, lower case"),
        "amount": (pa.int64(), "this row's part of the day's cost, minor units; the parts add up to it exactly"),
    },
)
SESSIONS = Derived(
    "sessions",
    "Bursts of visits and product use of one person, with no pause of more than 30 minutes.",
    ("person_id", "started_at"),
    {
        "person_id": (pa.string(), "the person"),
        "started_at": (INSTANT, "first event, UTC"),
        "ended_at": (INSTANT, "last event, UTC"),
        "events": (pa.int64(), "arrivals and things done"),
        "actions": (pa.int64(), "things done in the product"),
        "landing_channel": (pa.string(), "channel of the first arrival in it; empty where none is known"),
        "landing_platform": (pa.string(), "the ad platform it came by, where it is known"),
        "landing_ad_id": (pa.string(), "the ad of that arrival"),
    },
)
DERIVED = (JOURNEYS, REVENUE, RECEIPTS, OUTCOMES, SPEND, SESSIONS)


def read(lake: Lake, derived: Derived) -> ir.Table:
    """The table as the lake holds it; without rows where it was never written."""
    return lake.derived(derived.name, derived.schema)


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
