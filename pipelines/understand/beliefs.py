"""From evidence to beliefs: a pure function of the evidence log, so a belief can be thrown away and replayed at will.

Quotes oppose each other only with the same holder, slot and aspect. Positive and negative are the two sides of one question;
neutral stands beside them and opposes nothing. A side that was held and has lost gets an end, never a deletion. What is inferred
counts only where nobody has said, done or reviewed anything, so that no conclusion can ever support what it was drawn from.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from models import Belief, Evidence, Level, Polarity
from models.keys import content_id
from pipelines.understand.buckets import bucket_of
from pipelines.understand.confidence import (
    PRIOR,
    STRENGTHS,
    Confidence,
    Unit,
    evidence_word,
    relied_on,
    replay,
    steps,
)
from pipelines.understand.measured import caps
from pipelines.understand.taught import UNTAUGHT, Taught
from pipelines.understand.topics import DAY, HALF_LIFE, REVIEW, Topic, by_topic, days, in_order, moment, named, quotes

__all__ = ["HALF_LIFE", "INFERRED", "Standing", "Topic", "as_of", "by_topic", "conclude", "confidence_at", "days", "known_at", "quotes"]  # fmt: skip

LOST, WON = 0.35, 0.6
"""A side that stood above WON is over once it has fallen below LOST and its opposite is above WON."""
INFERRED = (Level.deduced, Level.asserted)
CONTRADICTED, CHANGED, REVIEWED = "contradicted", "changed", "reviewed"
"""Why a side is over: others were said more, the holder declared a change, or somebody looked and disagreed."""


@dataclass(frozen=True)
class Standing:
    """How a belief stands at an instant: what evidence said, faded by the silence since. Time alone writes none of this."""

    confidence: float
    weight: float
    evidence: str
    calibration: str


@dataclass(frozen=True)
class Question:
    """All that was said for and against the sides of one topic, in event order, and on what terms it is weighed."""

    person_id: str
    topic: Topic
    rows: Sequence[Evidence]
    half_life: float
    taught: Taught

    def said(self, side: Polarity | None) -> list[Evidence]:
        """The evidence for one side."""
        return [row for row in self.rows if row.polarity == side and not row.against]


class Closed(NamedTuple):
    """When a belief ceased, by which it was followed, and why; nothing of it while it holds."""

    at: datetime | None = None
    by: str | None = None
    why: str | None = None


HOLDS = Closed()


def conclude(
    person_id: str, evidence: Sequence[Evidence], half_lives: Mapping[str, float], taught: Taught = UNTAUGHT
) -> list[Belief]:
    """Everything that one person's self-model holds, from all evidence of that person.

    Shape: one belief per holder, slot, aspect and side; a side that lost has `valid_to`; ordered by id.
    Units: confidence as of the last evidence, 0 to 1.
    """
    found: list[Belief] = []
    unfounded: list[Question] = []
    for topic, rows in by_topic(evidence).items():
        for asked in (_opposable(rows), [row for row in rows if row.polarity == Polarity.neutral]):
            grounded = [row for row in asked if row.level not in INFERRED]
            question = Question(person_id, topic, grounded or asked, half_lives.get(topic[1], HALF_LIFE), taught)
            if grounded:
                found += _sides(question)
            elif asked:
                unfounded.append(question)
    if unfounded:
        found += _inferred(unfounded, found, named(in_order(evidence)))
    return sorted(found, key=lambda belief: belief.id)


def as_of(belief: Belief, half_life: float, instant: datetime, taught: Taught = UNTAUGHT) -> Standing:
    """The belief at a later instant: certainty and weight fade with silence. An earlier instant asks for `known_at`."""
    silence = max(days(instant) - days(belief.last_at), 0.0)
    faded = Confidence(belief.raw, belief.weight, 0.0, belief.units).silent(silence, half_life)
    worth = taught.calibration.of(faded.p) if silence else belief.confidence
    return Standing(worth, faded.weight, evidence_word(faded.weight), belief.calibration)


def known_at(evidence: Iterable[Evidence], instant: datetime, known: datetime) -> list[Evidence]:
    """The evidence up to an instant in the world, as far as it was known at another: both time axes."""
    return [
        row
        for row in evidence
        if row.occurred_at <= instant
        and row.recorded_at <= known
        and (row.withdrawn_at is None or row.withdrawn_at > known)
    ]


def confidence_at(
    belief: Belief, evidence: Iterable[Evidence], half_life: float, day: float, taught: Taught = UNTAUGHT
) -> Confidence:
    """Replay of one belief's own evidence up to a day."""
    own = set(belief.evidence_ids)
    return replay(quotes((row for row in evidence if row.id in own), belief.polarity, taught=taught), half_life, day)


def belief_id(person_id: str, topic: Topic, side: str) -> str:
    """Id of the belief of one person on one side of a topic."""
    holder, slot, aspect = topic
    return content_id(person_id, holder or "", slot, aspect, side)


def _opposable(rows: Sequence[Evidence]) -> list[Evidence]:
    return [row for row in rows if row.polarity != Polarity.neutral]


