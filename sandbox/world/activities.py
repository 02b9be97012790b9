"""The planted Salesforce org, second half: what was said and done.

Where each source of text lives, and which flag tells its author (connectors must read the same):

| source | object, field | author |
|---|---|---|
| call_note | Task (TaskSubtype Call, Status Completed) `Description`; WhoId the person, `CompletedDateTime` | always the rep |
| email | EmailMessage `TextBody`, or `HtmlBody` alone where the text is markup; ActivityId names a Task (TaskSubtype Email, no Description) whose WhoId is the person; `MessageDate` | FromAddress noreply@ or mailer-daemon@: agent; else Incoming: customer; else rep |
| ticket | Case (Origin Web) `Description`; ContactId the person, `CreatedDate` | customer; agent where Origin is System |
| chat | Case (Origin Chat) `Description`; ContactId | customer |
| ticket, follow-up within 60 days | CaseComment `CommentBody` on the earlier case; `CreatedDate` | IsPublished (and CreatedById the portal's guest user): customer |
| internal chat | CaseComment `CommentBody` on a chat case without Description | not IsPublished (and CreatedById a rep): rep |
| transcript | Event `Description`; WhoId the person, `StartDateTime`; several speakers | Subject "Call transcript": rep; "Support call transcript": agent |
| form | Lead `Description` (LeadSource Web), `CreatedDate` | customer |

People who only do things have activities with short neutral subjects and no text at all.
"""

from datetime import datetime, timedelta
from typing import Any

from sandbox.world.documents import Document
from sandbox.world.moments import between, day, wire
from sandbox.world.names import HOME_DOMAIN, REPS, rep_email
from sandbox.world.person import Face, Someone
from sandbox.world.salesforce import Org, Row
from sandbox.world.truth import PlantedDocument, salesforce_key

FOLLOW_UP = timedelta(days=60)
MAILER_DAEMON = "MAILER-DAEMON@mx2.parsewell.example"
NOREPLY = f"noreply@{HOME_DOMAIN}"


