"""A pull that is killed at any line loses nothing and doubles nothing."""

import json
import subprocess
import sys

import pytest

from models.facts import Identifier, Profile
from tests.pipelines.ingest.killed import LOG, found, pull, say


@pytest.mark.parametrize("deaths", [4, pytest.param(36, marks=pytest.mark.slow)])
def test_killed_at_any_line_the_next_pull_finishes_the_work(tmp_path, place, deaths):
    """Whatever the moment, one more pull leaves the log, the latest records and the facts of a pull that never died.

    Moments are evenly spread over all lines that a pull of three windows passes.
    """
    say(place)
    pull(place)
    wanted = found(place)
    assert wanted["dirty"] == []
    assert wanted["latest"].keys() == {record.key.id for record in LOG}
    assert place.facts(Profile).keys() == place.facts(Identifier).keys() == wanted["latest"].keys()
    (tmp_path / "killed").mkdir()
    command = [sys.executable, "-m", "tests.pipelines.ingest.killed", str(tmp_path / "killed"), str(deaths)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()  # our own module
    assert len(lines) == deaths
    for line in lines:
        result = json.loads(line)
        assert result.pop("died") == 9
        assert result == wanted


@pytest.mark.slow
def test_a_large_window_needs_little_memory(tmp_path):
    """50,000 records of a kilobyte, one window, are staged, landed and read within 400 MiB."""
    command = [sys.executable, "-m", "tests.pipelines.ingest.large", str(tmp_path)]
    assert int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) < 400


def test_a_pull_asks_in_sql_alone(tmp_path):
    """Ibis, 29 MiB of it, is not loaded by a pull that lands, counts, sweeps and reads facts."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.pipelines.ingest.sparing", str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert run.stdout.split() == []
