"""How long work shows where it stands: a log record now and then, a bar at a terminal, a line in Dagster."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")
logger = logging.getLogger("sidecar.progress")

PAUSE_S = 2.0
"""Seconds between two reports of a task: Dagster stores each as an event, which costs more than many an item."""


def report(task: str, done: int, total: int | None = None) -> None:
    """Say how far a task is: `done` of `total` items, the total unknown where None."""
    of = f"/{total}" if total is not None else ""
    logger.info("%s %d%s", task, done, of, extra={"task": task, "done": done, "total": total})


@dataclass
class Meter:
    """Reports how far a task is: at once, at the end, and every other second in between."""

    task: str
    total: int | None = None
    _told: int | None = None
    _due: float = 0.0

    def at(self, done: int) -> None:
        """So many are done; said only if it is time to say something again."""
        now = monotonic()  # how long the reader has waited, which the clock of the world does not know
        if now >= self._due:
            self._due = now + PAUSE_S
            self._tell(done)

    def end(self, done: int) -> None:
        """So many were done in all."""
        if done != self._told:
            self._tell(done)

    def _tell(self, done: int) -> None:
        self._told = done
        report(self.task, done, self.total)


def track(items: Iterable[Item], task: str, total: int | None = None) -> Iterator[Item]:
    """The items, counted by a meter."""
    meter, done = Meter(task, total), 0
    for done, item in enumerate(items, start=1):  # the count outlives the loop
        yield item
        meter.at(done)
    meter.end(done)
