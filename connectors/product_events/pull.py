"""Walking the files: new and changed ones only, in the order of their names, each from where it was left.

A page is limited in lines and bytes, so that memory does not grow with a file; its position is the ledger after it, so that a
pull that broke off goes on in the middle of a file. Some pages land together. A file that grew is read on from its last
line break; one that shrank or begins otherwise is read anew, which changes nothing where its lines are the same.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import BinaryIO

import orjson

from connectors.base import Finding, Page, Position, Source, Stream
from connectors.errors import ConnectorError
from connectors.product_events import lines, transcripts
from connectors.product_events.client import Files
from connectors.product_events.formats import SHOWN, Format, format_of
from connectors.product_events.ledger import OPEN, File, Known, Ledger
from connectors.product_events.lines import VENDOR, Fault, Row, Unreadable, Version
from models.clock import Clock
from models.keys import content_id
from models.records import Record, records_of

CHECKED = 256
"""Bytes before the place reached that must still be there if a file merely grew."""
TALKS = frozenset({"transcripts", "participants"})
REMEDY = "set PRODUCT_EVENTS_URL to where .jsonl, .csv, .parquet (also .gz) or .vtt files lie"


@dataclass(frozen=True)
class Limits:
    """How much a page, a window and a cursor hold."""

    lines: int = 1_000
    """Of one page."""
    bytes: int = 2**22
    """Of one page, before they are read as records; staging a page takes ten times as much."""
    pages: int = 100
    """That land together; landing was measured with windows of 50,000 to 200,000 records."""
    files: int = OPEN
    """That a cursor knows one by one."""


class ProductEventsSource(Source):
    """The files of one place. `calls` counts one listing per stream and pull."""

    vendor = VENDOR

    def __init__(self, files: Files, account: str, clock: Clock, limits: Limits | None = None) -> None:
        self.account = account
        self.calls = files.calls
        self._files = files
        self._clock = clock
        self._limits = limits or Limits()

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        """Every line that was not read before. Errors: those of `Files`."""
        ledger = Ledger(resume or cursor, self._limits.files)
        for number, page in enumerate(self._walk(stream, ledger, self._listing(stream)), start=1):
            yield replace(page, cursor=page.position) if number % self._limits.pages == 0 else page

    def between(self, stream: Stream, since: datetime, until: datetime, resume: Position | None) -> Iterator[Page]:
        """Every line of the files that were changed in that time: a line's own time is not known before it is read."""
        first, behind = (int(instant.timestamp() * 1e9) for instant in (since, until))
        found = [file for file in self._listing(stream) if first <= file.changed < behind]
        return self._walk(stream, Ledger(resume, self._limits.files), found)

    def diagnose(self, streams: Sequence[Stream]) -> list[Finding]:
        """Whether the place is there, and how many files each kind of stream finds in it."""
        try:
            found = self._files.listing()
        except ConnectorError as error:
            return [Finding("files", ok=False, message=str(error), remedy=REMEDY)]
        of_stream = {stream.name: _of(stream, found) for stream in streams}
        if not any(of_stream.values()):
            message = f"none of the {len(found)} files there is one that can be read"
            return [Finding("files", ok=False, message=message, remedy=REMEDY)]
        told = [Finding(name, ok=True, message=f"{len(files)} files") for name, files in of_stream.items()]
        return told + list(self._readable([files[0] for files in of_stream.values() if files]))

    def _readable(self, samples: Sequence[File]) -> Iterator[Finding]:
        for file in dict.fromkeys(samples):
            try:
                with self._files.open(file.path) as opened:
                    opened.read(1)
            except FileNotFoundError:
                continue  # cleared away meanwhile
            except ConnectorError as error:
                remedy = "grant read access to the files, not only to their list"
                yield Finding("reading", ok=False, message=str(error), remedy=remedy)

    def _listing(self, stream: Stream) -> list[File]:
        return _of(stream, self._files.listing(stream.name))

    def _walk(self, stream: Stream, ledger: Ledger, listing: Sequence[File]) -> Iterator[Page]:
        """What the ledger does not know of these files, of each record its newest version; the cursor is on the last page."""
        limits, newest, number, size = self._limits, dict[str, Version](), 0, 0
        steps = self._talks if stream.name in TALKS else self._lines
        for file in ledger.due(listing):
            for version, taken in steps(stream, file, ledger):
                number, size = number + 1, size + taken
                if version:
                    one, at, *_ = version
                    if one not in newest or newest[one][1] <= at:
                        newest[one] = version
                if number >= limits.lines or size >= limits.bytes:
                    yield Page(self._records(stream, newest.values()), ledger.position())
                    newest, number, size = {}, 0, 0
        position = ledger.position()
        yield Page(self._records(stream, newest.values()), position, position)

    def _records(self, stream: Stream, versions: Collection[Version]) -> list[Record]:
        if not versions:
            return []
        return records_of(VENDOR, self.account, stream.object, *zip(*versions, strict=True))

    def _lines(self, stream: Stream, file: File, ledger: Ledger) -> Iterator[tuple[Version | None, int]]:
        """A version or nothing for each line that was not read yet, the ledger being past it."""
        kind = format_of(file.path)
        assert kind is not None  # noqa: S101  # the listing holds no others
        try:
            with self._files.open(file.path, stream.name) as opened:
                known, gone = _start(opened, file, ledger.files.get(file.path), kind)
                finished = known.state == "tail" and known.is_of(file)
                ledger.files[file.path] = known
                known.size, known.changed, known.state, known.check = file.size, file.changed, "part", ""
                for number in gone:
                    yield (_place(file, number), self._clock.now(), {}, True), 0
                tail = known.place
                for number, end, size, said in kind.read(opened, known.place, finished):
                    known.offset, known.number = end, number + 1
                    yield self._told(stream, file, number, said, known), size
                if finished:  # a writer that was quiet may go on in the middle of its last line
                    known.offset, known.number = tail.offset, tail.number
                if kind.appendable:
                    known.check = _check(opened, known.offset)
                left = kind.appendable and not finished and known.offset < file.size
                known.state = "tail" if left else "whole"
        except FileNotFoundError:
            return  # cleared away since it was listed

    def _told(self, stream: Stream, file: File, number: int, said: Row | Fault, known: Known) -> Version | None:
        if isinstance(said, Fault):
            fault = said
        else:
            try:
                return lines.user(said) if stream.name == "users" else lines.event(said)
            except Unreadable as error:
                fault = Fault(str(error), orjson.dumps(said, default=str).decode()[:SHOWN])
        if stream.name != "events":  # one stream keeps what none can read
            return None
        known.note(number)
        return lines.unreadable(_place(file, number), fault.what, fault.raw, self._clock.now())

    def _talks(self, stream: Stream, file: File, ledger: Ledger) -> Iterator[tuple[Version | None, int]]:
        """The talk of one file, or who took part in it."""
        try:
            talk = self._talk(file, stream)
        except FileNotFoundError:
            return
        *first, last = [talk] if stream.name == "transcripts" else [*transcripts.participants(talk), None]
        for version in first:
            yield version, file.size
        ledger.files[file.path] = Known(file.size, file.changed, "whole")  # not before: a page may end after each
        yield last, file.size

    def _talk(self, file: File, stream: Stream) -> Version:
        whole = b""
        try:
            with self._files.open(file.path, stream.name) as opened:
                whole = opened.read(transcripts.LARGEST + 1)
            if len(whole) > transcripts.LARGEST:
                raise Unreadable("size")  # noqa: TRY301  # like every other fault of this file
            said = transcripts.transcript(whole.decode("utf-8-sig"), self._beside(file, stream))
        except UnicodeDecodeError:
            fault = "encoding"
        except Unreadable as error:
            fault = str(error)
        else:
            return file.path, self._clock.now(), said, False
        return lines.unreadable(file.path, fault, whole.decode("utf-8", "replace")[:SHOWN], self._clock.now())

    def _beside(self, file: File, stream: Stream) -> bytes | None:
        try:
            with self._files.open(_sidecar(file.path), stream.name) as opened:
                return opened.read()
        except FileNotFoundError:
            return None


