"""The planted HubSpot portal, second half: what was said and done.

About four in ten texts of people who were in HubSpot by then are kept here instead of in Salesforce. Where each source lives, and
which flag tells its author (connectors must read the same):

| source | object, property | author |
|---|---|---|
| call_note | call `hs_call_body`, or note `hs_note_body`; `hs_timestamp` | always the rep |
| email | email `hs_email_text`, or `hs_email_html` alone where the text is markup; `hs_timestamp` | hs_email_from_email noreply@ or mailer-daemon@: agent; else hs_email_direction INCOMING_EMAIL: customer; else rep |
| ticket | ticket `content` (source_type FORM or EMAIL); `createdate` | customer |
| chat | ticket `content` (source_type CHAT); `createdate` | customer |
| form | submission of the form "Contact us", value `message`; `submittedAt` | customer |

Transcripts, remarks within a ticket and what machines or colleagues wrote into one stay in Salesforce. The associated contact is whose
words they are, and of a form whoever has its address; the lead that the form made in Salesforce stays there without the words.
People who only do things have calls, e-mails, meetings and tickets without a word of text, and some took a newsletter by form.
"""

from datetime import datetime, timedelta
from typing import Any

from sandbox.hubspot.catalogue import form, submission
from sandbox.world.activities import MAILER_DAEMON, NOREPLY
from sandbox.world.documents import Document
from sandbox.world.hubspot import Portal, Row
from sandbox.world.moments import BEGIN, between, iso, unix
from sandbox.world.names import HOME_DOMAIN, REPS, address_as_typed, rep_email
from sandbox.world.person import Face, Someone
from sandbox.world.salesforce import Org
from sandbox.world.truth import PlantedDocument, PlantedTouch, hubspot_key

SHARE = 0.4
NOTES = 0.25
"""Of the call notes, how many are notes without a call."""
MOVABLE = frozenset({"Task", "EmailMessage", "Case", "Lead"})
"""Salesforce objects whose texts may be kept here instead."""
CONTACT_FORM = ("6a3a1f52-4f0e-4b7c-9d0b-2d5a7c1e8f01", "Contact us")
NEWSLETTER_FORM = ("0f6d8a1b-93c5-4a57-8a3e-5b1c9e2d7a02", "Newsletter")
LINE, LINES = "single_line_text", "multi_line_text"


