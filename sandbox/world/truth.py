"""What is true of the planted world: who is who, who said what where, who paid how much. Nothing here is served by a vendor."""

from datetime import datetime
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field

from models.keys import RecordKey, content_id
from sandbox.hubspot import PORTAL_ID
from sandbox.salesforce.ids import make_id
from sandbox.stripe import ACCOUNT_ID

SALESFORCE_ACCOUNT = make_id("00D", 1)
"""Id of the one org of the Salesforce sandbox."""
STRIPE_ACCOUNT = f"{ACCOUNT_ID}:test"
"""The Stripe sandbox's account with its mode, as the connector writes it."""


def salesforce_key(object_name: str, object_id: str) -> str:
    """Written record key of a Salesforce row."""
    return str(RecordKey("salesforce", SALESFORCE_ACCOUNT, object_name, object_id))


def hubspot_key(object_name: str, object_id: str) -> str:
    """Written record key of a HubSpot object, which is named in the singular."""
    return str(RecordKey("hubspot", str(PORTAL_ID), object_name, object_id))


def stripe_key(object_name: str, object_id: str) -> str:
    """Written record key of a Stripe object; the object is named as Stripe's own `object` field names it."""
    return str(RecordKey("stripe", STRIPE_ACCOUNT, object_name, object_id))


PRODUCT_ACCOUNT = "app"
"""The account of the product's files, as the sandbox's settings name it."""


def meta_ads_key(account: str, object_name: str, object_id: str) -> str:
    """Written record key of a Meta object; the account is the ad account's number."""
    return str(RecordKey("meta_ads", account, object_name, object_id))


def product_key(object_name: str, object_id: str) -> str:
    """Written record key of a user, an event, a participant or a transcript of the product."""
    return str(RecordKey("product_events", PRODUCT_ACCOUNT, object_name, object_id))


def participant_key(address: str) -> str:
    """Written record key of somebody who took part in talks: named by the hash of the folded address."""
    return product_key("participant", content_id("participant", address.lower()))


class Revenue(BaseModel):
    """Money of one currency in minor units; the parts are never negative, `net` may be."""

    charges: int = Field(default=0, description="captured by charges that succeeded")
    refunds: int = Field(default=0, description="returned by refunds that succeeded")
    disputes: int = Field(default=0, description="withdrawn by disputes, unless won")
    tax: int = Field(default=0, description="tax of paid invoices")
    net: int = Field(default=0, description="charges less refunds, disputes and tax")


class PlantedBelief(BaseModel):
    """One gold label: what a holder believes, on which words of which record."""

    doc_id: str
    holder: str
    slot: str
    polarity: str
    strength: str
    quote: str
    statement: str
    record: str = Field(description="written key of the record that holds the quote")


class PlantedTouch(BaseModel):
    """One campaign that reached a person, the source a lead came from, or how a person first came to the web site."""

    record: str = Field(description="written key of the contact, lead, user or form submission touched")
    channel: str = Field(
        description="campaign, lead_source or lead_ad; elsewhere form, or the traffic source in lower case"
    )
    source: str | None = Field(
        default=None,
        description="name of the campaign, ad or form, the lead source, or where the visit came from, where it is told",
    )
    source_id: str | None = Field(default=None, description="the vendor's id of the campaign")
    ad_id: str | None = Field(
        default=None, description="Meta's id of the ad that brought the person, where the record tells"
    )
    responded: bool
    occurred_at: datetime = Field(
        description="first response (of a campaign midnight UTC of its day), else when the row was made"
    )


class PlantedSpend(BaseModel):
    """What one ad cost on one day of its account."""

    account: str = Field(description="number of the ad account")
    day: str = Field(description="day of the account's time zone, as 2026-01-31")
    ad_id: str
    amount_minor: int
    currency: str = Field(description="ISO 4217, lower case")


class PlantedDocument(BaseModel):
    """One customer text, planted once and verbatim."""

    doc_id: str
    person: str
    source: str
    author: str
    occurred_at: datetime
    record: str = Field(description="written key of the record that holds it")
    field: str = Field(description="the field that holds it")
    html: bool = Field(description="whether the text is markup")


class PlantedPerson(BaseModel):
    """One person, with every record that shows them."""

    id: str
    name: str
    account: str = Field(description="id of the planted account they belong to")
    records: list[str] = Field(description="written keys of contacts, leads and Stripe customers")
    trap: str | None = Field(default=None, description="what makes this person hard to recognise")
    beliefs: list[PlantedBelief] = []
    touches: list[PlantedTouch] = []
    revenue: dict[str, Revenue] = Field(default={}, description="by currency, ISO 4217 in lower case")


class PlantedAccount(BaseModel):
    """One company, with its Salesforce accounts and HubSpot companies, and the Stripe customers that name one of them as payer."""

    id: str
    name: str
    records: list[str]
    payers: list[str] = []


class PlantedPlot(BaseModel):
    """What the questions of docs/questions.md should find, where it was planted."""

    monday: str = Field(description="the day before the ad stopped, UTC, as 2026-01-31")
    tuesday: str = Field(description="the day without it, 40 per cent below")
    stopped: str = Field(description="name of the ad that stopped")
    idle: str = Field(description="name of the ad whose visitors never pay")
    segment: str = Field(description="first channel of the buyers who are worth four times the average")
    breaks: int = Field(description="month of the contract in which most leave")
    drifting: list[str] = Field(description="addresses of weekly buyers who have stopped to come")


class Truth(BaseModel):
    """Everything planted; persons, accounts and documents each in the order they were planted."""

    persons: list[PlantedPerson]
    accounts: list[PlantedAccount]
    documents: list[PlantedDocument]
    unreadable_events: int = Field(default=0, description="lines of the product's files that cannot be read")
    unattributed: dict[str, Revenue] = Field(description="payments that name no customer, by currency")
    plot: PlantedPlot | None = Field(default=None, description="in the demo's world only")
    spend: list[PlantedSpend] = Field(default=[], description="every ad and day that Meta has a row for")

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(self.model_dump_json(indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))
