"""One measured client, in a process of its own: `python -m benchmarks.pull.client ours|bare VENDOR PLACE HOME`.

It prints one line of JSON: rows and calls; CPU (user + system) and wall seconds of importing, of pulling and of landing; the peak
of its memory. PLACE is the server's URL, of product events a folder of files.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

START = time.perf_counter()


@dataclass
class Spent:
    """Seconds of CPU and of waiting, added up over the times that something ran."""

    cpu: float = 0.0
    wall: float = 0.0
    _since: tuple[float, float] = field(default=(0.0, 0.0), repr=False)

    def __enter__(self) -> "Spent":
        self._since = cpu(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu += cpu() - self._since[0]
        self.wall += time.perf_counter() - self._since[1]


def cpu() -> float:
    """CPU seconds of this process, all its threads, so far."""
    used = getrusage(RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def ours(vendor: str, place: str, home: Path) -> tuple[int, int, Spent, Spent]:
    """The connector through the real pull into an empty lake; what passes while it makes the next page is pulling, the rest landing."""
    from connectors.base import Page, Position, Source, Stream
    from connectors.registry import connectors_by_name
    from models.clock import SystemClock
    from models.store import open_store
    from pipelines.ingest.lake import Lake
    from pipelines.ingest.pull import pull_stream

    class Timed(Source):
        """A source whose own work is measured apart from what becomes of its pages."""

        def __init__(self, inner: Source) -> None:
            self.vendor, self.account, self.calls = inner.vendor, inner.account, inner.calls  # type: ignore[misc]
            self._inner = inner

        def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
            pages = self._inner.pages(stream, cursor, resume)
            while True:
                with pulling:
                    page = list(islice(pages, 1))
                if not page:
                    return
                yield page.pop()  # a page that was held here would be another than the product holds

        def diagnose(self, streams: Any) -> Any:
            return self._inner.diagnose(streams)

    connector = connectors_by_name()[vendor]
    stream = connector.streams_by_name[STREAMS[vendor]]
    lake, store = Lake.open(str(home / "lake")), open_store(f"sqlite:///{home / 'store.db'}")
    source = Timed(connector.open(settings(connector, place), SystemClock()))
    ready()
    pulling, all_of_it = Spent(), Spent()
    with all_of_it:
        report = pull_stream(
            source, connector, stream, lake=lake, store=store, staging=home / "staging", clock=SystemClock()
        )
    store.dispose()
    assert not report.rejected, report.rejected
    landing = Spent(all_of_it.cpu - pulling.cpu, all_of_it.wall - pulling.wall)
    # a record of Meta's is an account's day, whose rows are those of its ads
    rows = report.facts["spend"] if vendor == "meta_ads" else report.seen
    return rows, source.calls.total(), pulling, landing


STREAMS = {
    "salesforce": "contacts", "hubspot": "contacts", "stripe": "charges", "meta_ads": "insights", "product_events": "events",
}  # fmt: skip


def settings(connector: Any, place: str) -> Any:
    """A connector's settings for the server; every secret is a dummy."""
    given = {
        "salesforce": {"client_id": "id", "client_secret": "secret", "domain": "bench.my"},
        "hubspot": {"access_token": "pat-bench"},
        "stripe": {"api_key": "sk_test_bench"},
        "meta_ads": {"access_token": "token", "app_id": "1", "app_secret": "secret"},
        "product_events": {"url": place},
    }
    where = {} if connector.name == "product_events" else {"base_url": place}
    return connector.settings(**given[connector.name], **where)


