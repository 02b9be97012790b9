"""Reading tasks, events, cases, comments and e-mails as facts: what was done, and where the words are."""

from collections.abc import Iterator
from datetime import datetime

from connectors.salesforce.payload import Payload
from connectors.talk import is_markup, is_robot, is_transcript
from models.facts import Engagement, Fact, Interaction
from models.records import Record

OBJECT_BY_PREFIX = {"001": "Account", "003": "Contact", "00Q": "Lead", "006": "Opportunity", "500": "Case"}
"""The first three characters of an id name its object (Salesforce help, "Standard Field Record ID Prefix Decoder")."""

CHATS = frozenset({"chat", "live chat", "messaging", "web chat"})
"""Case origins whose description is a chat log."""

MAILS = frozenset({"email", "listemail"})
"""Task subtypes that Salesforce writes itself beside an e-mail message."""


def lead_form(record: Record) -> Iterator[Fact]:
    """What a lead wrote when they came to us."""
    read = Payload(record)
    if read.text("Description"):
        yield Interaction(
            subject=read.own_key,
            source="form",
            author="customer",
            field="Description",
            html=is_markup(read.text("Description")),
            occurred_at=read.moment("CreatedDate"),
        )


def task(record: Record) -> Iterator[Fact]:
    """A call, an e-mail logged by hand or something to do; its description is the rep's own words."""
    read = Payload(record)
    at = read.moment("CompletedDateTime", "ActivityDate", "CreatedDate")
    kind = _task_kind(read)
    regarding = _activity_regarding(read)
    whom = _any_key(read, "WhoId") or _account_key(read)
    if whom:
        yield Engagement(
            subject=whom,
            kind=kind,
            direction=_call_direction(read),
            regarding=regarding,
            duration_s=read.whole("CallDurationInSeconds"),
            occurred_at=at,
        )
    if (read.text("TaskSubtype") or "").casefold() not in MAILS:  # their words are in the e-mail message
        yield from _activity_words(read, "call_note", "rep", regarding, at)


def event(record: Record) -> Iterator[Fact]:
    """A meeting; its description is a transcript or the rep's notes."""
    read = Payload(record)
    at = read.moment("StartDateTime", "ActivityDateTime", "ActivityDate", "CreatedDate")
    regarding = _activity_regarding(read)
    whom = _any_key(read, "WhoId") or _account_key(read)
    minutes = read.whole("DurationInMinutes")
    if whom:
        yield Engagement(
            subject=whom,
            kind="meeting",
            regarding=regarding,
            duration_s=None if minutes is None else minutes * 60,
            occurred_at=at,
        )
    subject = read.text("Subject") or ""
    if is_transcript(subject, read.text("Description")):
        recorded_by = "agent" if "support" in subject.casefold() else "rep"
        yield from _activity_words(read, "transcript", recorded_by, regarding, at)
    else:
        yield from _activity_words(read, "call_note", "rep", regarding, at)


def case(record: Record) -> Iterator[Fact]:
    """A ticket; its description is what the customer asked."""
    read = Payload(record)
    at = read.moment("CreatedDate")
    person, company = read.key("Contact", "ContactId"), read.key("Account", "AccountId")
    if person or company:
        yield Engagement(
            subject=str(person or company),
            kind="ticket",
            direction="inbound",
            regarding=company,
            occurred_at=at,
            closed_at=read.instant("ClosedDate"),
        )
    if person and read.text("Description"):
        yield Interaction(
            subject=person,
            source=_case_source(read, "Origin"),
            author="agent" if (read.text("Origin") or "").casefold() == "system" else "customer",
            field="Description",
            html=is_markup(read.text("Description")),
            regarding=company,
            thread=record.key.id,
            occurred_at=at,
        )


def case_comment(record: Record) -> Iterator[Fact]:
    """A remark on a ticket, by the customer through a portal or by one of us."""
    read = Payload(record)
    person = read.key("Contact", "Parent.ContactId")
    if person and read.text("CommentBody"):
        ours = (read.text("CreatedBy.UserType") or "Standard") == "Standard"
        yield Interaction(
            subject=person,
            source=_case_source(read, "Parent.Origin"),
            author="rep" if ours else "customer",
            field="CommentBody",
            html=is_markup(read.text("CommentBody")),
            regarding=read.key("Case", "ParentId"),
            thread=read.text("ParentId"),
            occurred_at=read.moment("CreatedDate"),
        )


