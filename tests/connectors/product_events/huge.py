"""Walks a file of a quarter of a gibibyte in a process of its own and prints how far its memory grew, in MiB."""

import json
import resource
import sys
from datetime import UTC, datetime
from pathlib import Path

from connectors.product_events import CONNECTOR
from connectors.product_events.settings import ProductEventsSettings
from models.clock import FrozenClock

ROWS, WIDTH = 4_000, 48_000


def write(folder: Path) -> None:
    with (folder / "huge.jsonl").open("w") as file:
        for n in range(ROWS):
            row = {
                "type": "track",
                "event": "Opened",
                "messageId": f"m-{n}",
                "timestamp": n,
                "properties": {"note": "x" * WIDTH},
            }
            file.write(json.dumps(row) + "\n")
        for _ in range(64):
            file.write("x" * 2**20)  # a line of 64 MiB
        file.write("\n")


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    write(folder)
    source = CONNECTOR.open(ProductEventsSettings(url=str(folder)), FrozenClock(datetime(2026, 11, 2, tzinfo=UTC)))
    before = peak()
    last = None
    seen = 0
    for page in source.pages(CONNECTOR.streams_by_name["events"], None, None):
        seen += len(page.records)
        last = page.records[-1] if page.records else last
    assert seen == ROWS + 1
    assert last is not None
    assert last.key.id == f"huge.jsonl:{ROWS + 1}"
    print(peak() - before)  # noqa: T201
