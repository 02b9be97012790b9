"""`python -m tests.soak.hunt`: every mutant is hunted by soak runs, and a table says which seed caught it."""

import logging
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests import stores
from tests.soak.mutants import MUTANTS, Mutant
from tests.soak.run import Lost, soak

SEEDS = range(1, 17)
"""Within which every mutant is caught."""


def caught(mutant: Mutant, seeds: Iterable[int] = SEEDS) -> tuple[int, str] | None:
    """The first seed in whose run the mutant loses something, and what; None if it survives them all."""
    with mutant.alive():
        for seed in seeds:
            with TemporaryDirectory() as folder:
                try:
                    soak(mutant.vendor, seed, Path(folder), streams=mutant.streams, disguise=mutant.disguise)
                except Lost as lost:
                    return seed, str(lost)
    return None


def main(vendor: Annotated[list[str] | None, typer.Option(help="only these")] = None) -> None:
    """Hunt every mutant; exit 1 if one survives."""
    logging.disable(logging.CRITICAL)  # refusals by the hundred are what this is about
    stores.begin()
    mutants = [mutant for mutant in MUTANTS if not vendor or mutant.vendor in vendor]
    found = {(mutant.missing, mutant.vendor): caught(mutant) for mutant in mutants}
    vendors = list(dict.fromkeys(mutant.vendor for mutant in mutants))
    table = Table("without", *vendors, title="seed that caught each mutant")
    for missing in dict.fromkeys(mutant.missing for mutant in mutants):
        table.add_row(missing, *(_shown(found.get((missing, name), (0, ""))) for name in vendors))
    Console().print(table)
    if None in found.values():
        raise typer.Exit(1)


def _shown(caught: tuple[int, str] | None) -> str:
    return "survived" if caught is None else str(caught[0] or "")


if __name__ == "__main__":
    typer.run(main)
