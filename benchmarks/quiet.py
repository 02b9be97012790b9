"""What a quiet run costs beside the first: `sidecar run` on worlds of growing size, three times each.

The first run pulls and writes everything, the second sees its own writes come back, the third finds nothing new anywhere: that one is
quiet. CPU seconds are those of the run's own processes, without the sandbox. A run has costs that no world changes (imports, Dagster,
compiling queries), so the share falls as the world grows. `--persons=300,3000` names other sizes, `--json` prints for machines.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

from rich.console import Console
from rich.table import Table

SIZES = (300, 1_000, 3_000)
"""Persons of the world; the largest takes some minutes."""
RUNS = ("first", "echo", "quiet")
MOST = 0.05
"""Of the first run's time: the budget of a quiet run."""


def main() -> None:
    """Measure every size and print."""
    sizes = next(
        (word.removeprefix("--persons=").split(",") for word in sys.argv if word.startswith("--persons=")), SIZES
    )
    found = list(measure([int(size) for size in sizes]))
    if "--json" in sys.argv:
        print(json.dumps(found, indent=2))
        return
    table = Table("persons", "run", "CPU s", "wall s", "of the first", "calls", title="quiet runs")
    for one in found:
        share = one["cpu_s"] / next(other["cpu_s"] for other in found if other["persons"] == one["persons"])
        calls = ", ".join(f"{name} {number}" for name, number in sorted(one["calls"].items()))
        table.add_row(
            f"{one['persons']:,}", one["run"], f"{one['cpu_s']:.1f}", f"{one['wall_s']:.1f}", f"{share:.1%}", calls
        )
    Console(width=150).print(table)


def measure(sizes: list[int]) -> Iterator[dict[str, Any]]:
    """Three runs per world, each in a home of its own."""
    for persons in sizes:
        Console(stderr=True).log(f"{persons:,} persons: three runs")
        with tempfile.TemporaryDirectory(prefix="bench-quiet-") as home:
            command = [
                "sidecar",
                "sandbox",
                "--persons",
                str(persons),
                "--",
                sys.executable,
                "-m",
                "benchmarks.quiet",
                "--inside",
            ]
            done = subprocess.run(
                command, env=os.environ | {"SIDECAR_HOME": home}, stdout=subprocess.PIPE, text=True, check=True
            )
        for line in done.stdout.splitlines():
            if line.startswith('{"run"'):
                yield {"persons": persons, **json.loads(line)}


def inside() -> None:
    """Runs within a sandbox, whose credentials are in the environment."""
    subprocess.run(["sidecar", "provision"], stdout=subprocess.DEVNULL, check=True)
    for name in RUNS:
        cpu, start = _cpu(), time.perf_counter()
        done = subprocess.run(["sidecar", "run", "--json"], stdout=subprocess.PIPE, text=True, check=True)
        wall = time.perf_counter() - start
        print(
            json.dumps({"run": name, "cpu_s": _cpu() - cpu, "wall_s": wall, "calls": _calls(json.loads(done.stdout))}),
            flush=True,
        )


def _calls(outcomes: Any) -> dict[str, int]:
    """Calls to vendors by reason, over all assets."""
    found: dict[str, int] = {}
    for name, number in _figures(outcomes):
        if name.startswith("calls_"):
            reason = name.removeprefix("calls_")
            found[reason] = found.get(reason, 0) + int(number)
    return found


def _figures(part: Any) -> Iterator[tuple[str, Any]]:
    """Every named number in a document."""
    if isinstance(part, dict):
        yield from ((name, value) for name, value in part.items() if isinstance(value, int | float))
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _figures(inner)


def _cpu() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    inside()
