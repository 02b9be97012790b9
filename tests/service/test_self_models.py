"""The facade: what is held on one person, for one purpose, as of one instant, and who looked."""

from datetime import timedelta

import pyarrow as pa
import pytest

from models import Audit, Consent, Entity, Identifier, Observation, Profile, Purpose, Scope
from models.store import transaction
from pipelines.stitch.derived import SPEND
from service.errors import UsageError
from tests.pipelines.understand.conftest import key

DEAR = "The price is too high for us."
IGNORED = "I feel ignored since onboarding."


def statements(model) -> list[str]:
    return [belief.statement for belief in model.beliefs]


def test_beliefs_come_with_their_words_and_where_they_stand(office):
    """A belief names its quote, verbatim, and the record that holds it."""
    office.world.say("1", DEAR)
    office.think()
    (belief,) = office.read().beliefs
    assert belief.quotes[0].words in DEAR
    assert belief.quotes[0].record == key("Task", "1")
    assert belief.calibration == "uncalibrated"
    assert office.read().untrusted_origin


def test_an_earlier_instant_shows_what_was_known_by_then(office):
    """What was said, or came to be known, after the instant is not part of the answer."""
    office.world.say("1", DEAR)
    office.think()
    first = office.world.clock.now()
    office.world.clock.advance(timedelta(days=10))
    office.world.say("2", IGNORED, day=199)
    office.think()
    assert len(office.read().beliefs) == 2
    then = office.read(as_of=first)
    assert len(then.beliefs) == 1
    assert then.as_of == first
    assert office.read(as_of=first - timedelta(days=400)).beliefs == []
    assert office.read(as_of=first - timedelta(days=400)).alignment is None


def test_silence_fades_the_present_certainty_only(office):
    """`confidence` stays as of the last evidence, `confidence_now` moves toward not knowing."""
    office.world.say("1", DEAR)
    office.think()
    early = office.read().beliefs[0]
    office.world.clock.advance(timedelta(days=300))
    late = office.read().beliefs[0]
    assert late.confidence == early.confidence
    assert late.confidence_now < early.confidence_now


def test_who_refuses_is_shown_what_is_held_and_nobody_else_is(office):
    """Evidence that may not be used for a purpose is not shown for it, nor a score that rests on it; the subject sees all."""
    office.world.say("1", DEAR)
    office.think()
    assert office.models.get_alignment("person-dana", purpose=Purpose.sales)
    refusal = Consent(subject=key("Contact", "dana"), channel="all", granted=False)
    office.world.land(("Contact/dana", {}, [refusal]))
    office.think()
    for purpose in Purpose:
        shown = office.read(purpose=purpose).beliefs + office.read(purpose=purpose, as_of=office.world.day(199)).beliefs
        assert not shown or purpose is Purpose.subject
        if purpose is not Purpose.subject:
            assert office.models.get_alignment("person-dana", purpose=purpose) is None


def test_what_may_no_longer_be_kept_is_shown_for_no_instant(office):
    """Looking back does not bring back words whose retention is over."""
    office.world.say("1", DEAR)
    office.think()
    known = office.world.clock.now()
    assert office.read(as_of=known).beliefs
    office.world.clock.advance(timedelta(days=2_000))
    office.think()
    assert office.read().beliefs == []
    assert office.read(as_of=known).beliefs == []


def test_every_reading_leaves_an_audit_row(office):
    """Who read what of whom, for which purpose; a question that found nobody reads nothing."""
    office.read(purpose=Purpose.service)
    office.models.get_alignment("person-dana", purpose=Purpose.agent)
    office.add("hello")
    with pytest.raises(UsageError):
        office.read("nobody")
    rows = sorted((row.action, row.purpose, row.entity_id, row.actor) for row in office.world.rows(Audit))
    assert rows == [
        ("add_observation", "agent", "person-dana", "tester"),
        ("get_alignment", "agent", "person-dana", "tester"),
        ("get_self_model", "service", "person-dana", "tester"),
    ]


def test_the_same_words_twice_are_one_observation_and_change_beliefs(office):
    """What an agent heard is read by the next understand run, once."""
    office.think()
    assert office.read().beliefs == []
    assert office.add(DEAR) == office.add(DEAR)
    assert len(office.world.rows(Observation)) == 1
    office.think()
    (belief,) = office.read().beliefs
    assert belief.observations == 1
    assert office.models.get_alignment("person-dana", purpose=Purpose.agent)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"text": "  \n"}, "empty"),
        ({"source": "rumour"}, "rumour"),
        ({"author": "nobody"}, "nobody"),
        ({"person": "unknown"}, "No person is known"),
    ],
)
def test_an_observation_that_makes_no_sense_is_refused_in_words(office, wrong, said):
    """Empty words, an unknown person, source or author: one sentence, and nothing is kept."""
    with pytest.raises(UsageError, match=said):
        office.add(**{"text": DEAR, **wrong})
    assert office.world.rows(Observation) == []


def test_a_person_is_found_by_any_name_it_ever_had(office):
    """Person id, an id merged away, record key, CRM id, e-mail in any case; an account is no person."""
    email = Identifier.of(Scope.person, "email", "dana@kolbe.example")
    office.world.person("person-dana", key("Contact", "dana"))
    office.world.land(("Contact/dana", {}, [Profile(scope=Scope.person, name="Dana"), *email]))
    names = ("person-dana", "person-old", key("Contact", "dana"), "dana", "dana@kolbe.example", " Dana@KOLBE.Example ")
    for name in names:
        assert office.read(name).person_id == "person-dana", name
    for name in ("account-kolbe", "", "%", "x" * 5_000):
        with pytest.raises(UsageError, match="No person is known") as refusal:
            office.read(name)
        assert len(str(refusal.value)) < 250


def test_a_name_of_several_persons_is_answered_with_their_ids(office):
    """An address on two persons is a question back, not a guess."""
    office.world.person("person-otto", key("Contact", "otto"))
    shared = Identifier.of(Scope.person, "email", "office@kolbe.example")
    office.world.land(("Contact/dana", {}, shared), ("Contact/otto", {}, shared))
    with transaction(office.world.store) as session:
        session.add(Entity(id="person-otto", scope="person", created_at=office.world.clock.now()))
    with pytest.raises(UsageError, match=r"names 2 persons.*person-dana, person-otto"):
        office.read("office@kolbe.example")


def test_a_person_whose_records_are_gone_takes_no_observation(office):
    """There is nothing that the words could hang on."""
    with transaction(office.world.store) as session:
        session.add(Entity(id="person-ghost", scope="person", created_at=office.world.clock.now()))
    with pytest.raises(UsageError, match="no record any more"):
        office.add(DEAR, person="person-ghost")


def test_the_cost_of_bringing_somebody_is_told_by_currency(office):
    """Every ad-day that brought them, their own part only; whoever no ad brought has cost nothing we know of."""
    parts = [("7", "eur", "person-dana", 1000), ("8", "eur", "person-dana", 420), ("9", "jpy", "person-dana", 5),
             ("8", "eur", "person-otto", 1), ("7", "eur", None, 99)]  # fmt: skip
    assert office.read().acquisition_cost == []
    rows = [
        dict.fromkeys(SPEND.columns) | dict(zip(("ad_id", "currency", "person_id", "amount"), part, strict=True))
        for part in parts
    ]
    office.world.lake.replace(SPEND.name, pa.Table.from_pylist(rows, schema=SPEND.schema))
    assert office.read().acquisition_cost == [{"currency": "eur", "amount": 1420}, {"currency": "jpy", "amount": 5}]
