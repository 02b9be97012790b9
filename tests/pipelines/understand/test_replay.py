"""Beliefs in the store: replayed where something changed, untouched elsewhere."""

from datetime import timedelta

from sqlmodel import select

from models import Belief, Evidence, Slot
from models.beliefs import Verdict
from models.store import transaction
from pipelines.understand.buckets import ALL_BUCKETS, bucket_name, bucket_of
from pipelines.understand.embedded import Embedded
from pipelines.understand.extraction import extract
from pipelines.understand.observations import collect_observations
from pipelines.understand.replay import replay_beliefs
from pipelines.understand.reviews import Said, record_review
from pipelines.understand.slots import edit, seed
from tests.pipelines.understand.conftest import key

LOUD = "The price is too high for us."


def understand(world):
    collect_observations(world.lake, world.store, world.clock)
    extract(world.lake, world.store, Embedded(), world.clock)
    return replay_beliefs(world.store, world.clock)


def beliefs(world):
    return {row.id: row.model_dump() for row in world.rows(Belief)}


def test_evidence_becomes_a_persons_belief(world):
    """What a record's texts say is held by the person the record belongs to."""
    world.say("1", LOUD)
    report = understand(world)
    (belief,) = world.rows(Belief)
    assert (belief.person_id, belief.slot, belief.polarity) == ("person-dana", "price", "negative")
    assert belief.bucket == bucket_of("person-dana")
    assert (report.persons, report.beliefs.added) == (1, 1)


def test_a_quiet_run_looks_at_no_bucket(world):
    """Nothing changed: no bucket is due and nothing is written, however much time has passed."""
    world.say("1", LOUD)
    understand(world)
    before = beliefs(world)
    world.clock.advance(timedelta(days=90))
    report = understand(world)
    assert (report.buckets, report.beliefs.total) == (0, 0)
    assert beliefs(world) == before


def test_only_the_buckets_concerned_are_due(world):
    """New words of one person touch one bucket and leave other beliefs' rows alone."""
    world.person("person-tom", key("Contact", "tom"))
    world.say("1", LOUD)
    understand(world)
    world.say("2", LOUD, 3, who="tom")
    report = understand(world)
    assert report.buckets == 1
    assert (report.beliefs.added, report.beliefs.changed) == (1, 0)


def test_merging_and_splitting_again_leaves_the_same_beliefs(world):
    """Two records become one person and two again, and no text is read for it."""
    world.person("person-lead", key("Lead", "d"))
    world.say("1", LOUD)
    world.say("2", "The price is fair, no complaints.", 10, who="dana")
    world.say("3", "Budget has been approved.", 20)
    understand(world)
    before = beliefs(world)
    world.person("person-lead", key("Contact", "dana"))
    understand(world)
    assert {row["person_id"] for row in beliefs(world).values()} == {"person-lead"}
    world.person("person-dana", key("Contact", "dana"))
    collect_observations(world.lake, world.store, world.clock)
    assert extract(world.lake, world.store, Embedded(), world.clock).read == 0
    replay_beliefs(world.store, world.clock)
    assert beliefs(world) == before


def test_several_records_of_one_person_speak_together(world):
    """Evidence of a lead and of a contact meets in one belief."""
    world.person("person-dana", key("Contact", "tom"))
    world.say("1", LOUD)
    world.say("2", "It is too expensive for us.", 10, who="tom")
    understand(world)
    (belief,) = world.rows(Belief)
    assert (belief.units, len(belief.evidence_ids)) == (2, 2)


def test_a_withdrawn_source_is_replayed_away(world):
    """Without the source the belief is what it would have been without it."""
    world.say("1", LOUD)
    understand(world)
    before = beliefs(world)
    world.say("2", "It is too expensive for us.", 10)
    understand(world)
    assert beliefs(world) != before
    world.land(("Task/2", {}, []), deleted=True)
    understand(world)
    assert beliefs(world) == before


def test_the_last_source_gone_takes_the_belief_with_it(world):
    """No evidence, no belief."""
    world.say("1", LOUD)
    understand(world)
    world.land(("Task/1", {}, []), deleted=True)
    assert understand(world).beliefs.removed == 1
    assert beliefs(world) == {}


def test_beliefs_thrown_away_come_back_the_same(world):
    """They are conclusions: recomputed to the same values from the evidence."""
    from sqlmodel import delete

    from models import BucketState

    world.say("1", LOUD)
    understand(world)
    before = beliefs(world)
    with transaction(world.store) as session:
        session.exec(delete(Belief))
        session.exec(delete(BucketState))
    understand(world)
    assert beliefs(world) == before


def test_a_changed_half_life_replays_everything(world):
    """Slots are rows: whoever changes one changes what follows from it."""
    world.say("1", LOUD)
    world.say("2", "It is too expensive for us.", 60)
    understand(world)
    before = beliefs(world)
    with transaction(world.store) as session:
        slot = session.get(Slot, "price")
        slot.half_life_days = 10.0
    assert understand(world).buckets == len(ALL_BUCKETS)
    assert beliefs(world) != before


def test_a_slot_of_the_customers_own_counts_with_its_own_half_life(world):
    """A row more in the table of slots is a topic more: what is believed on it fades as that row says."""
    world.say("1", LOUD)
    world.say("2", "It is too expensive for us.", 60)
    understand(world)
    with transaction(world.store) as session:
        session.add(Slot(name="carbon", description="x", example="y", half_life_days=5.0, valence=1.0))
        for row in session.exec(select(Evidence)):
            row.slot = "carbon"
    price = world.rows(Belief)[0].raw
    replay_beliefs(world.store, world.clock)
    (belief,) = world.rows(Belief)
    assert belief.slot == "carbon"
    assert belief.raw < price


def test_a_retired_slot_holds_nothing_until_it_is_back(world):
    """Neither what was said nor what was done or reviewed on it is believed meanwhile; afterwards everything is as it was."""
    world.say("1", LOUD)
    understand(world)
    with transaction(world.store) as session:
        (belief,) = session.exec(select(Belief)).all()
        agreed = Said(Verdict.agree, "ann", "colleague", "cli", world.clock.now())
        record_review(session, belief, agreed, world.clock.now())
    understand(world)
    before = beliefs(world)
    assert before
    for active, expected in ((False, {}), (True, before)):
        with transaction(world.store) as session:
            edit(session, "price", {"active": active})
        replay_beliefs(world.store, world.clock)
        assert beliefs(world) == expected


def test_unstitched_words_wait(world):
    """A text whose record is nobody's yet is read, and believed once it is somebody's."""
    world.say("1", LOUD, who="stranger")
    understand(world)
    assert beliefs(world) == {}
    world.person("person-new", key("Contact", "stranger"))
    assert understand(world).beliefs.added == 1


def test_slots_are_seeded_once_and_a_customers_change_stays(world):
    """Seventeen rows; what was edited is not put back."""
    assert len(world.rows(Slot)) == 17
    with transaction(world.store) as session:
        session.get(Slot, "price").half_life_days = 30.0
    assert seed(world.store) == 0
    assert next(slot for slot in world.rows(Slot) if slot.name == "price").half_life_days == 30.0


def test_buckets_are_stable():
    """The same person is in the same bucket for ever; all 64 have a name of two digits."""
    assert bucket_of("0192f0c4-7a3e-7000-8000-000000000001") == bucket_of("0192f0c4-7a3e-7000-8000-000000000001")
    assert [bucket_name(bucket) for bucket in (0, 9, 63)] == ["00", "09", "63"]
    assert {bucket_of(str(number)) for number in range(2_000)} == set(ALL_BUCKETS)