class Talk:
    """Moves texts into a portal and plants doings there."""

    def __init__(self, portal: Portal, org: Org) -> None:
        self.portal, self.org, self.rng = portal, org, portal.rng
        fields = [("email", "email"), (LINE, "firstname"), (LINE, "lastname")]
        portal.rows["forms"] = [
            form(*CONTACT_FORM, BEGIN, [*fields, (LINES, "message")]), form(*NEWSLETTER_FORM, BEGIN, [("email", "email")]),
        ]  # fmt: skip

    def take(self, person: Someone, planted: list[PlantedDocument]) -> list[PlantedDocument]:
        """The person's documents, some of which are from now on kept here and nowhere else."""
        if person.id not in self.portal.cards:
            return planted
        return [self._take(person, text, found) for text, found in zip(person.documents, planted, strict=True)]

    def _take(self, person: Someone, text: Document, found: PlantedDocument) -> PlantedDocument:
        since = self.portal.cards[person.id].face.created
        if since > text.occurred_at or not self._movable(text, found) or self.rng.random() > SHARE:
            return found
        object_name, object_id = found.record.split("/")[2:]
        self._withdraw(object_name, object_id)
        record, name = self._place(person, text)
        return found.model_copy(update={"record": record, "field": name})

    def _movable(self, text: Document, found: PlantedDocument) -> bool:
        object_name, object_id = found.record.split("/")[2:]
        if object_name == "Case":
            commented = any(row["ParentId"] == object_id for row in self.org.rows.get("CaseComment", []))
            return text.author == "customer" and not commented
        return object_name in MOVABLE

    def _withdraw(self, object_name: str, object_id: str) -> None:
        """Salesforce never had these words: the row goes, with the task beside an e-mail; a lead only loses its description."""
        rows = self.org.rows[object_name]
        place = next(number for number, row in reversed(list(enumerate(rows))) if row["Id"] == object_id)
        if object_name == "Lead":
            rows[place]["Description"] = None
            return
        row = rows.pop(place)
        if object_name == "EmailMessage":
            self._withdraw("Task", row["ActivityId"])

    def _place(self, person: Someone, text: Document) -> tuple[str, str]:
        if text.source == "form":
            return self._form(person, text.occurred_at, CONTACT_FORM, text.text), "message"
        if text.source == "email":
            name = "hs_email_html" if text.html else "hs_email_text"
            return self._email(person, text.occurred_at, self._rep(person, text), text, {name: text.text}), name
        if text.source == "call_note":
            if self.rng.random() < NOTES:
                return self._engage(
                    "note", person, text.occurred_at, self._rep(person, text), {"hs_note_body": text.text}
                ), "hs_note_body"
            return self._call(person, text.occurred_at, self._rep(person, text), text.text), "hs_call_body"
        came = "CHAT" if text.source == "chat" else self.rng.choice(("FORM", "EMAIL"))
        return self._ticket(person, text.occurred_at, came, text.text), "content"

    def _rep(self, person: Someone, text: Document) -> str:
        """The first name of the rep whom the text names, else of whoever keeps the company."""
        words = text.text.replace(",", " ").replace(":", " ").split()
        return next((first for first, _ in REPS if first in words), self.portal.keepers[person.company.id])

    def _engage(self, label: str, person: Someone, at: datetime, rep: str, values: Row) -> str:
        given = {"hs_timestamp": iso(at), "hubspot_owner_id": self.portal.owners[rep], **values}
        row = self.portal.add(f"{label}s", label, at, given, associations=self.portal.linked(person))
        return hubspot_key(label, row["id"])

    def _call(self, person: Someone, at: datetime, rep: str, body: str | None) -> str:
        values = {
            "hs_call_title": "Call", "hs_call_body": body, "hs_call_status": "COMPLETED", "hs_call_duration": self.rng.randint(60, 2700) * 1000,
            "hs_call_direction": self.rng.choice(("INBOUND", "OUTBOUND")),
        }  # fmt: skip
        return self._engage("call", person, at, rep, values)

    def _email(self, person: Someone, at: datetime, rep: str, text: Document | None, body: Row) -> str:
        ours = rep_email(rep, dict(REPS)[rep])
        bounced = text is not None and text.text.startswith("From: Mail Delivery Subsystem")
        incoming = bounced or (text.author == "customer" if text else self.rng.random() < 0.5)
        sender, receiver = (person.email, ours) if incoming else (ours, person.email)
        if text and text.author == "agent":
            sender = MAILER_DAEMON if bounced else NOREPLY
        values = {
            "hs_email_subject": "Message", "hs_email_direction": "INCOMING_EMAIL" if incoming else "EMAIL", "hs_email_status": "SENT",
            "hs_email_from_email": sender, "hs_email_to_email": receiver, **body,
            "hs_email_thread_id": f"{self.portal.cards[person.id].face.id}-{self.rng.randint(1, 3)}",
        }  # fmt: skip
        return self._engage("email", person, at, rep, values)

    def _meeting(self, person: Someone, at: datetime, rep: str) -> str:
        ends = at + timedelta(minutes=self.rng.choice((30, 45, 60)))
        values = {
            "hs_meeting_title": self.rng.choice(("Meeting", "Demo")), "hs_meeting_start_time": iso(at), "hs_meeting_end_time": iso(ends),
            "hs_meeting_outcome": self.rng.choices(("COMPLETED", "NO_SHOW", "CANCELED"), (85, 10, 5))[0],
        }  # fmt: skip
        return self._engage("meeting", person, at, rep, values)

    def _ticket(self, person: Someone, at: datetime, came: str, content: str | None) -> str:
        stage = self.rng.choice(("1", "2", "3", "4", "4", "4", "4"))
        ended = between(self.rng, at, min(self.portal.latest, at + timedelta(days=9)))
        values = {
            "subject": "Request", "content": content, "hs_pipeline": "0", "hs_pipeline_stage": stage, "source_type": came,
            "hs_ticket_priority": self.rng.choice(("LOW", "MEDIUM", "HIGH")), "closed_date": iso(ended) if stage == "4" else None,
            "hubspot_owner_id": self.portal.owner_of(person),
        }  # fmt: skip
        row = self.portal.add("tickets", "ticket", at, values, associations=self.portal.linked(person))
        return hubspot_key("ticket", row["id"])

    def _form(self, person: Someone, at: datetime, which: tuple[str, str], message: str | None) -> str:
        """What the person filled in, under the address as they typed it: one more record that shows them."""
        guid, name = which
        face = Face(
            "hubspot_form",
            self.portal.ids.next("hubspot_form"),
            at,
            address_as_typed(self.rng, person.email, spaces=True),
        )
        values: dict[str, Any] = {"email": face.email}
        if message is not None:
            values |= {"firstname": person.first, "lastname": person.last, "message": message}
        told = submission(face.id, unix(at) * 1000, f"https://www.{HOME_DOMAIN}/contact", values)
        self.portal.rows.setdefault(f"submissions/{guid}", []).append(told)
        person.faces.append(face)
        record = hubspot_key("form_submission", face.id)
        self.portal.touch(
            person, PlantedTouch(record=record, channel="form", source=name, responded=True, occurred_at=at)
        )
        return record

    def behave(self, person: Someone) -> None:
        """Calls, e-mails, meetings and tickets without a word of text; few people do much, most do little."""
        card = self.portal.cards.get(person.id)
        if card is None:
            return
        for _ in range(min(9, int(self.rng.paretovariate(1.2)))):
            at = between(self.rng, card.face.created, self.portal.latest - timedelta(hours=2))
            rep, deed = self.portal.keepers[person.company.id], self.rng.random()
            if deed < 0.45:
                self._call(person, at, rep, None)
            elif deed < 0.75:
                self._email(person, at, rep, None, {})
            elif deed < 0.9:
                self._meeting(person, at, rep)
            else:
                self._ticket(person, at, self.rng.choice(("FORM", "PHONE")), None)
        if card.face.email == person.email and self.rng.random() < 0.1:
            self._form(person, card.face.created, NEWSLETTER_FORM, None)
