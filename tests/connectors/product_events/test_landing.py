"""What becomes of lines once they have landed."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.facts import Engagement
from tests.connectors.product_events.conftest import Landing, lines, track

ROOT = Path(__file__).parents[3]
ALLOWED = 60
"""MiB that the memory of a pull may grow by; the file has four times that."""


def test_bad_lines_are_rejected_by_file_and_line_and_never_by_content(landing: Landing):
    """The reason says where and what; the rest flows; a mended file takes the complaint back."""
    landing.folder.write(
        "eu/a.jsonl", lines(track(1), '{"email": "dana@kolbe.example", oops', track(2, timestamp="hush"), track(3))
    )
    report = landing.pull()
    assert report.facts["engagement"] == 2
    assert landing.reasons() == ["eu/a.jsonl:2 is not JSON", "eu/a.jsonl:3 has no timestamp that is an instant"]
    landing.folder.write("eu/a.jsonl", lines(track(1), track(4), track(2), track(3)))
    report = landing.pull()
    assert (report.recovered, report.facts["engagement"]) == (2, 2)
    assert landing.reasons() == []
    assert landing.lake.facts(Engagement).count().to_pyarrow().as_py() == 4


def test_what_was_read_before_lands_once(landing: Landing):
    """A file that is delivered again under another name is seen again, and adds no row."""
    landing.folder.write("a.jsonl", lines(*map(track, range(50))))
    assert landing.pull().rows == 50
    landing.folder.write("b.jsonl", lines(*map(track, range(51))))
    report = landing.pull()
    assert (report.seen, report.rows) == (51, 1)
    quiet = landing.pull()
    assert (quiet.seen, quiet.rows, quiet.calls) == (0, 0, {"window": 1})


def test_an_address_outlives_lines_that_do_not_name_it(landing: Landing):
    """Traits come in parts and in any order: what ties a user to a person stays, whichever file is read last."""
    told = {
        "type": "identify",
        "userId": "u-1",
        "timestamp": "2026-05-09T10:00:00Z",
        "traits": {"email": "dana@kolbe.example"},
    }
    for name, row in (("a", track(1)), ("b", told), ("c", {**told, "traits": {"name": "Dana"}}), ("d", track(2))):
        landing.folder.write(f"{name}.jsonl", lines(row))
        landing.pull("users")
    (payload,) = landing.lake.latest("product_events", "users").payload.to_pyarrow().to_pylist()
    assert "dana@kolbe.example" in payload


@pytest.mark.slow
def test_a_huge_file_needs_little_memory(tmp_path: Path):
    """A quarter of a gibibyte of lines, then one line without an end, are walked in pages; a process of its own measures it."""
    command = [sys.executable, "-m", "tests.connectors.product_events.huge", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < ALLOWED
