"""`python -m tests.soak --runs 200 --seed 1`: so many runs over all vendors, each of a seed of its own, and a table of what they stood.

A run that loses something is told with its seed, which repeats it: `python -m tests.soak --runs 1 --seed 17 --vendor hubspot`.
"""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from connectors.registry import connectors_by_name
from tests import stores
from tests.soak.run import STREAMS, Lost, Tally, soak

Outcome = tuple[str, int, Tally, str]
"""Vendor, seed, what it went through, and what was lost."""


def one(vendor: str, seed: int, streams: int) -> Outcome:
    """One vendor's part of one run; every twentieth run reads facts, too."""
    logging.disable(logging.CRITICAL)  # refusals by the hundred are what this is about
    with TemporaryDirectory() as folder:
        try:
            return vendor, seed, soak(vendor, seed, Path(folder), streams=streams, facts=seed % 20 == 0), ""
        except Lost as lost:
            return vendor, seed, Tally(), str(lost)


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
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=stores.begin) as pool:
        waiting = [pool.submit(one, name, number, streams) for number in range(seed, seed + runs) for name in vendors]
        done = [each.result() for each in track(as_completed(waiting), "soaking", len(waiting))]
    shown(vendors, done, time.monotonic() - began)
    if any(lost for *_, lost in done):
        raise typer.Exit(1)


def shown(vendors: Sequence[str], done: Sequence[Outcome], seconds: float) -> None:
    """The table, and every loss."""
    columns = ("vendor", "runs", "lost", "pulls", "kills", "refusals", "changes", "rows", "requests", "struck", "share")
    table = Table(*columns, title=f"{len(done)} runs in {seconds:.0f} s")
    for name in vendors:
        tally = Tally()
        for _, _, each, _ in (outcome for outcome in done if outcome[0] == name):
            tally.add(each)
        mine = [lost for vendor, _, _, lost in done if vendor == name]
        counts = (len(mine), sum(map(bool, mine)), tally.pulls, tally.kills, tally.refusals, tally.changes, tally.rows)
        share = f"{tally.struck / max(tally.requests, 1):.1%}"
        table.add_row(name, *map(str, (*counts, tally.requests, tally.struck)), share)
    console = Console()
    console.print(table)
    for _, _, _, lost in sorted(done, key=lambda outcome: outcome[1]):
        if lost:
            console.print(lost, markup=False)


if __name__ == "__main__":
    typer.run(main)
