"""A real org's data in the sandbox: the NPSP data sets, SQLite scripts with one table per object.

What the sandbox's schema lacks is left out by name; a table or column that is neither mapped nor named is an error, so that nothing
gets lost unseen. Source: NPSP `datasets/mapping.yml` (fields and lookups of each table).
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.salesforce.ids import make_id
from sandbox.salesforce.setup_objects import OBJECTS
from sandbox.salesforce.state import SalesforceState


def _yes(text: str) -> bool:
    return text == "true"


@dataclass(frozen=True)
class Table:
    """How one table becomes one object: column to field, column to lookup with its object, and columns left out."""

    fields: dict[str, str]
    lookups: dict[str, tuple[str, str]]
    left_out: frozenset[str] = frozenset()


BILLING = ("BillingCountry", "BillingStreet", "BillingState", "BillingCity", "BillingPostalCode")
TABLES = {
    "Account": Table(
        {name: name for name in ("Name", *BILLING)}, {}, frozenset({"npe01__SYSTEM_AccountType__c", "RecordTypeId"})
    ),
    "Campaign": Table({"name": "Name"}, {}),
    "Contact": Table(
        {name: name for name in ("Salutation", "FirstName", "LastName", "Email", "Phone", "Title")},
        {"account_id": ("AccountId", "Account")},
        frozenset({"primary_affiliation__c"}),
    ),
    "Opportunity": Table(
        {"name": "Name", "amount": "Amount", "stage_name": "StageName", "close_date": "CloseDate"},
        {"account_id": ("AccountId", "Account"), "campaign_id": ("CampaignId", "Campaign")},
        frozenset({"dont_create_payments", "primary_contact__c", "npe03__recurring_donation__c"}),
    ),
    "OpportunityContactRole": Table(
        {"Role": "Role", "IsPrimary": "IsPrimary"},
        {"contact_id": ("ContactId", "Contact"), "opportunity_id": ("OpportunityId", "Opportunity")},
    ),
    "CampaignMember": Table(
        {"status": "Status"}, {"contact_id": ("ContactId", "Contact"), "campaign_id": ("CampaignId", "Campaign")}
    ),
}
LEFT_OUT = frozenset(
    {
        "Account_rt_mapping", "Address__c", "Allocation__c", "General_Accounting_Unit__c", "Partial_Soft_Credit__c",
        "npe01__OppPayment__c", "npe03__Recurring_Donation__c", "npe4__Relationship__c",
    }
)  # fmt: skip
"""Tables of custom objects, which the sandbox does not have."""

READ: dict[str, Callable[[str], Any]] = {"boolean": _yes, "currency": float}
"""The scripts hold everything as text; how some field types are read."""


def salesforce_id(name: str, source_id: int) -> str:
    """The id that a row of the data set gets."""
    return make_id(OBJECTS[name].prefix, source_id)


def load(script: Path, state: SalesforceState, *, at: datetime | None = None) -> Counter[str]:
    """Bring a data set into the org; gives the number of rows per object.

    `at` is when all rows were made, by default a day ago, which is beyond every reader's lag.
    Errors: ValueError for a table or column that is not known here.
    """
    made = at or state.clock.now() - timedelta(days=1)
    source = sqlite3.connect(":memory:")
    try:
        source.executescript(script.read_text(encoding="utf-8"))
        _check(source)
        return Counter({name: state.insert_many(name, _rows(source, name, made)) for name in TABLES})
    finally:
        source.close()


def _check(source: sqlite3.Connection) -> None:
    there = {name for (name,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    strange = sorted(there - TABLES.keys() - LEFT_OUT)
    for name in TABLES.keys() & there:
        table = TABLES[name]
        columns = {row[1] for row in source.execute(f'PRAGMA table_info("{name}")')}
        strange += sorted(
            f"{name}.{one}" for one in columns - {"id"} - table.fields.keys() - table.lookups.keys() - table.left_out
        )
    if strange:
        raise ValueError(
            f"not known how to load {', '.join(strange)}; map them in sandbox/npsp.py or leave them out by name"
        )


def _rows(source: sqlite3.Connection, name: str, made: datetime) -> Iterator[dict[str, Any]]:
    table, fields = TABLES[name], OBJECTS[name].by_name
    cursor = source.execute(f'SELECT * FROM "{name}"')  # noqa: S608  # our own names
    columns = [column[0] for column in cursor.description]
    for values in cursor:
        given = dict(zip(columns, values, strict=True))
        row: dict[str, Any] = {"Id": salesforce_id(name, given["id"]), "CreatedDate": made}
        for column, field in table.fields.items():
            text = given[column]
            row[field] = READ.get(fields[field.lower()].type, str)(text) if text else None
        for column, (field, parent) in table.lookups.items():
            row[field] = salesforce_id(parent, int(given[column])) if given[column] else None
        yield row
