"""The switching filter, against the reference's numbers and as mathematics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.understand.confidence import DOCUMENT_CAP, HIGH, LOW, Quote, evidence_word, logit, replay, sigmoid, units

HALF_LIFE = 120.0


def quote(id_, day, r, s=1.0, sign=1, **more):
    return Quote(str(id_), day, "dana", more.pop("thread", f"thread-{id_}"), sign, r, s, **more)


LOG = [quote(1, 0, 0.88), quote(2, 6, 0.82), quote(3, 20, 0.65, 0.5), quote(4, 41, 0.75)]


@pytest.mark.parametrize(
    ("day", "p", "weight"),
    [(0, 0.880, 0.76), (6, 0.967, 1.37), (20, 0.949, 1.42), (41, 0.963, 1.76), (221, 0.664, 0.62)],
)
def test_the_reference_log_gives_the_reference_numbers(day, p, weight):
    """Four quotes and a long silence, to three digits."""
    state = replay(LOG, HALF_LIFE, day)
    assert (round(state.p, 3), round(state.weight, 2)) == (p, weight)


def test_one_contrary_call_makes_it_contested():
    """Disputed is not unknown."""
    state = replay([*LOG, quote(5, 71, 0.88, sign=-1)], HALF_LIFE, 71)
    assert round(state.p, 3) == 0.523
    assert state.contested
    assert not replay([], HALF_LIFE, 71).contested


def test_a_declared_change_of_mind_outweighs_the_past():
    """Without it a belief at the limit only falls to .75, what one document may do; with it, to .05."""
    sure = [quote(day, day, 0.88) for day in range(0, 40, 5)]
    said = replay([*sure, quote("x", 40, 0.95, sign=-1)], HALF_LIFE, 40).p
    declared = replay([*sure, quote("x", 40, 0.95, sign=-1, turning=True)], HALF_LIFE, 40).p
    assert said == pytest.approx(0.75, abs=0.01)
    assert declared == pytest.approx(0.05, abs=0.001)


def test_a_change_that_is_told_of_makes_forgotten_what_one_document_may_move():
    """Whoever reports that it is settled turns what was merely said once; what is certain moves as far as one document may."""
    once, told = [quote(1, 0, 0.88, sign=-1)], quote("x", 40, 0.62, 0.6, moves=DOCUMENT_CAP)
    assert replay([*once, quote("x", 40, 0.62, 0.6)], HALF_LIFE, 40).p < 0.3
    assert replay([*once, told], HALF_LIFE, 40).p == pytest.approx(sigmoid(0.6 * logit(0.62)))
    sure = [quote(day, day, 0.88, sign=-1) for day in range(0, 40, 5)]
    held = replay(sure, HALF_LIFE, 40).p
    assert logit(replay([*sure, told], HALF_LIFE, 40).p) == pytest.approx(logit(held) + logit(0.88))


def test_a_change_toward_what_is_held_already_makes_nothing_forgotten():
    """Who was for it and is told to be so now is more so."""
    sure = [quote(day, day, 0.88) for day in range(0, 40, 5)]
    more = [quote("x", 40, 0.62, 0.6, moves=moves) for moves in (0.0, DOCUMENT_CAP)]
    assert replay([*sure, more[1]], HALF_LIFE, 40) == replay([*sure, more[0]], HALF_LIFE, 40)


def test_saying_it_twice_in_a_conversation_is_saying_it_once():
    """Quotes of one speaker and thread within 72 hours are one unit, at the strongest weight."""
    twice = [quote(1, 0, 0.62, thread="a"), quote(2, 2, 0.88, thread="a")]
    assert len(units(twice)) == 1
    assert replay(twice, HALF_LIFE, 0 + 2).units == 1
    assert len(units([*twice, quote(3, 3.5, 0.88, thread="a")])) == 2


def test_one_document_moves_it_no_more_than_one_statement():
    """A document that speaks in many voices has the weight of one."""
    voices = [Quote(str(n), 0, f"voice {n}", "t", 1, 0.88, document="mail") for n in range(5)]
    assert replay(voices, HALF_LIFE, 0).p == pytest.approx(0.88)


def test_the_words_for_evidence():
    """Thin below one good quote, strong above four."""
    assert [evidence_word(weight) for weight in (0.76, 1.5, 3.2)] == ["thin", "some", "strong"]


QUOTES = st.lists(
    st.builds(
        Quote,
        id=st.uuids().map(str),
        day=st.floats(0, 1_000),
        speaker=st.sampled_from("ab"),
        thread=st.sampled_from("xyz"),
        sign=st.sampled_from([1, -1]),
        r=st.floats(0, 1),
        s=st.sampled_from([1.0, 0.6, 0.3]),
        document=st.sampled_from(["", "d"]),
        turning=st.booleans(),
        moves=st.sampled_from([0.0, 0.7, 1.9924]),
    ),
    max_size=12,
    unique_by=lambda quote: quote.id,
)


@given(QUOTES, st.floats(0, 2_000), st.randoms())
def test_order_of_arrival_does_not_matter(log, as_of, random):
    """The same evidence in any order gives the very same numbers."""
    shuffled = random.sample(log, len(log))
    assert replay(shuffled, HALF_LIFE, as_of) == replay(log, HALF_LIFE, as_of)


@given(QUOTES, st.floats(0, 2_000))
def test_it_stays_inside_its_limits(log, as_of):
    """Nothing is certain, and weights are never negative."""
    state = replay(log, HALF_LIFE, as_of)
    assert LOW - 1e-12 <= state.p <= HIGH + 1e-12
    assert state.supporting >= 0
    assert state.opposing >= 0


@given(QUOTES, st.integers(0, 200), st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([1, -1]), st.floats(0, 1), st.booleans()), max_size=6))  # fmt: skip
def test_no_document_moves_it_further_than_one_statement_may(log, silence, voices):
    """However many voices it has, whatever changes they tell of, and wherever it stood."""
    day = max((q.day for q in log), default=0.0) + silence + 3
    said = [Quote(f"z{n}", day, who, "mail", sign, r, document="mail", moves=told * DOCUMENT_CAP) for n, (who, sign, r, told) in enumerate(voices)]  # fmt: skip
    before, after = replay(log, HALF_LIFE, day).p, replay([*log, *said], HALF_LIFE, day).p
    assert abs(logit(after) - logit(before)) <= DOCUMENT_CAP + 1e-9


@given(QUOTES, st.floats(0, 1_000))
def test_late_evidence_is_as_if_it_had_come_in_time(log, as_of):
    """Knowing only what was said up to a day equals having stopped on that day."""
    assert replay(log, HALF_LIFE, as_of) == replay([q for q in log if q.day <= as_of], HALF_LIFE, as_of)


@given(st.floats(0, 5_000))
def test_silence_leads_back_to_not_knowing(silence):
    """A belief nobody speaks of fades to one half and never beyond."""
    assert 0.5 <= replay(LOG, HALF_LIFE, 41 + silence).p <= sigmoid(4)
