"""How each segment's view of us moves, week by week and slot by slot: one derived table, from everybody's own evidence.

A week shows what was held when it ended, as of each belief's last evidence: silence moves nothing here, only words and deeds do.
Counts and shares of at least five persons; nobody can be picked out.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from models import BucketState, Drift, Evidence, Polarity, Slot
from models.clock import Clock
from models.keys import content_id
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.ingest.schemas import INSTANT
from pipelines.stitch.derived import Derived, put
from pipelines.stitch.lens.traits import buyers, traits
from pipelines.understand.beliefs import INFERRED
from pipelines.understand.buckets import due, settled
from pipelines.understand.lessons import taught
from pipelines.understand.replay import STAGE, evidence_by_person, load_evidence
from pipelines.understand.taught import Taught
from pipelines.understand.topics import HALF_LIFE, by_topic, days, quotes
from pipelines.understand.vectorised import log_of, replay_all

WEEKS = 26
"""Half a year is looked back on."""
FEWEST = 5
"""Persons below which a line is left out."""
EVERYBODY = "everybody"
SEGMENTED_BY = ("first channel", "country", "industry", "subscription")
DRIFT_STAGE = "drift"
TABLE = Derived(
    "belief_weeks",
    "One row per week, segment and slot: how many hold something of us, how far it is for us, and how it moved.",
    ("week", "segment", "slot"),
    {
        "week": (INSTANT, "Monday 00:00 UTC on which the week was over"),
        "segment": (pa.string(), "everybody, or a trait of whom persons buy as, such as industry: retail"),
        "slot": (pa.string(), "the topic"),
        "persons": (pa.int64(), "persons who hold something on it"),
        "leaning": (pa.float64(), "mean probability that they are for us, 0 to 1, as of each one's last evidence"),
        "moved": (pa.float64(), "change of it since the week before; empty in the first week with enough persons"),
        "turned": (pa.int64(), "beliefs that turned against what had been held, in that week"),
    },
)
Key = tuple[int, str, str]
"""Place of the week, segment and slot."""


@dataclass
class Weekly:
    """What one computation did: whether it was due, and how many rows there are."""

    due: bool = False
    rows: int = 0


def follow_weeks(lake: Lake, store: Engine, clock: Clock) -> Weekly:
    """Bring the table in step with the evidence; costs nothing while no bucket's beliefs and no week have changed."""
    now = clock.now()
    ends = week_ends(now)
    with transaction(store) as session:
        states = session.exec(select(BucketState).where(BucketState.stage == STAGE).order_by(col(BucketState.bucket)))
        present = {
            0: content_id(
                ends[-1].isoformat(), *(row.version for row in states), repr(lake.versions("derived").get("journeys"))
            )
        }
        if not due(session, DRIFT_STAGE, [0], present):
            return Weekly()
    table = pa.Table.from_pylist(list(weekly_rows(lake, store, ends)), schema=TABLE.schema)
    put(lake, TABLE, table)
    with transaction(store) as session:
        settled(session, DRIFT_STAGE, 0, present[0], now)
    return Weekly(due=True, rows=table.num_rows)


def week_ends(now: datetime) -> list[datetime]:
    """The last Mondays, midnight UTC, oldest first; the latest has begun already."""
    monday = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=now.weekday())
    return [monday - timedelta(weeks=back) for back in range(WEEKS - 1, -1, -1)]


def weekly_rows(lake: Lake, store: Engine, ends: Sequence[datetime]) -> Iterator[dict[str, object]]:
    """The rows of the table in the order of its key."""
    groups = segments(lake)
    people: dict[Key, int] = defaultdict(int)
    sums: dict[Key, float] = defaultdict(float)
    counts: dict[Key, int] = defaultdict(int)
    with transaction(store) as session:
        half_lives = {slot.name: slot.half_life_days for slot in session.exec(select(Slot))}
        lesson, by_bucket = taught(session), evidence_by_person(session, "").by_bucket
        for persons in by_bucket.values():
            met = set[tuple[str, str, int]]()  # several questions of a slot are one person; nobody is in two buckets
            for person, slot, week, p in held(session, persons, half_lives, lesson, ends):
                new = (person, slot, week) not in met
                met.add((person, slot, week))
                for segment in (EVERYBODY, *groups.get(person, ())):
                    people[week, segment, slot] += new
                    sums[week, segment, slot] += p
                    counts[week, segment, slot] += 1
        turned = _turned(session, groups, ends)
    leaning = {key: sums[key] / counts[key] for key, number in people.items() if number >= FEWEST}
    for week, segment, slot in sorted(leaning):
        before = leaning.get((week - 1, segment, slot))
        now = round(leaning[week, segment, slot], 6)
        yield {
            "week": ends[week],
            "segment": segment,
            "slot": slot,
            "persons": people[week, segment, slot],
            "leaning": now,
            "moved": None if before is None else round(now - round(before, 6), 6),
            "turned": turned.get((week, segment, slot), 0),
        }


def held(
    session: Session,
    persons: Mapping[str, Sequence[str]],
    half_lives: Mapping[str, float],
    lesson: Taught,
    ends: Sequence[datetime],
) -> Iterator[tuple[str, str, int, float]]:
    """Person, slot, place of the week and probability of being for us, of every question that had been spoken to by then."""
    evidence = load_evidence(session, (id_ for ids in persons.values() for id_ in ids))
    questions, whose = [], []
    for person, ids in persons.items():
        for (holder, slot, _), rows in by_topic(evidence[id_] for id_ in ids).items():
            said = [row for row in rows if _counts(row)]
            if holder is None and said:
                questions.append(quotes(said, Polarity.positive, taught=lesson))
                whose.append((person, slot))
    if not questions:
        return
    log, periods = log_of(questions), np.array([half_lives.get(slot, HALF_LIFE) for _, slot in whose])
    for week, end in enumerate(ends):
        states = replay_all(log.where(log.day < days(end)), periods)
        for number in np.flatnonzero(states.units).tolist():
            yield *whose[number], week, float(states.p[number])


def segments(lake: Lake) -> dict[str, list[str]]:
    """The segments of each person, as the lens knows those whom they buy as."""
    known = traits(lake)
    rows = known.filter(known.trait.isin(SEGMENTED_BY)).join(buyers(lake), "buyer_id")
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows.select("person_id", "trait", "which").distinct().to_pyarrow().to_pylist():
        found[row["person_id"]].append(f"{row['trait']}: {row['which']}")
    return found


def _counts(row: Evidence) -> bool:
    return row.polarity != Polarity.neutral and row.level not in INFERRED


def _turned(session: Session, groups: Mapping[str, Sequence[str]], ends: Sequence[datetime]) -> dict[Key, int]:
    """How many of the persons' own beliefs turned in each week."""
    found: dict[Key, int] = defaultdict(int)
    recent = (col(Drift.at) >= ends[0] - timedelta(weeks=1), col(Drift.holder).is_(None))
    for row in session.exec(select(Drift).where(*recent)):
        week = next((place for place, end in enumerate(ends) if row.at < end), None)
        if week is not None:
            for segment in (EVERYBODY, *groups.get(row.person_id, ())):
                found[week, segment, row.slot] += 1
    return found
