"""The seeded world of the practice ground: people, what they said, did and paid, and the truth about who is who.

The same seed gives the same world, in every process. The people of `data/beliefs_dev.jsonl` are planted once each under their own
names with their own texts; the rest only do things. `activities` says where each source of text lives and how its author shows.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.world.activities import Activities
from sandbox.world.documents import Document, load
from sandbox.world.events import recent
from sandbox.world.hubspot import Portal
from sandbox.world.hubspot_talk import Talk
from sandbox.world.ids import Ids
from sandbox.world.market import Market
from sandbox.world.meta_ads import Ads
from sandbox.world.moments import BEGIN, between
from sandbox.world.names import Company, companies
from sandbox.world.people import Population, roster
from sandbox.world.person import Face, Someone
from sandbox.world.plot import Plot
from sandbox.world.product_events import Product, participant_of
from sandbox.world.salesforce import Org
from sandbox.world.stripe import Till
from sandbox.world.truth import (
    PlantedAccount,
    PlantedBelief,
    PlantedDocument,
    PlantedPerson,
    PlantedTouch,
    Truth,
    hubspot_key,
    product_key,
    salesforce_key,
    stripe_key,
)

__all__ = ["Truth", "World", "build"]

KEYS: dict[str, Callable[[str, str], str]] = {
    "customer": stripe_key, "hubspot_contact": hubspot_key, "hubspot_form": hubspot_key, "product_user": product_key,
}  # fmt: skip
"""How a face's record is named; those of Salesforce are not listed."""
OBJECTS = {"hubspot_contact": "contact", "hubspot_form": "form_submission", "product_user": "user"}
"""Objects of faces whose kind is not the object's name."""


@dataclass(frozen=True)
class World:
    """What the sandboxes serve, and the truth about it."""

    salesforce: dict[str, list[dict[str, Any]]]
    """Rows by object, as the REST interface would answer them."""
    stripe: list[dict[str, Any]]
    """Objects of the current version, without the keys that have their plain value."""
    stripe_events: list[dict[str, Any]]
    """Events of the last 30 days, oldest first."""
    hubspot: dict[str, list[dict[str, Any]]]
    """What `HubSpotState.insert_many` takes, by object, in the order in which it takes it."""
    product_events: dict[str, bytes]
    """Files of the product by their path."""
    meta_ads: dict[str, list[dict[str, Any]]]
    """Ad accounts, what they advertise, days and leads, by kind."""
    truth: Truth


