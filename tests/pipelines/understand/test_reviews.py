"""Verdicts in the store: they correct the belief, teach reliability and calibration, and are never overwritten."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import Belief, Drift, Evidence, Lesson, Observation, Polarity, Review, Verdict
from models.store import transaction
from pipelines.understand.calibration import Labels, bins, brier, ece, figures, fitted, held_out, log_loss, murphy
from pipelines.understand.confidence import reliability
from pipelines.understand.drift import alarms, drifts
from pipelines.understand.embedded import Embedded
from pipelines.understand.extraction import extract
from pipelines.understand.lessons import lesson_from, taught
from pipelines.understand.measured import Tally
from pipelines.understand.observations import collect_observations
from pipelines.understand.replay import replay_beliefs
from pipelines.understand.reviews import Said, backlog, information, queue, record_review
from pipelines.understand.taught import UNTAUGHT, taught_by
from tests.pipelines.understand.conftest import key
from tests.pipelines.understand.test_beliefs import HALF_LIVES, START, said

LOUD = "The price is too high for us."


def understand(world):
    collect_observations(world.lake, world.store, world.clock)
    extract(world.lake, world.store, Embedded(), world.clock)
    return replay_beliefs(world.store, world.clock)


def answer(world, verdict, **more):
    """Say something of the one current belief, and let it be counted."""
    world.clock.advance(timedelta(days=1))
    told = {"reviewer": "rita", "role": "colleague", "source": "cli", "at": world.clock.now(), **more}
    with transaction(world.store) as session:
        (belief,) = (row for row in world.rows(Belief) if row.valid_to is None)
        review = record_review(session, belief, Said(verdict, **told), world.clock.now())
        id_ = review.id
    understand(world)
    return id_


def waiting(world):
    with transaction(world.store) as session:
        return [one.belief.statement for one in queue(session, {"price": 1.0}, {}, world.clock.now())]


def doubtful(world):
    with transaction(world.store) as session:
        return backlog(session)


def test_a_disagreement_ends_the_belief_and_no_reading_brings_it_back(world):
    """The verdict stands as evidence; another reading of the same text changes nothing about it."""
    world.say("1", LOUD)
    understand(world)
    answer(world, Verdict.disagree)
    (belief,) = world.rows(Belief)
    assert (belief.reason, belief.valid_to is not None) == ("reviewed", True)
    assert belief.raw < 0.06
    world.say("2", "Honestly, it is too expensive for us.", 10)
    understand(world)
    (belief,) = world.rows(Belief)
    assert belief.raw < 0.06


def test_a_customers_correction_is_their_own_word(world):
    """What they say instead becomes the belief, explicit, with their words as its quote."""
    world.say("1", LOUD)
    understand(world)
    answer(world, Verdict.disagree, correction="The price is fine now.", role="customer", reviewer="dana", source="crm")
    current = next(row for row in world.rows(Belief) if row.valid_to is None)
    assert (current.polarity, current.statement, current.level) == ("positive", "The price is fine now.", "explicit")
    assert current.raw == pytest.approx(0.95, abs=0.001)
    review_row = next(row for row in world.rows(Evidence) if row.model == "review")
    observation = next(row for row in world.rows(Observation) if row.source == "review")
    assert observation.text[review_row.start : review_row.end] == review_row.quote == "The price is fine now."


def test_the_same_utterance_twice_is_one_review_and_an_unsure_one_moves_nothing(world):
    """A CRM field that is read again says nothing new; not being sure is kept, and asked no more until something is said."""
    world.say("1", LOUD)
    understand(world)
    before = world.rows(Belief)[0].model_dump()
    assert waiting(world) == [before["statement"]]
    assert doubtful(world) == 1
    answer(world, Verdict.unsure, reference="field@1")
    answer(world, Verdict.unsure, reference="field@1")
    assert len(world.rows(Review)) == 1
    assert world.rows(Belief)[0].model_dump() == before
    assert waiting(world) == []
    assert doubtful(world) == 0
    world.say("2", "It is too expensive for us.", 150)
    understand(world)
    assert len(waiting(world)) == 1


def test_an_utterance_read_again_after_another_record_was_heard_is_still_one_review(world):
    """It is named by where it was made: the person has spoken through another record of theirs since."""
    world.say("1", LOUD)
    world.person("person-dana", key("Contact", "dana"), key("Contact", "second"))
    understand(world)
    first = answer(world, Verdict.agree, reference="field@1")
    world.say("2", "Honestly, it is too expensive for us.", 10, who="second")
    understand(world)
    assert answer(world, Verdict.agree, reference="field@1") == first
    assert len(world.rows(Review)) == 1


def test_a_verdict_follows_its_record_through_merge_and_split(world):
    """It names the record, not the person: joined and parted again, everything is as it was."""
    world.person("person-lead", key("Lead", "d"))
    world.say("1", LOUD)
    understand(world)
    answer(world, Verdict.agree)
    before = [row.model_dump() for row in world.rows(Belief)]
    world.person("person-lead", key("Contact", "dana"))
    understand(world)
    assert {row.person_id for row in world.rows(Belief)} == {"person-lead"}
    assert world.rows(Belief)[0].raw == before[0]["raw"]
    world.person("person-dana", key("Contact", "dana"))
    understand(world)
    assert [row.model_dump() for row in world.rows(Belief)] == before


def test_who_is_unsure_is_asked_first():
    """A verdict tells most of what is least certain, and nothing of what a verdict could not shake."""
    assert information(0.5) > information(0.7) > information(0.9) > 0
    assert information(0.5) == pytest.approx(information(1 - 0.5))


def judged(number, share, classes=("email/customer",), start=0):
    """As many reviewed beliefs of one quote each, of which a share was right."""
    rows, reviews, owners = {}, [], {}
    for n in range(start, start + number):
        row = said(n % 300, id=f"e{n}", source_class=classes[n % len(classes)], subject=f"s{n}")
        rows[row.id] = row
        agrees = (n * 7919 % number) < share * number
        reviews.append(
            Review(
                id=f"r{n:05}", subject=f"s{n}", subject_hash=n, slot="price", aspect="", polarity="negative", statement="x",
                evidence_ids=[row.id], verdict="agree" if agrees else "disagree", reviewer="rita", role="colleague", source="cli",
                reviewed_at=START + timedelta(days=n % 300), recorded_at=START + timedelta(days=301),
            )
        )  # fmt: skip
        owners[f"s{n}"] = f"p{n // 3}"
    return reviews, rows, owners


def test_reliability_is_learnt_from_verdicts():
    """Five verdicts' worth of a guess, then what was found; a class that starts at .80 is (4 + hits) / (4 + 1 + trials)."""
    assert reliability("ticket/customer", {"ticket/customer": Tally(2, 10)}) == pytest.approx((4 + 2) / (4 + 1 + 10))
    reviews, rows, owners = judged(30, 0.5)
    lesson = lesson_from(reviews, rows, owners, HALF_LIVES, START)
    assert lesson.tallies == {"email/customer": {"hits": 15, "predictions": 30}}
    assert (lesson.method, lesson.customers) == ("uncalibrated", 10)
    assert "after" not in lesson.figures
    again = lesson_from(reviews[::-1], rows, owners, HALF_LIVES, START)
    assert again.version == lesson.version


