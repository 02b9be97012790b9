"""Reports are rare, and the last number is always told."""

import logging

import pytest

from pipelines import progress


@pytest.fixture
def told(caplog, monkeypatch):
    """What was reported, as (done, total); time stands still unless moved."""
    now = [100.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    caplog.set_level(logging.INFO, "sidecar.progress")
    return now, lambda: [(record.done, record.total) for record in caplog.records]


def test_a_quick_loop_is_told_first_and_last(told):
    """However many items, two records, and one where there is but one item or none."""
    _, reports = told
    assert list(progress.track(range(1_000), "counted", 1_000)) == list(range(1_000))
    assert reports() == [(1, 1_000), (1_000, 1_000)]
    list(progress.track("a", "one"))
    list(progress.track("", "none"))
    assert reports()[2:] == [(1, None), (0, None)]


def test_a_slow_loop_is_told_every_other_second(told):
    """Four items of a second each: the first, the third, the last."""
    now, reports = told
    for _ in progress.track(range(4), "slow", 4):
        now[0] += 1
    assert [done for done, _ in reports()] == [1, 3, 4]
