"""`python -m tests.soak --runs 200 --seed 1`: so many runs over all vendors, each of a seed of its own, and a table of what they stood.

A run that loses something is told with its seed, which repeats it: `python -m tests.soak --runs 1 --seed 17 --vendor hubspot`.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from traceback import format_exception
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from connectors.registry import connectors_by_name
from tests import stores
from tests.soak.run import STREAMS, Outcome, Tally, outcome

EVERY = 100
"""Runs of a vendor between two lines that say how far it is, for those who read a file."""
LIFETIME = 50
"""Runs of one process: each opens a lake, and what the engine of a lake holds (some 8 MB) goes with the process."""


def main(
    runs: Annotated[int, typer.Option(help="of all vendors")] = 200,
    seed: Annotated[int, typer.Option(help="of the first run; the others follow")] = 1,
    vendor: Annotated[list[str] | None, typer.Option(help="only these")] = None,
    streams: Annotated[int, typer.Option(help="of each vendor in one run")] = STREAMS,
    jobs: Annotated[int, typer.Option(help="processes")] = 2,
) -> None:
    """Soak every vendor in bad weather; exit 1 if anything was lost."""
    began = time.monotonic()
    vendors = vendor or list(connectors_by_name())
    done: list[Outcome] = []
    with (
        ProcessPoolExecutor(
            jobs, mp_context=get_context("spawn"), initializer=stores.begin, max_tasks_per_child=LIFETIME
        ) as pool,
        Progress() as bar,
    ):
        waiting = {
            pool.submit(outcome, name, number, streams): (name, number)
            for number in range(seed, seed + runs)
            for name in vendors
        }
        for each in bar.track(as_completed(waiting), len(waiting), description="soaking"):
            broken = each.exception()
            done.append((*waiting[each], Tally(), _told(*waiting[each], broken)) if broken else each.result())
            if lost := done[-1][-1]:
                bar.console.print(lost, markup=False)
            if len(done) % EVERY == 0:
                bar.console.print(f"{len(done)} of {len(waiting)} after {time.monotonic() - began:.0f} s")
    shown(vendors, done, time.monotonic() - began)
    if any(lost for *_, lost in done):
        raise typer.Exit(1)


def _told(vendor: str, seed: int, error: BaseException) -> str:
    """An error that no pull may raise, which is a loss too, with the place it came from."""
    return "\n".join([f"seed {seed}: {vendor} broke down", *format_exception(error)])


def shown(vendors: Sequence[str], done: Sequence[Outcome], seconds: float) -> None:
    """The table of all runs."""
    columns = ("vendor", "runs", "lost", "pulls", "kills", "refusals", "changes", "rows", "requests", "struck", "share")
    table = Table(*columns, title=f"{len(done)} runs in {seconds:.0f} s")
    for name in vendors:
        tally = Tally()
        for _, _, stood, _ in (each for each in done if each[0] == name):
            tally.add(stood)
        mine = [lost for vendor, _, _, lost in done if vendor == name]
        counts = (len(mine), sum(map(bool, mine)), tally.pulls, tally.kills, tally.refusals, tally.changes, tally.rows)
        share = f"{tally.struck / max(tally.requests, 1):.1%}"
        table.add_row(name, *map(str, (*counts, tally.requests, tally.struck)), share)
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
