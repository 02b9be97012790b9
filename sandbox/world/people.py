"""Who lives in the planted world, and as which records each of them appears.

A person appears as one to five faces: contacts, leads and Stripe customers. Faces of one person share a value that a plain rule
finds (address, number, lead conversion, contact id in Stripe's metadata), but for the `hidden` ones. The traps are what makes
real data hard: values that many share, values that mean nothing, and people of the same name.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.world.documents import Document
from sandbox.world.ids import Ids
from sandbox.world.moments import BEGIN, MARGIN, between
from sandbox.world.names import (
    FAMILY_NAMES,
    FIRST_NAMES,
    JOB_TITLES,
    REPS,
    Company,
    address_as_typed,
    dialled,
    mobile,
    rep_email,
)
from sandbox.world.person import Face, Kind, Someone

MOST_FACES = 5
OFFICE_SIZE = 24
"""People behind one switchboard: more than any sensible limit of records per phone number."""
PLACEHOLDER_EMAILS = ("test@test.com", "noreply@example.com", "none@none.com")
PLACEHOLDER_PHONES = ("0000000000", "+1 999 999 9999", "1111111111")
ROLE_MAILBOX = "info"
PAYER_MAILBOX = "billing"


@dataclass
class Population:
    """Draws people; every address and number it gives out is one person's own, unless a trap wants it shared."""

    rng: random.Random
    ids: Ids
    now: datetime
    people: list[Someone] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    single: Someone | None = None
    """Half of a couple whose other half is still to come."""

    @property
    def latest(self) -> datetime:
        """The youngest instant that anything may have."""
        return self.now - MARGIN

    def plant(self, person_id: str, company: Company, documents: list[Document]) -> None:
        """A person with texts of their own."""
        first = person_id.partition("-")[0]
        family, spelled = self.rng.choice(FAMILY_NAMES)
        earliest = max(BEGIN, documents[0].occurred_at - timedelta(days=self.rng.randint(5, 90)))
        person = self._person(person_id, (first.capitalize(), family), f"{first}.{spelled}", company, earliest)
        person.documents = documents
        person.title = _spoken_title(first.capitalize(), documents)
        self._plant_faces(person)
        if person.of_kind("Contact"):
            self._duplicates(person)
        if len(documents) > 1 or self.rng.random() < 0.8:
            self._pay(person)

    def add(self, company: Company, trap: str | None) -> None:
        """A person who does things and says nothing, recognisable unless the trap is in the way."""
        born = between(self.rng, BEGIN, self.now - timedelta(days=14))
        (first, first_spelled), (last, last_spelled) = self.rng.choice(FIRST_NAMES), self.rng.choice(FAMILY_NAMES)
        local = f"{first_spelled}.{last_spelled}"
        if trap == "namesake":
            model = self.people[-1]
            first, last, local = model.first, model.last, model.email.split("@")[0]
        person = self._person(f"person-{len(self.people):06d}", (first, last), local, company, born)
        person.trap = trap
        self._appearances().get(trap or "", self._behave)(person)

    def _appearances(self) -> dict[str, Callable[[Someone], None]]:
        return {
            "office": self._behind_switchboard, "role_mailbox": self._role_mailbox, "role_payer": self._role_payer,
            "placeholder_email": self._placeholder_email, "placeholder_phone": self._placeholder_phone,
            "internal_email": self._internal_email, "couple": self._couple, "hidden": self._hidden,
        }  # fmt: skip

    def _person(self, person_id: str, name: tuple[str, str], local: str, company: Company, born: datetime) -> Someone:
        number = mobile(company.country, len(self.people))
        address = self._address(local, company.domain)
        person = Someone(person_id, *name, self.rng.choice(JOB_TITLES), company, address, company.country, number, born)
        self.people.append(person)
        return person

    def _address(self, local: str, domain: str) -> str:
        number, address = 1, f"{local}@{domain}"
        while address in self.taken:
            number += 1
            address = f"{local}{number}@{domain}"
        self.taken.add(address)
        return address

    def _private(self, person: Someone) -> str:
        return self._address(f"{person.email.split('@')[0]}.{len(self.people)}", "postbox.example")

    def _after(self, start: datetime, *, days: int) -> datetime:
        return between(self.rng, start, min(self.latest, start + timedelta(days=days)))

    def _face(self, person: Someone, kind: Kind, created: datetime) -> Face:
        face = Face(kind, self.ids.next(kind), created)
        person.faces.append(face)
        return face

    def _crm(self, person: Someone, kind: Kind, created: datetime) -> Face:
        face = self._face(person, kind, created)
        face.email = self._typed(person)
        face.mobile = self._dialled(person) if self.rng.random() < 0.8 else None
        return face

    def _typed(self, person: Someone) -> str:
        return address_as_typed(self.rng, person.email, spaces=False)

    def _dialled(self, person: Someone) -> str:
        return dialled(self.rng, person.country, person.national)

    def _convert(self, person: Someone, lead: Face, at: datetime) -> Face:
        lead.converted_to = self._crm(person, "Contact", at)
        lead.converted_at = at
        return lead.converted_to

    def _plant_faces(self, person: Someone) -> None:
        forms = [text for text in person.documents if text.source == "form"]
        others = [text for text in person.documents if text.source != "form"]
        if others and others[0].occurred_at < min((form.occurred_at for form in forms), default=self.now):
            self._known_before(person, others[0])
        for form in forms:
            lead = self._crm(person, "Lead", form.occurred_at)
            lead.document = form
            contacts = person.of_kind("Contact")
            if contacts and self.rng.random() < 0.5:
                lead.converted_to, lead.converted_at = contacts[0], self._after(form.occurred_at, days=20)
            elif not contacts and (others or self.rng.random() < 0.5):
                until = min([self.latest, *(text.occurred_at for text in others[:1])])
                self._convert(person, lead, between(self.rng, form.occurred_at, until))

    def _known_before(self, person: Someone, first: Document) -> None:
        if self.rng.random() < (0.8 if len(person.documents) > 1 else 0.4):
            lead = self._crm(person, "Lead", person.born)
            self._convert(person, lead, between(self.rng, person.born, first.occurred_at))
        else:
            self._crm(person, "Contact", person.born)

    def _behave(self, person: Someone) -> None:
        crm = self.rng.choices(("contact", "converted", "lead", "none"), (46, 26, 18, 10))[0]
        if crm in ("converted", "lead"):
            lead = self._crm(person, "Lead", person.born)
            if crm == "converted":
                self._convert(person, lead, self._after(person.born, days=45))
        elif crm == "contact":
            self._crm(person, "Contact", person.born)
        if crm in ("contact", "converted"):
            self._duplicates(person)
        if crm == "none" or self.rng.random() < (0.2 if crm == "lead" else 0.6):
            self._pay(person)

    def _duplicates(self, person: Someone) -> None:
        first = person.of_kind("Contact")[0]
        if self._room(person) and self.rng.random() < 0.08:
            twin = self._face(person, "Contact", self._after(first.created, days=200))
            if self.rng.random() < 0.7:
                twin.email = self._typed(person)
            else:
                twin.mobile = self._dialled(person)
                first.mobile = first.mobile or self._dialled(person)
        if self._room(person) and self.rng.random() < 0.07:
            self._crm(person, "Lead", self._after(first.created, days=200))

    def _room(self, person: Someone) -> bool:
        return len(person.faces) < MOST_FACES - 1  # one is kept for the Stripe customer

    def _pay(self, person: Someone) -> None:
        anchor = person.faces[0] if person.faces else None
        contacts = person.of_kind("Contact")
        link = self.rng.choices(("email", "metadata", "phone"), (74, 16, 10))[0] if anchor else "email"
        self._customer(person, "email" if link == "metadata" and not contacts else link)
        if len(person.faces) < MOST_FACES and self.rng.random() < 0.06:
            self._customer(person, "email", address=person.of_kind("customer")[0].email)

    def _customer(self, person: Someone, link: str, *, address: str | None = None) -> Face:
        start = person.faces[0].created if person.faces else person.born
        face = self._face(person, "customer", self._after(start, days=60))
        face.email = address or address_as_typed(self.rng, person.email, spaces=True)
        if link == "phone":
            person.faces[0].mobile = person.faces[0].mobile or self._dialled(person)
            face.email, face.phone = None, self._dialled(person)
        elif link == "metadata":
            face.email, face.names_contact = self._private(person), person.of_kind("Contact")[0].id
        elif link == "none":
            face.email = self._private(person)
        return face

    def _behind_switchboard(self, person: Someone) -> None:
        self._crm(person, "Contact", person.born).phone = dialled(
            self.rng, person.company.country, person.company.office
        )
        if self.rng.random() < 0.5:
            self._customer(person, "email")

    def _role_mailbox(self, person: Someone) -> None:
        contact = self._crm(person, "Contact", person.born)
        contact.email, contact.mobile = f"{ROLE_MAILBOX}@{person.company.domain}", self._dialled(person)

    def _role_payer(self, person: Someone) -> None:
        person.first, person.last = person.company.name, "Accounts Payable"
        self._customer(person, "email", address=f"{PAYER_MAILBOX}@{person.company.domain}")

    def _placeholder_email(self, person: Someone) -> None:
        contact = self._crm(person, "Contact", person.born)
        contact.email, contact.mobile = self.rng.choice(PLACEHOLDER_EMAILS), self._dialled(person)
        if self.rng.random() < 0.5:
            self._customer(person, "phone")

    def _placeholder_phone(self, person: Someone) -> None:
        self._crm(person, "Contact", person.born).mobile = self.rng.choice(PLACEHOLDER_PHONES)
        if self.rng.random() < 0.5:
            self._customer(person, "email").phone = self.rng.choice(PLACEHOLDER_PHONES)

    def _internal_email(self, person: Someone) -> None:
        self._crm(person, "Lead", person.born).email = rep_email(*REPS[0])

    def _couple(self, person: Someone) -> None:
        if self.single:
            person.country, person.national = self.single.country, self.single.national
        self.single = None if self.single else person
        self._crm(person, "Contact", person.born).mobile = self._dialled(person)

    def _hidden(self, person: Someone) -> None:
        self._crm(person, "Contact", person.born)
        self._customer(person, "none")


