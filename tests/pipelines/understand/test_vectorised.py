"""Everybody's confidence at once, against the scalar filter."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.understand.confidence import Quote, replay, steps, units
from pipelines.understand.vectorised import log_of, replay_all, units_of

QUOTES = st.lists(
    st.builds(
        Quote,
        id=st.uuids().map(str),
        day=st.integers(0, 60).map(float) | st.floats(0, 1_000),
        speaker=st.sampled_from("ab"),
        thread=st.sampled_from("xyz"),
        sign=st.sampled_from([1, -1]),
        r=st.floats(0, 1),
        s=st.sampled_from([1.0, 0.6, 0.3]),
        document=st.sampled_from(["", "d", "e"]),
        turning=st.booleans(),
        moves=st.sampled_from([0.0, 0.7, 1.9924]),
    ),
    max_size=12,
    unique_by=lambda quote: quote.id,
)
QUESTIONS = st.lists(st.tuples(QUOTES, st.sampled_from([30.0, 45.0, 365.0])), min_size=1, max_size=5)


@given(QUESTIONS, st.floats(0, 2_000), st.randoms())
def test_everybody_at_once_is_as_one_by_one(questions, as_of, random):
    """In columns, in any order of rows, with quotes of one instant: the very numbers of the scalar filter at any instant."""
    log = log_of([quotes for quotes, _ in questions])
    log = log.where(np.array(random.sample(range(len(log)), len(log)), np.int64))
    half_lives = np.array([half_life for _, half_life in questions])
    found = replay_all(log, half_lives, as_of)
    for number, (quotes, half_life) in enumerate(questions):
        one = replay(quotes, half_life, as_of)
        told = (found.p[number], found.supporting[number], found.opposing[number])
        np.testing.assert_allclose(told, (one.p, one.supporting, one.opposing), rtol=0, atol=1e-12)
        assert found.units[number] == one.units


@given(QUESTIONS)
def test_as_of_the_last_evidence_is_where_the_walk_ends(questions):
    """Without an instant each belief stands as after its last unit; one of which nothing was said is not known."""
    found = replay_all(log_of([quotes for quotes, _ in questions]), np.array([days for _, days in questions]))
    for number, (quotes, half_life) in enumerate(questions):
        if walked := list(steps(quotes, half_life)):
            unit, state = walked[-1]
            assert abs(found.p[number] - state.p) < 1e-12
            assert found.last[number] == unit.day
        else:
            assert (found.p[number], found.units[number], bool(np.isnan(found.last[number]))) == (0.5, 0, True)


@given(QUOTES)
def test_units_are_collapsed_and_capped_alike(quotes):
    """The same independent observations, with the same weights."""
    found = units_of(log_of([quotes]))
    told = list(zip(found.day, found.sign, found.weight, found.amount, found.turning, found.moves, strict=True))
    expected = [(u.day, u.sign, u.weight, u.amount, u.turning, u.moves) for u in units(quotes)]
    assert len(told) == len(expected)
    for one, other in zip(told, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


def test_nobody_has_said_anything():
    """No rows at all are everybody unknown."""
    found = replay_all(log_of([[], []]), np.array([120.0, 45.0]), 10.0)
    assert found.p.tolist() == [0.5, 0.5]
    assert found.weight.tolist() == [0.0, 0.0]
