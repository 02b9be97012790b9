"""Reading contacts, companies, owners and deals as facts."""

from collections.abc import Iterator

from connectors.countries import region
from connectors.hubspot.arrival import arrival
from connectors.hubspot.payload import Payload
from models.facts import Consent, Fact, Identifier, Outcome, Profile, Relation, Scope
from models.records import Record

PHONES = ("phone", "mobilephone")
CRM_PERSONS = ("salesforcecontactid", "salesforceleadid")
OTHER_NAMES = {"stripe_customer_id": "stripe_customer", "product_user_id": "external_id", "fbp": "fbp"}
"""Properties of your own in which integrations keep the names that other systems have for a contact; a convention, for HubSpot has none."""
AGREED = "Freely given consent from contact"
"""The one legal basis that is somebody's yes: https://knowledge.hubspot.com/articles/kcs_article/contacts/how-can-i-track-lawful-basis-of-processing-in-hubspot"""
CRM_ACCOUNT = "salesforceaccountid"
"""Where HubSpot's own Salesforce integration keeps the other CRM's ids."""


def contact(record: Record) -> Iterator[Fact]:
    """A person; where they came from is a touch. One who was merged into another is their second name and no more."""
    read = Payload(record)
    if read.text("mergedInto"):
        yield from _merged(read, Scope.person)
        return
    if record.deleted:
        return
    country = read.text("country")
    names = [part for part in (read.text("firstname"), read.text("lastname")) if part]
    yield Profile(
        scope=Scope.person,
        name=" ".join(names) or None,
        title=read.text("jobtitle"),
        company=read.text("company"),
        email=read.text("email"),
        phone=read.text("mobilephone") or read.text("phone"),
        country=country,
        city=read.text("city"),
        postcode=read.text("zip"),
        industry=read.text("industry"),
        created_at=read.instant("createdate"),
    )
    yield from _own_ids(read, Scope.person)
    yield from _unique(Scope.person, "email", [read.text("email"), *read.several("hs_additional_emails")])
    yield from _unique(Scope.person, "phone", [read.text(path) for path in PHONES], region(country))
    yield from _unique(Scope.person, "salesforce_id", [read.text(path) for path in CRM_PERSONS])
    for path, kind in OTHER_NAMES.items():
        yield from Identifier.of(Scope.person, kind, read.custom(path))
    for company in read.linked("companies"):
        yield Relation(kind="member_of", subject=read.own_key, other=company)
    if read.yes("hs_email_optout"):  # a box that nobody ticked is no consent
        yield Consent(subject=read.own_key, channel="email", granted=False)
    if AGREED in read.several("hs_legal_basis"):  # the others are the seller's own reasons, and no refusal
        yield Consent(subject=read.own_key, channel="all", granted=True)
    yield from arrival(read)


def company(record: Record) -> Iterator[Fact]:
    """A company; one that was merged into another is its second name and no more."""
    read = Payload(record)
    if read.text("mergedInto"):
        yield from _merged(read, Scope.account)
        return
    if record.deleted:
        return
    country = read.text("country")
    yield Profile(
        scope=Scope.account,
        name=read.text("name"),
        company=read.text("name"),
        phone=read.text("phone"),
        country=country,
        city=read.text("city"),
        postcode=read.text("zip"),
        industry=read.text("industry"),
        created_at=read.instant("createdate"),
    )
    yield from _own_ids(read, Scope.account)
    domains = [read.text("domain"), read.text("website"), *read.several("hs_additional_domains")]
    yield from _unique(Scope.account, "domain", domains)
    yield from Identifier.of(Scope.account, "phone", read.text("phone"), region(country))
    yield from Identifier.of(Scope.account, "salesforce_id", read.text(CRM_ACCOUNT))
    yield from Identifier.of(Scope.account, "stripe_customer", read.custom("stripe_customer_id"))
    if parent := read.key("company", "hs_parent_company_id"):
        yield Relation(kind="parent_of", subject=parent, other=read.own_key)


def owner(record: Record) -> Iterator[Fact]:
    """One of the seller's own people."""
    read = Payload(record)
    names = [part for part in (read.text("firstName"), read.text("lastName")) if part]
    yield Profile(
        scope=Scope.internal,
        name=" ".join(names) or None,
        email=read.text("email"),
        created_at=read.instant("createdAt"),
        live=not read.flag("archived"),
    )
    yield from Identifier.of(Scope.internal, "email", read.text("email"))


def deal(record: Record) -> Iterator[Fact]:
    """What became of a deal, and who plays which part in it; its amount is the CRM's hope, never revenue."""
    read = Payload(record)
    stage = read.text("stageLabel") or read.text("dealstage")
    if not stage:
        raise ValueError("dealstage is empty; a deal without a stage says nothing")
    currency = (read.text("deal_currency_code") or read.text("companyCurrency") or "").strip().lower() or None
    yield Outcome(
        subject=next(iter(read.linked("companies")), None),
        status=_status(read),
        stage=stage,
        amount_minor=read.minor_units("amount", currency),
        currency=currency,
        closes_at=read.instant("closedate"),
    )
    for person, labels in read.ties("contacts"):
        role = ", ".join(labels) or None
        yield Relation(kind="contact_role", subject=person, other=read.own_key, role=role)


def _status(read: Payload) -> str:
    """By what the stage means; by the deal's own flags where the pipeline is not known any more."""
    if meaning := read.text("stageMeaning"):
        return meaning
    return "won" if read.yes("hs_is_closed_won") else "lost" if read.yes("hs_is_closed") else "open"


def _merged(read: Payload, scope: Scope) -> Iterator[Fact]:
    """Other systems and older activities still name the old id; whoever has it now lists it among theirs."""
    yield Profile(scope=scope, live=False)
    yield from Identifier.of(scope, "hubspot_id", read.record.key.id)


def _own_ids(read: Payload, scope: Scope) -> Iterator[Identifier]:
    yield from _unique(scope, "hubspot_id", [read.record.key.id, *read.several("hs_merged_object_ids")])


def _unique(scope: Scope, kind: str, values: list[str | None], country: str | None = None) -> Iterator[Identifier]:
    """Each identifier once, however often a record names it."""
    found = [one for value in values for one in Identifier.of(scope, kind, value, country)]
    yield from {one.value_hash: one for one in found}.values()