def _spoken_title(first: str, documents: list[Document]) -> str | None:
    """The title that a transcript puts behind the person's name, so that record and text agree."""
    found = (re.search(rf"^{first} \(([^)]+)\):", text.text, re.MULTILINE) for text in documents)
    return next((each[1] for each in found if each), None)


def roster(rng: random.Random, count: int, companies: list[Company]) -> Iterator[tuple[str | None, Company]]:
    """Traps and companies of this many people who only do things: about one in ten is hard to recognise."""
    shares = {
        "office": OFFICE_SIZE * round(count / 1000 + 0.4) if count >= 4 * OFFICE_SIZE else 0,
        "role_mailbox": 3 * (1 + count // 600), "role_payer": 1 + count // 100, "placeholder_email": 2 + count // 100,
        "placeholder_phone": 2 + count // 100, "internal_email": 1 + count // 300, "couple": 2 * (count // 200),
        "hidden": 1 + count // 150, "namesake": 1 + count // 50,
    }  # fmt: skip
    together = {"office": OFFICE_SIZE, "role_mailbox": 3}
    traps = [(trap, number) for trap, share in shares.items() for number in range(share)][:count]
    company = companies[-1]
    for number, (trap, nth) in enumerate(traps):
        if nth % together.get(trap, 1) == 0:  # otherwise they share the company of the one before
            company = companies[-1 - number % len(companies)]
        yield trap, company
    for _ in range(count - len(traps)):
        # some companies have many of our people, most have few
        yield None, companies[int(rng.random() ** 1.5 * len(companies))]
