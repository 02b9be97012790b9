"""The benchmark of pulling runs: a server of recorded bytes, our client and the bare loop, each in a process of its own."""

import subprocess
import sys

import orjson
import pytest

from benchmarks.pull import Result, client, serving, verdicts
from benchmarks.pull.rows import MAKERS, NOW, record, replay

ROWS, SIZE = 230, 600
"""More than a page of every vendor but Salesforce and Meta."""


@pytest.mark.parametrize("vendor", MAKERS)
def test_any_run_of_recorded_rows_is_the_inside_of_a_list(tmp_path, vendor):
    """Rows keep their number, their order and about the size that was asked for."""
    rows = replay(record(vendor, ROWS, SIZE, tmp_path))
    some = rows.between(3, 7).replace(b"\n", b",")
    found = orjson.loads(b"[%b]" % some)
    assert len(rows) == ROWS
    assert len(found) == 4
    assert found[0].keys() == MAKERS[vendor](3, NOW, "").keys()
    assert abs(len(some) / 4 - SIZE) < SIZE / 10
    assert rows.between(ROWS, ROWS + 5) == b""


def test_the_bare_loop_reads_every_row_of_every_vendor(tmp_path):
    """What ours is measured against reads to the end."""
    for vendor in MAKERS:
        with serving(vendor, ROWS, SIZE, tmp_path) as place:
            assert client("bare", vendor, place, SIZE).rows == ROWS, vendor


@pytest.mark.parametrize(
    "vendor", [pytest.param(name, marks=[] if name == "hubspot" else pytest.mark.slow) for name in MAKERS]
)
def test_the_real_connector_pulls_and_lands_what_was_recorded(tmp_path, vendor):
    """The server knows enough of the vendor for the unmodified connector, and nothing is rejected."""
    with serving(vendor, ROWS, SIZE, tmp_path) as place:
        told = client("ours", vendor, place, SIZE)
    assert told.rows == ROWS
    assert told.calls > 0
    assert 0 < told.pull_cpu_s < 60
    assert told.land_cpu_s > 0
    assert told.peak_mib >= told.ready_mib


def test_what_was_not_recorded_is_a_404_that_names_the_request(tmp_path):
    """A connector that asks for something new fails the benchmark by name, not by a hang."""
    path = record("stripe", 1, SIZE, tmp_path)
    command = [sys.executable, "-m", "benchmarks.pull.server", str(path), "0"]
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, text=True) as server:
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1/unheard"
        ask = f"import urllib.request as u\ntry: u.urlopen({url!r})\nexcept u.HTTPError as error: print(error.code)"
        asked = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
        _, errors = server.communicate()
    assert asked.stdout.strip() == "404"
    assert "/v1/unheard" in errors


def test_a_target_that_is_missed_is_said():
    """Ratios are ours over the cheapest other client with the same rows."""

    def one(who, seconds, peak):
        figures = {"ready_cpu_s": 1, "pull_wall_s": 1, "land_cpu_s": 1, "land_wall_s": 1, "ready_mib": 200}
        return Result(who, "stripe", 500, 10_000, 100, pull_cpu_s=seconds, peak_mib=peak, **figures)

    (line,) = verdicts(
        [one("ours", 2.0, 600), one("bare", 1.0, 50), one("dlt 1.31.0", 8.0, 90), one("tap-stripe 3.3.0", 9, 50)]
    )
    assert "2.00x the bare loop (missed" in line
    assert "0.25x the best peer (holds" in line
    assert "memory 600 MiB at most (missed, less than 300), 400 more than when it was ready" in line
