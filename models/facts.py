"""Facts: the typed, vendor-neutral reading of one record. They live in the lake, one table per (fact, vendor).

A fact says nothing about which record it was read from; ingest adds the record's key and batch when it lands it. `subject`,
`payer` and the other references are written record keys (`vendor/account/object/id`), never person ids: membership resolves
them on read. Money is integer minor units with its ISO 4217 currency; instants are UTC.
"""

from enum import StrEnum
from typing import ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from models.identifiers import misplaced, normalise
from models.keys import stable_hash


class Scope(StrEnum):
    """Whom a record speaks of; `internal` are the seller's own people, who are never customers."""

    person = "person"
    account = "account"
    internal = "internal"


class Fact(BaseModel):
    """Base of all facts; its subclasses are the lake's fact tables, so no database model, which takes twice as long to make."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    table: ClassVar[str]


MISPLACED, UNREADABLE = "misplaced", "unreadable"
"""Kinds of marks that a record carries for a value in the wrong column, or one that makes no sense; their value names the column's kind."""


class Identifier(Fact):
    """A value by which a record can be recognised as the same person or account as another record."""

    table: ClassVar[str] = "identifier"
    scope: Scope = Field(
        description="person or account that the value names; internal values are barred from stitching"
    )
    kind: str = Field(description="email, phone, domain, salesforce_id, stripe_customer and so on")
    value: str = Field(description="normalised value", min_length=1)
    value_hash: int = Field(description="signed 64-bit hash of kind and value")

    @classmethod
    def of(cls, scope: Scope, kind: str, raw: str | None, region: str | None = None) -> "list[Identifier]":
        """The normalised identifier, or an empty list where nothing stands.

        An address in a phone's column is read as the address, and the reverse; a mark says so. What cannot be read leaves a mark
        without the value. Marks are internal, so they join nobody; they are counted.
        """
        if not raw or not raw.strip():
            return []
        if value := normalise(kind, raw, region):
            return [cls.named(scope, kind, value)]
        if found := misplaced(kind, raw):
            return [cls.named(scope, *found), cls.named(Scope.internal, MISPLACED, kind)]
        return [cls.named(Scope.internal, UNREADABLE, kind)]

    @classmethod
    def named(cls, scope: Scope, kind: str, value: str) -> "Identifier":
        """The identifier of a value that is normalised already."""
        return cls(scope=scope, kind=kind, value=value, value_hash=stable_hash(kind, value))


class Profile(Fact):
    """What one record says its person or account is called and is."""

    table: ClassVar[str] = "profile"
    scope: Scope = Field(description="person, account or internal")
    name: str | None = Field(default=None, description="full name as shown")
    title: str | None = Field(default=None, description="job title")
    company: str | None = Field(default=None, description="company as this record names it")
    email: str | None = Field(default=None, description="address as shown")
    phone: str | None = Field(default=None, description="number as shown")
    country: str | None = Field(default=None, description="country as this record names it")
    city: str | None = Field(default=None, description="city as this record names it")
    postcode: str | None = Field(default=None, description="post code as this record writes it")
    industry: str | None = Field(default=None, description="industry as this record names it")
    created_at: AwareDatetime | None = Field(default=None, description="when the vendor's record was made, UTC")
    live: bool = Field(default=True, description="false once the record can take no more writes (a converted lead)")


class Relation(Fact):
    """A dated tie between two records: a contact belongs to a company, plays a role in a deal, a lead became a contact."""

    table: ClassVar[str] = "relation"
    kind: str = Field(description="member_of, contact_role, converted_to, parent_of, owned_by")
    subject: str = Field(description="record key of the one who has the relation")
    other: str = Field(description="record key of the other end")
    role: str | None = Field(default=None, description="the part played, in the vendor's words")
    valid_from: AwareDatetime | None = Field(default=None, description="UTC; empty means since ever")
    valid_to: AwareDatetime | None = Field(default=None, description="UTC; empty means still")


class Touch(Fact):
    """One contact with our marketing: a campaign, an ad, a visit."""

    table: ClassVar[str] = "touch"
    subject: str = Field(description="record key of the person touched")
    channel: str = Field(description="campaign, lead_source, paid_social and so on")
    source: str | None = Field(default=None, description="the name of the campaign, ad or referrer")
    source_id: str | None = Field(default=None, description="vendor id of the campaign or source")
    ad_id: str | None = Field(
        default=None, description="the ad platform's id of the ad that brought them, where it is known"
    )
    platform: str | None = Field(
        default=None,
        description="the ad platform it came by, as its connector is called, where a link or a click id tells",
    )
    responded: bool = Field(default=False, description="whether the person answered, not merely received")
    occurred_at: AwareDatetime = Field(description="UTC")


class Engagement(Fact):
    """One thing a person did with us or we with them, without its words."""

    table: ClassVar[str] = "engagement"
    subject: str = Field(description="record key of the person or account engaged")
    kind: str = Field(description="call, email, message, meeting, task, ticket, form or product (use of what we sell)")
    action: str | None = Field(default=None, description="what was done in the product, as its events call it")
    direction: str | None = Field(default=None, description="inbound or outbound, where known")
    regarding: str | None = Field(default=None, description="record key of the deal, case or account it was about")
    duration_s: int | None = Field(default=None, ge=0, description="seconds")
    occurred_at: AwareDatetime = Field(description="UTC")
    closed_at: AwareDatetime | None = Field(
        default=None, description="when a ticket was closed, UTC; empty where none was, or nobody told"
    )


