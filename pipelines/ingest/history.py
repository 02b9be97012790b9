"""A range of dates is read once more: into the same change log and facts as every pull, without moving the pull's cursor.

Its pages wait in a folder of their own. A stream that was read to its end leaves an empty page that says so until the whole range is
done, for a day at most: killed at any point, the next run asks for nothing twice. What is known already lands no second time.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from connectors.base import Connector, Page, Position, Source
from connectors.errors import ConnectorError, Retryable, Unsupported
from models.clock import Clock
from pipelines.ingest.heap import settled_heap
from pipelines.ingest.lake import Lake
from pipelines.ingest.landing import rows
from pipelines.ingest.pull import Pull, PullReport
from pipelines.ingest.staging import Mark, claim
from pipelines.progress import Meter

FOLDER = "by-date"
"""Below the folder of staged pages; no vendor has a name with a hyphen."""
RESTS = timedelta(days=1)
"""How long a stream that was read to its end is not read again, while others of the range fail; who asks later has a new doubt."""


@dataclass
class HistoryReport:
    """What reading a range did: a report for each stream that was read, names of those that cannot be, and errors of those that failed."""

    streams: dict[str, PullReport] = field(default_factory=dict)
    unsupported: list[str] = field(default_factory=list)
    failures: dict[str, ConnectorError] = field(default_factory=dict)

    def insist(self) -> None:
        """Raise one of the failures, if there are any: rather what a human must mend than what passes by itself."""
        for error in sorted(self.failures.values(), key=lambda error: isinstance(error, Retryable)):
            raise error


def pull_between(
    source: Source,
    connector: Connector,
    since: datetime,
    until: datetime,
    *,
    lake: Lake,
    store: Engine,
    staging: Path,
    clock: Clock,
) -> HistoryReport:
    """Read what the vendor stamped in `[since, until)`, stream by stream; one that fails stops no other.

    Errors: StreamBusyError while another process reads the same range; LakeBusyError if another machine just landed. Run again after
    each, and after a report with failures; what was read is not read again.
    """
    report = HistoryReport()
    folder = staging / FOLDER / connector.name / f"{since:%Y%m%dT%H%M}-{until:%Y%m%dT%H%M}"
    for stream in connector.streams if since < until else ():
        with claim(folder, connector.name, source.account, stream.name) as pages, settled_heap():
            pull = _Between(source, connector, stream, lake, store, pages, staging, clock, since=since, until=until)
            try:
                report.streams[stream.name] = pull.run()
            except Unsupported:
                report.unsupported.append(stream.name)
            except ConnectorError as error:
                report.failures[stream.name] = error
    if not report.failures:
        shutil.rmtree(folder, ignore_errors=True)  # a range of no length has none
    return report


def unfinished(staging: Path, vendor: str) -> list[str]:
    """Ranges of the vendor that were begun and not read to their end, `since-until` each, the oldest first."""
    return sorted(
        {
            page.relative_to(staging / FOLDER / vendor).parts[0]
            for page in (staging / FOLDER / vendor).rglob("*.parquet")
        }
    )


@dataclass(kw_only=True)
class _Between(Pull):
    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        self.meter = Meter(f"pull {self.connector.name}/{self.stream.name} of {self.since:%F} to {self.until:%F}")

    def run(self) -> PullReport:
        before = self.source.calls.copy()
        self._catch_up()
        last = self.staged.last(self._cursor())
        if last is None or last.cursor is None:
            self._walk()
        elif "read_at" not in last.position:
            self._finish(last)
        elif not self._rests(last):
            self._walk()
        self.meter.end(self.report.seen)
        self.report.calls = self.source.calls - before
        return self.report

    def _pages(self, since: Position | None, resume: Position | None) -> Iterator[Page]:  # noqa: ARG002  # the range stands in its place
        return self.source.between(self.stream, self.since, self.until, resume)

    def _cursor(self) -> Position:
        return {"since": self.since.isoformat(), "until": self.until.isoformat()}

    def _save(self, position: Position) -> None:
        """No cursor moves."""

    def _finish(self, mark: Mark | None) -> None:
        super()._finish(mark)
        if mark is not None and mark.cursor is not None:
            nothing, _ = rows([], self.stream, self.clock.now(), 1)
            self.staged.add(1, nothing, replace(mark, position={"read_at": self.clock.now().isoformat()}))

    def _rests(self, mark: Mark) -> bool:
        """Whether it was read to its end a short while ago; else that page goes."""
        rests = self.clock.now() - datetime.fromisoformat(mark.position["read_at"]) < RESTS
        if not rests:
            self.staged.clear()
        return rests
