"""Pages of an unfinished window, kept on disk with their position until the window is complete.

A page is one Parquet file that carries its own mark, renamed into place only when it is whole: killed at any line, a window
has some first pages and nothing else. One stream of one account has one writer, held by an operating system lock that ends
with the process.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.base import Position
from pipelines.ingest.tables import parquet

LANDING = "landing.lock"
"""File in a vendor's folder whose lock is a turn to land."""
MARK = b"sidecar"
"""Key of the mark in a page file's schema metadata."""


class StreamBusyError(Exception):
    """Another process is pulling the same stream of the same account; nothing was done."""


@dataclass(frozen=True)
class Mark:
    """Where a page stands.

    Shape: `since` is the cursor its window started from; `cursor` is set on the page that completes it; `whole` is a
    `connectors.base.Whole` as JSON keeps it.
    """

    since: Position | None
    position: Position
    cursor: Position | None
    whole: tuple[str, str, str | None, str | None] | None = None


@dataclass(frozen=True)
class Staging:
    """The staged pages of one stream of one account."""

    folder: Path

    @classmethod
    def of(cls, root: Path, vendor: str, account: str, stream: str) -> "Staging":
        """Where the stream's pages are; whoever changes them claims them first."""
        return cls(root / vendor / quote(account, safe="") / stream)

    def pages(self) -> list[Path]:
        """Page files in the order they came."""
        return sorted(self.folder.glob("*.parquet"))

    def beside(self, name: str) -> "Staging":
        """A place for rows of the same stream that belong to no window; the same lock guards it."""
        return Staging(self.folder.with_name(f"{self.folder.name}-{name}"))

    def last(self, since: Position | None) -> Mark | None:
        """The mark of the last page, None if there is none. Pages of a window that starts elsewhere are thrown away."""
        mark = self.mark()
        if mark is None:
            return None
        if mark.since != since:  # the store was reset or went back: these pages answer another question
            self.clear()
            return None
        return mark

    def mark(self) -> Mark | None:
        """The mark of the last page, wherever its window starts."""
        pages = self.pages()
        return Mark(**json.loads((pq.read_schema(pages[-1]).metadata or {})[MARK])) if pages else None

    def add(self, number: int, rows: pa.Table, mark: Mark) -> None:
        """Keep a window's page of this number with its mark, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / "page.new"
        marked = rows.schema.with_metadata({MARK: json.dumps(asdict(mark))})
        with beside.open("wb") as file:
            with parquet(file, marked) as writer:
                for batch in rows.to_batches():
                    writer.write_batch(batch)  # a group of rows each: the writer holds no more
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.folder / f"{number:08}.parquet")
        _sync(self.folder)

    def clear(self) -> None:
        """Remove all pages at once: the folder is renamed first, so that no part of a window can be taken for a window."""
        gone = self.folder.with_suffix(".gone")
        shutil.rmtree(gone, ignore_errors=True)
        if self.folder.exists():
            self.folder.rename(gone)
            shutil.rmtree(gone)


@contextmanager
def claim(root: Path, vendor: str, account: str, stream: str) -> Iterator[Staging]:
    """The staged pages of a stream, for one process at a time. StreamBusyError if another one has them."""
    staged = Staging.of(root, vendor, account, stream)
    staged.folder.parent.mkdir(parents=True, exist_ok=True)
    with staged.folder.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StreamBusyError(f"another run is pulling {vendor}/{stream} right now; wait for it to end") from error
        yield staged


@contextmanager
def claim_all(root: Path) -> Iterator[list[Staging]]:
    """What is staged of every stream that was ever pulled or backfilled here, for the length of the block. StreamBusyError as in `claim`."""
    with ExitStack() as claims:
        locks = sorted(lock for lock in root.rglob("*.lock") if lock.name != LANDING)
        yield [
            claims.enter_context(claim(lock.parents[2], lock.parts[-3], unquote(lock.parts[-2]), lock.stem))
            for lock in locks
        ]


@contextmanager
def landing_turn(root: Path, vendor: str) -> Iterator[None]:
    """Wait until no other process lands a window of the vendor, seconds but for facts that are read anew; then it is ours for the block.

    A pull and a backfill read side by side and land in turn, since two commits to one table at the same moment would cost one of them
    its work (LakeBusyError, which still tells of other machines).
    """
    (root / vendor).mkdir(parents=True, exist_ok=True)
    with (root / vendor / LANDING).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sync(folder: Path) -> None:
    """Make a rename survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
