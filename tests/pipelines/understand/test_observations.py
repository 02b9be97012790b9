"""Collecting what was said: complete, quiet, and never more than allowed."""

from datetime import timedelta

from models import Consent, Evidence, Interaction, Observation
from models.store import transaction
from pipelines.ingest.anew import read_anew
from pipelines.ingest.lake import Lake
from pipelines.understand.embedded import Embedded
from pipelines.understand.extraction import extract
from pipelines.understand.observations import Collected, collect_observations
from pipelines.understand.policy import Policy
from tests.pipelines.ingest.scripted import read_otherwise
from tests.pipelines.understand.conftest import key

LOUD = "The price is too high for us."


def collect(world, **policy):
    return collect_observations(world.lake, world.store, world.clock, Policy(**policy))


def read(world):
    return extract(world.lake, world.store, Embedded(), world.clock)


def counting(world):
    return [row.quote for row in world.rows(Evidence) if row.withdrawn_at is None]


def test_an_empty_lake_has_nothing_to_say(world):
    """No vendor, no text, no error."""
    assert collect(world) == Collected()


def test_texts_become_observations_under_stated_terms(world):
    """Canonical text with basis, purposes, region and retention."""
    world.say("1", f"{LOUD}\n\nOn Monday Ben wrote:\n> fair price", thread="t1", regarding=key("Opportunity", "o"))
    report = collect(world)
    (row,) = world.rows(Observation)
    assert (report.seen, report.added, row.text) == (1, 1, LOUD)
    assert (row.lawful_basis, row.region, row.thread) == ("legitimate_interest", "eu", "t1")
    assert row.retain_until == row.occurred_at + timedelta(days=1_095)
    assert "analytics" in row.purposes


def test_a_second_run_writes_nothing(world):
    """Nothing changed: nothing read, nothing written."""
    world.say("1", LOUD)
    world.say("2", "   ")
    collect(world)
    before = [row.model_dump() for row in world.rows(Observation)]
    world.clock.advance(timedelta(hours=1))
    report = collect(world)
    assert (report.added, report.changed, report.withdrawn, report.empty) == (0, 0, 0, 0)
    assert [row.model_dump() for row in world.rows(Observation)] == before


def test_what_was_read_anew_is_collected_anew(world):
    """The same text of the same version, told by a later release to be a colleague's and part of a thread; and only once."""
    world.say("1", LOUD)
    collect(world)
    said = Interaction(
        subject=key("Contact", "dana"),
        field="Body",
        source="email",
        author="rep",
        thread="t9",
        occurred_at=world.day(0),
    )
    now = read_otherwise("salesforce", "records", lambda _: [said], Interaction)
    read_anew(world.lake, world.store, now, world.clock)
    world.clock.advance(timedelta(hours=1))
    report = collect(world)
    (row,) = world.rows(Observation)
    assert (row.author, row.thread, report.changed, row.recorded_at < world.clock.now()) == ("rep", "t9", 0, True)
    with transaction(world.store) as session:
        session.get_one(Observation, row.id).thread = "t10"
    collect(world)
    assert world.rows(Observation)[0].thread == "t10"


def test_a_changed_text_withdraws_what_was_read_in_the_old_one(world):
    """Evidence points into one very text; another text is another source."""
    world.say("1", LOUD)
    collect(world)
    read(world)
    world.say("1", "The budget has been frozen.")
    assert collect(world).changed == 1
    assert counting(world) == []
    read(world)
    assert counting(world) == ["The budget has been frozen."]


def test_a_text_that_returns_counts_again_without_being_read_again(world):
    """Back to the old words: the old evidence is in force, from the cache."""
    world.say("1", LOUD)
    collect(world)
    read(world)
    world.say("1", "The budget has been frozen.")
    collect(world)
    read(world)
    world.say("1", LOUD)
    collect(world)
    assert counting(world) == [LOUD]
    assert read(world).read == 0


def test_a_record_that_is_gone_withdraws_and_its_return_restores(world):
    """Deleted at the vendor: no evidence any more; undeleted: as before."""
    world.say("1", LOUD)
    collect(world)
    read(world)
    world.land(("Task/1", {}, []), deleted=True)
    assert collect(world).withdrawn == 1
    assert counting(world) == []
    world.say("1", LOUD)
    collect(world)
    assert counting(world) == [LOUD]
    assert read(world).read == 0