@pytest.mark.parametrize(("number", "method"), [(199, "uncalibrated"), (240, "platt"), (1_000, "isotonic")])
def test_a_map_is_fitted_from_two_hundred_verdicts_on(number, method):
    """Uncalibrated before, Platt's map below a thousand, isotonic from there; held-out customers find it better than before."""
    reviews, rows, owners = judged(number, 0.6, ("email/customer", "rep_note"))
    lesson = lesson_from(reviews, rows, owners, HALF_LIVES, START)
    found = taught_by(lesson).calibration
    assert lesson.method == method
    assert found.word == ("uncalibrated" if number < 200 else "calibrated")
    if number >= 200:
        assert found.of(0.88) == pytest.approx(0.6, abs=0.15)
        assert found.of(0.12) == pytest.approx(1 - found.of(0.88))


def test_the_store_learns_once_and_then_holds_still(world):
    """Twenty verdicts teach; one more does not move everybody else."""
    for n in range(21):
        world.person(f"person-{n}", key("Contact", f"c{n}"))
        world.say(str(n), LOUD, 10, who=f"c{n}")
    understand(world)
    beliefs = world.rows(Belief)
    with transaction(world.store) as session:
        assert taught(session) == UNTAUGHT
        for n, belief in enumerate(beliefs[:20]):
            said_ = Said(Verdict.agree, f"r{n}", "colleague", "cli", world.clock.now())
            record_review(session, belief, said_, world.clock.now())
    understand(world)
    (lesson,) = world.rows(Lesson)
    assert (lesson.verdicts, lesson.tallies["email/customer"]) == (20, {"hits": 20, "predictions": 20})
    with transaction(world.store) as session:
        record_review(
            session, beliefs[20], Said(Verdict.disagree, "x", "colleague", "cli", world.clock.now()), world.clock.now()
        )
    report = understand(world)
    assert len(world.rows(Lesson)) == 1
    assert report.buckets == 1


