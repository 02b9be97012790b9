"""Reading accounts, contacts, leads, users, campaign members and deals as facts."""

from collections.abc import Iterator

from connectors.countries import region
from connectors.marks import ad_id, click, in_fields, paid_channel, platform
from connectors.salesforce.payload import Payload
from connectors.salesforce.projection import PRIVACY
from models.facts import Consent, Fact, Identifier, Outcome, Profile, Relation, Scope, Touch
from models.records import Record

PHONES = ("Phone", "MobilePhone", "HomePhone", "OtherPhone")
OTHER_NAMES = {
    "stripe_customer": ("Stripe_Customer_ID__c", "Stripe_Customer_Id__c", "StripeCustomerId__c"),
    "external_id": ("Product_User_ID__c", "Product_User_Id__c"),
    "fbp": ("FBP__c", "fbp__c"),
}
"""Fields of your own in which integrations keep the names that other systems have for a person; a convention, for Salesforce has none."""


REFUSALS = {"HasOptedOutOfEmail": "email", "DoNotCall": "phone", **dict.fromkeys(PRIVACY, "all")}
"""Boxes by which somebody refuses a channel, or all: what we hold of a person is processing and profiling, whoever calls them."""


def account(record: Record) -> Iterator[Fact]:
    """A company or household."""
    read = Payload(record)
    country = read.text("BillingCountryCode") or read.text("BillingCountry")
    yield Profile(
        scope=Scope.account,
        name=read.text("Name"),
        company=read.text("Name"),
        phone=read.text("Phone"),
        country=country,
        city=read.text("BillingCity"),
        postcode=read.text("BillingPostalCode"),
        industry=read.text("Industry"),
        created_at=read.instant("CreatedDate"),
    )
    yield from Identifier.of(Scope.account, "salesforce_id", record.key.id)
    yield from Identifier.of(Scope.account, "domain", read.text("Website"))
    yield from Identifier.of(Scope.account, "phone", read.text("Phone"), region(country))
    for path in OTHER_NAMES["stripe_customer"]:
        yield from Identifier.of(Scope.account, "stripe_customer", read.custom(path))
    parent = read.key("Account", "ParentId")
    if parent:
        yield Relation(kind="parent_of", subject=parent, other=read.own_key)


def contact(record: Record) -> Iterator[Fact]:
    """A person at an account."""
    read = Payload(record)
    country = read.text("MailingCountryCode") or read.text("MailingCountry")
    yield _person(read, company=None, country=country, live=True)
    yield from _person_identifiers(read, country)
    company = read.key("Account", "AccountId")
    if company:
        yield Relation(kind="member_of", subject=read.own_key, other=company)
    yield from _consents(read)
    if click(
        in_fields(record.payload).get("fbc")
    ):  # a conversion copies a lead's fields: without a time of their own they are old news
        yield from _advertised(read)


def lead(record: Record) -> Iterator[Fact]:
    """A person who may become a customer; once converted, a second name of a contact."""
    read = Payload(record)
    country = read.text("CountryCode") or read.text("Country")
    yield _person(read, company=read.text("Company"), country=country, live=not read.flag("IsConverted"))
    yield from _person_identifiers(read, country)
    became = read.key("Contact", "ConvertedContactId")
    if became:
        yield Relation(
            kind="converted_to", subject=read.own_key, other=became, valid_from=read.instant("ConvertedDate")
        )
        yield from Identifier.of(Scope.person, "salesforce_id", read.text("ConvertedContactId"))
    yield from _consents(read)
    yield from _advertised(read)
    source = read.text("LeadSource")
    if source:
        yield Touch(
            subject=read.own_key,
            channel="lead_source",
            source=source,
            responded=True,
            occurred_at=read.moment("CreatedDate"),
        )


def user(record: Record) -> Iterator[Fact]:
    """One of the seller's own people; a portal user is a contact's login and says nothing new."""
    read = Payload(record)
    if read.text("ContactId"):
        return
    yield Profile(
        scope=Scope.internal,
        name=read.text("Name"),
        title=read.text("Title"),
        email=read.text("Email"),
        created_at=read.instant("CreatedDate"),
        live=read.flag("IsActive"),
    )
    yield from Identifier.of(Scope.internal, "email", read.text("Email"))


