"""One planted person and the records as which they appear."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sandbox.world.documents import Document
from sandbox.world.names import Company, Country

Kind = Literal["Contact", "Lead", "customer", "hubspot_contact", "hubspot_form", "meta_lead", "product_user"]
CRM: frozenset[Kind] = frozenset({"Contact", "Lead"})
"""Faces in Salesforce."""


@dataclass(eq=False)
class Face:
    """One record as which a person appears. Salesforce: `phone` is the office line, `mobile` the person's; the others have one."""

    kind: Kind
    id: str
    created: datetime
    email: str | None = None
    phone: str | None = None
    mobile: str | None = None
    converted_to: "Face | None" = None
    converted_at: datetime | None = None
    names_contact: str | None = None
    """The Salesforce contact that a Stripe customer's metadata names."""
    names_hubspot: str | None = None
    """The HubSpot contact that a Stripe customer's metadata names."""
    document: Document | None = None
    """The form that made this lead."""


@dataclass(eq=False)
class Someone:
    """One planted person."""

    id: str
    first: str
    last: str
    title: str | None
    company: Company
    email: str
    country: Country
    """Where the person's own number is from."""
    national: str
    """National digits of that number; shared only by couples."""
    born: datetime
    documents: list[Document] = field(default_factory=list)
    faces: list[Face] = field(default_factory=list)
    trap: str | None = None

    @property
    def name(self) -> str:
        """Full name."""
        return f"{self.first} {self.last}"

    def of_kind(self, kind: Kind) -> list[Face]:
        """The person's faces of one kind, oldest first."""
        return [face for face in self.faces if face.kind == kind]

    def who(self, at: datetime) -> Face | None:
        """The contact or lead that activities of this instant hang on; a converted lead's activities moved to its contact."""
        crm = [face for face in self.faces if face.kind in CRM]
        there = [face for face in crm if face.created <= at] or crm[:1]
        contacts = [face for face in there if face.kind == "Contact"]
        if contacts or not there:
            return contacts[-1] if contacts else None
        return there[0].converted_to or there[0]
