"""A folder of files that grows, and pulls of it through real file systems and the real lake."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from connectors.base import Page, Position
from connectors.product_events import CONNECTOR
from connectors.product_events.client import open_files
from connectors.product_events.pull import Limits, ProductEventsSource
from connectors.product_events.settings import ProductEventsSettings
from models.clock import FrozenClock
from models.operations import Rejection
from models.records import Record
from models.store import open_store
from pipelines.ingest.lake import Lake
from pipelines.ingest.pull import PullReport, pull_stream


def track(number: int, **more: Any) -> dict[str, Any]:
    """A deed of a user with an id of its own."""
    return {
        "type": "track", "event": "Report opened", "messageId": f"m-{number}", "userId": "u-1",
        "timestamp": f"2026-05-09T10:{number // 60 % 60:02}:{number % 60:02}Z", **more,
    }  # fmt: skip


def lines(*rows: dict[str, Any] | str) -> str:
    """JSON lines; a text stands as it is."""
    return "".join(f"{row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)}\n" for row in rows)


@dataclass
class Folder:
    """The place that PRODUCT_EVENTS_URL names, and what pulls of it brought. Every writing is a second younger than the one before."""

    path: Path
    clock: FrozenClock
    cursors: dict[str, Position | None] = field(default_factory=dict)
    written: int = 0
    limits: Limits | None = None

    def write(self, name: str, content: str | bytes, *, add: bool = False) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab" if add else "wb") as opened:
            opened.write(content if isinstance(content, bytes) else content.encode())
        self.written += 1
        os.utime(file, (self.written, self.written))
        return file

    def open(self, url: str | None = None) -> ProductEventsSource:
        files = open_files(ProductEventsSettings(url=url or str(self.path)))
        return ProductEventsSource(files, "app", self.clock, self.limits)

    def pages(self, stream: str = "events", *, resume: Position | None = None, url: str | None = None) -> list[Page]:
        """One pull from the cursor that the one before left."""
        walked = self.open(url).pages(CONNECTOR.streams_by_name[stream], self.cursors.get(stream), resume)
        found = [*walked]
        self.cursors[stream] = json.loads(json.dumps(found[-1].cursor))
        assert self.cursors[stream] is not None
        return found

    def pull(self, stream: str = "events", *, url: str | None = None) -> list[Record]:
        """The records of one pull."""
        return [record for page in self.pages(stream, url=url) for record in page.records]

    def ids(self, stream: str = "events", *, url: str | None = None) -> list[str]:
        """Their ids."""
        return [record.key.id for record in self.pull(stream, url=url)]


@dataclass
class Landing:
    """A lake and a store that streams are landed in."""

    root: Path
    folder: Folder

    def __post_init__(self) -> None:
        self.lake = Lake.open(str(self.root / "lake"))
        self.store = open_store(f"sqlite:///{self.root / 'store.db'}")

    def pull(self, stream: str = "events") -> PullReport:
        return pull_stream(
            self.folder.open(), CONNECTOR, CONNECTOR.streams_by_name[stream], lake=self.lake, store=self.store,
            staging=self.root / "staging", clock=self.folder.clock,
        )  # fmt: skip

    def reasons(self) -> list[str]:
        with Session(self.store) as session:
            return sorted(session.exec(select(Rejection.reason)))


@pytest.fixture
def folder(tmp_path: Path, clock: FrozenClock) -> Folder:
    """An empty folder."""
    (tmp_path / "files").mkdir()
    return Folder(tmp_path / "files", clock)


@pytest.fixture
def landing(tmp_path: Path, folder: Folder) -> Landing:
    """An empty lake that the folder is pulled into."""
    return Landing(tmp_path, folder)