def _case_source(read: Payload, path: str) -> str:
    return "chat" if (read.text(path) or "").casefold() in CHATS else "ticket"


def email_message(record: Record) -> Iterator[Fact]:
    """One e-mail, in or out; the task that Salesforce logs beside it counts as the deed, the e-mail holds the words."""
    read = Payload(record)
    at = read.moment("MessageDate", "CreatedDate")
    incoming = read.flag("Incoming")
    people = _correspondents(read, incoming=incoming)
    person = people[0] if people else None
    regarding = _any_key(read, "RelatedToId") or _any_key(read, "ParentId")
    if person and not read.text("ActivityId"):
        direction = "inbound" if incoming else "outbound"
        yield Engagement(subject=person, kind="email", direction=direction, regarding=regarding, occurred_at=at)
    body = next((field for field in ("TextBody", "HtmlBody") if read.text(field)), None)
    if person and body:
        yield Interaction(
            subject=person,
            source="email",
            author=_mail_author(read, incoming=incoming),
            field=body,
            html=body == "HtmlBody" or is_markup(read.text(body)),
            participants=people[1:],
            regarding=regarding,
            thread=read.text("ThreadIdentifier") or read.text("ParentId"),
            occurred_at=at,
        )


def _mail_author(read: Payload, *, incoming: bool) -> str:
    return "agent" if is_robot(read.text("FromAddress")) else "customer" if incoming else "rep"


def _correspondents(read: Payload, *, incoming: bool) -> list[str]:
    """Contacts and leads of an e-mail, the one who matters first: the writer if it came in, else the one it went to."""
    senders, receivers = read.ids("FromId"), [*read.ids("ToIds"), *read.ids("CcIds")]
    asked = [*read.ids("Activity.WhoId"), *read.ids("Parent.ContactId")]
    named = [*senders, *asked, *receivers] if incoming else [*asked, *receivers, *senders]
    people = [key for one in named if (key := _person_key(read, one))]
    return list(dict.fromkeys(people))


def _any_key(read: Payload, path: str) -> str | None:
    """Written key behind an id that may be of several objects; None for objects we do not pull."""
    value = read.text(path)
    name = OBJECT_BY_PREFIX.get(value[:3]) if value else None
    return read.record.sibling(name, value) if name else None


def _person_key(read: Payload, value: str) -> str | None:
    """Written key of a contact or lead; None for anybody else."""
    name = OBJECT_BY_PREFIX.get(value[:3])
    return read.record.sibling(name, value) if name in {"Contact", "Lead"} else None


def _account_key(read: Payload) -> str | None:
    """The account of an activity that names no person."""
    what = read.text("WhatId") or ""
    return read.key("Account", "AccountId") or (read.key("Account", "WhatId") if what.startswith("001") else None)


def _activity_regarding(read: Payload) -> str | None:
    return _any_key(read, "WhatId") or read.key("Account", "AccountId")


def _activity_words(
    read: Payload, source: str, author: str, regarding: str | None, at: datetime
) -> Iterator[Interaction]:
    """Words hang on a person; without one they stay in the record."""
    person = _any_key(read, "WhoId")
    if person and read.text("Description"):
        yield Interaction(
            subject=person,
            source=source,
            author=author,
            field="Description",
            html=is_markup(read.text("Description")),
            regarding=regarding,
            thread=read.record.key.id,
            occurred_at=at,
        )


def _task_kind(read: Payload) -> str:
    if read.value("IsClosed") is False:  # still to be done, whatever it is; a hidden state is no reason
        return "task"
    said = {(read.text(path) or "").casefold() for path in ("TaskSubtype", "Type")}
    if "call" in said or read.text("CallType"):
        return "call"
    if said & MAILS:
        return "email"
    return "meeting" if "meeting" in said else "task"


def _call_direction(read: Payload) -> str | None:
    return {"inbound": "inbound", "outbound": "outbound"}.get((read.text("CallType") or "").casefold())
