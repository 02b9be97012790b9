"""What writing back costs: records planned and delivered a minute, reads included, beside the rate that the quota floor allows.

The CRM is the practice ground in a process of its own, which enforces the vendor's limits and answers after 200 ms; the client is a
fresh process with the real connector and an empty store. Allowed is what the day's calls give, a fifth left to others, spread
over its minutes, at the calls a record that were made. `python -m benchmarks write_back [--quick]`.
"""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

SIZES, QUICK = (5_000, 20_000), (2_000,)
WAYS = ("hubspot", "salesforce", "salesforce_batches")
DAILY = {"hubspot": 650_000, "salesforce": 100_000, "salesforce_batches": 100_000}
"""Calls of a day: https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines (Professional); an Enterprise org."""
FLOOR = 0.2
TARGET = 0.8
MINUTES = 24 * 60


@contextmanager
def server(way: str, count: int) -> Iterator[str]:
    """A CRM with so many contacts; gives its URL."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "benchmarks.write_back.server",
            way.split("_", maxsplit=1)[0],
            folder,
            str(count),
        ]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            assert process.stdin
            yield process.stdout.readline().strip()
            process.stdin.close()


def measure(way: str, count: int) -> dict[str, float]:
    """One run of a fresh client."""
    with server(way, count) as url:
        command = [sys.executable, "-m", "benchmarks.write_back.client", way, url, str(count)]
        told = subprocess.run(command, check=True, capture_output=True, text=True)
        figures: dict[str, float] = json.loads(told.stdout)
        clients = _children_cpu_s()
    figures["vendor_cpu_s"] = _children_cpu_s() - clients
    allowed = DAILY[way] * (1 - FLOOR) / MINUTES * count / figures["calls"]
    figures["rows_a_minute"] = 60 * count / figures["wall_s"]
    return {**figures, "allowed": allowed, "share": figures["rows_a_minute"] / allowed}


def _children_cpu_s() -> float:
    """CPU seconds of the processes that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def main() -> None:
    """Print a line per way and size."""
    heading = (
        "way",
        "records",
        "wall s",
        "CPU s",
        "its CPU s",
        "calls",
        "writes",
        "rows/min",
        "allowed/min",
        "share",
        "MiB peak",
    )
    print(" ".join(f"{word:>12}" for word in heading))
    for way in WAYS:
        for count in QUICK if "--quick" in sys.argv else SIZES:
            one = measure(way, count)
            cells = (
                f"{count:,}", f"{one['wall_s']:.1f}", f"{one['cpu_s']:.1f}", f"{one['vendor_cpu_s']:.1f}", f"{one['calls']:.0f}", f"{one['writes']:.0f}",
                f"{one['rows_a_minute']:,.0f}", f"{one['allowed']:,.0f}", f"{one['share']:.0%}", f"{one['mib']:.0f}",
            )  # fmt: skip
            print(f"{way:>12.12} " + " ".join(f"{cell:>12}" for cell in cells), flush=True)
    print(f"Wanted: a share of {TARGET:.0%} or more, and a peak that does not grow with the number of records.")
