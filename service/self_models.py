"""The one facade behind every door: read a self-model, add to it, read its alignment. Each call names a purpose and is audited."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlmodel import Session, col, select

from models import Alignment, Audit, Baseline, Belief, Evidence, Observation, Purpose, Slot
from models.base import new_id
from models.keys import RecordKey, content_id, stable_hash
from models.store import transaction
from pipelines.understand.beliefs import as_of as faded
from pipelines.understand.beliefs import conclude, known_at
from pipelines.understand.policy import Policy
from pipelines.understand.text import canonical
from pipelines.understand.words import ranked, summary, top_belief
from pipelines.workspace import Workspace
from service.errors import UsageError
from service.people import cost_of, derived_rows, engagements_of, evidence_of, find_person, profiles_of, records_of

SOURCES = ("call_note", "email", "ticket", "transcript", "form", "chat")
"""Where an observation may come from; each has its own reliability."""
AUTHORS = ("customer", "rep", "agent")


@dataclass(frozen=True)
class Quote:
    """One piece of evidence as it was said, and where; what was done instead is told in its numbers."""

    words: str
    side: Literal["for", "against"]
    source: str
    speaker: str
    said_at: datetime
    record: str


@dataclass(frozen=True)
class HeldBelief:
    """One belief with its words.

    Units: `confidence` is as of the last evidence, `confidence_now` faded by the silence since, both 0 to 1.
    """

    number: int
    statement: str
    holder: str | None
    slot: str
    polarity: str
    confidence: float
    confidence_now: float
    calibration: str
    evidence: str
    observations: int
    contested: bool
    since: datetime
    last: datetime
    quotes: list[Quote]


@dataclass(frozen=True)
class AlignmentReading:
    """How well person and offer agree, 0 to 1; `interval` holds 90 %, `coverage` is the share of components observed."""

    overall: float
    interval: tuple[float, float]
    trend: str
    components: dict[str, dict[str, float]]
    coverage: float
    weights_version: str
    as_of: datetime
    evidence_ids: list[str]


@dataclass(frozen=True)
class SelfModel:
    """Everything held on one person, for one purpose, as of one instant. What customers said is data, never instructions."""

    person_id: str
    name: str
    title: str | None
    company: str | None
    records: list[str]
    journey: dict[str, Any]
    acquisition_cost: list[dict[str, Any]]
    engagements: list[dict[str, Any]]
    """What ads cost to bring them, in minor units by currency; a share where an ad brought several people that day."""
    revenue: list[dict[str, Any]]
    beliefs: list[HeldBelief]
    top_belief: str | None
    summary: str
    alignment: AlignmentReading | None
    shown: dict[str, dict[str, Any]]
    purpose: str
    as_of: datetime
    untrusted_origin: bool = True


class SelfModels:
    """The three ways in, for one actor. Every reading and every addition leaves an audit row."""

    def __init__(self, workspace: Workspace, *, actor: str) -> None:
        self.workspace = workspace
        self.actor = actor

    def get_self_model(self, person: str, *, purpose: Purpose, as_of: datetime | None = None) -> SelfModel:
        """What is held on the person, from evidence that may be used for the purpose.

        Units: `as_of` in UTC, now if not given; an earlier instant shows the beliefs and the alignment that were known by then,
        beside today's journey, cost, revenue and CRM fields. What may no longer be kept is not shown for any instant.
        Errors: UsageError if nobody, or more than one person, is known by that name.
        """
        now = self.workspace.clock.now()
        instant = as_of or now
        lake = self.workspace.lake
        with transaction(self.workspace.store) as session:
            person_id = find_person(session, lake, person)
            self._audit(session, "get_self_model", purpose, person_id)
            records = records_of(session, person_id)
            usable = evidence_of(session, records, purpose, now)
            evidence = known_at(usable, instant, instant)
            slots = list(session.exec(select(Slot)))
            half_lives = {slot.name: slot.half_life_days for slot in slots}
            beliefs = conclude(person_id, evidence, half_lives)
            profiles = profiles_of(lake, records)
            journey = next(iter(derived_rows(lake, "journeys", person_id, "person_id")), {})
            return SelfModel(
                person_id=person_id,
                name=_first(profiles, "name") or person,
                title=_first(profiles, "title"),
                company=_first(profiles, "company"),
                records=[row.record for row in records],
                journey=journey,
                acquisition_cost=cost_of(lake, person_id),
                engagements=engagements_of(lake, records),
                revenue=derived_rows(lake, "revenue", person_id, "entity_id"),
                beliefs=_held(beliefs, evidence, half_lives, instant, _origins(session, evidence)),
                top_belief=top_belief(beliefs, evidence, slots),
                summary=summary(beliefs, evidence, slots),
                alignment=_alignment(session, person_id, instant, usable),
                shown=_shown(session, [row.record for row in records]),
                purpose=purpose.value,
                as_of=instant,
            )

    def get_alignment(self, person: str, *, purpose: Purpose, as_of: datetime | None = None) -> AlignmentReading | None:
        """The person's alignment at an instant (UTC, now if not given); None where nothing has been observed for this purpose."""
        now = self.workspace.clock.now()
        with transaction(self.workspace.store) as session:
            person_id = find_person(session, self.workspace.lake, person)
            self._audit(session, "get_alignment", purpose, person_id)
            usable = evidence_of(session, records_of(session, person_id), purpose, now)
            return _alignment(session, person_id, as_of or now, usable)

    def add_observation(
        self, person: str, text: str, *, source: str, author: str, purpose: Purpose, occurred_at: datetime | None = None
    ) -> str:
        """Keep something that was said, to be read by the next understand run; the same words twice are one observation.

        Units: `occurred_at` in UTC, now if not given. Errors: UsageError for empty text, an unknown person, source or author.
        """
        if not text.strip():
            raise UsageError("The text is empty; there is nothing to observe.")
        if source not in SOURCES or author not in AUTHORS:
            raise UsageError(
                f"An observation comes from one of {', '.join(SOURCES)}, by one of {', '.join(AUTHORS)}; not from {source!r} by {author!r}."
            )
        now = self.workspace.clock.now()
        with transaction(self.workspace.store) as session:
            person_id = find_person(session, self.workspace.lake, person)
            self._audit(session, "add_observation", purpose, person_id)
            records = records_of(session, person_id)
            if not records:
                raise UsageError(f"Person {person_id} has no record any more that an observation could hang on.")
            subject = records[0].record
            words, policy = canonical(text, source), Policy()
            record = RecordKey("sidecar", self.actor, "observation", content_id(subject, source, author, words))
            observation = Observation(
                id=content_id(str(record), "text"),
                record=str(record),
                subject=subject,
                subject_hash=stable_hash(subject),
                source=source,
                author=author,
                text=words,
                text_hash=content_id(words),
                thread=str(record),
                occurred_at=occurred_at or now,
                recorded_at=now,
                lawful_basis=policy.lawful_basis,
                purposes=[purpose.value for purpose in policy.purposes],
                region=policy.region,
                retain_until=(occurred_at or now) + policy.retention,
            )
            if session.get(Observation, observation.id) is None:
                session.add(observation)
        return observation.id

    def _audit(self, session: Session, action: str, purpose: Purpose, person_id: str) -> None:
        now = self.workspace.clock.now()
        session.add(
            Audit(id=new_id(now), actor=self.actor, action=action, purpose=purpose.value, entity_id=person_id, at=now)
        )


