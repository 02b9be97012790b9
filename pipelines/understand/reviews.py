"""What people say of the beliefs they are shown. A verdict is kept as it was said, and is evidence from then on.

As evidence it is dated when it was given and outweighs all that was said before it, so no later reading of older texts undoes it; what
is said afterwards counts as ever. Nobody's verdict is changed or removed; whoever thinks better of it gives another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log2
from typing import Literal

from sqlmodel import Session, col, func, select

from models import Belief, Evidence, Level, Membership, Observation, Polarity, Review, Scope, Strength, Verdict
from models.keys import RecordKey, content_id, stable_hash
from pipelines.understand.beliefs import HALF_LIFE, days
from pipelines.understand.confidence import TRUSTED
from pipelines.understand.people import chunks
from pipelines.understand.policy import Policy
from pipelines.understand.topics import REVIEW, in_order

DOUBTFUL = 0.9
"""Confidence up to which a verdict promises .3 bits or more: such beliefs count as waiting."""
LEAST_VALENCE = 0.25
"""What a belief that says nothing about us, such as how somebody likes to be reached, counts beside one that does."""
OPPOSITE = {Polarity.positive: Polarity.negative, Polarity.negative: Polarity.positive}


@dataclass(frozen=True)
class Said:
    """One verdict as it came in.

    `reference` names the utterance where it was made (a CRM field and its stamp, say), so that reading it twice is one verdict.
    `side` is what a correction is for; left out, it is for the other side, or for another wording of a neutral belief.
    """

    verdict: Verdict
    reviewer: str
    role: Literal["customer", "colleague"]
    source: Literal["cli", "api", "crm"]
    at: datetime
    correction: str | None = None
    side: Polarity | None = None
    reference: str = ""


@dataclass(frozen=True)
class Waiting:
    """A belief that would repay a look. Units: `information` in bits, times its share in the alignment, times its freshness."""

    belief: Belief
    information: float
    bits: float


def record_review(session: Session, belief: Belief, said: Said, now: datetime) -> Review:
    """Keep a verdict on a belief, and let it count as evidence; the same utterance twice is one review.

    Errors: ValueError if the belief's evidence is gone, so that nothing is left to hang the verdict on.
    """
    rows = in_order(_evidence(session, belief.evidence_ids))
    heard = [row for row in rows if not row.source_class.startswith(REVIEW)]
    if not heard:
        raise ValueError("The evidence of this belief is gone; list the beliefs again.")
    own = [row for row in heard if row.polarity == belief.polarity and not row.against] or heard
    subject = own[-1].subject
    topic = (belief.holder or "", belief.slot, belief.aspect, belief.polarity)
    # an utterance is one wherever its belief was heard last; without a reference, who said it when may speak of several people
    told = (said.reference,) if said.reference else (f"{said.reviewer} {said.at.isoformat()}", subject)
    review = Review(
        id=content_id("review", said.source, *told, *topic),
        subject=subject,
        subject_hash=stable_hash(subject),
        holder=belief.holder,
        slot=belief.slot,
        aspect=belief.aspect,
        polarity=belief.polarity,
        statement=belief.statement,
        evidence_ids=[row.id for row in heard],
        verdict=said.verdict.value,
        correction=(said.correction or "").strip() or None,
        reviewer=said.reviewer,
        role=said.role,
        source=said.source,
        reviewed_at=said.at,
        recorded_at=now,
    )
    if known := session.get(Review, review.id):
        return known
    session.add(review)
    if said.verdict != Verdict.unsure:
        _let_count(session, review, said.side, own)
    return review


def review_evidence_id(review_id: str) -> str:
    """Id of the evidence that a verdict is."""
    return content_id("review", review_id)


def queue(session: Session, valences: dict[str, float], half_lives: dict[str, float], now: datetime) -> list[Waiting]:
    """Current beliefs on which nobody has given a verdict since they last changed, the most telling first.

    The order is `bits x share x freshness`: the bits that a verdict, right in 95 of 100 cases, is expected to tell of a belief held
    with confidence p; its part of its person's stance, |valence| over the number of that person's beliefs; and how much of its
    evidence silence has left, `2^(-days / half-life)`. Contested and doubtful beliefs that weigh in the alignment come first.
    """
    current = session.exec(select(Belief).where(col(Belief.valid_to).is_(None))).all()
    seen = _seen(session.exec(select(Review)).all())
    held: dict[str, int] = {}
    for belief in current:
        held[belief.person_id] = held.get(belief.person_id, 0) + 1
    found = []
    for belief in current:
        if _looked_at(belief, seen):
            continue
        share = max(abs(valences.get(belief.slot, 0.0)), LEAST_VALENCE) / held[belief.person_id]
        silence = max(days(now) - days(belief.last_at), 0.0)
        fresh = 2 ** (-silence / half_lives.get(belief.slot, HALF_LIFE))
        bits = information(belief.confidence)
        found.append(Waiting(belief, bits * share * fresh, bits))
    return sorted(found, key=lambda one: (-round(one.information, 9), one.belief.id))


def information(p: float) -> float:
    """Bits that a verdict is expected to tell of something believed with p: the entropy of the verdict less that of its errors."""
    agrees = p * TRUSTED + (1 - p) * (1 - TRUSTED)
    return _entropy(agrees) - _entropy(TRUSTED)


def backlog(session: Session) -> int:
    """How many current beliefs are doubtful and not looked at; counted where they lie, only those of judged persons are read."""
    doubtful = (col(Belief.valid_to).is_(None), col(Belief.confidence) <= DOUBTFUL)
    waiting = session.exec(select(func.count()).select_from(Belief).where(*doubtful)).one()
    reviews = session.exec(select(Review)).all()
    seen = _seen(reviews)
    looked_at: set[str] = set()
    for some in chunks(sorted({review.subject for review in reviews})):
        judged = select(Membership.entity_id).where(
            col(Membership.record).in_(some), Membership.scope == Scope.person.value
        )
        rows = session.exec(select(Belief).where(*doubtful, col(Belief.person_id).in_(judged))).all()
        looked_at |= {belief.id for belief in rows if _looked_at(belief, seen)}
    return waiting - len(looked_at)


def _entropy(p: float) -> float:
    return -sum(part * log2(part) for part in (p, 1 - p) if part > 0)


def _seen(reviews: Sequence[Review]) -> dict[str, set[str]]:
    """Evidence that lay before a reviewer, by the side that was shown; verdicts count as seen by whoever gave them."""
    found: dict[str, set[str]] = {}
    for review in reviews:
        found.setdefault(review.polarity, set()).update(review.evidence_ids)
    verdicts = {review_evidence_id(review.id) for review in reviews}
    return {side: ids | verdicts for side, ids in found.items()}


def _looked_at(belief: Belief, seen: dict[str, set[str]]) -> bool:
    return set(belief.evidence_ids) <= seen.get(belief.polarity, set())


def _let_count(session: Session, review: Review, side: Polarity | None, own: Sequence[Evidence]) -> None:
    """The verdict as an observation and its evidence, under no wider terms than what it is about."""
    about = {row.observation_id for row in own}
    told = session.exec(select(Observation).where(col(Observation.id).in_(about))).all()
    purposes = set.intersection(*(set(row.purposes) for row in told))
    policy, correction = Policy(), review.correction
    record = str(RecordKey("sidecar", review.source, "review", review.id))
    text = correction or f"{review.verdict}: {review.statement}"
    observation = Observation(
        id=content_id(record, "text"),
        record=record,
        subject=review.subject,
        subject_hash=review.subject_hash,
        source="review",
        author="customer" if review.role == "customer" else "rep",
        text=text,
        text_hash=content_id(text),
        thread=record,
        occurred_at=review.reviewed_at,
        recorded_at=review.recorded_at,
        lawful_basis=policy.lawful_basis,
        purposes=sorted(purposes),
        region=policy.region,
        retain_until=review.reviewed_at + policy.retention,
    )
    shown = Polarity(review.polarity)
    against = review.verdict == Verdict.disagree and correction is None
    believed = shown if against or review.verdict == Verdict.agree else side or OPPOSITE.get(shown, shown)
    session.add(observation)
    session.flush()
    session.add(
        Evidence(
            id=review_evidence_id(review.id),
            observation_id=observation.id,
            text_hash=observation.text_hash,
            model="review",
            subject=review.subject,
            subject_hash=review.subject_hash,
            holder=review.holder,
            slot=review.slot,
            aspect=review.aspect,
            polarity=believed.value,
            against=against,
            level=(Level.explicit if review.role == "customer" and correction else Level.reviewed).value,
            basis={"review": review.id},
            strength=Strength.explicit.value,
            statement=(correction or review.statement)[:160],
            quote=correction or "",
            start=0,
            end=len(correction or ""),
            speaker=review.reviewer,
            speaker_role=review.role,
            source_class=f"{REVIEW}{review.role}",
            thread=record,
            occurred_at=review.reviewed_at,
            recorded_at=review.recorded_at,
        )
    )


def _evidence(session: Session, ids: Sequence[str]) -> list[Evidence]:
    return [
        row
        for some in chunks(list(ids))
        for row in session.exec(
            select(Evidence).where(col(Evidence.id).in_(some), col(Evidence.withdrawn_at).is_(None))
        )
    ]
