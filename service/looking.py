"""What the facade does with beliefs beside reading them: which repay a look, what somebody says of one, and what has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from models import Belief, Evidence, Observation, Purpose, Slot
from pipelines.ingest.lake import Lake
from pipelines.stitch.called import names_of
from pipelines.understand.people import chunks
from pipelines.understand.reviews import Waiting, queue
from service.errors import UsageError


@dataclass(frozen=True)
class ToReview:
    """One belief that would repay a look. Units: `bits` a verdict is expected to tell; `information` orders the queue."""

    id: str
    person_id: str
    name: str | None
    statement: str
    holder: str | None
    slot: str
    polarity: str
    level: str
    confidence: float
    calibration: str
    evidence: str
    contested: bool
    words: list[str]
    bits: float
    information: float


@dataclass(frozen=True)
class Kept:
    """A verdict that was kept, and what it does from the next understand run on."""

    review_id: str
    statement: str
    verdict: str
    correction: str | None


def to_review(session: Session, lake: Lake, purpose: Purpose, now: datetime, most: int) -> list[ToReview]:
    """The first beliefs of the queue whose evidence may all be used for the purpose, with up to three latest quotes each."""
    slots = list(session.exec(select(Slot)))
    valences = {slot.name: slot.valence for slot in slots}
    waiting = queue(session, valences, {slot.name: slot.half_life_days for slot in slots}, now)
    found: list[tuple[Waiting, list[Evidence]]] = []
    for some in chunks(waiting, most):
        rows = _evidence(session, [id_ for one in some for id_ in one.belief.evidence_ids], purpose, now)
        shown = [one for one in some if rows.keys() >= set(one.belief.evidence_ids)]
        found += [(one, [rows[id_] for id_ in one.belief.evidence_ids]) for one in shown]
        if len(found) >= most:
            break
    names = names_of(lake, (one.belief.person_id for one, _ in found[:most]))
    return [_shown(one, names.get(one.belief.person_id), rows) for one, rows in found[:most]]


def belief_named(session: Session, asked: str, purpose: Purpose, now: datetime) -> Belief:
    """The belief whose id begins so, if its evidence may be used for the purpose. UsageError if there is none, or several."""
    if not asked.strip():
        raise UsageError("Give the id of a belief; `sidecar review` lists them.")
    rows = session.exec(select(Belief).where(col(Belief.id).startswith(asked.strip(), autoescape=True)).limit(2)).all()
    if len(rows) != 1:
        what = "No belief has" if not rows else "Several beliefs have"
        raise UsageError(f"{what} an id that begins with {asked[:40]!r}; `sidecar review` lists them.")
    if _evidence(session, rows[0].evidence_ids, purpose, now).keys() < set(rows[0].evidence_ids):
        raise UsageError("What this belief rests on may not be used for that purpose.")
    return rows[0]


def _evidence(session: Session, ids: Sequence[str], purpose: Purpose, now: datetime) -> dict[str, Evidence]:
    found: dict[str, Evidence] = {}
    for some in chunks(sorted(set(ids))):
        query = select(Evidence, Observation).join(Observation, col(Observation.id) == col(Evidence.observation_id))
        for row, observation in session.exec(query.where(col(Evidence.id).in_(some))):
            if purpose in observation.purposes and observation.retain_until > now:
                found[row.id] = row
    return found


def _shown(one: Waiting, name: str | None, rows: Sequence[Evidence]) -> ToReview:
    belief = one.belief
    return ToReview(
        id=belief.id,
        person_id=belief.person_id,
        name=name,
        statement=belief.statement,
        holder=belief.holder,
        slot=belief.slot,
        polarity=belief.polarity,
        level=belief.level,
        confidence=belief.confidence,
        calibration=belief.calibration,
        evidence=belief.evidence,
        contested=belief.contested,
        words=[row.quote or row.statement for row in rows[-3:]],
        bits=round(one.bits, 4),
        information=round(one.information, 6),
    )
