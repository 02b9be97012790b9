"""Ids while humans judge and take back: over random worlds, in which guards hold some parts back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session, SQLModel, create_engine, select

from models.facts import Scope
from models.identity import Entity, Membership
from models.keys import stable_hash
from pipelines.ingest.lake import Lake
from pipelines.stitch.clusters import cluster
from pipelines.stitch.entities import resolve
from pipelines.stitch.membership import Settled, settle
from tests.pipelines.stitch.test_solver import KINDS, NAMES, Drawn, built

Pair = tuple[str, str]


@dataclass
class Life:
    """The records of one world, stitched anew after each judgement; `judged` are those that stand."""

    world: Drawn
    session: Session
    lake: Lake
    judged: dict[Pair, bool] = field(default_factory=dict)
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def stitch(self) -> Settled:
        self.now += timedelta(minutes=1)
        world = replace(self.world, judged=[(*pair, same) for pair, same in sorted(self.judged.items())])
        people, *material = built(world)
        hashes = pa.array([stable_hash(record) for record in people["record"].to_pylist()], pa.int64())
        found = cluster(people, *material, largest=world.largest)
        with self.session.begin_nested():
            return settle(
                self.lake,
                self.session,
                Scope.person,
                people.append_column("record_hash", hashes),
                found,
                "1",
                None,
                self.now,
            )

    def judge(self, pair: Pair, *, same: bool | None) -> None:
        """Decide, or take back what was decided; then stitch, twice, and whoever is as before has their id, and every id leads to somebody."""
        before = self.ids()
        self.judged.pop(pair, None)
        if same is not None:
            self.judged[pair] = same
        self.stitch()
        assert not any(self.stitch().changes.values())
        was, stands = inverted(before), inverted(self.ids())
        for records, entity in was.items():
            assert stands.get(records, entity) == entity
        alive = {entity.id for entity in self.session.exec(select(Entity)) if entity.merged_into is None}
        assert set(stands.values()) <= alive
        for entity in self.session.exec(select(Entity)).all():
            assert resolve(self.session, entity.id) in alive

    def ids(self) -> dict[str, str]:
        self.session.expire_all()
        return {row.record: row.entity_id for row in self.session.exec(select(Membership))}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """One without tables: what stands is read from the store."""
    return Lake.open(str(tmp_path_factory.mktemp("lake")))


@contextmanager
def living(world: Drawn, lake: Lake) -> Iterator[Life]:
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        life = Life(replace(world, judged=[]), session, lake)
        life.stitch()
        yield life
    engine.dispose()


def inverted(ids: Mapping[str, str]) -> dict[frozenset[str], str]:
    groups: dict[str, set[str]] = {}
    for record, entity in ids.items():
        groups.setdefault(entity, set()).add(record)
    return {frozenset(records): entity for entity, records in groups.items()}


VALUES = st.fixed_dictionaries(
    {
        "external_id": st.lists(st.sampled_from(["u1", "u2", "u3", "u4"]), max_size=1),
        "email": st.lists(st.integers(0, 5).map(lambda n: f"m{n}@corp.example"), max_size=2, unique=True),
    }
)
WORLDS = st.lists(VALUES, min_size=len(NAMES), max_size=len(NAMES)).map(
    lambda values: Drawn(dict(zip(NAMES, values, strict=True)), dict.fromkeys(KINDS, 9), None, 50, [])
)
PAIRS = st.sampled_from(list(combinations(NAMES, 2)))
JUDGEMENTS = st.lists(st.tuples(PAIRS, st.booleans()), min_size=1, max_size=6, unique_by=lambda one: one[0])


@settings(max_examples=25, deadline=None)
@given(world=WORLDS, judged=JUDGEMENTS, data=st.data())
def test_judgements_taken_back_in_any_order_give_every_record_the_id_of_before(lake, world, judged, data):
    """Whoever was merged and split meanwhile, and whatever the guards kept back: nothing is left of it in who is who."""
    with living(world, lake) as life:
        before = life.ids()
        for pair, same in judged:
            life.judge(pair, same=same)
        for pair, _ in data.draw(st.permutations(judged)):
            life.judge(pair, same=None)
        assert life.ids() == before
