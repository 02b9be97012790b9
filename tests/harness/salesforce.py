"""An org: late transactions, the recycle bin, hard deletes and merges, short results by REST and long ones by Bulk jobs."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from connectors.salesforce.client import Org
from connectors.salesforce.pull import SalesforceSource
from connectors.salesforce.settings import SalesforceSettings
from connectors.salesforce.spans import Sizes
from models.clock import FrozenClock
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.state import INTEGRATION_USER, ORG_ID, REP
from sandbox.salesforce.tokens import CLIENT_ID, CLIENT_SECRET
from sandbox.salesforce.values import wire
from tests.harness import Living, Payload, Served, backdated

TEXTS = {
    "Account": "Name", "Contact": "Description", "Lead": "Description", "Opportunity": "NextStep", "OpportunityContactRole": "Role",
    "Task": "Description", "Event": "Description", "Case": "Subject", "CaseComment": "CommentBody", "EmailMessage": "TextBody",
    "Campaign": "Description", "CampaignMember": "Status", "User": "Title",
}  # fmt: skip
"""A field of each object that people type into and that no other record shows."""
PREFIXES = {
    "Account": "001", "Contact": "003", "Lead": "00Q", "Opportunity": "006", "OpportunityContactRole": "00K", "Task": "00T",
    "Event": "00U", "Case": "500", "CaseComment": "00a", "EmailMessage": "02s", "Campaign": "701", "CampaignMember": "00v",
    "User": "005",
}  # fmt: skip
SHOWN_OF_PARENTS = {
    "CampaignMember": (("Campaign", "CampaignId", "Campaign", ("Name", "Type")),),
    "CaseComment": (("Parent", "ParentId", "Case", ("ContactId", "Origin")), ("CreatedBy", "CreatedById", "User", ("UserType",))),
    "EmailMessage": (("Parent", "ParentId", "Case", ("ContactId",)), ("Activity", "ActivityId", "Task", ("WhoId",))),
}  # fmt: skip
"""Key, column, object and columns of each parent that a payload shows."""
LATEST = timedelta(minutes=14)
"""A transaction may commit so long after its stamps: five minutes of lag and ten of look-back, less the minute between."""

SIZES = Sizes(portion=12, bulk_from=1000, page=5, chunk=5)
"""Small enough that small worlds have many pages and portions."""
BULKY = 6
"""Rows behind a chunk from which on some runs use a Bulk job."""


class SalesforceHarness(Served):
    """One org with a fixed parent of every kind."""

    vendor = "salesforce"
    streams = (
        "accounts", "contacts", "leads", "opportunities", "opportunity_contact_roles", "tasks", "events", "cases", "case_comments",
        "email_messages", "campaigns", "campaign_members", "users",
    )  # fmt: skip
    lag = timedelta(minutes=6)
    secrets = (CLIENT_SECRET,)
    grant = "Permission Sets"
    nonsense = (
        ("opportunities", r'"CloseDate":"[^"]*"', '"CloseDate":"9999-99-99"'),
        ("opportunities", r'"Amount":[\d.]+', '"Amount":-0.5'),
        ("opportunities", r'"StageName":"[^"]*"', '"StageName":"Nobody Knows"'),
        ("tasks", r'"CreatedDate":"[^"]*"', '"CreatedDate":"yesterday"'),
        ("leads", r'"Email":null', '"Email":["a","list"]'),
    )

    def __init__(self, root: Path, clock: FrozenClock) -> None:
        super().__init__(root, clock)
        self.sizes = SIZES
        self.parents = {name: self._born(name, {}) for name in ("Account", "Contact", "Campaign", "Case", "Task")}
        self.parents["Opportunity"] = self._born("Opportunity", {"ContactId": self.parents["Contact"]})

    def open(self) -> SalesforceSource:
        return SalesforceSource(Org(self._settings(), pause=self.pause), self.clock, self.sizes)

    def vary(self, random: Random) -> None:
        self.sizes = replace(SIZES, bulk_from=random.choice((BULKY, SIZES.bulk_from)))

    def create(self, stream: str, random: Random, ago: timedelta = timedelta(0)) -> str:
        name = self._object(stream)
        with backdated(self.clock, min(ago, LATEST)):
            return self._born(name, {TEXTS[name]: self._words(name, random)})

    def update(self, stream: str, record_id: str, random: Random) -> None:
        name = self._object(stream)
        self.state.update_as_user(name, record_id, {TEXTS[name]: self._words(name, random)})

    def delete(self, stream: str, record_id: str, random: Random) -> bool:
        name = self._object(stream)
        if record_id in self.parents.values() or name == "User":
            return False
        others = [one for _, one in self.living(stream) if one not in {record_id, *self.parents.values()}]
        way = random.choice(("bin", "hard", "bin and hard", "bin and back", "merge", "forgotten"))
        if way == "merge" and name in {"Account", "Contact", "Lead"} and others:
            self.state.merge(name, random.choice(others), record_id)
        elif way in {"hard", "forgotten"}:
            self.state.hard_delete(name, record_id)
            if way == "forgotten":  # the delete log is cut where it grows long (SOAP API guide 63.0, getDeleted)
                self.state.tables.run("DELETE FROM _graves WHERE id = ?", [record_id])
        else:
            self.state.delete(name, record_id)
            if way == "bin and hard" and self.state.get(name, record_id):
                self.state.hard_delete(name, record_id)
            if way == "bin and back" and self.state.get(name, record_id):
                self.state.save(name, record_id, {"IsDeleted": 0, "_deleted_at": None}, REP)
        return True

    def living(self, stream: str) -> Living:
        name = self._object(stream)
        return {(ORG_ID, row["Id"]): self._payload(name, row) for row in self.state.rows(name)}

    def drift(self) -> tuple[str, str, str]:
        field, named = (
            {"FullName": "Contact.Mood__c", "Metadata": {"label": "Mood", "type": "Text", "length": 80}},
            "Contact.Mood__c",
        )
        org = Org(self._settings(), pause=self.pause)
        org.request("write", "POST", "tooling/sobjects/CustomField", about="field", body=field)
        made = org.request(
            "write", "POST", "sobjects/PermissionSet", about="set", body={"Name": "Mood", "Label": "Mood"}
        )
        seen = {
            "ParentId": made["id"],
            "SobjectType": "Contact",
            "Field": named,
            "PermissionsRead": True,
            "PermissionsEdit": False,
        }
        org.request("write", "POST", "sobjects/FieldPermissions", about="field", body=seen)
        assigned = {"AssigneeId": INTEGRATION_USER, "PermissionSetId": made["id"]}
        org.request("write", "POST", "sobjects/PermissionSetAssignment", about="set", body=assigned)
        self.state.update_as_user("Contact", self.parents["Contact"], {"Mood__c": "brand new"})
        return "contacts", self.parents["Contact"], "brand new"

    def spend(self) -> bool:
        self.state.usage.used = self.state.usage.limit * 4 // 5
        return True

    def _settings(self) -> SalesforceSettings:
        return SalesforceSettings(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, domain="acme.my", base_url=self.url)

    def _payload(self, name: str, row: Payload) -> Payload:
        shown: dict[str, Any] = {}
        for key, column, parent, columns in SHOWN_OF_PARENTS.get(name, ()):
            found = self.state.get(parent, row[column]) if row[column] else None
            told = {each: found[each] for each in columns} if found else {}
            shown[key] = told if any(value is not None for value in told.values()) else None
        seen = self.state.security.view(INTEGRATION_USER)[name]
        return {key: value for key, value in row.items() if seen.get(key)} | shown

    def _object(self, stream: str) -> str:
        return self.connector.streams_by_name[stream].object

    def _words(self, name: str, random: Random) -> str:
        return (
            self.words(random) if name != "CampaignMember" else random.choice(("Sent", "Responded", self.words(random)))
        )

    def _born(self, name: str, given: Payload) -> str:
        number = self.next()
        record_id = make_id(PREFIXES[name], 1000 + number)
        at = wire(self.clock.now())
        stamps = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), at)
        row = {"Id": record_id, **stamps, **self._needed(name, number), **given}
        self.state.insert_many(name, [row])
        return record_id

    def _needed(self, name: str, number: int) -> Payload:
        """What a record of this kind cannot be without."""
        parent = getattr(self, "parents", {}).get
        match name:
            case "Account" | "Campaign":
                return {"Name": f"N{number}"}
            case "Contact":
                return {"LastName": f"Läst{number}", "Email": f"p{number}@kolbe.example"}
            case "Lead":
                return {"LastName": f"L{number}", "Company": "Kolbe"}
            case "Opportunity":
                return {"Name": f"D{number}", "StageName": "Prospecting", "CloseDate": "2026-12-24", "Amount": 10.5}
            case "OpportunityContactRole":
                return {"OpportunityId": parent("Opportunity"), "ContactId": parent("Contact")}
            case "CaseComment":
                return {"ParentId": parent("Case")}
            case "EmailMessage":
                return {"ParentId": parent("Case"), "ActivityId": parent("Task")}
            case "CampaignMember":
                return {"CampaignId": parent("Campaign"), "ContactId": parent("Contact")}
            case "User":
                return {
                    "LastName": f"U{number}",
                    "Username": f"u{number}@acme.example",
                    "Email": f"u{number}@acme.example",
                }
        return {}


HARNESS = SalesforceHarness
