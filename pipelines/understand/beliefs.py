"""From evidence to beliefs: a pure function of the evidence log, so a belief can be thrown away and replayed at will.

Quotes oppose each other only with the same holder, slot and aspect. Positive and negative are the two sides of one question;
neutral stands beside them and opposes nothing. A side that was held and has lost gets an end, never a deletion.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from models import Belief, Evidence, Polarity
from models.keys import content_id
from pipelines.understand.buckets import bucket_of
from pipelines.understand.confidence import (
    PRIOR,
    STRENGTHS,
    Confidence,
    Quote,
    Unit,
    evidence_word,
    relied_on,
    replay,
    steps,
)
from pipelines.understand.measured import Caps, caps
from pipelines.understand.transitions import turns_around

DAY = 86_400.0
HALF_LIFE = 120.0
"""Days, for a slot that no longer exists: that of most slots."""
LOST, WON = 0.35, 0.6
"""A side that stood above WON is over once it has fallen below LOST and its opposite is above WON."""

Topic = tuple[str | None, str, str]
"""Holder, slot and aspect: the only scope in which two quotes can oppose each other."""


@dataclass(frozen=True)
class Standing:
    """How a belief stands at an instant: what evidence said, faded by the silence since. Time alone writes none of this."""

    confidence: float
    weight: float
    evidence: str
    calibration: str = "uncalibrated"


def days(instant: datetime) -> float:
    """Days since 1970, the unit of the filter."""
    return instant.timestamp() / DAY


def by_topic(evidence: Iterable[Evidence]) -> dict[Topic, list[Evidence]]:
    """Evidence grouped by what it is about, each group in event order."""
    groups: dict[Topic, list[Evidence]] = defaultdict(list)
    for row in sorted(evidence, key=lambda row: (row.occurred_at, row.id)):
        groups[row.holder, row.slot, row.aspect].append(row)
    return groups


def quotes(evidence: Iterable[Evidence], side: str, measured: Caps | None = None) -> list[Quote]:
    """Evidence as the filter reads it: +1 for the side, -1 against it, relied on no more than its extractor deserves."""
    known = measured or caps()
    return [_quote(row, 1 if (row.polarity == side) != row.against else -1, known) for row in evidence]


def conclude(person_id: str, evidence: Sequence[Evidence], half_lives: Mapping[str, float]) -> list[Belief]:
    """Everything that one person's self-model holds, from all evidence of that person.

    Shape: one belief per holder, slot, aspect and side; a side that lost has `valid_to`; ordered by id.
    Units: confidence as of the last evidence, 0 to 1.
    """
    found: list[Belief] = []
    for topic, rows in by_topic(evidence).items():
        half_life = half_lives.get(topic[1], HALF_LIFE)
        for question in (_opposable(rows), [row for row in rows if row.polarity == Polarity.neutral]):
            if question:
                found += _sides(person_id, topic, question, half_life)
    return sorted(found, key=lambda belief: belief.id)


def as_of(belief: Belief, half_life: float, instant: datetime) -> Standing:
    """The belief at a later instant: certainty and weight fade with silence. An earlier instant asks for `known_at`."""
    silence = max(days(instant) - days(belief.last_at), 0.0)
    faded = Confidence(belief.confidence, belief.weight, 0.0, belief.units).silent(silence, half_life)
    return Standing(faded.p, faded.weight, evidence_word(faded.weight))


def known_at(evidence: Iterable[Evidence], instant: datetime, known: datetime) -> list[Evidence]:
    """The evidence up to an instant in the world, as far as it was known at another: both time axes."""
    return [
        row
        for row in evidence
        if row.occurred_at <= instant
        and row.recorded_at <= known
        and (row.withdrawn_at is None or row.withdrawn_at > known)
    ]


def confidence_at(belief: Belief, evidence: Iterable[Evidence], half_life: float, day: float) -> Confidence:
    """Replay of one belief's own evidence up to a day."""
    own = set(belief.evidence_ids)
    return replay(quotes((row for row in evidence if row.id in own), belief.polarity), half_life, day)