def campaign_member(record: Record) -> Iterator[Fact]:
    """One person reached by one campaign."""
    read = Payload(record)
    subject = read.key("Lead", "LeadId") or read.key("Contact", "ContactId")  # a converted lead's member names both
    if subject:
        yield Touch(
            subject=subject,
            channel="campaign",
            source=read.text("Campaign.Name"),
            source_id=read.text("CampaignId"),
            responded=read.flag("HasResponded"),
            occurred_at=read.moment("FirstRespondedDate", "CreatedDate"),
        )


def opportunity(record: Record) -> Iterator[Fact]:
    """What became of a deal; its amount is the CRM's hope, never revenue."""
    read = Payload(record)
    currency = read.text("CurrencyIsoCode")
    won, closed = read.flag("IsWon"), read.flag("IsClosed")
    stage = read.text("StageName")
    if not stage:
        raise ValueError("StageName is empty; a deal without a stage says nothing")
    yield Outcome(
        subject=read.key("Account", "AccountId"),
        status="won" if won else "lost" if closed else "open",
        stage=stage,
        amount_minor=read.minor_units("Amount", currency.lower() if currency else None),
        currency=currency.lower() if currency else None,
        closes_at=read.instant("CloseDate"),
    )


def contact_role(record: Record) -> Iterator[Fact]:
    """The part a contact plays in a deal."""
    read = Payload(record)
    subject, deal = read.key("Contact", "ContactId"), read.key("Opportunity", "OpportunityId")
    if subject and deal:
        yield Relation(
            kind="contact_role",
            subject=subject,
            other=deal,
            role=read.text("Role"),
            valid_from=read.instant("CreatedDate"),
        )


def _person(read: Payload, *, company: str | None, country: str | None, live: bool) -> Profile:
    parts = [part for part in (read.text("FirstName"), read.text("LastName")) if part]
    return Profile(
        scope=Scope.person,
        name=read.text("Name") or " ".join(parts) or None,
        title=read.text("Title"),
        company=company,
        email=read.text("Email"),
        phone=read.text("MobilePhone") or read.text("Phone"),
        country=country,
        city=read.text("MailingCity") or read.text("City"),  # a lead has only one address
        postcode=read.text("MailingPostalCode") or read.text("PostalCode"),
        industry=read.text("Industry"),
        created_at=read.instant("CreatedDate"),
        live=live,
    )


def _person_identifiers(read: Payload, country: str | None) -> Iterator[Identifier]:
    yield from Identifier.of(Scope.person, "salesforce_id", read.record.key.id)
    yield from Identifier.of(Scope.person, "email", read.text("Email"))
    for kind, paths in OTHER_NAMES.items():
        for path in paths:
            yield from Identifier.of(Scope.person, kind, read.custom(path))
    numbers = [
        found for path in PHONES for found in Identifier.of(Scope.person, "phone", read.text(path), region(country))
    ]
    yield from {number.value_hash: number for number in numbers}.values()


def _advertised(read: Payload) -> Iterator[Touch]:
    """The ad that a web form's hidden fields tell of; without Meta's cookie, which knows when, as of the record's birth."""
    marks = in_fields(read.record.payload)
    channel, cookie = paid_channel(marks), click(marks.get("fbc"))
    if channel:
        yield Touch(
            subject=read.own_key,
            channel=channel,
            source=marks.get("utm_campaign"),
            source_id=marks.get("hsa_cam") or marks.get("utm_id"),
            ad_id=ad_id(marks),
            platform=platform(marks),
            responded=True,
            occurred_at=cookie.at if cookie else read.moment("CreatedDate"),
        )


def _consents(read: Payload) -> Iterator[Consent]:
    """Opt-outs only: a box that nobody ticked is no consent."""
    for channel in sorted({channel for path, channel in REFUSALS.items() if read.flag(path)}):
        yield Consent(subject=read.own_key, channel=channel, granted=False)
