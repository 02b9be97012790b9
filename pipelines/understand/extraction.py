"""Reading texts: every observation once per extractor, committed in small chunks, so that a kill costs a chunk and no more.

The key of an extraction is its cache key. A failure is a row as well, and changes no belief; it is read again when the text, the
instructions, the slots or the model are others. A text that the extractor could not be asked about leaves no row: it waits for the
next run. No transaction is open while a model reads.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, and_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from models import Batch, BatchRequest, Evidence, Extraction, Membership, Observation, Slot
from models.clock import Clock
from models.keys import content_id
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.progress import Meter
from pipelines.understand.buckets import ALL_BUCKETS, bucket_of
from pipelines.understand.claims import Claim, Document
from pipelines.understand.extractor import Extractor, Outcome, Reading, Unread, Waiting, reader
from pipelines.understand.people import People, chunks, read_people
from pipelines.understand.policy import EXTRACTION, UNREAD
from pipelines.understand.settle import readable, settle
from pipelines.understand.slots import active_slots
from pipelines.understand.turns import CUSTOMER, same_person, split

OPEN = "open"
"""State of a batch that is with its provider."""
DUE_AT_ONCE = 200
"""Texts in memory at a time where they are only looked through: a megabyte or so."""


@dataclass
class Extracted:
    """What one extraction did. Units: texts, claims, sentences, tokens, millionths of a US dollar."""

    read: int = 0
    cached: int = 0
    failed: int = 0
    claims: int = 0
    quarantined: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_microusd: int = 0
    unpriced: int = 0
    """Texts whose cost is not known."""
    waiting: Counter[str] = field(default_factory=Counter)
    """Texts left for the next run, by reason."""

    def note(self, outcome: Outcome) -> None:
        """Count what came of one text."""
        self.read += not isinstance(outcome, Waiting)
        self.failed += isinstance(outcome, Unread)
        if isinstance(outcome, Reading):
            self.claims += len(outcome.answer.claims)
            self.quarantined += outcome.quarantined
        elif isinstance(outcome, Waiting):
            self.waiting[outcome.reason] += 1
        self.tokens_in += outcome.usage.tokens_in
        self.tokens_out += outcome.usage.tokens_out
        self.cost_microusd += outcome.usage.cost_microusd or 0
        self.unpriced += outcome.usage.cost_microusd is None

    def add(self, other: "Extracted") -> None:
        """Count what another reading did as well."""
        for name, number in vars(other).items():
            setattr(self, name, getattr(self, name) + number)


class Pending(NamedTuple):
    """A text that is due to be read: its observation, on whose record it hangs, and where it may be processed."""

    id: str
    subject: str
    region: str


@dataclass(frozen=True)
class Work:
    """What one extraction reads with: the extractor, the slots it may fill, and who is who."""

    extractor: Extractor
    slots: tuple[Slot, ...]
    people: People

    @property
    def read_by(self) -> str:
        """The extractor, as evidence names it."""
        return reader(self.extractor, self.slots)


def extract(
    lake: Lake,
    store: Engine,
    extractor: Extractor,
    clock: Clock,
    buckets: Iterable[int] = ALL_BUCKETS,
    *,
    batch: str | None = None,
) -> Extracted:
    """Read every text of these buckets that this extractor has not read yet, oldest first.

    Shape: the bucket is that of the person the text hangs on, or of its record until it is stitched. A text that cannot be read
    is counted in `failed` and stops nothing; one that is with a provider waits for its batch, unless that `batch` is what is read.
    Once a whole chunk could not be asked about, the rest waits for the next run.
    Errors: ExtractorUnusable; what was read before stays.
    """
    report, chosen = Extracted(), set(buckets)
    with transaction(store) as session:
        slots = tuple(active_slots(session))
        session.expunge_all()
        pending = _pending(session, extractor, slots, chosen)
        report.cached = _live(session, chosen) - len(pending)
        pending = _free(session, _allowed(pending, extractor, report), report, batch)
        turned = _turned(session, extractor, slots)
    for some in chunks(turned):
        with transaction(store) as session:
            settle(session, some, clock.now(), reader(extractor, slots))
    people = read_people(lake, (text.subject for text in pending)) if pending else People()
    work = Work(extractor, slots, people)
    meter, done = Meter("texts read", len(pending)), 0
    for some in chunks([text.id for text in pending], extractor.at_once):
        outcomes = _read(store, work, clock, some)
        done += len(some)
        for outcome in outcomes:
            report.note(outcome)
        meter.at(done)
        if reason := _nobody_answered(outcomes):
            report.waiting[reason] += len(pending) - done
            break
    meter.end(done)
    return report


def due(lake: Lake, store: Engine, extractor: Extractor, report: Extracted) -> Iterator[list[tuple[str, Document]]]:
    """Every text that this extractor has not read and may be given, as it would see it, with its observation: in portions, oldest first."""
    with transaction(store) as session:
        slots = tuple(active_slots(session))
        session.expunge_all()
        pending = _allowed(_pending(session, extractor, slots, set(ALL_BUCKETS)), extractor, report)
        pending = _free(session, pending, report)
    people = read_people(lake, (text.subject for text in pending)) if pending else People()
    for some in chunks([text.id for text in pending], DUE_AT_ONCE):
        with transaction(store) as session:
            observations = _observations(session, some)
            session.expunge_all()
        yield [(observation.id, document(observation, slots, people)) for observation in observations]


def document(observation: Observation, slots: Sequence[Slot], people: People) -> Document:
    """The observation as an extractor sees it."""
    names = people.names.get(observation.subject, ())
    turns = split(observation.text, observation.source, observation.author, names, people.sellers)
    return Document(observation.text, turns, observation.source, observation.author, names, tuple(slots))


def _read(store: Engine, work: Work, clock: Clock, ids: list[str]) -> list[Outcome]:
    """Read some texts and keep what came of them; a text that was withdrawn or changed meanwhile leaves nothing behind."""
    with transaction(store) as session:
        observations = _observations(session, ids)
        session.expunge_all()
    outcomes = work.extractor.read([document(observation, work.slots, work.people) for observation in observations])
    with transaction(store) as session:
        present = {observation.id: observation.text_hash for observation in _observations(session, ids)}
        for observation, outcome in zip(observations, outcomes, strict=True):
            if present.get(observation.id) == observation.text_hash and not isinstance(outcome, Waiting):
                _keep(session, work, observation, outcome, clock.now())
        session.flush()
        settle(session, ids, clock.now(), work.read_by)
    return outcomes


def _observations(session: Session, ids: list[str]) -> list[Observation]:
    """Those that may be read, oldest first."""
    statement = select(Observation).where(col(Observation.id).in_(ids))
    rows = session.exec(statement.order_by(col(Observation.occurred_at), col(Observation.id))).all()
    return [row for row in rows if readable(row)]


def _nobody_answered(outcomes: Sequence[Outcome]) -> str | None:
    """Why a whole chunk waits; None if any of it was read. The rest would fare no better now."""
    waiting = [outcome.reason for outcome in outcomes if isinstance(outcome, Waiting)]
    return waiting[-1] if waiting and len(waiting) == len(outcomes) else None


def _keep(session: Session, work: Work, observation: Observation, outcome: Reading | Unread, now: datetime) -> None:
    claims = outcome.answer.claims if isinstance(outcome, Reading) else []
    session.merge(
        Extraction(
            observation_id=observation.id,
            text_hash=observation.text_hash,
            prompt=work.extractor.prompt,
            schema_hash=work.extractor.schema_hash(work.slots),
            model=work.extractor.model,
            status="ok" if isinstance(outcome, Reading) else "failed",
            error=outcome.reason if isinstance(outcome, Unread) else None,
            claims=len(claims),
            tokens_in=outcome.usage.tokens_in,
            tokens_out=outcome.usage.tokens_out,
            cost_microusd=outcome.usage.cost_microusd,
            extracted_at=now,
        )
    )
    names = work.people.names.get(observation.subject, ())
    for claim in claims:
        session.merge(_evidence(observation, claim, work.read_by, names, now))


def _evidence(observation: Observation, claim: Claim, read_by: str, names: Sequence[str], now: datetime) -> Evidence:
    place = claim.place
    holder = claim.holder.strip() if claim.holder else ""
    if not holder and place.turn.role == CUSTOMER and not place.turn.own:
        holder = place.turn.speaker  # somebody else's own words are not the subject's
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


def open_batches(store: Engine, model: str | None = None) -> list[Batch]:
    """Batches that are with a provider, of one model if it is named, the oldest first."""
    with transaction(store) as session:
        rows = session.exec(select(Batch).where(Batch.status == OPEN).order_by(col(Batch.gathered_at), col(Batch.id)))
        return [row for row in rows if model in (None, row.model)]


def tokens_since(store: Engine, since: datetime) -> int:
    """Tokens, both ways, of all readings kept from an instant on."""
    spent = func.sum(col(Extraction.tokens_in) + col(Extraction.tokens_out))
    with transaction(store) as session:
        return session.exec(select(func.coalesce(spent, 0)).where(col(Extraction.extracted_at) >= since)).one()


def _owned(statement: Select[Any]) -> Select[Any]:
    return statement.join(Membership, col(Membership.record) == col(Observation.subject), isouter=True)


def _pending(session: Session, extractor: Extractor, slots: Sequence[Slot], buckets: set[int]) -> list[Pending]:
    """Texts that this extractor has not read, oldest first."""
    columns = (Observation.id, Observation.subject, Observation.region, Observation.purposes, Membership.entity_id)
    statement = (
        _owned(select(*columns))  # type: ignore[call-overload]
        .join(Extraction, _cached(extractor, slots), isouter=True)
        .where(col(Observation.withdrawn_at).is_(None), col(Extraction.observation_id).is_(None), _read_at_all())
        .where(*_left_alone(extractor))
        .order_by(col(Observation.occurred_at), col(Observation.id))
    )
    return [
        Pending(id_, subject, region)
        for id_, subject, region, purposes, person in session.execute(statement)
        if EXTRACTION in purposes and bucket_of(person or subject) in buckets
    ]


def _live(session: Session, buckets: set[int]) -> int:
    """How many texts count and may be read in these buckets."""
    columns = (Observation.subject, Observation.purposes, Membership.entity_id)
    rows = session.execute(_owned(select(*columns)).where(col(Observation.withdrawn_at).is_(None), _read_at_all()))  # type: ignore[arg-type]
    return sum(EXTRACTION in purposes and bucket_of(person or subject) in buckets for subject, purposes, person in rows)


def _allowed(pending: list[Pending], extractor: Extractor, report: Extracted) -> list[Pending]:
    """Those whose region the extractor's host may serve; the others wait for a host that may."""
    if extractor.regions is None:
        return pending
    kept = [text for text in pending if text.region in extractor.regions]
    if left := len(pending) - len(kept):
        report.waiting["the model's host may not be sent texts of this region (SIDECAR_LLM_HOSTS)"] += left
    return kept


