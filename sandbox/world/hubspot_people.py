"""Who has a contact in the planted HubSpot portal, and by what it can be recognised.

About six in ten people do, and nearly all whom an ad brought past Salesforce. Most contacts share an address with a record elsewhere,
as HubSpot keeps it, in lower case; the others a phone number, the id of a Salesforce record, or a Stripe customer that either of the
two names. Traps: contacts that were merged and are still named by an old id, addresses that stand among the additional ones only, and
archived contacts that would make one of two people.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from sandbox.world.ids import Ids
from sandbox.world.market import Arrival, Market
from sandbox.world.moments import BEGIN, between
from sandbox.world.names import dialled
from sandbox.world.person import CRM, Face, Someone

T = TypeVar("T")

SHARE = 0.6
OUTSIDE = 0.95
"""Of those whom an ad brought and Salesforce does not know."""
TIES = {"email": 74, "salesforce": 12, "phone": 8, "stripe": 6}
"""How often a contact is recognised by this alone, where the person's other records allow it."""


@dataclass(eq=False)
class Card:
    """A contact before it is a row: whose it is, and what it says beside name and company."""

    person: Someone
    face: Face
    arrival: Arrival | None
    values: dict[str, str] = field(default_factory=dict)


@dataclass
class Acquaintances:
    """Draws the contacts."""

    rng: random.Random
    ids: Ids
    latest: datetime
    cards: dict[str, Card] = field(default_factory=dict)
    """By person."""
    archived: list[tuple[Someone, dict[str, str]]] = field(default_factory=list)
    """Contacts that mix two people up, which is why somebody archived them: under whose name, and what they say."""

    def meet(self, people: Sequence[Someone], market: Market) -> None:
        """Draw who has a contact, and give them its face."""
        for person in people:
            arrival, ties = market.arrivals.get(person.id), _ties(person)
            outside = traced(arrival) is not None and not any(face.kind in CRM for face in person.faces)
            if person.trap is None and ties and self.rng.random() < (OUTSIDE if outside else SHARE):
                self._introduce(person, arrival, self.rng.choices(ties, [TIES[tie] for tie in ties])[0])
        self._set_traps(people)

    def _introduce(self, person: Someone, arrival: Arrival | None, tie: str) -> None:
        first, visit = min(face.created for face in person.faces), traced(arrival)
        start, end = max(BEGIN, first - timedelta(days=20)), first + timedelta(days=5)
        if visit:
            start, end = visit.at, visit.at + timedelta(hours=2)
        created = between(self.rng, start, min(end, self.latest))
        card = Card(person, Face("hubspot_contact", self.ids.next("hubspot_contact"), created), arrival)
        by: dict[str, Callable[[Card], None]] = {
            "email": self._by_email, "salesforce": self._by_salesforce, "phone": self._by_phone, "stripe": self._by_stripe,
        }  # fmt: skip
        by[tie](card)
        person.faces.append(card.face)
        self.cards[person.id] = card

    def _by_email(self, card: Card) -> None:
        card.face.email = card.person.email
        if self.rng.random() < 0.4:
            card.values |= _synced(card.person)
        if self.rng.random() < 0.5:
            self._by_phone(card)

    def _by_salesforce(self, card: Card) -> None:
        card.face.email = self._private(card.person) if self.rng.random() < 0.5 else None
        card.values |= _synced(card.person)

    def _by_phone(self, card: Card) -> None:
        number = dialled(self.rng, card.person.country, card.person.national)
        card.values[self.rng.choice(("phone", "mobilephone"))] = number

    def _by_stripe(self, card: Card) -> None:
        customer = card.person.of_kind("customer")[0]
        card.face.email = self._private(card.person)
        if self.rng.random() < 0.5:
            card.values["stripe_customer_id"] = customer.id
        else:
            customer.names_hubspot = card.face.id

    def _private(self, person: Someone) -> str:
        return f"{person.email.split('@')[0]}.hs{len(self.cards)}@postbox.example"

    def _set_traps(self, people: Sequence[Someone]) -> None:
        each = 2 + len(people) // 500
        quiet = [card for card in self.cards.values() if not card.person.documents]
        merged = self._some([card for card in quiet if card.person.of_kind("customer")], each)
        for card in merged:
            self._merge(card)
        known = [card for card in quiet if card.face.email == card.person.email and card not in merged]
        for card in self._some(known, each):
            card.person.trap = "additional_email"
            card.face.email = self._private(card.person)
            card.values = {"hs_additional_emails": card.person.email}
        strangers = [one for one in people if one.trap is None and one.id not in self.cards and one.of_kind("Contact")]
        chosen = self._some(strangers, 2 * each)
        for person, other in zip(chosen[::2], chosen[1::2], strict=False):
            person.trap = "archived_contact"
            self.archived.append((person, {"email": person.email, **_synced(other)}))

    def _some(self, there: list[T], wanted: int) -> list[T]:
        """As many as wanted; a small world may have fewer."""
        return self.rng.sample(there, min(wanted, len(there)))

    def _merge(self, card: Card) -> None:
        """Two contacts became one with a new id; the Stripe customer still names an old one, and nothing else is shared."""
        card.person.trap = "merged_contact"
        old = [self.ids.next("hubspot_contact"), self.ids.next("hubspot_contact")]
        card.face.email = self._private(card.person)
        card.values = {"hs_merged_object_ids": ";".join(old)}
        card.person.of_kind("customer")[0].names_hubspot = self.rng.choice(old)


def traced(arrival: Arrival | None) -> Arrival | None:
    """The arrival, if it was a visit that the web site saw; a lead form is filled in elsewhere."""
    return arrival if arrival and arrival.way != "lead_form" else None


def _ties(person: Someone) -> list[str]:
    """By what a contact of this person could be recognised."""
    kinds = {face.kind for face in person.faces}
    found = {
        "email": any((face.email or "").strip().lower() == person.email for face in person.faces),
        "salesforce": bool(CRM & kinds), "phone": any(face.mobile or face.phone for face in person.faces), "stripe": "customer" in kinds,
    }  # fmt: skip
    return [tie for tie, possible in found.items() if possible]


def _synced(person: Someone) -> dict[str, str]:
    """What HubSpot's Salesforce integration writes: the contact, or the lead that is none yet."""
    if contacts := person.of_kind("Contact"):
        return {"salesforcecontactid": contacts[0].id}
    leads = person.of_kind("Lead")
    return {"salesforceleadid": leads[0].id} if leads else {}
