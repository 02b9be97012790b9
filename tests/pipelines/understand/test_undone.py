"""Merged by mistake and split again: what each believes is what it was, to the last digit, and no text is read twice."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from models import Belief, Identifier, Profile, Scope
from models.clock import FrozenClock
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.stitch.judging import judge, named, standing_between, take_back
from pipelines.stitch.rulebook import Decision
from pipelines.stitch.stitch import stitch
from pipelines.understand.claims import Document
from pipelines.understand.embedded import Embedded
from pipelines.understand.extraction import extract
from pipelines.understand.extractor import Outcome
from pipelines.understand.observations import collect_observations
from pipelines.understand.replay import replay_beliefs
from pipelines.understand.slots import seed
from tests.pipelines.understand.conftest import World, key
from tests.stores import new_store

DANA, ERIK = key("Contact", "dana"), key("Contact", "erik")


class Counting(Embedded):
    """The embedded extractor, which also counts the texts that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.read_so_far = 0

    def read(self, documents: Sequence[Document]) -> list[Outcome]:
        self.read_so_far += len(documents)
        return super().read(documents)


@pytest.fixture
def two(tmp_path: Path, clock: FrozenClock) -> World:
    """Dana finds the price too high, Erik finds it fair; each has a contact and a lead."""
    store = new_store(tmp_path)
    seed(store)
    world = World(Lake.open(str(tmp_path / "lake")), store, clock)
    for who in ("dana", "erik"):
        facts = [
            Profile(scope=Scope.person, name=who.title()),
            *Identifier.of(Scope.person, "email", f"{who}@corp.example"),
        ]
        world.land((f"Contact/{who}", {}, facts), (f"Lead/{who}", {}, facts))
    world.say("d1", "The price is too high for us.", day=1, who="dana")
    world.say("d2", "Your product is too expensive.", day=30, who="dana")
    world.say("e1", "The price is fair for what we get.", day=20, who="erik")
    return world


def think(world: World, extractor: Embedded) -> dict[str, list[dict[str, Any]]]:
    """One run of stitch and understand; gives the beliefs by person."""
    world.clock.advance(timedelta(hours=1))
    stitch(world.lake, world.store, world.clock, Scope.person)
    collect_observations(world.lake, world.store, world.clock)
    extract(world.lake, world.store, extractor, world.clock)
    replay_beliefs(world.store, world.clock)
    found: dict[str, list[dict[str, Any]]] = {}
    for belief in sorted(world.rows(Belief), key=lambda row: row.id):
        found.setdefault(belief.person_id, []).append(belief.model_dump())
    return found


def test_a_merge_that_is_undone_restores_every_belief_without_reading_a_text_again(two):
    """While they are one, the beliefs of both stand in one self-model; afterwards each has its own, under its own id."""
    extractor = Counting()
    before = think(two, extractor)
    assert len(before) == 2
    assert extractor.read_so_far == 3
    with transaction(two.store) as session:
        dana, erik = named(session, DANA), named(session, ERIK)
        judge(session, dana, erik, Decision("ann", "same mailbox", two.clock.now()), same=True)
    merged = think(two, extractor)
    (both,) = merged.values()
    assert sum(belief["units"] for belief in both) == sum(
        belief["units"] for beliefs in before.values() for belief in beliefs
    )
    with transaction(two.store) as session:
        found = standing_between(session, [DANA], [ERIK])
        take_back(session, found, Decision("bob", "two people", two.clock.now()))
    after = think(two, extractor)
    assert after == before
    assert extractor.read_so_far == 3
