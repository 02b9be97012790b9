"""Reading texts: every observation once per extractor, committed in small chunks, so that a kill costs a chunk and no more.

The key of an extraction is its cache key. A failure is a row as well, and changes no belief; it is read again when the text, the
instructions, the slots or the model are others.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Engine, Select, and_
from sqlmodel import Session, col, select

from models import Evidence, Extraction, Membership, Observation, Slot
from models.clock import Clock
from models.keys import content_id
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.progress import track
from pipelines.understand.buckets import ALL_BUCKETS, bucket_of
from pipelines.understand.claims import Claim, Document
from pipelines.understand.extractor import ExtractionFailed, Extractor, Reading, reader
from pipelines.understand.people import People, chunks, read_people
from pipelines.understand.policy import EXTRACTION
from pipelines.understand.settle import settle
from pipelines.understand.slots import active_slots
from pipelines.understand.turns import same_person, split

CHUNK = 20
"""Texts per commit: with a language model, the most that a kill may cost again."""


@dataclass
class Extracted:
    """What one extraction did. Units: texts, claims, tokens and sentences."""

    read: int = 0
    cached: int = 0
    failed: int = 0
    claims: int = 0
    tokens: int = 0
    quarantined: int = 0


def extract(
    lake: Lake, store: Engine, extractor: Extractor, clock: Clock, buckets: Iterable[int] = ALL_BUCKETS
) -> Extracted:
    """Read every text of these buckets that this extractor has not read yet.

    Shape: the bucket is that of the person the text hangs on, or of its record until it is stitched. A text that cannot be read
    is counted in `failed` and stops nothing.
    """
    report, chosen = Extracted(), set(buckets)
    with transaction(store) as session:
        slots = tuple(active_slots(session))
        session.expunge_all()
        pending = _pending(session, extractor, slots, chosen)
        report.cached = _live(session, chosen) - len(pending)
        turned = _turned(session, extractor, slots)
    for some in chunks(turned):
        with transaction(store) as session:
            settle(session, some, clock.now(), reader(extractor, slots))
    people = read_people(lake, (subject for _, subject in pending)) if pending else People()
    for some in track(chunks([id_ for id_, _ in pending], CHUNK), "texts read", -(-len(pending) // CHUNK)):
        with transaction(store) as session:
            _read(session, some, extractor, slots, people, clock.now(), report)
    return report


def document(observation: Observation, slots: Sequence[Slot], people: People) -> Document:
    """The observation as an extractor sees it."""
    names = people.names.get(observation.subject, ())
    turns = split(observation.text, observation.source, observation.author, names, people.sellers)
    return Document(observation.text, turns, observation.source, observation.author, names, tuple(slots))


def _read(
    session: Session,
    ids: list[str],
    extractor: Extractor,
    slots: Sequence[Slot],
    people: People,
    now: datetime,
    report: Extracted,
) -> None:
    for observation in session.exec(select(Observation).where(col(Observation.id).in_(ids))).all():
        found, error = _ask(extractor, document(observation, slots, people))
        claims = found.answer.claims if found else []
        row = Extraction(
            observation_id=observation.id,
            text_hash=observation.text_hash,
            prompt=extractor.prompt,
            schema_hash=extractor.schema_hash(slots),
            model=extractor.model,
            status="ok" if found else "failed",
            error=error,
            claims=len(claims),
            tokens=found.tokens if found else 0,
            extracted_at=now,
        )
        session.merge(row)
        names = people.names.get(observation.subject, ())
        for claim in claims:
            session.merge(_evidence(observation, claim, reader(extractor, slots), names, now))
        report.read += 1
        report.failed += found is None
        report.claims += len(claims)
        report.tokens += row.tokens
        report.quarantined += found.quarantined if found else 0
    session.flush()
    settle(session, ids, now, reader(extractor, slots))


def _ask(extractor: Extractor, text: Document) -> tuple[Reading | None, str | None]:
    """The reading, or why there is none; reasons never hold the customer's words."""
    try:
        return extractor.extract(text), None
    except ExtractionFailed as error:
        return None, str(error)
    except ValidationError as error:
        reasons = error.errors(include_input=False, include_context=False, include_url=False)
        return None, "; ".join(sorted({reason["msg"] for reason in reasons}))


