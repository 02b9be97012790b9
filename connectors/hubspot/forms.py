"""Reading what people wrote into forms: who they say they are, how they came, and their own words."""

from collections.abc import Iterator

from connectors.countries import region
from connectors.hubspot.arrival import touch
from connectors.hubspot.payload import Payload
from connectors.marks import in_fields, paid_channel, parameters
from connectors.talk import is_markup
from models.facts import Engagement, Fact, Identifier, Interaction, Profile, Scope
from models.records import Record

OWN_WORDS = "multi_line_text"
"""The kind of a form's field that asks for more than a line."""
USUAL = frozenset({"message", "comment", "comments", "question", "TICKET.content", "0-5/content", "0-5/TICKET.content"})
"""How such fields are called where the form does not tell its fields' kinds."""


def form_submission(record: Record) -> Iterator[Fact]:
    """Somebody who filled in a form; their address makes them the same person as a contact."""
    read = Payload(record)
    country, at = read.text("country"), read.moment("submittedAt")
    names = [part for part in (read.text("firstname"), read.text("lastname")) if part]
    phone = read.text("mobilephone") or read.text("phone")
    yield Profile(
        scope=Scope.person,
        name=" ".join(names) or read.text("full_name"),
        title=read.text("jobtitle"),
        company=read.text("company") or read.text("0-2/name"),
        email=read.text("email"),
        phone=phone,
        country=country,
        city=read.text("city"),
        postcode=read.text("zip"),
        created_at=at,
    )
    yield from Identifier.of(Scope.person, "email", read.text("email"))
    yield from Identifier.of(Scope.person, "phone", phone, region(country))
    yield Engagement(subject=read.own_key, kind="form", direction="inbound", occurred_at=at)
    marks = {**in_fields(read.record.payload), **parameters(read.text("pageUrl"))}
    yield touch(read.own_key, paid_channel(marks) or "form", marks, otherwise=read.text("formName"), at=at)
    for field, text in _own_words(read):
        yield Interaction(
            subject=read.own_key,
            source="form",
            author="customer",
            field=field,
            html=is_markup(text),
            thread=record.key.id,
            occurred_at=at,
        )


def _own_words(read: Payload) -> Iterator[tuple[str, str]]:
    """The fields that hold what people wrote, by name, in the order of the form."""
    kinds = read.value("formFields")
    known = kinds if isinstance(kinds, dict) else {}
    named = [name for name, kind in known.items() if kind == OWN_WORDS]
    named += sorted(USUAL - known.keys())
    for name in named:
        text = read.record.payload.get(name)  # not by path: names of fields may hold dots
        if isinstance(text, str) and text.strip():
            yield name, text
