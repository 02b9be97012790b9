"""Whether persons are found as they were planted, and keep their ids through whatever happens to others."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import Engine
from sqlmodel import select

from benchmarks.stitch.plant import plant
from benchmarks.stitch.truth import Score, score, within_reach
from benchmarks.stitch.turns import Living
from benchmarks.stitch.world import world
from models.base import new_id
from models.clock import FrozenClock
from models.facts import Scope
from models.identity import Entity, Judgement
from models.store import open_store, transaction
from pipelines.ingest.lake import Lake
from pipelines.stitch.entities import resolve
from pipelines.stitch.membership import SNAPSHOT
from pipelines.stitch.stitch import StitchReport, stitch

SHARE = 0.01
"""Persons touched in a turn."""
JUDGED = 3
"""Pairs that a human joins in a turn, and as many that are told apart."""


@dataclass(frozen=True)
class Planted:
    """One world and its turns.

    Shape: `first` and `last` are the scores before and after the turns; `changes` sums up what all stitches wrote. `untouched` counts persons by
    turn whom nothing happened to, `kept` those of them whose id is the same. `ids` are all that were ever issued, `resolved` those that
    lead to one in use.
    """

    records: int
    reach: float
    first: Score
    last: Score
    changes: dict[str, int]
    untouched: int
    kept: int
    ids: int
    resolved: int


def planted(folder: Path, url: str, persons: int, seed: int, turns: int, *, elusive: bool = True) -> Planted:
    """Plant a world below a folder, stitch it, let it go on, and look at every turn."""
    living = Living(world(persons, seed, elusive=elusive), np.random.default_rng(seed))
    lake, store = Lake.open(str(folder / "lake")), open_store(url)
    clock = FrozenClock(datetime(2026, 11, 2, 9, tzinfo=UTC))
    plant(lake, living.world)
    changes, stable = defaultdict[str, int](int), np.zeros(2, np.int64)
    _count(changes, stitch(lake, store, clock, Scope.person))
    stands = _membership(lake)
    first, issued = _scored(stands, living), set(stands.values())
    for number in range(1, turns + 1):
        clock.advance(timedelta(days=1))
        before, turn = stands, living.turn(number, SHARE)
        plant(lake, turn.said, gone=turn.gone, turn=1 + number)
        judged = _judge(store, clock, before, living.truth())
        _count(changes, stitch(lake, store, clock, Scope.person))
        stands = _membership(lake)
        stable += _stable(before, stands, living.truth(), turn.touched | judged)
        issued |= set(stands.values())
    with transaction(store) as session:
        alive = {one.id for one in session.exec(select(Entity)) if one.merged_into is None}
        resolved = sum(resolve(session, one) in alive for one in issued)
    store.dispose()
    reach = within_reach(living.world)
    return Planted(
        living.world.records.num_rows, reach, first, _scored(stands, living), dict(changes), int(stable[0]), int(stable[1]), len(issued), resolved
    )  # fmt: skip


def _membership(lake: Lake) -> dict[str, str]:
    """The entity of each record."""
    table = lake.table(SNAPSHOT)
    assert table is not None
    rows = table.select("record", "entity_id").to_pyarrow()
    return dict(zip(rows["record"].to_pylist(), rows["entity_id"].to_pylist(), strict=True))


def _scored(stands: dict[str, str], living: Living) -> Score:
    truth = living.truth()
    assert truth.keys() == stands.keys()
    return score(np.array(list(stands.values())), np.array([truth[record] for record in stands]))


def _count(changes: dict[str, int], report: StitchReport) -> None:
    for kind, number in report.changes.items():
        changes[kind] += number


def _judge(store: Engine, clock: FrozenClock, stands: dict[str, str], truth: dict[str, int]) -> frozenset[int]:
    """A human joins some that are one person and were not found, and tells some apart that are two; returns whom it was about."""
    by_person, by_entity = defaultdict[int, list[str]](list), defaultdict[str, list[str]](list)
    for record in sorted(stands.keys() & truth.keys()):
        by_person[truth[record]].append(record)
        by_entity[stands[record]].append(record)
    missed = (found for found in by_person.values() if len({stands[one] for one in found}) > 1)
    merged = (found for found in by_entity.values() if len({truth[one] for one in found}) > 1)
    pairs = [(_two(found, stands), True) for found, _ in zip(missed, range(JUDGED), strict=False)]
    pairs += [(_two(found, truth), False) for found, _ in zip(merged, range(JUDGED), strict=False)]
    with transaction(store) as session:
        for (left, right), same in pairs:
            session.add(
                Judgement(
                    id=new_id(clock.now()), left=left, right=right, same=same, decided_by="ann", reason="knows them",
                    decided_at=clock.now(),
                )
            )  # fmt: skip
    return frozenset(truth[record] for pair, _ in pairs for record in pair)


def _two(records: list[str], by: dict[str, str] | dict[str, int]) -> tuple[str, str]:
    """The first record and the first that differs from it."""
    return records[0], next(one for one in records if by[one] != by[records[0]])


def _stable(
    before: dict[str, str], after: dict[str, str], truth: dict[str, int], touched: frozenset[int]
) -> tuple[int, int]:
    """Persons who were not touched and whose cluster has the very records that it had, and those of them who kept their ids."""
    near = {stands[record] for stands in (before, after) for record in stands if truth.get(record, -1) in touched}
    # whoever shares a mailbox with one who was touched may be drawn in: clusters that were not there before, or are not any more
    was, now = _clusters(before), _clusters(after)
    near |= {entity for records, entity in [*was.items(), *now.items()] if records not in was or records not in now}
    of: dict[int, set[tuple[str, str]]] = defaultdict(set)
    aside: set[int] = set()
    for record, person in truth.items():
        if record not in before or before[record] in near or after[record] in near:
            aside.add(person)
        else:
            of[person].add((before[record], after[record]))
    untouched = {person: ids for person, ids in of.items() if person not in aside}
    return len(untouched), sum(all(was == now for was, now in ids) for ids in untouched.values())


def _clusters(stands: dict[str, str]) -> dict[frozenset[str], str]:
    """The entity of each set of records."""
    found: dict[str, set[str]] = defaultdict(set)
    for record, entity in stands.items():
        found[entity].add(record)
    return {frozenset(records): entity for entity, records in found.items()}