class Activities:
    """Plants texts and doings into an org."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.rng = org.rng

    def plant(self, person: Someone) -> list[PlantedDocument]:
        """Every text of the person, each in the object that fits its source."""
        planted, tickets = [], list[tuple[datetime, Row]]()
        for text in person.documents:
            object_name, row, name = self._place(person, text, tickets)
            document = PlantedDocument(
                doc_id=text.doc_id, person=person.id, source=text.source, author=text.author, occurred_at=text.occurred_at,
                record=salesforce_key(object_name, row["Id"]), field=name, html=text.html,
            )  # fmt: skip
            planted.append(document)
        return planted

    def _place(self, person: Someone, text: Document, tickets: list[tuple[datetime, Row]]) -> tuple[str, Row, str]:
        who = person.who(text.occurred_at)
        if text.source == "form" or who is None:
            form = next(face for face in person.faces if face.document is text)
            return "Lead", {"Id": form.id}, "Description"
        if text.source == "call_note":
            return "Task", self._call(person, who, text.occurred_at, self._rep(person, text), text.text), "Description"
        if text.source == "email":
            return "EmailMessage", self._email(person, who, text), "HtmlBody" if text.html else "TextBody"
        if text.source == "transcript":
            return "Event", self._transcript(person, who, text), "Description"
        if text.author == "rep":
            case = self._case(person, who, text.occurred_at, "Chat", None)
            return "CaseComment", self._comment(case, text, self._rep(person, text)), "CommentBody"
        if text.source == "ticket" and tickets and text.occurred_at - tickets[-1][0] < FOLLOW_UP:
            return "CaseComment", self._comment(tickets[-1][1], text, self.org.portal), "CommentBody"
        origin = "Chat" if text.source == "chat" else "System" if text.author == "agent" else "Web"
        case = self._case(person, who, text.occurred_at, origin, text.text)
        if text.source == "ticket":
            tickets.append((text.occurred_at, case))
        return "Case", case, "Description"

    def _rep(self, person: Someone, text: Document) -> str:
        """The rep whom the text names, else whoever owns the company."""
        named = [first for first, _ in REPS if first in text.text.replace(",", " ").replace(":", " ").split()]
        return self.org.reps[named[0]] if named else self.org.owners[person.company.id]

    def _task(self, person: Someone, who: Face, at: datetime, owner: str, **fields: Any) -> Row:
        return self.org.add(
            "Task", self.org.ids.next("Task"), at, owner, WhoId=who.id, OwnerId=owner, ActivityDate=day(at), IsClosed=True,
            **self._regarding(person, who),
            Status="Completed", CompletedDateTime=wire(at), Priority="Normal",
            **{"Description": None, "CallType": None, "CallDurationInSeconds": None, **fields},
        )  # fmt: skip

    def _regarding(self, person: Someone, who: Face) -> Row:
        # what a lead does has no account to be about
        account = self.org.accounts[person.company.id][0] if who.kind == "Contact" else None
        return {"WhatId": account, "AccountId": account}

    def _call(self, person: Someone, who: Face, at: datetime, owner: str, note: str | None) -> Row:
        return self._task(
            person, who, at, owner, Subject="Call", TaskSubtype="Call", Description=note,
            CallType=self.rng.choice(("Inbound", "Outbound")), CallDurationInSeconds=self.rng.randint(60, 2700),
        )  # fmt: skip

    def _email(self, person: Someone, who: Face, text: Document) -> Row:
        owner = self._rep(person, text)
        first, last = next((first, last) for first, last in REPS if self.org.reps[first] == owner)
        ours, theirs = (rep_email(first, last), f"{first} {last}"), (person.email, person.name)
        bounced = text.text.startswith("From: Mail Delivery Subsystem")
        incoming = text.author == "customer" or bounced
        sender, receiver = (theirs, ours) if incoming else (ours, theirs)
        if text.author == "agent":
            sender = (MAILER_DAEMON, "Mail Delivery Subsystem") if bounced else (NOREPLY, "Acme")
        if "Forwarded message" in text.text and not incoming:
            receiver = (rep_email(*REPS[3]), "Leo")  # colleagues pass a customer's words on among themselves
        by = self.org.integration if incoming or text.author == "agent" else owner
        task = self._task(person, who, text.occurred_at, owner, Subject="Email", TaskSubtype="Email")
        return self.org.add(
            "EmailMessage", self.org.ids.next("EmailMessage"), text.occurred_at, by, MessageDate=wire(text.occurred_at),
            Subject="Message", TextBody=None if text.html else text.text, HtmlBody=text.text if text.html else None,
            Incoming=incoming, FromAddress=sender[0], FromName=sender[1], ToAddress=receiver[0], CcAddress=None,
            Status="1" if incoming else "3", ParentId=None, RelatedToId=self.org.accounts[person.company.id][0],
            ActivityId=task["Id"], MessageIdentifier=f"<{task['Id']}@{sender[0].split('@')[1]}>".lower(),
            ThreadIdentifier=f"<{who.id}@{HOME_DOMAIN}>".lower(), HasAttachment=False,
        )  # fmt: skip

    def _transcript(self, person: Someone, who: Face, text: Document) -> Row:
        subject = "Support call transcript" if text.author == "agent" else "Call transcript"
        return self._event(person, who, text.occurred_at, self._rep(person, text), subject, text.text)

    def _event(
        self, person: Someone, who: Face, at: datetime, owner: str, subject: str, description: str | None
    ) -> Row:
        minutes = self.rng.choice((30, 45, 60))
        return self.org.add(
            "Event", self.org.ids.next("Event"), at, owner, Subject=subject, Description=description, WhoId=who.id,
            **self._regarding(person, who), OwnerId=owner, Location=None,
            StartDateTime=wire(at), EndDateTime=wire(at + timedelta(minutes=minutes)), ActivityDateTime=wire(at),
            ActivityDate=day(at), DurationInMinutes=minutes, IsAllDayEvent=False, EventSubtype="Event",
        )  # fmt: skip

    def _case(self, person: Someone, who: Face, at: datetime, origin: str, description: str | None) -> Row:
        closed = self.rng.random() < 0.8
        ended = between(self.rng, at, min(self.org.latest(), at + timedelta(days=9)))
        number = self.org.ids.given["Case"] + 1001  # not how many there are: some move to HubSpot
        return self.org.add(
            "Case", self.org.ids.next("Case"), at, self.org.integration, CaseNumber=f"{number:08d}", Subject="Request",
            Description=description, Origin=origin, Status="Closed" if closed else "Working", IsClosed=closed,
            ClosedDate=wire(ended) if closed else None, Priority=self.rng.choice(("Low", "Medium", "High")), ParentId=None,
            ContactId=who.id if who.kind == "Contact" else None, AccountId=self.org.accounts[person.company.id][0],
            SuppliedEmail=person.email, SuppliedName=person.name, OwnerId=self.org.owners[person.company.id], Type=None,
        )  # fmt: skip

    def _comment(self, case: Row, text: Document, by: str) -> Row:
        return self.org.add(
            "CaseComment", self.org.ids.next("CaseComment"), text.occurred_at, by, ParentId=case["Id"],
            CommentBody=text.text, IsPublished=by == self.org.portal,
        )  # fmt: skip

    def behave(self, person: Someone) -> None:
        """Calls, tasks, meetings and requests without a word of text; few people do much, most do little."""
        first = person.faces[0].created
        for _ in range(min(12, int(self.rng.paretovariate(1.1)))):
            at = between(self.rng, first, self.org.latest() - timedelta(hours=2))
            who = person.who(at)
            if who:
                self._do(person, who, at)

    def _do(self, person: Someone, who: Face, at: datetime) -> None:
        owner, deed = self.org.owners[person.company.id], self.rng.random()
        if deed < 0.5:
            self._call(person, who, at, owner, None)
        elif deed < 0.7:
            subject = self.rng.choice(("Follow up", "Send quote", "Email"))
            row = self._task(
                person, who, at, owner, Subject=subject, TaskSubtype="Email" if subject == "Email" else "Task"
            )
            row["IsDeleted"] = self.rng.random() < 0.05  # in the recycle bin: seen by queryAll only
        elif deed < 0.88:
            self._event(person, who, at, owner, self.rng.choice(("Meeting", "Demo")), None)
        elif who.kind == "Contact":
            self._case(person, who, at, self.rng.choice(("Web", "Phone", "Email")), None)
