"""What the whole job costs after the pull: seconds and peak memory of every stage at growing sizes, and how fast each grows.

The practice ground's world is put into the lake's raw tables (`plant.py`); then facts, persons, journeys, lenses, beliefs, alignment and
outlook are made by the product's own assets, and the write-back to both CRMs is planned against ones that hold nothing of ours yet. Each
size has processes of its own. The exponent is the slope of the line through the sizes on logarithmic paper: 1 is linear.
`python -m benchmarks whole [--quick] [--json] [--persons=10000,30000]`. CPU seconds are user and system of the whole process and bear
a shared machine; wall seconds do not.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from sandbox.practice import RATES

SIZES = (10_000, 30_000, 100_000)
"""Persons."""
QUICK = (1_000, 3_000)
MOST_MIB, MOST_GROWTH = 3 * 1024, 1.1
"""Budgets at the largest size (DESIGN, section 8)."""
CONSOLE = Console(stderr=True)
Told = dict[str, Any]


def main() -> None:
    """Measure every size and print."""
    asked = next((word.partition("=")[2] for word in sys.argv if word.startswith("--persons=")), "")
    sizes = [int(size) for size in asked.split(",") if size] or (QUICK if "--quick" in sys.argv else SIZES)
    found = list(measure(sizes))
    if "--json" in sys.argv:
        print(json.dumps(found, indent=2))
    else:
        show(found, Console(width=130))


def measure(sizes: Sequence[int]) -> Iterator[Told]:
    """Both processes of every size, one after the other."""
    for persons in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-whole-") as name:
            made = _run("make", Path(name), persons)
            yield {"persons": persons, **made, **_run("run", Path(name), persons)}


def show(found: Sequence[Told], console: Console) -> None:
    """A line per stage, and whether the budgets hold."""
    table = Table("stage", title="CPU seconds (peak MiB)")
    for told in found:
        table.add_column(f"{told['persons']:,} persons", justify="right")
    table.add_column("grows as n^", justify="right")
    for stage in [*found[-1]["stages"], "all of it"]:
        costs = [_whole(told["stages"]) if stage == "all of it" else told["stages"][stage] for told in found]
        cells = [f"{cost['cpu_s']:.1f} ({cost['peak_mib']:,.0f})" for cost in costs]
        table.add_row(stage, *cells, growth(found, [cost["cpu_s"] for cost in costs]))
    console.print(table)
    for told in found:
        whole = _whole(told["stages"])
        console.print(
            f"{told['persons']:,} persons, {told['rows']:,} raw rows, {told['planned']:,} fields planned: {whole['wall_s']:,.0f} s on the clock, "
            f"{whole['cpu_s']:,.0f} s of processors, peak {whole['peak_mib']:,.0f} MiB (at most {MOST_MIB:,})"
        )
    console.print(f"Wanted: all of it grows no faster than n^{MOST_GROWTH}.")


def growth(found: Sequence[Told], seconds: Sequence[float]) -> str:
    """The exponent of seconds over persons; a dash for one size."""
    if len(found) < 2:
        return "-"
    slope, _ = np.polyfit(np.log([told["persons"] for told in found]), np.log(seconds), 1)
    return f"{slope:.2f}"


def _whole(stages: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    sums = {name: sum(stage[name] for stage in stages.values()) for name in ("wall_s", "cpu_s")}
    return {**sums, "peak_mib": max(stage["peak_mib"] for stage in stages.values())}


def _run(job: str, folder: Path, persons: int) -> Told:
    CONSOLE.log(f"{persons:,} persons: {job}")
    own = {"SIDECAR_HOME": str(folder), "SIDECAR_CLOCK": str(folder / "clock"), "SIDECAR_CURRENCY": "eur"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIDECAR_")}
    # compiled modules are kept: a user compiles once, not in every run
    environment = {**kept, **own, "SIDECAR_RATES": str(RATES)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "benchmarks.whole.job", job, str(folder), str(persons)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"{job} did not run; why stands above")
    told: Told = json.loads(done.stdout.splitlines()[-1])
    return told
