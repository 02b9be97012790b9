"""`python -m tests.soak --runs 200 --seed 1`: so many runs over all vendors, each of a seed of its own, and a table of what they stood.

A run that loses something is told with its seed, which repeats it: `python -m tests.soak --runs 1 --seed 17 --vendor hubspot`.
"""

import time
from collections.abc import Iterator, Sequence
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
"""Runs of one process, about: each opens a lake, and what the engine of a lake holds (some 8 MB) goes with the process.

The pool's own `max_tasks_per_child` would be the usual way, but makes no process in the place of one that has ended, and the soak stands
still: https://github.com/python/cpython/issues/115634
"""


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
    work = [(name, number, streams) for number in range(seed, seed + runs) for name in vendors]
    done: list[Outcome] = []
    with Progress() as bar:
        for each in bar.track(outcomes(work, jobs), len(work), description="soaking"):
            done.append(each)
            if lost := each[-1]:
                bar.console.print(lost, markup=False)
            if len(done) % EVERY == 0:
                bar.console.print(f"{len(done)} of {len(work)} after {time.monotonic() - began:.0f} s")
    shown(vendors, done, time.monotonic() - began)
    if any(lost for *_, lost in done):
        raise typer.Exit(1)


def outcomes(work: Sequence[tuple[str, int, int]], jobs: int) -> Iterator[Outcome]:
    """What came of each run, given as vendor, seed and number of streams, as they end; what may not be raised is a loss too."""
    for first in range(0, len(work), jobs * LIFETIME):
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=stores.begin) as pool:
            waiting = {pool.submit(outcome, *run): run for run in work[first : first + jobs * LIFETIME]}
            for each in as_completed(waiting):
                name, number, _ = waiting[each]
                broken = each.exception()
                yield (name, number, Tally(), _told(name, number, broken)) if broken else each.result()


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
