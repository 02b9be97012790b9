"""Parts that add up to the unit, and rates that cannot be known."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stitch.lens.decompose import Cell, Effects, added, decompose, rounded

CELLS = st.builds(Cell, st.integers(0, 50), st.integers(0, 20), st.integers(-(10**12), 10**12))
DAYS = st.dictionaries(st.sampled_from("abcd"), CELLS)


@given(DAYS, DAYS)
def test_the_parts_of_every_cell_are_its_change(before, after):
    """For any two days, however odd: no unit is lost, and no cell is forgotten."""
    found = decompose(before, after)
    assert set(found) == {*before, *after}
    for name, effects in found.items():
        assert sum(effects) == after.get(name, Cell()).amount - before.get(name, Cell()).amount


@given(DAYS, DAYS)
def test_the_way_back_undoes_the_way_there(before, after):
    """Tuesday against Monday is Monday against Tuesday with the other sign, but for the unit that rounding gives away."""
    there, back = decompose(before, after), decompose(after, before)
    for name, effects in there.items():
        assert all(abs(one + other) <= 1 for one, other in zip(effects, back[name], strict=True))


@pytest.mark.parametrize(
    ("before", "after", "effects"),
    [
        (Cell(100, 10, 1000), Cell(50, 5, 500), Effects(traffic=-500)),
        (Cell(100, 10, 1000), Cell(100, 5, 500), Effects(conversion=-500)),
        (Cell(100, 10, 1000), Cell(100, 10, 800), Effects(order_value=-200)),
        (Cell(100, 10, 1000), Cell(100, 0, 0), Effects(conversion=-1000)),  # nobody bought: what orders were worth is not to blame
        (Cell(100, 10, 1000), Cell(), Effects(traffic=-1000)),
        (Cell(), Cell(100, 10, 1000), Effects(traffic=1000)),
        (Cell(100, 10, 1000), Cell(100, 0, -19), Effects(order_value=-1019)),  # tax that came without its order
    ],
)  # fmt: skip
def test_one_cause_alone_bears_the_whole_change(before, after, effects):
    """A factor that alone has changed is alone to blame, also where a rate cannot be known."""
    assert decompose({"a": before}, {"a": after})["a"] == effects


def test_two_causes_share_what_they_do_together():
    """By hand: from 10 x 1/2 x 10 to 20 x 1/2 x 20; each in the first place or in the last."""
    assert decompose({"a": Cell(10, 5, 50)}, {"a": Cell(20, 10, 200)})["a"] == Effects(traffic=75, order_value=75)


def test_a_channel_that_stops_is_traffic_and_mix_together():
    """One of two equal channels stops: half the traffic is gone, and the other's share of what is left has doubled."""
    day = {"a": Cell(100, 10, 1000), "b": Cell(100, 10, 1000)}
    found = decompose(day, {"b": day["b"]})
    assert found["a"].traffic + found["a"].mix == -1000
    assert found["b"].traffic + found["b"].mix == 0
    assert added(found.values()) == Effects(traffic=-1000)


def test_the_same_visits_from_a_poorer_channel_are_mix():
    """As many came, but by the channel whose visits are worth a tenth."""
    before = {"rich": Cell(90, 90, 9000), "poor": Cell(10, 10, 100)}
    after = {"rich": Cell(10, 10, 1000), "poor": Cell(90, 90, 900)}
    assert added(decompose(before, after).values()) == Effects(mix=-7200)


@given(st.lists(st.fractions(-(10**6), 10**6), min_size=1))
def test_rounding_moves_no_part_by_a_whole_unit(parts):
    """Largest remainders: the sum is kept, and every part stays next to where it was."""
    last = [*parts, -sum(parts) + round(sum(parts))]
    total = sum(last, Fraction(0))
    found = rounded(last, int(total))
    assert sum(found) == total
    assert all(abs(whole - part) < 1 for whole, part in zip(found, last, strict=True))
