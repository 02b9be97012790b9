"""The planted HubSpot portal, first half: owners, companies, contacts and deals.

Rows are what `HubSpotState.insert_many` takes. A company here is the same as in Salesforce, by its domain, by the id of its Salesforce
account, or by both. The portal draws from a chance of its own, so that the other vendors' rows do not depend on it.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sandbox.hubspot.catalogue import owner
from sandbox.hubspot.definitions import INDUSTRIES as HUBSPOT_INDUSTRIES
from sandbox.hubspot.pipelines import PIPELINES
from sandbox.world.hubspot_people import Acquaintances, Card
from sandbox.world.hubspot_visits import first_visit
from sandbox.world.ids import Ids
from sandbox.world.market import Market
from sandbox.world.moments import BEGIN, MARGIN, between, iso
from sandbox.world.names import INDUSTRIES, REPS, Company, dialled, rep_email
from sandbox.world.person import Someone
from sandbox.world.truth import PlantedTouch, hubspot_key

Row = dict[str, Any]

COMPANIES = 0.75
STAGES = {"customer": "customer", "Contact": "salesqualifiedlead", "Lead": "lead"}
"""Lifecycle stages by the kinds of records that a person has elsewhere, the furthest first."""
STRIPE_PROPERTY = {
    "name": "stripe_customer_id", "label": "Stripe customer", "type": "string", "fieldType": "text", "groupName": "contactinformation",
    "description": "Filled in by whoever cares.",
}  # fmt: skip


class Portal:
    """A HubSpot portal while it is being planted; `rows` holds what the sandbox will serve, by object."""

    def __init__(self, seed: int, ids: Ids, now: datetime) -> None:
        self.rng = random.Random(f"hubspot/{seed}")  # noqa: S311  # repeatable chance, not secrets
        self.ids = ids
        self.now = now
        self.rows: dict[str, list[Row]] = {"properties/contacts": [STRIPE_PROPERTY]}
        self.companies: dict[str, str] = {}
        """HubSpot's ids of companies by ours."""
        self.keepers: dict[str, str] = {}
        """First names of the owners of companies."""
        self.cards: dict[str, Card] = {}
        """Contacts by person."""
        self.staff: dict[str, list[str]] = {}
        """Ids of contacts by company."""
        self.touched: dict[str, list[PlantedTouch]] = {}
        self.owners = {first: ids.next("owner") for first, _ in REPS}
        self.rows["owners"] = [
            owner(self.owners[first], rep_email(first, last), first, last, BEGIN) for first, last in REPS
        ]

    @property
    def latest(self) -> datetime:
        """The youngest instant that anything may have."""
        return self.now - MARGIN

    def add(self, path: str, label: str, created: datetime, values: Row, **more: Any) -> Row:
        """One record with its stamps; it was touched again a little later, never after the present."""
        touched = max(created, min(self.latest, created + timedelta(minutes=round(self.rng.expovariate(1 / 600)))))
        row = {
            "id": more.pop("id", None) or self.ids.next(label), "createdAt": iso(created), "updatedAt": iso(touched),
            "properties": {name: str(value) for name, value in values.items() if value is not None}, **more,
        }  # fmt: skip
        self.rows.setdefault(path, []).append(row)
        return row

    def meet(self, people: Sequence[Someone], market: Market) -> None:
        """Draw who has a contact here; the archived ones are rows at once, for they show nobody."""
        acquaintances = Acquaintances(self.rng, self.ids, self.latest)
        acquaintances.meet(people, market)
        self.cards = acquaintances.cards
        for person, said in acquaintances.archived:
            created = between(self.rng, person.born, self.latest)
            ended = iso(between(self.rng, created, self.latest))
            values = {"firstname": person.first, "lastname": person.last, **said}
            self.add("contacts", "hubspot_contact", created, values, archivedAt=ended, updatedAt=ended)

    def touch(self, person: Someone, touch: PlantedTouch) -> None:
        """One more way in which the person was reached."""
        self.touched.setdefault(person.id, []).append(touch)

    def touches(self, person: Someone) -> list[PlantedTouch]:
        """All of them."""
        return self.touched.get(person.id, [])

    def company(self, company: Company, accounts: Sequence[str], rep: str) -> None:
        """The company, if HubSpot has it."""
        self.keepers[company.id] = rep
        if self.rng.random() > COMPANIES:
            return
        bare = self.rng.random() < 0.15
        values = {
            "name": company.name, "domain": None if bare else company.domain, "website": None if bare else f"https://www.{company.domain}/",
            "phone": dialled(self.rng, company.country, company.office), "country": company.country.name, "city": company.country.city,
            "industry": HUBSPOT_INDUSTRIES[INDUSTRIES.index(company.industry)], "hubspot_owner_id": self.owners[rep],
            "salesforceaccountid": accounts[0] if bare or self.rng.random() < 0.6 else None,
        }  # fmt: skip
        created = between(self.rng, BEGIN, BEGIN + timedelta(days=60))
        self.companies[company.id] = self.add("companies", "company", created, values)["id"]

    def company_keys(self, company: Company) -> list[str]:
        """Written keys of the company here."""
        return [hubspot_key("company", self.companies[company.id])] if company.id in self.companies else []

    def former_keys(self, person: Someone) -> list[str]:
        """Written keys of contacts that were merged into the person's own: second names, by which others may still know them."""
        card = self.cards.get(person.id)
        former = card.values.get("hs_merged_object_ids", "") if card else ""
        return [hubspot_key("contact", one) for one in former.split(";") if one]

    def contact(self, person: Someone) -> None:
        """The contact of one person, if there is one, and what first brought them to the web site."""
        card = self.cards.get(person.id)
        if card is None:
            return
        kinds, visit, company = {face.kind for face in person.faces}, first_visit(self.rng, card), person.company
        values = {
            "email": card.face.email, "firstname": person.first, "lastname": person.last, "jobtitle": person.title,
            "company": company.name, "country": company.country.name, "city": company.country.city,
            "lifecyclestage": next((stage for kind, stage in STAGES.items() if kind in kinds), "subscriber"),
            "hs_lead_status": self.rng.choice(("NEW", "OPEN", "IN_PROGRESS", None)), "hubspot_owner_id": self.owner_of(person),
            "hs_email_optout": "true" if self.rng.random() < 0.05 else None, **visit.values(), **card.values,
        }  # fmt: skip
        ties = {"companies": [self.companies[company.id]]} if company.id in self.companies else {}
        self.add("contacts", "hubspot_contact", card.face.created, values, id=card.face.id, associations=ties)
        self.staff.setdefault(company.id, []).append(card.face.id)
        if visit.touch:
            self.touch(person, visit.touch)

    def owner_of(self, person: Someone) -> str:
        """Who owns the person's company."""
        return self.owners[self.keepers[person.company.id]]

    def linked(self, person: Someone) -> dict[str, list[str]]:
        """Associations of what is about this person: with the contact, and with the company if it is here."""
        ties = {"contacts": [self.cards[person.id].face.id]}
        company = self.companies.get(person.company.id)
        return {**ties, "companies": [company]} if company else ties

    def deals(self, company: Company) -> None:
        """What may be sold to one company, and who there has to do with it."""
        here = self.staff.get(company.id, [])
        if company.id not in self.companies or not here:
            return
        for number in range(self.rng.choices((0, 1, 2), (55, 33, 12))[0]):
            created = between(self.rng, BEGIN + timedelta(days=90), self.latest - timedelta(days=7))
            stage = self.rng.choice(PIPELINES["deals"][0].stages)
            closes = self.now + timedelta(days=self.rng.randint(-10, 120))  # some open deals are overdue
            if stage.closed:
                closes = between(self.rng, created, self.latest)
            values = {
                "dealname": f"{company.name} - {('pilot', 'roll-out')[number]}", "pipeline": "default", "dealstage": stage.id,
                "amount": f"{self.rng.lognormvariate(9.2, 0.9):.2f}" if self.rng.random() < 0.9 else None,
                "closedate": iso(max(closes, created)), "dealtype": ("newbusiness", "existingbusiness")[number],
                "deal_currency_code": company.country.currency.upper() if self.rng.random() < 0.3 else None,
                "hubspot_owner_id": self.owners[self.keepers[company.id]], "hs_is_closed": str(stage.closed).lower(),
                "hs_is_closed_won": str(stage.id == "closedwon").lower(),
            }  # fmt: skip
            players = self.rng.sample(here, min(len(here), self.rng.randint(1, 3)))
            ties = {"companies": [self.companies[company.id]], "contacts": players}
            self.add("deals", "deal", created, values, associations=ties)
