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
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

from rich.console import Console
from rich.table import Table

from models.clock import ShiftedClock

SIZES = (300, 1_000, 3_000)
"""Persons of the world; the largest takes some minutes."""
RUNS = ("first", "echo", "quiet")
PAUSE = timedelta(hours=2)
"""After which HubSpot's searches have seen what was written."""
ROOT = Path(__file__).parents[1]


def main() -> None:
    """Measure every size and print."""
    sizes = next(
        (word.removeprefix("--persons=").split(",") for word in sys.argv if word.startswith("--persons=")), SIZES
    )
    found = list(measure([int(size) for size in sizes]))
    if "--json" in sys.argv:
        print(json.dumps(found, indent=2))
        return
    table = Table("persons", "run", "CPU s", "wall s", "of the first", "landed", "facts", "calls", title="quiet runs")
    for one in found:
        share = one["cpu_s"] / next(other["cpu_s"] for other in found if other["persons"] == one["persons"])
        calls = ", ".join(f"{name} {number}" for name, number in sorted(one["calls"].items()))
        table.add_row(
            f"{one['persons']:,}",
            one["run"],
            f"{one['cpu_s']:.1f}",
            f"{one['wall_s']:.1f}",
            f"{share:.1%}",
            f"{one['landed']:,}",
            f"{one['facts']:,}",
            calls,
        )
    Console(width=150).print(table)


def measure(sizes: list[int]) -> Iterator[dict[str, Any]]:
    """Three runs per world. Practice keeps world, lake and store below the working folder, so each world has one of its own."""
    for persons in sizes:
        Console(stderr=True).log(f"{persons:,} persons: three runs")
        inner = [sys.executable, "-m", "benchmarks.quiet"]
        command = ["sidecar", "sandbox", "--persons", str(persons), "--", *inner]
        with tempfile.TemporaryDirectory(prefix="bench-quiet-", ignore_cleanup_errors=True) as folder:
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"run"')]
        if [line["run"] for line in lines] != list(RUNS) or not lines[0]["landed"]:
            sys.exit(f"{persons} persons: the first run was not a first run, so nothing can be said of the others")
        yield from ({"persons": persons, **line} for line in lines)


def inside() -> None:
    """Three runs within a sandbox, whose credentials are in the environment; two hours pass after each, as in the demo."""
    subprocess.run(["sidecar", "provision", "apply"], stdout=subprocess.DEVNULL, check=True)
    clock = ShiftedClock(Path(os.environ["SIDECAR_CLOCK"]))
    for name in RUNS:
        cpu, start = _cpu(), time.perf_counter()
        done = subprocess.run(["sidecar", "run", "--json"], stdout=subprocess.PIPE, text=True, check=True)
        told = {"run": name, "cpu_s": _cpu() - cpu, "wall_s": time.perf_counter() - start}
        figures = Counter[str]()
        for figure, number in _figures(json.loads(done.stdout)):
            figures[figure] += int(number)
        landed, facts = figures["rows_landed"], sum(figures[one] for one in figures if one.startswith("facts_"))
        calls = {one.removeprefix("calls_"): figures[one] for one in sorted(figures) if one.startswith("calls_")}
        print(line := json.dumps({**told, "landed": landed, "facts": facts, "calls": calls}), flush=True)
        Console(stderr=True).log(line)
        clock.advance(PAUSE)


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