def bare(vendor: str, place: str, home: Path) -> tuple[int, int, Spent, Spent]:  # noqa: ARG001  # nothing lands
    """The same pages through httpx and orjson, and nothing done with them."""
    import httpx
    import orjson

    calls: Counter[str] = Counter()
    with httpx.Client(base_url=place if place.startswith("http") else "", trust_env=False) as client:

        def ask(method: str, path: str, params: Any = None, body: Any = None) -> Any:
            calls["bare"] += 1
            content = None if body is None else orjson.dumps(body)
            return orjson.loads(client.request(method, path, params=params, content=content).content)

        ready()  # as with ours, whose session is open by then
        with (pulling := Spent()):
            seen = sum(LOOPS[vendor](ask, place))
    return seen, calls.total(), pulling, Spent()


def _salesforce(ask: Any, _: str) -> Iterator[int]:
    after, rows = "", [{}] * 2_000
    while len(rows) == 2_000:
        soql = f"SELECT FIELDS(ALL) FROM Contact WHERE Id > '{after}' LIMIT 2000"  # noqa: S608  # of our own server
        rows = ask("GET", "/services/data/v63.0/queryAll/", {"q": soql})["records"]
        yield len(rows)
        after = rows[-1]["Id"] if rows else after


def _hubspot(ask: Any, _: str) -> Iterator[int]:
    after, more, rows = "0", True, list[Any]()
    while more:
        where = [{"propertyName": "hs_object_id", "operator": "GT", "value": after}]
        page = ask("POST", "/crm/v3/objects/contacts/search", body={"limit": 200, "filterGroups": [{"filters": where}]})
        rows += page["results"]
        after, more = rows[-1]["id"], "paging" in page
        if len(rows) == 1_000 or not more:
            inputs = [{"id": row["id"]} for row in rows]
            ask("POST", "/crm/v4/associations/contacts/companies/batch/read", body={"inputs": inputs})
            yield len(rows)
            rows = []


def _stripe(ask: Any, _: str) -> Iterator[int]:
    after: dict[str, str] = {}
    while True:
        page = ask("GET", "/v1/charges", {"limit": 100, **after})
        yield len(page["data"])
        if not page["has_more"]:
            return
        after = {"starting_after": page["data"][-1]["id"]}


def _meta_ads(ask: Any, _: str) -> Iterator[int]:
    params: dict[str, Any] = {"limit": 500}
    while True:
        page = ask("GET", "/v26.0/1970010121000101/insights", params)  # a report over all days
        yield len(page["data"])
        if "paging" not in page:
            return
        params = {"limit": 500, "after": page["paging"]["cursors"]["after"]}


def _product_events(_: Any, place: str) -> Iterator[int]:
    import orjson

    for path in sorted(Path(place).iterdir()):
        with path.open("rb") as file:
            while page := [orjson.loads(line) for line in islice(file, 1_000)]:  # held together, as a vendor's page is
                yield len(page)


LOOPS = {
    "salesforce": _salesforce, "hubspot": _hubspot, "stripe": _stripe, "meta_ads": _meta_ads, "product_events": _product_events,
}  # fmt: skip
READY = Spent()
MIB_AT_START: list[float] = []


def ready() -> None:
    """Everything so far was getting ready, once per run: imports, the empty store and lake, the login."""
    READY.cpu, READY.wall = cpu(), time.perf_counter() - START
    MIB_AT_START.append(peak_mib())


def peak_mib() -> float:
    """The most memory that this process has had so far."""
    return getrusage(RUSAGE_SELF).ru_maxrss / 1_024


def main() -> None:
    """Run one client and print what it took."""
    import json

    who, vendor, place, home = sys.argv[1:5]
    seen, calls, pulling, landing = {"ours": ours, "bare": bare}[who](vendor, place, Path(home))
    found = {
        "rows": seen, "calls": calls, "ready_cpu_s": READY.cpu, "pull_cpu_s": pulling.cpu, "pull_wall_s": pulling.wall,
        "land_cpu_s": landing.cpu, "land_wall_s": landing.wall, "ready_mib": MIB_AT_START[0], "peak_mib": peak_mib(),
    }  # fmt: skip
    print(json.dumps(found))


if __name__ == "__main__":
    main()