def _sides(question: Question) -> Iterator[Belief]:
    """The side that is held and, if it lost, the one that was; a side for which nothing speaks is no belief."""
    neutral = question.rows[0].polarity == Polarity.neutral
    first, other = (Polarity.neutral, None) if neutral else (Polarity.positive, Polarity.negative)
    history = list(steps(quotes(question.rows, first, taught=question.taught), question.half_life))
    last_unit, last = history[-1]
    leads = last.p > 0.5 or (last.p == 0.5 and last_unit.sign > 0)
    held, lost = (first, other) if leads else (other, first)
    states = {first: last, other: _mirrored(last)}
    standing = held if held and question.said(held) else None
    end = _ended(history, lost_sign=-1 if leads else 1)
    over = end is not None and states[lost].p < LOST  # its opposite is then above .65, hence above WON
    if standing:
        yield _belief(question, standing, states[standing])
    if lost and question.said(lost) and (over or not standing):
        closed = _closing(question, end, standing) if end and over else HOLDS
        yield _belief(question, lost, states[lost], closed)


def _mirrored(state: Confidence) -> Confidence:
    return Confidence(1 - state.p, state.opposing, state.supporting, state.units)


def _ended(history: Sequence[tuple[Unit, Confidence]], lost_sign: int) -> Unit | None:
    """What first contradicted, for good, a side that once stood; a declared change ends what was merely heard, too."""
    heard, stood, end = False, False, None
    for unit, state in history:
        p = state.p if lost_sign > 0 else 1 - state.p
        if unit.sign == lost_sign:
            heard = True
            stood, end = (True, None) if p > WON else (stood, end)
        elif end is None and (stood or (heard and unit.turning)):
            end = unit
    return end


def _closing(question: Question, end: Unit, by: Polarity | None) -> Closed:
    """When, why and for what a belief ceased."""
    ending = [row for row in question.rows if row.observation_id == end.document]
    reviewed = any(row.source_class.startswith(REVIEW) for row in ending)
    return Closed(
        datetime.fromtimestamp(end.day * DAY, UTC),
        belief_id(question.person_id, question.topic, by) if by else None,
        (REVIEWED if reviewed else CHANGED) if end.turning else CONTRADICTED,
    )


def _inferred(unfounded: Sequence[Question], found: Sequence[Belief], topics: Mapping[Topic, Topic]) -> list[Belief]:
    """Beliefs that only agents and rules speak for, in rounds: each needs parents that hold already, so circles never close.

    All who infer read the same self-model and are one voice: their latest word. It is never surer than its least sure parent.
    """
    holding = {(b.holder, b.slot, b.aspect, b.polarity): b for b in found if b.valid_to is None}
    drawn: list[Belief] = []
    waiting = list(unfounded)
    while waiting:
        new, left = [], []
        for question in waiting:
            known = [row for row in question.rows if not row.against and _parents(row, topics) <= holding.keys()]
            if known:
                latest = Question(question.person_id, question.topic, known[-1:], question.half_life, question.taught)
                parents = sorted((holding[key] for key in _parents(known[-1], topics)), key=lambda belief: belief.id)
                new += [_no_surer(belief, parents) for belief in _sides(latest)]
            else:
                left.append(question)
        if not new:
            break
        holding |= {(b.holder, b.slot, b.aspect, b.polarity): b for b in new}
        drawn, waiting = drawn + new, left
    return drawn


def _parents(row: Evidence, topics: Mapping[Topic, Topic]) -> set[tuple[str | None, str, str, str]]:
    """The beliefs that a deduction rests on, as they are called today."""
    written = (row.basis or {}).get("parents", ())
    return {
        (*topics.get((holder, slot, aspect), (holder, slot, aspect)), side) for holder, slot, aspect, side in written
    }


def _no_surer(belief: Belief, parents: Sequence[Belief]) -> Belief:
    belief.parents = [parent.id for parent in parents]
    belief.confidence = min([belief.confidence, *(parent.confidence for parent in parents)])
    belief.raw = min([belief.raw, *(parent.raw for parent in parents)])
    return belief


def _belief(question: Question, side: Polarity, state: Confidence, closed: Closed = HOLDS) -> Belief:
    holder, slot, aspect = question.topic
    own, calibration = question.said(side), question.taught.calibration
    levels = {row.level for row in own}
    return Belief(
        id=belief_id(question.person_id, question.topic, side),
        person_id=question.person_id,
        bucket=bucket_of(question.person_id),
        holder=holder,
        slot=slot,
        aspect=aspect,
        polarity=side.value,
        statement=_plainest(own, question).statement,
        level=next(level.value for level in Level if level in levels),
        parents=[],
        confidence=round(calibration.of(state.p), 6),
        raw=round(state.p, 6),
        calibration=calibration.word,
        weight=round(state.weight, 6),
        evidence=state.evidence,
        units=state.units,
        contested=state.contested,
        first_at=own[0].occurred_at,
        last_at=question.rows[-1].occurred_at,
        evidence_ids=[row.id for row in question.rows],
        valid_to=closed.at,
        superseded_by=closed.by,
        reason=closed.why,
    )


def _plainest(rows: Sequence[Evidence], question: Question) -> Evidence:
    """The strongest recent evidence: old words fade as the belief does."""
    now, measured = days(rows[-1].occurred_at), caps()

    def strength(row: Evidence) -> float:
        faded: float = 2 ** ((days(row.occurred_at) - now) / question.half_life)
        cap = measured.of(row.model, row.source_class)
        r = relied_on(row.source_class, cap, tallies=question.taught.tallies)
        return STRENGTHS[row.strength] * (2 * max(r, PRIOR) - 1) * faded

    return max(rows, key=lambda row: (strength(row), *moment(row)))