PAIRS = st.lists(st.tuples(st.floats(0.03, 0.97), st.booleans()), min_size=2, max_size=60)


@given(PAIRS)
def test_scores_are_what_they_are_called(pairs):
    """Against their definitions, written out: nothing is lost in bins, errors lie between 0 and 1."""
    p, right = np.array([one for one, _ in pairs]), np.array([float(hit) for _, hit in pairs])
    assert brier(p, right) == pytest.approx(sum((a - b) ** 2 for a, b in zip(p, right, strict=True)) / len(p))
    assert log_loss(p, right) > 0
    assert sum(one.n for one in bins(p, right)) == len(p)
    reliability_, resolution, uncertainty = murphy(p, right)
    assert 0 <= reliability_ <= 1
    assert 0 <= resolution <= uncertainty + 1e-12
    assert 0 <= ece(p, right) <= 1


def test_a_known_miscalibration_is_mended_on_customers_it_was_not_fitted_on():
    """Confidences that claim far too much: after the map, held-out error is a fraction, and the map is no worse than told."""
    dice = np.random.default_rng(3)
    truth = dice.uniform(0.5, 0.8, 3_000)
    claimed = np.clip(truth + 0.17, 0.03, 0.97)
    labels = Labels(claimed, (dice.random(3_000) < truth).astype(float), [f"c{n // 4}" for n in range(3_000)])
    for some in (Labels(labels.p[:600], labels.right[:600], labels.customer[:600]), labels):
        before, after = ece(some.p, some.right), ece(held_out(some), some.right)
        assert before > 0.13
        assert after < 0.06
        assert fitted(some).of(0.9) == pytest.approx(0.73, abs=0.06)
        told = figures(some.p, some)
        assert told["ece_low"] <= told["ece"] <= told["ece_high"]


def test_a_turn_is_seen_and_is_announced_only_in_company():
    """Five words one way and a handful the other is a turn; two beliefs that turn together are worth telling."""
    turning = [said(day) for day in range(0, 40, 9)] + [said(day, "positive") for day in range(60, 120, 9)]
    (one,) = drifts("p", turning)
    assert (one.slot, one.away_from, one.announced) == ("price", "negative", False)
    other = [said(0, id=f"f{row.id}", slot="fit", polarity=row.polarity, occurred_at=row.occurred_at, thread=f"f{row.id}", observation_id=f"f{row.id}") for row in turning]  # fmt: skip
    assert [row.announced for row in drifts("p", [*turning, *other])] == [True, True]
    assert drifts("p", [said(day) for day in range(0, 400, 9)]) == []
    assert alarms([]) == []


def test_turns_are_kept_beside_the_beliefs(world):
    """Replayed with them, untouched where nothing changed, gone with their evidence."""
    for day in range(0, 45, 9):
        world.say(f"a{day}", LOUD, day)
    for day in range(60, 130, 9):
        world.say(f"b{day}", "The price is fair, no complaints.", day)
    understand(world)
    first = [row.model_dump() for row in world.rows(Drift)]
    assert [row["away_from"] for row in first] == ["negative"]
    assert understand(world).drifts.total == 0


def test_a_side_is_named_where_the_correction_is_not_for_the_other(world):
    """Somebody who rewords a belief says which side it is for."""
    world.say("1", LOUD)
    understand(world)
    answer(world, Verdict.disagree, correction="It is the setup fee that is too high.", side=Polarity.negative)
    current = next(row for row in world.rows(Belief) if row.valid_to is None)
    assert (current.polarity, current.statement) == ("negative", "It is the setup fee that is too high.")
