from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from connectors.toy_vendor.settings import ToySettings

from connectors.base import Finding, Page, Position, Stream
from models.clock import Clock
from models.keys import RecordKey
from models.records import Record

GUESTS = [{"id": "1", "name": "Ada", "email": "ada@kolbe.example"}, {"id": "2", "name": "", "email": "x@y.example"}]
SIGNED = datetime(2026, 1, 1, tzinfo=UTC)


class GuestBook:
    account = "hall"

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        self.calls["window"] += 1
        records = [
            Record(RecordKey("toy_vendor", self.account, stream.object, row["id"]), SIGNED, row) for row in GUESTS
        ]
        yield Page(records, position={"page": 1}, cursor={"through": SIGNED.isoformat()})

    def diagnose(self, streams: Sequence[Stream]) -> list[Finding]:
        return [Finding("guest book", ok=True, message=f"{len(GUESTS)} pages")]


def open_guest_book(settings: ToySettings, clock: Clock) -> GuestBook:
    return GuestBook()
