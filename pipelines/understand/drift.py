"""When what somebody believes is turning: a signed CUSUM on contrary evidence (Page 1954), one per question, a pure function of its units.

Evidence against the side that is held adds up, evidence for it takes away; past a threshold the side has turned. One such alarm in a
year is often chance for somebody of whom twenty things are believed, so an alarm is announced only if a second belief turns about then.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from models import Drift, Evidence, Level, Polarity
from models.keys import content_id
from pipelines.understand.beliefs import INFERRED
from pipelines.understand.buckets import bucket_of
from pipelines.understand.confidence import Unit, units
from pipelines.understand.taught import UNTAUGHT, Taught
from pipelines.understand.topics import DAY, by_topic, quotes

THRESHOLD = 4.0
"""Log-odds of contrary evidence: by simulation a false alarm in three belief-years, and a change seen within 36 days of one quote in nine."""
SETTLING = 4
"""Units after which the side that leads is what was held."""
TOGETHER = 45.0
"""Days within which two beliefs that turn are one matter."""


def alarms(found: Iterable[Unit], threshold: float = THRESHOLD) -> list[tuple[Unit, int]]:
    """The units at which it showed that a side had turned, and the sign that had been held until then."""
    told, seen, lead, held, against = [], 0, 0.0, 0, 0.0
    for unit in found:
        seen += 1
        if held == 0:
            lead += unit.sign * unit.weight
            if seen >= SETTLING and lead:
                held = 1 if lead > 0 else -1
            continue
        moved = unit.weight if unit.sign == held else max(unit.weight, unit.moves)
        against = max(0.0, against - held * unit.sign * moved)
        if unit.turning and unit.sign != held:
            against = max(against, threshold)  # they said so themselves
        if against >= threshold:
            told.append((unit, held))
            held, against = -held, 0.0
    return told


def drifts(person_id: str, evidence: Sequence[Evidence], taught: Taught = UNTAUGHT) -> list[Drift]:
    """Every turn of one person's beliefs, by instant; announced where another of their beliefs turned about then."""
    found = []
    for (holder, slot, aspect), rows in by_topic(evidence).items():
        # a verdict tells that we had misread somebody, not that they turned
        said = [
            row for row in rows if row.polarity != Polarity.neutral and row.level not in (*INFERRED, Level.reviewed)
        ]
        for unit, held in alarms(units(quotes(said, Polarity.positive, taught=taught))):
            at = datetime.fromtimestamp(unit.day * DAY, UTC)
            found.append(
                Drift(
                    id=content_id(person_id, holder or "", slot, aspect, at.isoformat()),
                    person_id=person_id,
                    bucket=bucket_of(person_id),
                    holder=holder,
                    slot=slot,
                    aspect=aspect,
                    away_from=(Polarity.positive if held > 0 else Polarity.negative).value,
                    at=at,
                    announced=False,
                )
            )
    for one in found:
        one.announced = any(_about_then(one, other) for other in found)
    return sorted(found, key=lambda one: (one.at, one.id))


def _about_then(one: Drift, other: Drift) -> bool:
    apart = abs((one.at - other.at).total_seconds()) / DAY
    return (one.holder, one.slot, one.aspect) != (other.holder, other.slot, other.aspect) and apart <= TOGETHER
