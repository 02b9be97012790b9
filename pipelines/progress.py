"""How long work shows where it stands: one log record per step, a bar at a terminal, a line in Dagster."""

import logging
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
logger = logging.getLogger("sidecar.progress")


def report(task: str, done: int, total: int | None = None) -> None:
    """Say how far a task is: `done` of `total` items, the total unknown where None."""
    of = f"/{total}" if total is not None else ""
    logger.info("%s %d%s", task, done, of, extra={"task": task, "done": done, "total": total})


def track(items: Iterable[Item], task: str, total: int | None = None, every: int = 100) -> Iterator[Item]:
    """The items, reported every so many and at the end."""
    done = 0
    for done, item in enumerate(items, start=1):  # the count outlives the loop
        yield item
        if done % every == 0:
            report(task, done, total)
    report(task, done, total)
