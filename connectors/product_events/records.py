"""What is read from product events, and how each record reads as facts."""

from collections.abc import Iterator

from connectors.base import Stream
from connectors.payload import wrong
from connectors.product_events.campaigns import marks
from connectors.product_events.lines import DEEDS, kind_of, refuse
from connectors.product_events.payload import Payload
from connectors.product_events.transcripts import participant_id
from models.facts import Engagement, Fact, Identifier, Interaction, Profile, Scope, Touch
from models.records import Record

COUNTRY = ("traits.address.country", "traits.country")


def user(record: Record) -> Iterator[Fact]:
    """A user of the product, under the id that it gave them (https://segment.com/docs/connections/spec/identify/#traits)."""
    read = Payload(record)
    if read.user is None:
        raise ValueError("userId is missing")
    country = read.first(*COUNTRY) if isinstance(read.value("traits.address"), dict) else read.first("traits.country")
    company = read.value("traits.company")
    email, phone = read.text("traits.email"), read.label("traits.phone")
    yield Profile(
        scope=Scope.person,
        name=_name(read),
        title=read.text("traits.title"),
        company=read.text("traits.company.name") if isinstance(company, dict) else read.text("traits.company"),
        email=email,
        phone=phone,
        country=country,
        created_at=read.instant("traits.createdAt") or read.instant("traits.created_at"),
    )
    yield from Identifier.of(Scope.person, "external_id", read.user)
    yield from Identifier.of(Scope.person, "email", email)
    yield from Identifier.of(Scope.person, "phone", phone, country)
    yield from Identifier.of(Scope.person, "fbp", read.custom("traits.fbp"))


def event(record: Record) -> Iterator[Fact]:
    """A deed of a user. A visitor whom no line names stays nobody: a cookie is no person."""
    refuse(record)
    read = Payload(record)
    kind, at = kind_of(record.payload), read.moment("timestamp")
    whom = record.sibling("user", read.user)
    if whom is None or kind not in DEEDS:
        return
    action = read.text("event") or (kind if kind != "track" else None)
    yield Engagement(subject=whom, kind="product", action=action, occurred_at=at)
    came = marks(_address(read)) if kind == "page" else None
    if came:
        yield Touch(
            subject=whom,
            channel=came.channel,
            source=came.source,
            source_id=came.source_id,
            ad_id=came.ad_id,
            platform=came.platform,
            responded=True,
            occurred_at=at,
        )


def transcript(record: Record) -> Iterator[Fact]:
    """A recorded talk: a meeting of every customer in it, and words that hang on the first."""
    refuse(record)
    read = Payload(record)
    customers = _keys(read, "customer")
    if not customers:
        raise ValueError("participants name no customer with an email")
    at = read.moment("started_at")
    for one in customers:
        yield Engagement(subject=one, kind="meeting", duration_s=_seconds(read), occurred_at=at)
    if read.text("text"):
        yield Interaction(
            subject=customers[0],
            source="transcript",
            author="agent" if read.text("recorded_by") == "agent" else "rep",
            field="text",
            participants=customers[1:],
            thread=record.key.id,
            occurred_at=at,
        )


def participant(record: Record) -> Iterator[Fact]:
    """Somebody who was there: a customer, or one of us, whose address then ties nobody to anybody."""
    read = Payload(record)
    scope = Scope.person if read.text("role") == "customer" else Scope.internal
    yield Profile(scope=scope, name=read.text("name"), email=read.text("email"))
    yield from Identifier.of(scope, "email", read.text("email"))


def _name(read: Payload) -> str | None:
    parts = (read.first("traits.firstName", "traits.first_name"), read.first("traits.lastName", "traits.last_name"))
    return read.text("traits.name") or " ".join(part for part in parts if part) or None


def _address(read: Payload) -> str:
    return read.text("context.page.url") or read.text("properties.url") or ""


def _keys(read: Payload, role: str) -> list[str]:
    """Record keys of the participants with this role, in their order, each once."""
    people = read.value("participants")
    if not isinstance(people, list):
        raise wrong("participants", people, "a list")
    parts = [Payload(read.record, one) for one in people]
    addresses = [address for part in parts if part.text("role") == role and (address := part.text("email"))]
    keys = [read.record.sibling("participant", participant_id(address)) for address in addresses]
    return list(dict.fromkeys(key for key in keys if key))


def _seconds(read: Payload) -> int | None:
    value = read.value("duration_s")
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


STREAMS = (
    Stream("users", "user", "Who uses the product, as it knows them.", user, (Profile, Identifier)),
    Stream("events", "event", "What they did in the product, and how they came.", event, (Engagement, Touch)),
    Stream("participants", "participant", "Who took part in recorded talks.", participant, (Profile, Identifier)),
    Stream("transcripts", "transcript", "What was said in recorded talks.", transcript, (Engagement, Interaction)),
)