class Interaction(Fact):
    """Points to a text: which field of the record holds it, who wrote it and whom it hangs on. The words stay in the record."""

    table: ClassVar[str] = "interaction"
    subject: str = Field(description="record key of the person the text hangs on")
    source: str = Field(description="call_note, email, ticket, transcript, form or chat")
    author: str = Field(description="customer, rep or agent (automatic)")
    field: str = Field(description="name of the payload field that holds the text")
    html: bool = Field(default=False, description="whether the field holds markup")
    participants: list[str] = Field(
        default_factory=list, description="record keys of everybody else known to take part"
    )
    regarding: str | None = Field(default=None, description="record key of the deal, case or account it was about")
    thread: str | None = Field(default=None, description="id of the conversation it belongs to")
    occurred_at: AwareDatetime = Field(description="UTC")


class Payment(Fact):
    """One movement of money; revenue is the sum of charges less refunds, disputes and tax."""

    table: ClassVar[str] = "payment"
    payer: str | None = Field(description="record key of the paying customer; empty where the vendor names none")
    kind: str = Field(description="charge, refund, dispute or tax; only charges add to revenue")
    amount_minor: int = Field(ge=0, description="minor units of the currency, never negative")
    credited_minor: int | None = Field(
        default=None,
        ge=0,
        description="of tax: what credit notes took back, which `amount_minor` is without; minor units",
    )
    currency: str = Field(min_length=3, max_length=3, description="ISO 4217, lower case")
    purchase: str | None = Field(
        default=None,
        description="what a charge shares with the refunds, disputes and tax that are about it; empty stands alone",
    )
    occurred_at: AwareDatetime = Field(description="UTC")


class Subscription(Fact):
    """A running or ended agreement to pay."""

    table: ClassVar[str] = "subscription"
    payer: str = Field(description="record key of the paying customer")
    status: str = Field(description="the vendor's status")
    mrr_minor: int = Field(
        ge=0, description="monthly recurring revenue before discounts, minor units; trials count nothing"
    )
    currency: str = Field(min_length=3, max_length=3, description="ISO 4217, lower case")
    started_at: AwareDatetime = Field(description="UTC")
    trial_end: AwareDatetime | None = Field(
        default=None, description="when its trial ends or ended, and payment begins, UTC; empty without one"
    )
    ended_at: AwareDatetime | None = Field(default=None, description="UTC; empty means running")


class Discount(Fact):
    """What a running subscription brings less per month, from one instant to another; those of one record never overlap.

    An end is known beforehand and nothing tells when it has come: whoever reads compares it with the clock.
    """

    table: ClassVar[str] = "discount"
    payer: str = Field(description="record key of the paying customer")
    amount_minor: int | None = Field(
        ge=0, description="minor units per month; empty where the discount could not be read"
    )
    currency: str = Field(min_length=3, max_length=3, description="ISO 4217, lower case")
    starts_at: AwareDatetime = Field(description="UTC")
    ends_at: AwareDatetime | None = Field(default=None, description="UTC; empty means without end")


class Spend(Fact):
    """What one ad cost on one day of its account; the sum over an account's ads and days is what the platform bills."""

    table: ClassVar[str] = "spend"
    ad_id: str = Field(description="the ad platform's id of the ad", min_length=1)
    ad: str | None = Field(default=None, description="name of the ad")
    campaign_id: str | None = Field(default=None, description="the ad platform's id of the campaign")
    campaign: str | None = Field(default=None, description="name of the campaign")
    channel: str | None = Field(
        default=None, description="channel of its clicks, as touches call it, such as paid_social"
    )
    day: str = Field(description="day of the ad account, as 2026-01-31", min_length=10, max_length=10)
    zone: str = Field(description="IANA name of the account's time zone")
    starts_at: AwareDatetime = Field(description="first instant of that day, UTC")
    ends_at: AwareDatetime = Field(description="first instant of the next day, UTC")
    amount_minor: int = Field(ge=0, description="minor units of the currency")
    currency: str = Field(min_length=3, max_length=3, description="ISO 4217, lower case")
    impressions: int = Field(ge=0, description="how often the ad was shown")
    clicks: int = Field(ge=0, description="how often it was clicked")


class Outcome(Fact):
    """What a CRM says became of a deal. Never added to revenue."""

    table: ClassVar[str] = "outcome"
    subject: str | None = Field(description="record key of the account the deal is with")
    status: str = Field(description="open, won or lost")
    stage: str = Field(description="the CRM's stage name")
    amount_minor: int | None = Field(default=None, description="minor units")
    currency: str | None = Field(default=None, description="ISO 4217, lower case; empty where the CRM names none")
    closes_at: AwareDatetime | None = Field(default=None, description="close date at midnight UTC, expected or actual")


class Consent(Fact):
    """Whether a person lets us contact them or keep to their data for a channel."""

    table: ClassVar[str] = "consent"
    subject: str = Field(description="record key of the person")
    channel: str = Field(description="email, phone or all")
    granted: bool = Field(description="false is an opt-out")
    recorded_at: AwareDatetime | None = Field(default=None, description="UTC")


FACTS: tuple[type[Fact], ...] = (
    Identifier, Profile, Relation, Touch, Engagement, Interaction, Payment, Subscription, Discount, Spend, Outcome,
    Consent,
)  # fmt: skip