def _evidence(observation: Observation, claim: Claim, read_by: str, names: Sequence[str], now: datetime) -> Evidence:
    place = claim.place
    holder = claim.holder.strip() if claim.holder else ""
    holder = "" if same_person(holder, names) else holder
    parts = (observation.id, observation.text_hash, read_by, claim.slot, claim.aspect, holder, claim.polarity)
    return Evidence(
        id=content_id(*parts, str(place.start), str(place.end)),
        observation_id=observation.id,
        text_hash=observation.text_hash,
        model=read_by,
        subject=observation.subject,
        subject_hash=observation.subject_hash,
        holder=holder or None,
        slot=claim.slot,
        aspect=claim.aspect,
        polarity=claim.polarity.value,
        strength=claim.strength.value,
        statement=claim.statement,
        quote=observation.text[place.start : place.end],
        start=place.start,
        end=place.end,
        speaker=place.turn.speaker,
        speaker_role=place.turn.role,
        source_class=place.source_class(observation.source),
        thread=observation.thread or observation.id,
        occurred_at=observation.occurred_at,
        recorded_at=now,
    )


def _owned(statement: Select[Any]) -> Select[Any]:
    return statement.join(Membership, col(Membership.record) == col(Observation.subject), isouter=True)


def _pending(session: Session, extractor: Extractor, slots: Sequence[Slot], buckets: set[int]) -> list[tuple[str, str]]:
    """Ids and subjects of texts that this extractor has not read, oldest first."""
    columns = (Observation.id, Observation.subject, Observation.purposes, Membership.entity_id)
    statement = (
        _owned(select(*columns))  # type: ignore[arg-type]
        .join(Extraction, _cached(extractor, slots), isouter=True)
        .where(col(Observation.withdrawn_at).is_(None), col(Extraction.observation_id).is_(None))
        .order_by(col(Observation.occurred_at), col(Observation.id))
    )
    return [
        (id_, subject)
        for id_, subject, purposes, person in session.execute(statement)
        if EXTRACTION in purposes and bucket_of(person or subject) in buckets
    ]


def _live(session: Session, buckets: set[int]) -> int:
    """How many texts count and may be read in these buckets."""
    columns = (Observation.subject, Observation.purposes, Membership.entity_id)
    rows = session.execute(_owned(select(*columns)).where(col(Observation.withdrawn_at).is_(None)))  # type: ignore[arg-type]
    return sum(EXTRACTION in purposes and bucket_of(person or subject) in buckets for subject, purposes, person in rows)


def _turned(session: Session, extractor: Extractor, slots: Sequence[Slot]) -> list[str]:
    """Observations that this extractor has read before while another's evidence is in force: a switch back costs no reading."""
    this = col(Evidence.model) == reader(extractor, slots)
    statement = (
        select(Evidence.observation_id)
        .join(Observation, col(Observation.id) == col(Evidence.observation_id))
        .join(Extraction, _cached(extractor, slots))
        .where(
            Extraction.status == "ok",
            col(Observation.withdrawn_at).is_(None),
            Evidence.text_hash == Observation.text_hash,
            this != col(Evidence.withdrawn_at).is_(None),
        )
        .distinct()
    )
    return list(session.exec(statement).all())


def _cached(extractor: Extractor, slots: Sequence[Slot]) -> Any:
    return and_(
        col(Extraction.observation_id) == col(Observation.id),
        col(Extraction.text_hash) == col(Observation.text_hash),
        col(Extraction.prompt) == extractor.prompt,
        col(Extraction.schema_hash) == extractor.schema_hash(slots),
        col(Extraction.model) == extractor.model,
    )
