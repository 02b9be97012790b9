"""The guest book, opened: the only file that would import a vendor's SDK, and the one that turns its refusals into our errors."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from connectors.toy_vendor.settings import ToySettings

from connectors.base import Finding, Page, Position, Source, Stream
from connectors.errors import Fatal
from models.clock import Clock
from models.keys import RecordKey
from models.records import Record

GUESTS = [
    {"id": "1", "name": "Ada", "email": "ada@kolbe.example", "signed": "2026-01-01T00:00:00+00:00"},
    {"id": "2", "name": "", "email": "x@y.example", "signed": "2026-01-02T00:00:00+00:00"},
    {"id": "3", "name": "Bo", "email": "bo@kolbe.example", "signed": "2026-01-02T00:00:00+00:00"},
]
PAGE = 2
LATE = timedelta(minutes=5)
"""Who signs may take so long to put the book back: windows end so much before the present."""


class GuestBook(Source):
    """One open book. `calls` counts pages turned, by reason."""

    vendor = "toy_vendor"
    account = "hall"

    def __init__(self, clock: Clock) -> None:
        self.calls: Counter[str] = Counter()
        self._clock = clock

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        """Who signed between the last window's end and a little before now, in pages; an unfinished window keeps its end."""
        start = cursor["through"] if cursor else ""
        end = resume["end"] if resume else (self._clock.now() - LATE).isoformat()
        signed = [guest for guest in GUESTS if start <= guest["signed"] < end]
        for at in range(resume["at"] if resume else 0, max(len(signed), 1), PAGE):
            self.calls["window"] += 1
            records = [self._record(stream, guest) for guest in signed[at : at + PAGE]]
            complete = at + PAGE >= len(signed)  # a quiet window is one empty page, with its cursor
            yield Page(records, {"end": end, "at": at + PAGE}, {"through": end} if complete else None)

    def diagnose(self, streams: Sequence[Stream]) -> list[Finding]:
        """The book is always there."""
        return [Finding(stream.name, ok=True, message=f"{len(GUESTS)} entries") for stream in streams]

    def _record(self, stream: Stream, guest: dict[str, str]) -> Record:
        key = RecordKey("toy_vendor", self.account, stream.object, guest["id"])
        return Record(key, datetime.fromisoformat(guest["signed"]), dict(guest))


def open_guest_book(settings: ToySettings, clock: Clock) -> GuestBook:
    """The book behind its key. Fatal with `credentials` without one."""
    if settings.key is None:
        raise Fatal(f"not connected: set {', '.join(settings.missing())}", vendor="toy_vendor", credentials=True)
    return GuestBook(clock)