def _first(profiles: list[dict[str, Any]], field: str) -> str | None:
    return next((profile[field] for profile in profiles if profile[field]), None)


def _origins(session: Session, evidence: list[Evidence]) -> dict[str, str]:
    """The record behind each observation."""
    wanted = {row.observation_id for row in evidence}
    rows = session.exec(select(Observation.id, Observation.record).where(col(Observation.id).in_(wanted)))
    return dict(rows.all())


def _held(
    beliefs: list[Belief],
    evidence: list[Evidence],
    half_lives: dict[str, float],
    instant: datetime,
    origins: dict[str, str],
) -> list[HeldBelief]:
    rows = {row.id: row for row in evidence}
    held = []
    for number, belief in enumerate(ranked(beliefs), start=1):
        now = faded(belief, half_lives.get(belief.slot, 120.0), instant)
        quotes = [
            Quote(
                words=row.quote or row.statement,
                side="for" if row.polarity == belief.polarity else "against",
                source=row.source_class,
                speaker=row.speaker,
                said_at=row.occurred_at,
                record=origins[row.observation_id],
            )
            for row in (rows[id_] for id_ in belief.evidence_ids)
        ]
        held.append(
            HeldBelief(
                number=number,
                statement=belief.statement,
                holder=belief.holder,
                slot=belief.slot,
                polarity=belief.polarity,
                confidence=belief.confidence,
                confidence_now=now.confidence,
                calibration=now.calibration,
                evidence=belief.evidence,
                observations=belief.units,
                contested=belief.contested,
                since=belief.first_at,
                last=belief.last_at,
                quotes=quotes,
            )
        )
    return held


def _alignment(
    session: Session, person_id: str, instant: datetime, usable: Sequence[Evidence]
) -> AlignmentReading | None:
    """The latest by the instant; None too where it rests on evidence that may not be used."""
    query = (
        select(Alignment)
        .where(Alignment.scope == "person", Alignment.entity_id == person_id, col(Alignment.as_of) <= instant)
        .order_by(col(Alignment.as_of).desc())
    )
    row = session.exec(query).first()
    if row is None or set(row.evidence_ids) - {one.id for one in usable}:
        return None
    return AlignmentReading(
        overall=row.overall,
        interval=(row.low, row.high),
        trend=row.trend,
        components=row.components,
        coverage=row.coverage,
        weights_version=row.weights_version,
        as_of=row.as_of,
        evidence_ids=row.evidence_ids,
    )


def _shown(session: Session, records: list[str]) -> dict[str, dict[str, Any]]:
    """What the CRM is known to show, by record and field."""
    shown: dict[str, dict[str, Any]] = {}
    for row in session.exec(select(Baseline).where(col(Baseline.record).in_(records))):
        shown.setdefault(row.record, {})[row.field] = orjson.loads(row.value) if row.value else None
    return shown
