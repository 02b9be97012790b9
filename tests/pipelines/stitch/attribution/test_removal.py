"""What is lost without a channel, against published examples and against walking every journey."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.stitch.attribution.removal import CONVERSION, NOTHING, START, effects

Path = tuple[tuple[str, ...], bool]


def steps(paths: list[Path]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for channels, converted in paths:
        places = [START, *channels, CONVERSION if converted else NOTHING]
        for step in pairwise(places):
            found[step] = found.get(step, 0) + 1
    return found


@pytest.mark.parametrize(
    ("paths", "effect"),
    [
        # https://analyzecore.com/2016/08/03/attribution-model-r-part-1/
        ([(("C1", "C2", "C3"), True), (("C1",), False), (("C2", "C3"), False)], {"C1": 0.5, "C2": 1, "C3": 1}),
        # https://serhiipuzyrov.com/2019/07/markov-chain-attribution-simple-explanation-of-removal-effect/
        (
            [(("ads",), True), (("ads",), True), (("mail",), True), (("ads", "mail"), True), (("ads",), False)],
            {"ads": 0.75, "mail": 0.5},
        ),
    ],
)
def test_published_examples_are_met(paths, effect):
    """To the digit."""
    assert effects(steps(paths)) == pytest.approx(effect)


def test_nothing_is_said_where_nobody_converted_or_nobody_came():
    """No division by the nothing that there is to lose."""
    assert effects({}) == {}
    assert effects(steps([(("a", "b"), False)])) == {}
    assert effects(steps([((), True)])) == {}


def walked(paths: list[Path], removed: str | None) -> float:
    """How much of one unit that sets out at the start converts, walked step by step until all has arrived."""
    counts = steps(paths)
    leaving: dict[str, int] = {}
    for (source, _), times in counts.items():
        leaving[source] = leaving.get(source, 0) + times
    here, converted = {START: 1.0}, 0.0
    while sum(here.values()) > 1e-13:
        there: dict[str, float] = {}
        for (source, target), times in counts.items():
            flow = here.get(source, 0.0) * times / leaving[source]
            if target == CONVERSION:
                converted += flow
            elif target not in (NOTHING, removed):
                there[target] = there.get(target, 0.0) + flow
        here = there
    return converted


PATHS = st.lists(
    st.tuples(st.lists(st.sampled_from("abcd"), min_size=1, max_size=5).map(tuple), st.booleans()),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60)
@given(PATHS)
def test_the_effect_is_what_walking_without_the_channel_shows(paths):
    """For any journeys, channels that come twice and in circles included; never below 0 or above 1."""
    whole, found = walked(paths, None), effects(steps(paths))
    if not whole:
        assert found == {}
        return
    assert set(found) == {channel for channels, _ in paths for channel in channels}
    for channel, effect in found.items():
        assert effect == pytest.approx(1 - walked(paths, channel) / whole, abs=1e-9)
        assert -1e-9 <= effect <= 1 + 1e-9
    assert not np.isnan(list(found.values())).any()