def _free(session: Session, pending: list[Pending], report: Extracted, batch: str | None = None) -> list[Pending]:
    """Those that are in no batch, or in this one."""
    statement = select(BatchRequest.observation_id)
    if batch:
        inside = set(session.exec(statement.where(BatchRequest.batch_id == batch)).all())
        return [text for text in pending if text.id in inside]
    away = set(session.exec(statement).all())
    kept = [text for text in pending if text.id not in away]
    if left := len(pending) - len(kept):
        report.waiting["with the provider, in a batch"] += left
    return kept


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
            *_left_alone(extractor),
        )
        .distinct()
    )
    return list(session.exec(statement).all())


def _read_at_all() -> Any:
    return col(Observation.source).not_in(UNREAD)


def _left_alone(extractor: Extractor) -> list[Any]:
    """Conditions by which texts are left out whose present words somebody has read before whom this extractor stands back."""
    if extractor.yields_to is None:
        return []
    other = aliased(Extraction)
    read = select(other.observation_id).where(
        other.observation_id == Observation.id,
        other.text_hash == Observation.text_hash,
        other.status == "ok",
        col(other.model).startswith(extractor.yields_to, autoescape=True),
    )
    return [~read.exists()]


def _cached(extractor: Extractor, slots: Sequence[Slot]) -> Any:
    return and_(
        col(Extraction.observation_id) == col(Observation.id),
        col(Extraction.text_hash) == col(Observation.text_hash),
        col(Extraction.prompt) == extractor.prompt,
        col(Extraction.schema_hash) == extractor.schema_hash(slots),
        col(Extraction.model) == extractor.model,
    )
