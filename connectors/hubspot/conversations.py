"""Reading tickets, calls, e-mails, meetings, notes and messages as facts: what was done, and where the words are."""

from collections.abc import Iterator
from datetime import datetime

from connectors.hubspot.payload import Payload
from connectors.talk import is_markup, is_robot, is_transcript
from models.facts import Engagement, Fact, Interaction
from models.records import Record

DIRECTIONS = {"inbound": "inbound", "outbound": "outbound"}
INCOMING = "INCOMING_EMAIL"
UNSENT = frozenset({"BOUNCED", "FAILED", "SCHEDULED", "SENDING"})
"""States of an e-mail that nobody has read."""
NOT_HELD = frozenset({"CANCELED", "NO_SHOW", "NO SHOW", "RESCHEDULED"})
"""Outcomes of a meeting that did not take place."""
NOT_CONNECTED = frozenset({"BUSY", "CANCELED", "FAILED", "NO_ANSWER", "QUEUED"})
"""States of a call in which nobody spoke."""


def ticket(record: Record) -> Iterator[Fact]:
    """A request of the customer, in their words."""
    read = Payload(record)
    people, regarding, at = read.linked("contacts"), _regarding(read), read.moment("createdate")
    if whom := _whom(read):
        yield Engagement(
            subject=whom,
            kind="ticket",
            direction="inbound",
            regarding=regarding,
            occurred_at=at,
            closed_at=read.instant("closed_date"),
        )
    if people and read.text("content"):
        source = "chat" if (read.text("source_type") or "").upper() == "CHAT" else "ticket"
        yield _words(read, "content", source, "customer", people, regarding, at)


def call(record: Record) -> Iterator[Fact]:
    """A call; its body is a transcript or the rep's notes."""
    read = Payload(record)
    at = _when(read)
    whom = _whom(read)
    if whom and (read.text("hs_call_status") or "").upper() not in NOT_CONNECTED:
        yield Engagement(
            subject=whom,
            kind="call",
            direction=DIRECTIONS.get((read.text("hs_call_direction") or "").casefold()),
            regarding=_regarding(read),
            duration_s=read.seconds("hs_call_duration"),
            occurred_at=at,
        )
    yield from _spoken(read, "hs_call_title", "hs_call_body", at)


def meeting(record: Record) -> Iterator[Fact]:
    """A meeting; its body is a transcript or notes, and the rep may have kept notes of their own beside it."""
    read = Payload(record)
    start, end = read.instant("hs_meeting_start_time"), read.instant("hs_meeting_end_time")
    at = start or _when(read)
    whom = _whom(read)
    if whom and (read.text("hs_meeting_outcome") or "").upper() not in NOT_HELD:
        length = int((end - start).total_seconds()) if start and end and end >= start else None
        yield Engagement(subject=whom, kind="meeting", regarding=_regarding(read), duration_s=length, occurred_at=at)
    yield from _spoken(read, "hs_meeting_title", "hs_meeting_body", at)
    yield from _spoken(read, "hs_meeting_title", "hs_internal_meeting_notes", at)


def note(record: Record) -> Iterator[Fact]:
    """What a rep wrote down; nobody was engaged by that."""
    read = Payload(record)
    yield from _spoken(read, "", "hs_note_body", _when(read))


def email(record: Record) -> Iterator[Fact]:
    """One e-mail, in or out."""
    read = Payload(record)
    if (read.text("hs_email_status") or "").upper() in UNSENT:
        return
    at, people, regarding = _when(read), read.linked("contacts"), _regarding(read)
    incoming = (read.text("hs_email_direction") or "").upper() == INCOMING
    if whom := _whom(read):
        direction = "inbound" if incoming else "outbound"
        yield Engagement(subject=whom, kind="email", direction=direction, regarding=regarding, occurred_at=at)
    body = next((field for field in ("hs_email_text", "hs_email_html") if read.text(field)), None)
    if people and body:
        robot = is_robot(read.text("hs_email_from_email"))
        author = "agent" if robot else "customer" if incoming else "rep"
        yield _words(read, body, "email", author, people, regarding, at, thread=read.text("hs_email_thread_id"))


def communication(record: Record) -> Iterator[Fact]:
    """An SMS, WhatsApp or LinkedIn message that a rep logged: who wrote what in it, only its lines tell."""
    read = Payload(record)
    at, people, regarding = _when(read), read.linked("contacts"), _regarding(read)
    if whom := _whom(read):
        yield Engagement(subject=whom, kind="message", regarding=regarding, occurred_at=at)
    if people and read.text("hs_communication_body"):
        yield _words(read, "hs_communication_body", "chat", "rep", people, regarding, at)


def _when(read: Payload) -> datetime:
    return read.moment("hs_timestamp", "hs_createdate")


def _whom(read: Payload) -> str | None:
    """The person engaged, or the company where no person is named."""
    return next((key for kind in ("contacts", "companies") for key in read.linked(kind)), None)


def _regarding(read: Payload) -> str | None:
    """What it was about: the deal, else the ticket, else the company."""
    return next((key for kind in ("deals", "tickets", "companies") for key in read.linked(kind)), None)


def _spoken(read: Payload, title: str, field: str, at: datetime) -> Iterator[Interaction]:
    """What was said, or what the rep noted of it; words hang on a person, without one they stay in the record."""
    people, text = read.linked("contacts"), read.text(field)
    subject = (read.text(title) or "") if title else ""
    if not people or not text:
        return
    if is_transcript(subject, text):
        recorded_by = "agent" if "support" in subject.casefold() else "rep"
        yield _words(read, field, "transcript", recorded_by, people, _regarding(read), at)
    else:
        yield _words(read, field, "call_note", "rep", people, _regarding(read), at)


def _words(
    read: Payload,
    field: str,
    source: str,
    author: str,
    people: list[str],
    regarding: str | None,
    at: datetime,
    *,
    thread: str | None = None,
) -> Interaction:
    return Interaction(
        subject=people[0],
        source=source,
        author=author,
        field=field,
        html=field.endswith("_html") or is_markup(read.text(field)),
        participants=people[1:],
        regarding=regarding,
        thread=thread or read.record.key.id,
        occurred_at=at,
    )
