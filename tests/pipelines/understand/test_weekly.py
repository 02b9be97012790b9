"""Everybody's leanings by week, and what the asset page shows of beliefs."""

from datetime import timedelta

from pipelines.stitch.derived import read
from pipelines.understand.embedded import Embedded
from pipelines.understand.extraction import extract
from pipelines.understand.observations import collect_observations
from pipelines.understand.pictures import reliability, weeks
from pipelines.understand.replay import replay_beliefs
from pipelines.understand.survey import drift_picture, survey
from pipelines.understand.weekly import TABLE, follow_weeks, week_ends
from tests.pipelines.understand.conftest import key


def understand(world):
    collect_observations(world.lake, world.store, world.clock)
    extract(world.lake, world.store, Embedded(), world.clock)
    replay_beliefs(world.store, world.clock)
    return follow_weeks(world.lake, world.store, world.clock)


def rows(world):
    return read(world.lake, TABLE).to_pyarrow().to_pylist()


def test_weeks_move_with_words_and_not_with_silence(world):
    """Five persons find it dear, then fair: the week in which they say so moves, those before and after stand still."""
    for n in range(5):
        world.person(f"person-{n}", key("Contact", f"c{n}"))
        world.say(f"a{n}", "The price is too high for us.", 100, who=f"c{n}")
        world.say(f"b{n}", "The price is fair, no complaints.", 160, who=f"c{n}")
    assert understand(world).due
    found = rows(world)
    assert {(row["segment"], row["slot"], row["persons"]) for row in found} == {("everybody", "price", 5)}
    moves = [row["moved"] for row in found if row["moved"]]
    assert len(moves) == 1
    assert moves[0] > 0.2
    assert found[0]["leaning"] < 0.5
    assert found[0]["moved"] is None
    again = understand(world)
    assert not again.due
    assert rows(world) == found
    assert "polyline" in weeks({"price": [(0, 0.2), (1, 0.7)]}, 1)
    assert drift_picture(found).startswith("How far everybody is for us, by slot and week\n\n![")
    state = survey(world.store)
    assert state.words["calibration"] == "uncalibrated"
    assert state.counts["reviews"] == 0
    assert "beliefs_per_slot" in state.pictures


def test_few_persons_are_not_told(world):
    """Four are too few to be a segment, and nothing is drawn of nobody."""
    for n in range(4):
        world.person(f"person-{n}", key("Contact", f"c{n}"))
        world.say(f"a{n}", "The price is too high for us.", 100, who=f"c{n}")
    understand(world)
    assert rows(world) == []
    assert drift_picture([]) is None


def test_weeks_end_on_mondays():
    """Half a year of them, the latest not after now."""
    from tests.pipelines.understand.test_beliefs import START

    ends = week_ends(START)
    assert {end.weekday() for end in ends} == {0}
    assert START - timedelta(weeks=1) < ends[-1] <= START
    assert len(ends) == len(set(ends)) == 26


def test_the_diagram_shows_before_and_after():
    """A point per bin and map; names only of what is drawn."""
    drawn = reliability([(20, 0.6, 0.4), (20, 0.9, 0.7)], [(20, 0.5, 0.45)])
    assert drawn.count("<circle") == 3
    assert "calibrated" in drawn
    assert "calibrated" not in reliability([(20, 0.6, 0.4)])