def _place(file: File, number: int) -> str:
    """Id of what stands where nothing can be read."""
    return f"{file.path}:{number}"


def _start(opened: BinaryIO, file: File, known: Known | None, kind: Format) -> tuple[Known, list[int]]:
    """Where reading starts, and the numbers of unreadable lines that are no longer where they were."""
    if known is None:
        return Known(file.size, file.changed), []
    if known.is_of(file):
        return known, []
    if kind.appendable and known.check and file.size > known.size and _check(opened, known.offset) == known.check:
        known.state = "part"
        return known, known.take_back()
    return Known(file.size, file.changed), known.faulty()


def _check(opened: BinaryIO, offset: int) -> str:
    start = max(0, offset - CHECKED)
    opened.seek(start)
    return content_id(opened.read(offset - start).hex())


def _of(stream: Stream, listing: Sequence[File]) -> list[File]:
    return _of_talks(listing) if stream.name in TALKS else _of_events(listing)


def _of_events(listing: Sequence[File]) -> list[File]:
    beside = {_sidecar(file.path) for file in listing if _is_talk(file)}
    return [file for file in listing if format_of(file.path) and file.path not in beside]


def _of_talks(listing: Sequence[File]) -> list[File]:
    """Each transcript together with the file beside it: a change of either is a change of both."""
    by_path = {file.path: file for file in listing}
    found = []
    for file in listing:
        if _is_talk(file):
            other = by_path.get(_sidecar(file.path), File("", 0, 0))
            found.append(File(file.path, file.size + other.size, max(file.changed, other.changed)))
    return found


def _is_talk(file: File) -> bool:
    return file.path.lower().endswith(".vtt")


def _sidecar(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(".json"))
