"""Shapley values: published games, the axioms that define them, and the worth of channels."""

from itertools import permutations
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stitch.attribution.shapley import MOST, OTHER, grouped, values, worths


def game(players: int) -> st.SearchStrategy[list[float]]:
    rest = st.lists(st.floats(-5, 5), min_size=2**players - 1, max_size=2**players - 1)
    return rest.map(lambda worth: [0.0, *worth])


GAMES = st.integers(1, 5).flatmap(game)


@pytest.mark.parametrize(
    ("worth", "value"),
    [
        # two left gloves and a right one: https://en.wikipedia.org/wiki/Shapley_value#Glove_game
        ([0, 0, 0, 0, 0, 1, 1, 1], [1 / 6, 1 / 6, 2 / 3]),
        # the business with an owner and two workers who bring 10 each, nothing without the owner (same page, "Business example")
        ([0, 0, 0, 0, 0, 10, 10, 20], [5, 5, 10]),
        # a runway for aircraft that need 8, 11, 13 and 18 of it: https://en.wikipedia.org/wiki/Airport_problem
        ([max([0, *(need for bit, need in enumerate((8, 11, 13, 18)) if one >> bit & 1)]) for one in range(16)], [2, 3, 4, 9]),
    ],
)  # fmt: skip
def test_published_games_are_met(worth, value):
    """To the digit."""
    assert values(worth) == pytest.approx(value)


@given(GAMES)
def test_values_add_up_to_the_worth_of_all(worth):
    """Efficiency: nothing is lost and nothing comes from nowhere."""
    assert values(worth).sum() == pytest.approx(worth[-1], abs=1e-9)


@given(GAMES)
def test_values_are_the_average_over_all_orders(worth):
    """The definition, walked order by order."""
    players = len(worth).bit_length() - 1
    added = np.zeros(players)
    for order in permutations(range(players)):
        met = 0
        for player in order:
            added[player] += worth[met | 1 << player] - worth[met]
            met |= 1 << player
    assert values(worth) == pytest.approx(added / factorial(players), abs=1e-9)


@given(GAMES)
def test_who_adds_nothing_gets_nothing(worth):
    """Dummy: one more player who never changes the worth has the value 0, and the others keep theirs."""
    assert values([*worth, *worth]) == pytest.approx([*values(worth), 0], abs=1e-9)


@given(st.integers(2, 5), st.data())
def test_players_who_add_the_same_get_the_same(players, data):
    """Symmetry: where the worth knows only the number of players, all are worth the same."""
    by_size = [0.0, *data.draw(st.lists(st.floats(-5, 5), min_size=players, max_size=players))]
    found = values([by_size[one.bit_count()] for one in range(2**players)])
    assert found == pytest.approx([by_size[-1] / players] * players, abs=1e-9)


def test_worth_is_the_rate_of_conversion_among_those_who_met_no_other_channel():
    """Journeys that came to nothing lower it: of a alone 1 in 2, of b alone 0 in 1, of both 2 in 4."""
    assert list(worths({0b01: (2, 1), 0b10: (1, 0), 0b11: (1, 1)}, 2)) == [0, 0.5, 0, 0.5]
    assert list(worths({}, 1)) == [0, 0]


def test_the_rarest_channels_are_one_beyond_the_most_that_can_be_reckoned():
    """Twelve stand for themselves; of thirteen the two rarest are one, so that there are twelve."""
    names = {f"c{number:02}": 100 - number for number in range(MOST + 1)}
    assert grouped({name: names[name] for name in list(names)[:MOST]}) == {name: name for name in list(names)[:MOST]}
    found = grouped(names)
    assert len(set(found.values())) == MOST
    assert {name for name, group in found.items() if group == OTHER} == {"c11", "c12"}


def test_twelve_channels_are_reckoned_exactly():
    """4,096 sets, each journey through one channel: by symmetry every channel is worth the same."""
    found = values(worths({1 << bit: (10, 3) for bit in range(MOST)}, MOST))
    assert found == pytest.approx([0.3 / MOST] * MOST)
