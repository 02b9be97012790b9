"""Death at a chosen moment of a pull, in this process: between pages, before and after a landing, around a commit, while waiting.

What dies is a `BaseException`, which nothing in the product may catch. The moments are passed by subclasses of the real parts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine, event

from connectors.base import Page, Position, Source, Stream
from pipelines.ingest.lake import BATCH_ROWS, Lake
from tests.soak.front import Front


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Reaper:
    """Counts moments down to the fatal one; unarmed it lets everybody live."""

    left: int = 0
    killed: int = 0

    def pass_one(self, *_: object) -> None:
        """One more moment, if the process outlives it."""
        if self.left:
            self.left -= 1
            if not self.left:
                self.killed += 1
                raise Killed


@dataclass(frozen=True)
class MortalLake(Lake):
    """A lake whose landings are moments."""

    reaper: Reaper = field(default_factory=Reaper)

    def append_raw(
        self, vendor: str, stream: str, rows: pa.RecordBatchReader, count: int, batch_rows: int = BATCH_ROWS
    ) -> None:
        """Before and after."""
        self.reaper.pass_one()
        super().append_raw(vendor, stream, rows, count, batch_rows)
        self.reaper.pass_one()


class MortalSource(Front):
    """A source whose pages are moments."""

    def __init__(self, inner: Source, reaper: Reaper) -> None:
        super().__init__(inner)
        self.reaper = reaper

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        """Before each page and after it was staged."""
        for page in super().pages(stream, cursor, resume):
            self.reaper.pass_one()
            yield page
            self.reaper.pass_one()


@contextmanager
def watched(store: Engine, reaper: Reaper) -> Iterator[None]:
    """Every commit of the store is a moment that comes before it."""

    def before(_: Any) -> None:
        reaper.pass_one()

    event.listen(store, "commit", before)
    try:
        yield
    finally:
        event.remove(store, "commit", before)
