"""Pulls one window of 50,000 records of a kilobyte in a process of its own and prints how far its memory grew, in MiB."""

import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from connectors.base import Page, Position, Stream
from tests.pipelines.ingest.scripted import Place, ScriptedSource, version

ROWS, PAGE = 50_000, 2_000


class Large(ScriptedSource):
    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        for at in range(0, ROWS, PAGE):
            records = [version(str(n), 1, name=f"name {n}", note=f"{n} " * 200) for n in range(at, at + PAGE)]
            yield Page(records, {"at": at}, cursor={"at": ROWS} if at + PAGE >= ROWS else None)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    place = Place(Path(sys.argv[1]))
    before = peak()
    report = place.pull(Large([]))
    assert (report.rows, report.facts["profile"]) == (ROWS, ROWS)
    print(peak() - before)  # noqa: T201
