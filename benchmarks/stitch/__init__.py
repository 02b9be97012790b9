"""What stitching costs: each step of ours, beside one read of the seven string columns and Splink's own deterministic links, in one run.

Every step runs in a fresh process against the same planted world (`world.py`): facts in a lake for us, the same records as one wide
file for the others. Then one record in a hundred changes, and everything is stitched once more. `python -m benchmarks stitch [--quick]
[--json] [--persons=42500,425000]`; the store is a SQLite file, or what `--store=URL` names (it must be empty, and one size must be asked for).
CPU seconds are user and system of the whole process and bear a shared machine; wall seconds do not.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

SIZES = (42_500, 425_000, 2_125_000)
"""Persons: a hundred thousand, a million and five million records."""
QUICK = (42_500,)
STEPS = ("edges", "components", "ids", "write", "snapshot")
MOST_OF_READ, LEAST_OF_SPLINK, MOST_OF_FULL = 6, 8, 0.2
"""Targets (DESIGN, budgets): beside the read and beside Splink at the largest size; the run after 1 % has changed beside the full one."""
CONSOLE = Console(stderr=True)
Told = dict[str, Any]


def main() -> None:
    """Measure every size and print."""
    sizes = [int(size) for size in (_option("persons") or "").split(",") if size] or (
        QUICK if "--quick" in sys.argv else SIZES
    )
    found = list(measure(sizes, _option("store")))
    if "--json" in sys.argv:
        print(json.dumps(found, indent=2))
    else:
        show(found, Console(width=130))


def measure(sizes: Sequence[int], store: str | None = None) -> Iterator[Told]:
    """All processes of every size, one after the other."""
    for persons in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-stitch-") as name:
            folder = Path(name)
            (folder / "persons").write_text(str(persons))
            (folder / "store").write_text(store or f"sqlite:///{folder}/store.db")
            told = {"persons": persons, **{job: _run(job, folder) for job in ("make", "read", "splink")}}
            told["full"] = _run("ours", folder)
            told["copied"] = {} if store else _run("copied", folder)
            told["changed"] = _run("change", folder)
            yield told | {"incremental": _run("ours", folder)}


def show(found: Sequence[Told], console: Console) -> None:
    """The tables for people, and whether the targets hold."""
    for told in found:
        table = Table("step", title=f"{told['make']['records']:,} records of {told['persons']:,} persons")
        for name in ("wall s", "CPU s", "MiB peak"):
            table.add_column(name, justify="right")
        rows = [
            ("read of seven string columns", told["read"]["read"]),
            ("read of the lake's own", told["read"]["read lake"]),
        ]
        rows += [("Splink: deterministic link + cluster", told["splink"]["splink"])]
        rows += [(step, told["full"][step]) for step in STEPS] + [("all of it", _whole(told["full"]))]
        rows += [(f"1 % changed: {step}", told["incremental"][step]) for step in STEPS]
        rows += [("1 % changed: all of it", _whole(told["incremental"]))]
        if told["copied"]:
            rows.insert(3, ("SQLite alone: the rows that we write", told["copied"]["copied"]))
        for name, one in rows:
            table.add_row(name, f"{one['wall_s']:.2f}", f"{one['cpu_s']:.2f}", f"{one['peak_mib']:,.0f}")
        console.print(table)
        for line in verdicts(told):
            console.print(line)


def verdicts(told: Told) -> Iterator[str]:
    """Each target, and whether it holds at this size, in wall seconds."""
    whole = _whole(told["full"])["wall_s"]
    read, splink = told["read"]["read"]["wall_s"], told["splink"]["splink"]["wall_s"]
    again = _whole(told["incremental"])["wall_s"]
    yield f"{whole / read:.1f}x the read ({_word(whole <= MOST_OF_READ * read)}, at most {MOST_OF_READ})"
    yield f"{splink / whole:.2f}x as fast as Splink ({_word(splink >= LEAST_OF_SPLINK * whole)}, at least {LEAST_OF_SPLINK})"
    if told["copied"]:
        yield f"SQLite alone: {told['copied']['copied']['wall_s'] / read:.1f}x the read, for the rows that the store keeps"
    yield f"after 1 % changed {again / whole:.0%} of the full run ({_word(again <= MOST_OF_FULL * whole)}, at most {MOST_OF_FULL:.0%})"


def _run(job: str, folder: Path) -> Told:
    CONSOLE.log(f"{(folder / 'persons').read_text()} persons: {job}")
    command = [sys.executable, "-m", "benchmarks.stitch.job", job, str(folder)]
    # compiled modules are kept: a user compiles once, not in every run
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"{job} did not run:\n{done.stderr}")
    told: Told = json.loads(done.stdout.splitlines()[-1])
    return told


def _whole(told: Told) -> dict[str, float]:
    steps = [told[step] for step in STEPS]
    sums = {name: sum(step[name] for step in steps) for name in ("wall_s", "cpu_s")}
    return {**sums, "peak_mib": max(step["peak_mib"] for step in steps)}


def _word(holds: bool) -> str:  # noqa: FBT001  # the whole question
    return "holds" if holds else "missed"


def _option(name: str) -> str | None:
    return next((word.removeprefix(f"--{name}=") for word in sys.argv if word.startswith(f"--{name}=")), None)
