"""An org of the practice ground, and a client that waits for nothing."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from connectors.base import FieldSpec, Page, Position
from connectors.salesforce import CONNECTOR
from connectors.salesforce.client import Org
from connectors.salesforce.enrich import SalesforceCrm
from connectors.salesforce.pull import SalesforceSource
from connectors.salesforce.settings import SalesforceSettings
from connectors.salesforce.spans import Sizes
from models.clock import FrozenClock
from models.records import Record
from sandbox.faults import Fault
from sandbox.salesforce.custom_fields import Metadata, field_of
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.state import INTEGRATION_USER


def stamp(at: datetime) -> str:
    """An instant as REST writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


@dataclass
class Practice:
    """One org, its clock, and ways to plant, break and read it."""

    sandbox: Any
    clock: FrozenClock
    waits: list[float] = field(default_factory=list)

    def settings(self, **other: Any) -> SalesforceSettings:
        known = {"client_id": "sidecar-sandbox", "client_secret": "sandbox-secret", "domain": "acme.my"}
        return SalesforceSettings(**{**known, "base_url": self.sandbox.url, **other})

    def org(self, **other: Any) -> Org:
        return Org(self.settings(**other), pause=self.waits.append)

    def source(self, sizes: Sizes | None = None, **other: Any) -> SalesforceSource:
        return SalesforceSource(self.org(**other), self.clock, sizes or Sizes())

    def crm(self, **other: Any) -> SalesforceCrm:
        return SalesforceCrm(self.org(**other))

    def plant(self, object_name: str, prefix: str, numbers: range, at: datetime, **fields: Any) -> list[str]:
        """Rows of one object, all with the same stamp; returns their ids."""
        ids = [make_id(prefix, number) for number in numbers]
        stamps = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), stamp(at))
        named = {"Contact": "LastName", "Individual": "LastName", "Lead": "LastName", "Account": "Name"}.get(
            object_name
        )
        self.sandbox.state.insert_many(
            object_name,
            [
                {"Id": one, **stamps, "IsDeleted": False, **({named: f"N{one}"} if named else {}), **fields}
                for one in ids
            ],
        )
        return ids

    def contacts(self, numbers: range, at: datetime | None = None, **fields: Any) -> list[str]:
        return self.plant("Contact", "003", numbers, at or self.clock.now() - timedelta(hours=1), **fields)

    def custom(self, object_name: str, *names: str, **metadata: Any) -> None:
        """Custom fields that the integration user sees, all of one kind."""
        tables, state = self.sandbox.state.tables, self.sandbox.state
        made = Metadata(**{"type": "Text", "label": "x", "length": 80, **metadata})
        group = tables.run('SELECT "Id" FROM "PermissionSet" WHERE "Name" = \'All\'') or [(make_id("0PS", 77),)]
        ((group_id,),) = group
        state.insert_many("PermissionSet", [{"Id": group_id, "Name": "All", "Label": "All"}])
        state.insert_many(
            "PermissionSetAssignment",
            [{"Id": make_id("0Pa", 77), "PermissionSetId": group_id, "AssigneeId": INTEGRATION_USER}],
        )
        for name in names:
            tables.add_column(object_name, field_of(f"{name}__c", made))
        shared = {"TableEnumOrId": object_name, "Metadata": made.model_dump(mode="json")}
        state.insert_many("CustomField", [{"DeveloperName": name, **shared} for name in names])
        granted = {"ParentId": group_id, "SobjectType": object_name, "PermissionsRead": True}
        state.insert_many("FieldPermissions", [{**granted, "Field": f"{object_name}.{name}__c"} for name in names])
        tables.reload()

    def fault(self, path: str, **what: Any) -> None:
        self.sandbox.faults.add(Fault(path=path, **what))

    def asked(self, path: str) -> int:
        return len(self.sandbox.log.matching(path))


def pull(
    source: SalesforceSource, name: str = "contacts", cursor: Position | None = None, resume: Position | None = None
) -> list[Page]:
    """All pages of one walk."""
    return list(source.pages(CONNECTOR.streams_by_name[name], cursor, resume))


def records(pages: list[Page]) -> list[Record]:
    return [record for page in pages for record in page.records]


def ids(pages: list[Page]) -> list[str]:
    return [record.key.id for record in records(pages)]


@pytest.fixture
def practice(salesforce_sandbox: Any, clock: FrozenClock) -> Practice:
    return Practice(salesforce_sandbox, clock)


EVERYBODY = frozenset({"person", "account", "deal"})
SPECS = (
    FieldSpec("top_belief", "Belief: Top", "What they believe.", "text", EVERYBODY, length=255),
    FieldSpec("summary", "Belief: Summary", "Their beliefs.", "long_text", EVERYBODY, length=8000),
    FieldSpec("alignment_score", "Belief: Score", "0 to 100.", "number", EVERYBODY, length=3),
    FieldSpec("confidence", "Belief: Confidence", "In percent.", "percent", EVERYBODY, length=5, scale=2),
    FieldSpec("trend", "Belief: Trend", "Where it goes.", "picklist", EVERYBODY, values=("Converging", "Steady")),
    FieldSpec("updated_at", "Belief: Updated", "Since when.", "datetime", EVERYBODY),
    FieldSpec("run_id", "Belief: Run", "For machines.", "text", EVERYBODY, length=36, hidden=True),
    FieldSpec("lock", "Belief: Lock", "Tick to stop updates.", "checkbox", EVERYBODY, reps_edit=True),
    FieldSpec(
        "feedback",
        "Belief: Feedback",
        "Right or wrong?",
        "picklist",
        EVERYBODY,
        values=("Agree", "Disagree"),
        reps_edit=True,
    ),
    FieldSpec("revenue_to_date", "Belief: Revenue", "Paid so far.", "money", frozenset({"person"}), length=16, scale=2),
)
"""One field of each kind."""
