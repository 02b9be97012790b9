"""What the newest evidence changed, against what could be read before it. The present instant plays no part: time alone changes no word.

"Before" is the last evidence that is at least a week older than the newest: what came in one week is one piece of news.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from models import Belief, Evidence, Slot
from pipelines.understand.beliefs import HALF_LIFE, confidence_at, days
from pipelines.understand.changed import SHIFT
from pipelines.understand.confidence import Confidence

WEEK = timedelta(days=7)
SURE, FAIRLY_SURE, LEANING = 0.9, 0.8, 0.6
"""From where each word holds. Fairly sure begins above what one quote of the embedded extractor can reach."""


def certainty(confidence: float, polarity: str = "neutral") -> str:
    """How sure we are, in a word; what speaks against us and is not sure yet is a worry."""
    if confidence >= SURE:
        return "sure"
    if confidence >= FAIRLY_SURE:
        return "fairly sure"
    if confidence >= LEANING:
        return "a worry" if polarity == "negative" else "likely"
    return "unsure"


def eve(rows: Iterable[Evidence]) -> datetime | None:
    """The last evidence before the newest week of it; None if all of it came in one week."""
    instants = sorted(row.occurred_at for row in rows)
    return max((at for at in instants if instants[-1] - at >= WEEK), default=None)


def before(belief: Belief, evidence: Iterable[Evidence], slots: Iterable[Slot], instant: datetime) -> Confidence | None:
    """How a belief was read at an instant: as of its own last evidence until then; None if there was none."""
    own = [row for row in own_rows(belief, evidence) if row.occurred_at <= instant]
    if not own:
        return None
    last = max(row.occurred_at for row in own)
    return confidence_at(belief, own, half_life(belief, slots), days(last))


def movement(belief: Belief, evidence: Iterable[Evidence], slots: Iterable[Slot]) -> tuple[str, datetime] | None:
    """Whether it got stronger or weaker, and since when; None if it is new, was on another side, or hardly moved."""
    own = own_rows(belief, evidence)
    was_at = eve(own)
    was = before(belief, own, slots, was_at) if was_at else None
    if was is None or was_at is None or was.p < 0.5:
        return None
    moved = confidence_at(belief, own, half_life(belief, slots), days(belief.last_at)).p - was.p
    return None if abs(moved) <= SHIFT else ("stronger" if moved > 0 else "weaker", was_at)


def changes(
    shown: Sequence[Belief], beliefs: Iterable[Belief], evidence: Sequence[Evidence], slots: Sequence[Slot]
) -> tuple[list[str], datetime] | None:
    """What is different since a day, by number; None if everything came in one week or nothing is different."""
    rows = [row for belief in shown for row in own_rows(belief, evidence)]
    since = eve(rows)
    if since is None:
        return None
    ended = {topic(belief): belief for belief in beliefs if belief.valid_to and belief.valid_to > since}
    notes = [
        note
        for number, belief in enumerate(shown, start=1)
        for note in _notes(number, belief, ended.get(topic(belief)), evidence, slots, since)
    ]
    return (notes, since) if notes else None


def topic(belief: Belief) -> tuple[str | None, str, str]:
    """What it is about: the scope in which one belief takes another's place."""
    return belief.holder, belief.slot, belief.aspect


def own_rows(belief: Belief, evidence: Iterable[Evidence]) -> list[Evidence]:
    """The evidence that this belief rests on, for and against."""
    ids = set(belief.evidence_ids)
    return [row for row in evidence if row.id in ids]


def half_life(belief: Belief, slots: Iterable[Slot]) -> float:
    """Days, of the belief's slot."""
    return next((slot.half_life_days for slot in slots if slot.name == belief.slot), HALF_LIFE)


def _notes(
    number: int,
    belief: Belief,
    ended: Belief | None,
    evidence: Sequence[Evidence],
    slots: Sequence[Slot],
    since: datetime,
) -> list[str]:
    if belief.last_at <= since:
        return []
    was = before(belief, evidence, slots, since)
    if ended is not None:
        return [f"{number} has turned, before it was: {ended.statement.rstrip('.')}"]
    if was is None:
        return [f"{number} is new"]
    if belief.contested:
        return [] if was.contested else [f"{number} is now contested"]
    word, now = certainty(was.p, belief.polarity), certainty(belief.raw, belief.polarity)
    return [] if word == now or was.p < 0.5 else [f"{number} was {word}{' only' if was.p < belief.raw else ''}"]