def _quote(row: Evidence, sign: int, measured: Caps) -> Quote:
    turning = row.holder is None and row.speaker_role == "customer" and turns_around(row.quote)
    r = relied_on(row.source_class, measured.of(row.model, row.source_class), turning=turning)
    return Quote(
        id=row.id,
        day=days(row.occurred_at),
        speaker=row.speaker,
        thread=row.thread,
        sign=sign,
        r=r,
        s=STRENGTHS[row.strength],
        document=row.observation_id,
        turning=turning and r > PRIOR,  # words that weigh nothing make nothing forgotten
    )


def _opposable(rows: Sequence[Evidence]) -> list[Evidence]:
    return [row for row in rows if row.polarity != Polarity.neutral]


def _sides(person_id: str, topic: Topic, rows: Sequence[Evidence], half_life: float) -> Iterator[Belief]:
    """The side that is held and, if it lost to it, the one that was."""
    first = Polarity.neutral if rows[0].polarity == Polarity.neutral else Polarity.positive
    history = list(steps(quotes(rows, first), half_life))
    last_unit, last = history[-1]
    holds_first = last.p > 0.5 or (last.p == 0.5 and last_unit.sign > 0)
    held = first if holds_first else Polarity.negative
    yield _belief(person_id, topic, rows, held, last if holds_first else _mirrored(last), half_life)
    other, lost = (Polarity.negative, _mirrored(last)) if holds_first else (first, last)
    ended = _ended(history, lost_sign=-1 if holds_first else 1)
    if ended and lost.p < LOST:  # its opposite is then above .65, hence above WON
        yield _belief(person_id, topic, rows, other, lost, half_life, ended)


def _mirrored(state: Confidence) -> Confidence:
    return Confidence(1 - state.p, state.opposing, state.supporting, state.units)


def _ended(history: Sequence[tuple[Unit, Confidence]], lost_sign: int) -> datetime | None:
    """When a side that once stood was first contradicted for good; None if it never stood."""
    stood, contradicted = False, None
    for unit, state in history:
        p = state.p if lost_sign > 0 else 1 - state.p
        if unit.sign == lost_sign and p > WON:
            stood, contradicted = True, None
        elif unit.sign != lost_sign and stood and contradicted is None:
            contradicted = unit.day
    return None if contradicted is None else datetime.fromtimestamp(contradicted * DAY, UTC)


def _belief(
    person_id: str,
    topic: Topic,
    rows: Sequence[Evidence],
    side: Polarity,
    state: Confidence,
    half_life: float,
    valid_to: datetime | None = None,
) -> Belief:
    holder, slot, aspect = topic
    own = [row for row in rows if row.polarity == side]
    return Belief(
        id=content_id(person_id, holder or "", slot, aspect, side),
        person_id=person_id,
        bucket=bucket_of(person_id),
        holder=holder,
        slot=slot,
        aspect=aspect,
        polarity=side.value,
        statement=_plainest(own, half_life).statement,
        level="explicit",
        confidence=round(state.p, 6),
        raw=round(state.p, 6),
        weight=round(state.weight, 6),
        evidence=state.evidence,
        units=state.units,
        contested=state.contested,
        first_at=own[0].occurred_at,
        last_at=rows[-1].occurred_at,
        valid_to=valid_to,
        evidence_ids=[row.id for row in rows],
    )


def _plainest(rows: Sequence[Evidence], half_life: float) -> Evidence:
    """The strongest recent quote: old words fade as the belief does."""
    now, measured = days(rows[-1].occurred_at), caps()

    def strength(row: Evidence) -> float:
        faded: float = 2 ** ((days(row.occurred_at) - now) / half_life)
        return (
            STRENGTHS[row.strength]
            * (2 * max(relied_on(row.source_class, measured.of(row.model, row.source_class)), PRIOR) - 1)
            * faded
        )

    return max(rows, key=lambda row: (strength(row), row.occurred_at, row.id))
