"""What a self-model shows: beliefs with the words behind them, alignment, and what stands in the CRM."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlmodel import Session, col, select

from models import Alignment, Baseline, Belief, Evidence, Observation
from pipelines.understand.beliefs import HALF_LIFE
from pipelines.understand.beliefs import as_of as faded
from pipelines.understand.taught import Taught
from pipelines.understand.words import ranked


@dataclass(frozen=True)
class Quote:
    """One piece of evidence as it was said, and where; where nothing was said, `words` are ours, and not `verbatim`."""

    words: str
    verbatim: bool
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

    id: str
    number: int
    statement: str
    holder: str | None
    slot: str
    polarity: str
    level: str
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
    """What ads cost to bring them, in minor units by currency; a share where an ad brought several people that day."""
    engagements: list[dict[str, Any]]
    revenue: list[dict[str, Any]]
    beliefs: list[HeldBelief]
    top_belief: str | None
    summary: str
    alignment: AlignmentReading | None
    shown: dict[str, dict[str, Any]]
    purpose: str
    as_of: datetime
    untrusted_origin: bool = True


def held_beliefs(
    session: Session,
    beliefs: list[Belief],
    evidence: list[Evidence],
    half_lives: dict[str, float],
    instant: datetime,
    lesson: Taught,
) -> list[HeldBelief]:
    """The beliefs in the order and with the numbers that reps see, each with its evidence; confidence also as of an instant."""
    rows, origins = {row.id: row for row in evidence}, _origins(session, evidence)
    held = []
    for number, belief in enumerate(ranked(beliefs), start=1):
        now = faded(belief, half_lives.get(belief.slot, HALF_LIFE), instant, lesson)
        quotes = [
            Quote(
                words=row.quote or row.statement,
                verbatim=bool(row.quote),
                side="for" if (row.polarity == belief.polarity) != row.against else "against",
                source=row.source_class,
                speaker=row.speaker,
                said_at=row.occurred_at,
                record=origins[row.observation_id],
            )
            for row in (rows[id_] for id_ in belief.evidence_ids)
        ]
        held.append(
            HeldBelief(
                id=belief.id,
                number=number,
                statement=belief.statement,
                holder=belief.holder,
                slot=belief.slot,
                polarity=belief.polarity,
                level=belief.level,
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


def alignment_at(
    session: Session, person_id: str, instant: datetime, usable: Sequence[Evidence]
) -> AlignmentReading | None:
    """The person's latest alignment by the instant; None too where it rests on evidence that may not be used."""
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


def shown_on(session: Session, records: list[str]) -> dict[str, dict[str, Any]]:
    """What the CRM is known to show, by record and field."""
    shown: dict[str, dict[str, Any]] = {}
    for row in session.exec(select(Baseline).where(col(Baseline.record).in_(records))):
        shown.setdefault(row.record, {})[row.field] = orjson.loads(row.value) if row.value else None
    return shown


def _origins(session: Session, evidence: list[Evidence]) -> dict[str, str]:
    """The record behind each observation."""
    wanted = {row.observation_id for row in evidence}
    rows = session.exec(select(Observation.id, Observation.record).where(col(Observation.id).in_(wanted)))
    return dict(rows.all())
