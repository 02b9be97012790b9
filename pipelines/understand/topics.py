"""What evidence is about, and how the filter reads it: grouped by holder, slot and aspect, weighed by source and reader."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeAlias

from models import Evidence, Slot
from models.beliefs import Strength
from pipelines.understand.confidence import FIRST_PERSON, PRIOR, STRENGTHS, Quote, logit, relied_on
from pipelines.understand.matching import holder_key, joined, matcher
from pipelines.understand.measured import Caps, caps
from pipelines.understand.slots import slots_version
from pipelines.understand.taught import UNTAUGHT, Taught
from pipelines.understand.transitions import declares_change, tells_of_change

DAY = 86_400.0
HALF_LIFE = 120.0
"""Days, for a slot that no longer exists: that of most slots."""
FILTER = "2"
"""Version of how evidence is read and weighed (this module, `confidence.py`, `transitions.py`); another number concludes everything anew."""
REVIEW = "review/"
"""Source classes of verdicts begin so."""

Topic: TypeAlias = tuple[str | None, str, str]
"""Holder, slot and aspect: the only scope in which two pieces of evidence can oppose each other."""


def weighed_by(slots: list[Slot]) -> str:
    """Version of all that conclusions from evidence rest on beside the evidence: the filter, slots, measured readers, and which names are one."""
    return f"{FILTER}-{slots_version(slots)}-{caps().version}-{matcher().version}"


def days(instant: datetime) -> float:
    """Days since 1970, the unit of the filter."""
    return instant.timestamp() / DAY


def moment(row: Evidence) -> tuple[datetime, str]:
    """What sorts evidence by when it happened and, of one instant, as it stands in its texts."""
    return row.occurred_at, place(row)


def place(row: Evidence) -> str:
    """Where a piece of evidence stands in its text, as a name of its own that sorts so.

    Ids are other ones when a text is read anew, so they decide last: the same words said of the same topic conclude the same.
    """
    return f"{row.observation_id} {row.start:09} {row.end:09} {row.polarity} {row.id}"


def in_order(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Evidence by when it happened; of one instant, as it stands in its texts."""
    return sorted(evidence, key=moment)


def by_topic(evidence: Iterable[Evidence]) -> dict[Topic, list[Evidence]]:
    """Evidence grouped by what it is about, each group in event order. Names of one aspect or holder are one, called as at first."""
    rows = in_order(evidence)
    topics = named(rows)
    groups: dict[Topic, list[Evidence]] = defaultdict(list)
    for row in rows:
        groups[topics[row.holder, row.slot, row.aspect]].append(row)
    return groups


def named(rows: Iterable[Evidence]) -> dict[Topic, Topic]:
    """The topic that each holder, slot and aspect, as written, belongs to. Shape: rows in event order."""
    written = dict.fromkeys((row.holder, row.slot, row.aspect) for row in rows)
    holders: dict[str | None, str | None] = {}
    scopes: dict[tuple[str | None, str], list[str]] = defaultdict(list)
    for holder, slot, aspect in written:
        same = holder_key(holder) if holder else None
        scopes[holders.setdefault(same, holder), slot].append(aspect)
    aspects = {scope: _first_names(names) for scope, names in scopes.items()}
    found = {}
    for holder, slot, aspect in written:
        whose = holders[holder_key(holder) if holder else None]
        found[holder, slot, aspect] = (whose, slot, aspects[whose, slot][aspect])
    return found


def quotes(
    evidence: Iterable[Evidence], side: str, measured: Caps | None = None, taught: Taught = UNTAUGHT
) -> list[Quote]:
    """Evidence as the filter reads it: +1 for the side, -1 against it, relied on no more than its extractor deserves."""
    known = measured or caps()
    return [_quote(row, 1 if (row.polarity == side) != row.against else -1, known, taught) for row in evidence]


def _quote(row: Evidence, sign: int, measured: Caps, taught: Taught) -> Quote:
    source = row.source_class
    own_voice = row.holder is None and row.speaker_role == "customer"
    turning = source.startswith(REVIEW) or (own_voice and declares_change(row.quote))
    r = relied_on(source, measured.of(row.model, source), turning=turning, tallies=taught.tallies)
    return Quote(
        id=place(row),
        day=days(row.occurred_at),
        speaker=row.speaker,
        thread=row.thread,
        sign=sign,
        r=r,
        s=STRENGTHS[row.strength],
        document=row.observation_id,
        # words that weigh nothing make nothing forgotten
        turning=turning and r > PRIOR,
        moves=_moves(row, measured) if r > PRIOR and not turning else 0.0,
    )


def _moves(row: Evidence, measured: Caps) -> float:
    """Log-odds that a change told of here may move: what the customer's plain word weighs with this reader, and nothing if it is a guess."""
    if row.strength == Strength.speculative or not tells_of_change(row.quote):
        return 0.0
    return logit(min(max(measured.of(row.model, row.source_class), PRIOR), FIRST_PERSON))


def _first_names(names: list[str]) -> Mapping[str, str]:
    """Each aspect as its group was first called; the slot as a whole, which has no name, is joined with none."""
    if len(names) == 1:
        return {names[0]: names[0]}
    first = {name: place for place, name in reversed(list(enumerate(names)))}
    groups = joined((name for name in first if name), matcher())
    return {name: min(groups.get(name, (name,)), key=first.__getitem__) for name in first}
