"""One stream of one vendor account: from the saved cursor to the present, then into facts.

Order is the whole safety: a page is staged, a complete window's rows land, then its cursor is saved, then its pages are
removed. Killed between any two steps, the next pull goes on from there; nothing is lost and nothing is doubled.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Engine

from connectors.base import Connector, Page, Position, Quota, Source, Stream, Whole
from connectors.errors import ConnectorError, Fatal, Unsupported
from models.clock import Clock
from models.operations import Cursor
from models.records import Record
from models.store import transaction
from pipelines.ingest.absent import tombstones
from pipelines.ingest.anew import read_anew
from pipelines.ingest.columns import ColumnChange, note_columns
from pipelines.ingest.counts import compare_counts
from pipelines.ingest.dirty import dirty_first
from pipelines.ingest.forgotten import Tombstones, kept
from pipelines.ingest.heap import lean_heap, settled_heap
from pipelines.ingest.lake import Lake
from pipelines.ingest.landing import land, rows
from pipelines.ingest.staging import Mark, Staging, claim, landing_turn
from pipelines.ingest.translate import Translation, translate
from pipelines.progress import Meter


@dataclass
class PullReport:
    """What one pull did.

    Shape: `rows` landed of `seen` records, of which `held_back` are of people who are forgotten; `calls` by reason; `rejected` records by reason; `facts` by table; `cursor` is where
    the next pull starts; `changes` are columns that are no longer what they were; `untold` says what the vendor refused to tell of
    itself. Units: `lag_s` is the age of the newest record at the vendor, in seconds, None while there is none.
    """

    rows: int = 0
    seen: int = 0
    held_back: int = 0
    pages: int = 0
    windows: int = 0
    mended: int = 0
    recovered: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    facts: Counter[str] = field(default_factory=Counter)
    cursor: Position | None = None
    lag_s: float | None = None
    columns: int | None = None
    changes: list[ColumnChange] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    quota: Quota | None = None


def pull_stream(
    source: Source, connector: Connector, stream: Stream, *, lake: Lake, store: Engine, staging: Path, clock: Clock
) -> PullReport:
    """Pull what is new and read it as facts.

    Errors: what the source raises (Retryable, Fatal), with every complete window landed and every whole page staged;
    StreamBusyError while another process pulls the same stream; LakeBusyError if another machine just did. Run again after each.
    """
    with claim(staging, connector.name, source.account, stream.name) as pages, settled_heap():
        return Pull(source, connector, stream, lake, store, pages, staging, clock).run()


@dataclass
class Pull:
    """Staging, landing and reading of one stream's pages; `staging` is the folder of all streams, `staged` that of this one."""

    source: Source
    connector: Connector
    stream: Stream
    lake: Lake
    store: Engine
    staged: Staging
    staging: Path
    clock: Clock
    report: PullReport = field(default_factory=PullReport)

    def __post_init__(self) -> None:
        self.meter = Meter(f"pull {self.connector.name}/{self.stream.name}")

    def run(self) -> PullReport:
        """Go on from where the last pull stood to the present."""
        before, began = Counter(self.source.calls), self.clock.now()
        self._catch_up()
        self._finish(self.staged.last(self._cursor()))
        with dirty_first(self.source, self.stream, self.store, self.clock, self._land_beside):
            self._walk()
        self.meter.end(self.report.seen)
        self._look_at_vendor(began)
        self.report.calls = Counter(self.source.calls) - before
        self.report.quota = self.source.quota
        self.report.lag_s = self._lag()
        return self.report

    def _walk(self) -> None:
        since = self._cursor()
        last = self.staged.last(since)
        number = len(self.staged.pages())
        complete = False
        for page in self._pages(since, last.position if last else None):
            number += 1
            last = Mark(since, page.position, page.cursor, page.whole)
            table = self._rows(number, page)
            del page  # let go before its rows are written, the window lands, or the next page is read
            self.staged.add(number, table, last)
            del table
            complete = last.cursor is not None
            if complete:
                self._finish(last)
                since, number = last.cursor, 0
        if not complete:
            raise Fatal(
                "the pages ended before their window was complete", vendor=self.connector.name, stream=self.stream.name
            )

    def _pages(self, since: Position | None, resume: Position | None) -> Iterator[Page]:
        return self.source.pages(self.stream, since, resume)

    def _land_beside(self, records: Sequence[Record]) -> None:
        """Land records that were read by their ids, and so belong to no window."""
        beside = self.staged.beside("dirty")
        beside.clear()  # what a killed pull left there has landed, or is among these
        table, mended = rows(self._kept(records), self.stream, self.clock.now(), 0)
        beside.add(0, table, Mark(None, {}, None))
        self.report.seen += len(records)
        self.report.mended += mended
        with self._turn():
            landed = land(self.lake, self.connector.name, self.stream.name, beside.pages())
            beside.clear()
            self.report.rows += landed
            if landed:
                self._translate()

    def _rows(self, number: int, page: Page) -> pa.Table:
        """What is staged of a page."""
        table, mended = rows(self._kept(page.records), self.stream, self.clock.now(), number)
        self.report.pages += 1
        self.report.seen += len(page.records)
        self.report.mended += mended
        self.meter.at(self.report.seen)
        return table

    @cached_property
    def _tombstones(self) -> Tombstones:
        """Read once: whoever forgets waits until nobody pulls."""
        return Tombstones.of(self.store)

    def _kept(self, records: Sequence[Record]) -> Sequence[Record]:
        some = kept(self.store, self.stream, records, self._tombstones)
        self.report.held_back += len(records) - len(some)
        return some

    def _finish(self, mark: Mark | None) -> None:
        """Land the staged window if this mark completes it."""
        if mark is None or mark.cursor is None:
            return
        with self._turn():
            if mark.whole:
                self._bury(mark, Whole(*mark.whole))
            landed = land(self.lake, self.connector.name, self.stream.name, self.staged.pages())
            self._save(mark.cursor)
            self.staged.clear()
            self.report.rows += landed
            self.report.windows += 1
            if landed:
                self._translate()

    def _bury(self, mark: Mark, whole: Whole) -> None:
        """Stage tombstones of what the window should hold and does not."""
        pages, vendor = self.staged.pages(), self.connector.name
        gone = tombstones(self.lake, vendor, self.stream, whole, pages=pages, pulled_at=self.clock.now())
        if gone.num_rows:
            self.staged.add(len(pages) + 1, gone, mark)

    def _catch_up(self) -> None:
        """Read what an earlier pull landed and could not read any more, and what another release has read otherwise."""
        with self._turn():
            self._note(read_anew(self.lake, self.store, self.connector, self.clock))
            self._translate()

    def _translate(self) -> None:
        self._note(translate(self.lake, self.store, self.connector, self.stream, self.clock))

    def _note(self, done: Translation) -> None:
        self.report.facts += done.facts
        self.report.rejected += done.rejected
        self.report.recovered += done.recovered

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with landing_turn(self.staging, self.connector.name), lean_heap():
            yield

    def _look_at_vendor(self, began: datetime) -> None:
        """Ask for columns and counts. All that was read has landed by now, so a vendor that does not answer stops nothing."""
        for look in (self._columns, lambda: self._counts(began)):
            try:
                look()
            except Unsupported:
                continue
            except ConnectorError as error:
                self.report.untold.append(str(error))

    def _columns(self) -> None:
        told = self.source.columns(self.stream)
        where = (self.connector.name, self.source.account, self.stream.name)
        self.report.columns = len(told)
        self.report.changes = note_columns(self.store, *where, told, self.clock.now())

    def _counts(self, began: datetime) -> None:
        now, landed = self.clock.now(), self.report.rows
        compare_counts(self.source, self.stream, self.lake, self.store, began=began, landed=landed, now=now)

    def _cursor(self) -> Position | None:
        with transaction(self.store) as session:
            row = session.get(Cursor, (self.connector.name, self.source.account, self.stream.name))
            return row.position if row else None

    def _save(self, position: Position) -> None:
        self.report.cursor = position
        with transaction(self.store) as session:
            session.merge(
                Cursor(
                    vendor=self.connector.name,
                    account=self.source.account,
                    stream=self.stream.name,
                    position=position,
                    landed_at=self.clock.now(),
                )
            )

    def _lag(self) -> float | None:
        newest = self.lake.census(self.connector.name, self.stream.name).newest
        return (self.clock.now() - newest).total_seconds() if newest else None
