"""`python -m tests.connectors.salesforce.pulling URL FOLDER NOW DEATH`: a pull of all contacts in a process of its own.

It dies by SIGKILL once so many pages are staged, 0 for never. One that comes to its end prints what it did as JSON: rows, calls,
seconds, and its peak memory in MiB.
"""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from connectors.base import Page, Position, Stream
from connectors.salesforce import CONNECTOR
from connectors.salesforce.client import Org
from connectors.salesforce.pull import SalesforceSource
from connectors.salesforce.settings import SalesforceSettings
from models.clock import FrozenClock
from pipelines.ingest.lake import Lake
from pipelines.ingest.pull import pull_stream
from tests.stores import new_store


class MortalSource(SalesforceSource):
    """Takes the process with it."""

    death = 0

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        for number, page in enumerate(super().pages(stream, cursor, resume), 1):
            yield page
            if number == self.death:
                os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, folder: Path, now: str, death: int) -> None:
    """Pull, and tell."""
    began = time.monotonic()
    settings = SalesforceSettings(
        client_id="sidecar-sandbox", client_secret="sandbox-secret", domain="acme.my", base_url=url
    )
    clock = FrozenClock(datetime.fromisoformat(now))
    source = MortalSource(Org(settings), clock)
    source.death = death
    report = pull_stream(
        source, CONNECTOR, CONNECTOR.streams_by_name["contacts"], lake=Lake.open(str(folder / "lake")), store=new_store(folder),
        staging=folder / "staging", clock=clock,
    )  # fmt: skip
    told = {
        "rows": report.rows, "seen": report.seen, "calls": report.calls, "seconds": round(time.monotonic() - began, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
