"""A window that is whole tells of deletions by what it does not hold."""

import pytest

from models.facts import Profile
from models.records import Record
from tests.pipelines.ingest.scripted import START, version
from tests.pipelines.ingest.sweeping import SweepingSource


def sweep(place, records: list[Record], *bounds: str | None, day: int = 10) -> int:
    return place.pull(SweepingSource(records, bounds=bounds or (None, None), day=day)).rows


@pytest.mark.parametrize("bounds", [(None, None), (None, "2", None), (None, "1", "2", "3", None)])
def test_what_a_whole_window_does_not_hold_is_gone(place, bounds):
    """It is marked deleted with its last content, by the instant of the sweep, and its facts hold no more."""
    everybody = [version(str(number), number, name=f"N{number}") for number in range(1, 5)]
    place.pull(everybody)
    assert sweep(place, [one for one in everybody if one.key.id != "2"], *bounds) == 1
    gone = place.latest()["2"]
    assert (gone["deleted"], gone["updated_at"]) == (True, START.replace(day=10))
    assert '"name":"N2"' in gone["payload"]
    assert set(place.facts(Profile)) == {"1", "3", "4"}


def test_nothing_outside_the_stretch_is_touched(place):
    """The window speaks of its own ids only."""
    everybody = [version(str(number), number, name=f"N{number}") for number in range(1, 5)]
    place.pull(everybody)
    assert sweep(place, [], "1", "2") == 1
    assert [record for record, row in place.latest().items() if row["deleted"]] == ["2"]


def test_what_a_window_tells_is_gone_by_an_older_stamp_than_is_known_is_gone_by_the_sweep(place):
    """That deletion alone would count for nothing."""
    place.pull([version("1", 5, name="Ada")])
    assert sweep(place, [version("1", 4, name="Ada", deleted=True)]) == 1
    assert place.latest()["1"]["deleted"]


def test_a_record_that_is_younger_than_the_sweep_stays(place):
    """It was born or changed after the sweep had passed its place."""
    place.pull([version("1", 1, name="Old"), version("2", 20, name="New")])
    assert sweep(place, []) == 1
    assert not place.latest()["2"]["deleted"]


def test_a_record_that_is_gone_is_not_buried_twice_and_comes_back(place):
    """A second sweep adds nothing; a third that sees it again brings it back."""
    ada = version("1", 1, name="Ada")
    place.pull([ada])
    assert sweep(place, []) == 1
    assert sweep(place, [], day=11) == 0
    assert sweep(place, [version("1", 11, name="Ada")], day=12) == 1
    assert not place.latest()["1"]["deleted"]


def test_another_account_keeps_its_records(place):
    """A sweep of one account says nothing of another."""
    place.pull([version("1", 1, name="Ada")])
    place.pull(SweepingSource([], account="other"))
    assert not place.latest()["1"]["deleted"]