def build(persons: int, seed: int, now: datetime, *, plotted: bool = False) -> World:
    """Draw a world of this many people as of this instant; a plotted one has consumers besides, whose money tells a story.

    Errors: ValueError if there are fewer people than texts need, or if `now` lies before the last text.
    """
    texts = load()
    last = max(text.occurred_at for documents in texts.values() for text in documents)
    if persons < len(texts):
        raise ValueError(f"{persons} persons are too few for the world: {len(texts)} of them have texts to be planted")
    if now < last + timedelta(days=1):
        raise ValueError(f"the world cannot be younger than its texts: let now be a day after {last:%Y-%m-%d} or later")
    rng = random.Random(seed)  # noqa: S311  # a practice world wants repeatable chance, not secrets
    ids = Ids()
    homes, people = _populate(rng, ids, texts, persons, now)
    market = Market(seed, now)
    market.bring(people)
    ads = Ads(market)
    org, till, portal = Org(rng, ids, now), Till(rng, ids, now), Portal(seed, ids, now)
    portal.meet(people, market)
    names = {user: first for first, user in org.reps.items()}
    org.users()
    org.plant_campaigns()
    till.catalogue()
    for company in homes:
        org.company(company)
        portal.company(company, org.accounts[company.id], names[org.owners[company.id]])
    activities, talk, product = Activities(org), Talk(portal, org), Product(seed, now)
    planted, documents, payers = [], [], dict[str, list[str]]()
    for person in people:
        org.person(person)
        found = activities.plant(person)
        activities.behave(person)
        _spend(rng, org, till, person, payers)
        touches = org.touches(person)
        portal.contact(person)
        found = talk.take(person, found)
        talk.behave(person)
        touches += portal.touches(person)
        touches += product.take_up(person, market.arrivals.get(person.id), till.customers)
        found = product.take_over(person, found, org.rows.get("Event", []))
        documents += found
        touches += ads.fill_in(person)
        records = [
            *(_record(face, ads) for face in person.faces), *portal.former_keys(person), *participant_of(person, found),
        ]  # fmt: skip
        planted.append(_truth_of(person, records, found, touches, till))
    busy = {person.company.id for person in people if len(person.documents) > 1}
    for company in homes:
        org.opportunities(company, promising=company.id in busy)
        portal.deals(company)
    for _ in range(persons // 50):
        till.guest(between(rng, BEGIN, till.latest))
    product.visitors(persons // 10)
    accounts = [_account(company, org, portal, payers) for company in homes]
    plot = Plot(seed, now, ids, ads, product, till) if plotted else None
    if plot:
        plot.plant()
        for person in plot.people:
            records = [_record(face, ads) for face in person.faces]
            planted.append(_truth_of(person, records, [], plot.touches[person.id], till))
    files = product.files()
    truth = Truth(
        persons=planted, accounts=accounts, documents=documents, unattributed=till.revenue(None),
        unreadable_events=product.unreadable, spend=ads.spend(), plot=plot.truth if plot else None,
    )  # fmt: skip
    return World(org.rows, till.objects, recent(till.objects, ids, now), portal.rows, files, ads.rows, truth)


def _populate(
    rng: random.Random, ids: Ids, texts: dict[str, list[Document]], persons: int, now: datetime
) -> tuple[list[Company], list[Someone]]:
    names = list(dict.fromkeys(person.split("-")[1] for person in texts))
    others = persons - len(texts)
    homes = companies(rng, names, others // 3)
    by_id = {company.id: company for company in homes}
    population = Population(rng, ids, now)
    for person, documents in texts.items():
        population.plant(person, by_id[person.split("-")[1]], documents)
    for trap, company in roster(rng, others, homes):
        population.add(company, trap)
    return homes, population.people


def _spend(rng: random.Random, org: Org, till: Till, person: Someone, payers: dict[str, list[str]]) -> None:
    for face in person.of_kind("customer"):
        names_account = rng.random() < (0.5 if person.trap == "role_payer" else 0.1)
        account = org.accounts[person.company.id][0] if names_account else None
        if account:
            payers.setdefault(person.company.id, []).append(stripe_key("customer", face.id))
        till.buys(till.customer(person, face, account), face, person.company.country, loyal=len(person.documents) > 1)


def _truth_of(
    person: Someone, records: list[str], found: list[PlantedDocument], touches: list[PlantedTouch], till: Till
) -> PlantedPerson:
    home = {document.doc_id: document.record for document in found}
    return PlantedPerson(
        id=person.id, name=person.name, account=person.company.id, trap=person.trap, touches=touches,
        records=records,
        beliefs=[
            PlantedBelief(doc_id=text.doc_id, record=home[text.doc_id], **label)
            for text in person.documents for label in text.gold
        ],
        revenue=till.revenue([face.id for face in person.of_kind("customer")]),
    )  # fmt: skip


def _record(face: Face, ads: Ads) -> str:
    if face.kind == "meta_lead":
        return ads.key(face)
    return KEYS.get(face.kind, salesforce_key)(OBJECTS.get(face.kind, face.kind), face.id)


def _account(company: Company, org: Org, portal: Portal, payers: dict[str, list[str]]) -> PlantedAccount:
    keys = [salesforce_key("Account", account) for account in org.accounts[company.id]] + portal.company_keys(company)
    return PlantedAccount(id=company.id, name=company.name, records=keys, payers=payers.get(company.id, []))