def test_a_refusal_covers_every_record_of_the_person(world):
    """One opt-out of all channels anywhere: their words are kept for them alone, and are evidence of nothing."""
    world.person("person-dana", key("Contact", "dana"), key("Lead", "dana"))
    world.say("1", LOUD)
    collect(world)
    read(world)
    refusal = Consent(subject=key("Lead", "dana"), channel="all", granted=False)
    world.land(("Lead/dana", {}, [refusal]))
    assert collect(world).refused == 1
    assert world.rows(Observation)[0].purposes == ["subject"]
    assert counting(world) == []
    assert read(world).read == 0
    world.land(("Lead/dana", {}, [Consent(subject=key("Lead", "dana"), channel="all", granted=True)]))
    collect(world)
    assert counting(world) == [LOUD]


def test_an_email_opt_out_is_no_refusal(world):
    """Who wants no newsletters may still be understood."""
    world.say("1", LOUD)
    world.land(("Lead/dana", {}, [Consent(subject=key("Contact", "dana"), channel="email", granted=False)]))
    assert collect(world).refused == 0


def test_what_we_wrote_is_never_an_observation(world):
    """Our own fields do not come back as the customer's words."""
    said = Interaction(
        subject=key("Contact", "dana"),
        source="form",
        author="customer",
        field="BLF_Summary__c",
        occurred_at=world.day(0),
    )
    world.land(("Contact/dana", {"BLF_Summary__c": LOUD}, [said]))
    assert collect(world).seen == 0


def test_what_is_too_old_is_not_kept(world):
    """Retention over: not collected, and withdrawn where it was."""
    world.say("1", LOUD)
    assert collect(world, retention_days=30).seen == 0
    assert collect(world).added == 1
    assert collect(world, retention_days=30).withdrawn == 1


def test_what_agents_added_is_not_the_lakes_to_withdraw(world):
    """An observation without a vendor's record stays until its own source takes it back."""
    world.say("1", LOUD)
    collect(world)
    (row,) = world.rows(Observation)
    with transaction(world.store) as session:
        session.add(Observation(**{**row.model_dump(), "id": "agent-1", "record": "agent/desk/note/1"}))
    assert collect(world).withdrawn == 0


def test_a_refusal_and_the_retention_reach_what_agents_added(world):
    """Whatever door the words came in by, the person's refusal and the time limit hold."""
    world.say("1", LOUD)
    collect(world)
    (row,) = world.rows(Observation)
    with transaction(world.store) as session:
        session.add(Observation(**{**row.model_dump(), "id": "agent-1", "record": "agent/desk/note/1"}))
    read(world)
    assert counting(world) == [LOUD, LOUD]
    world.land(("Contact/dana", {}, [Consent(subject=key("Contact", "dana"), channel="all", granted=False)]))
    collect(world)
    assert counting(world) == []
    world.land(("Contact/dana", {}, [Consent(subject=key("Contact", "dana"), channel="all", granted=True)]))
    collect(world)
    assert counting(world) == [LOUD, LOUD]
    world.clock.advance(timedelta(days=2_000))
    assert collect(world).withdrawn == 2


def test_an_empty_lake_lifts_no_refusal(world, tmp_path):
    """Where nobody's refusal is known, what was refused stays refused."""
    world.say("1", LOUD)
    world.land(("Contact/dana", {}, [Consent(subject=key("Contact", "dana"), channel="all", granted=False)]))
    collect(world)
    collect_observations(Lake.open(str(tmp_path / "other")), world.store, world.clock)
    assert world.rows(Observation)[0].purposes == ["subject"]


def test_a_field_that_is_no_text_is_empty(world):
    """A number where words should be is no observation that counts."""
    said = Interaction(
        subject=key("Contact", "dana"), source="email", author="customer", field="Body", occurred_at=world.day(0)
    )
    world.land(("Task/1", {"Body": 7}, [said]))
    assert collect(world).empty == 1
    assert world.rows(Observation)[0].withdrawn_at is not None
    assert read(world).read == 0
