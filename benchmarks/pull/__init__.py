"""What pulling costs: our connectors, a bare loop over the same pages, and peers from PyPI, against a server of prerecorded bytes.

Every client runs in a fresh process against a server in a process of its own that answers after a fixed latency, one request after
the other. CPU seconds are user + system of the client alone and bear a shared machine; wall seconds do not. Getting ready (imports,
the empty lake, the login) is once per run and shown apart, as is landing: rows -> staging -> lake -> facts.

`python -m benchmarks pull [--quick] [--json] [--no-peers] [--VENDOR ...]`; `--quick` is a minute's worth.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.pull import peers
from benchmarks.pull.peers import Peer
from benchmarks.pull.rows import MAKERS, record

LATENCY_MS = 20
SMALL, LARGE = 500, 4_096
"""Bytes of a row."""
SIZES, QUICK = {1_000: 5, 10_000: 5, 100_000: 3}, {10_000: 1}
"""Rounds by the number of rows: the fewer milliseconds a run takes, the more of it is the machine's noise."""
PEER_ROWS = 10_000
"""A peer's cost per row does not change with their number, and a hundred thousand take it minutes."""
MOST_OF_PEER, MOST_OF_BARE, MOST_MIB = 1 / 3, 1.5, 300
"""Targets: CPU beside the best peer and beside the bare loop, and the peak of memory, imports included."""
COLUMNS = (
    "rows",
    "bytes",
    "calls",
    "CPU",
    "x bare",
    "x peer",
    "wall",
    "landing CPU",
    "ready CPU s",
    "MiB ready",
    "MiB peak",
)
MAKE_STORE = "import sys; from models.store import open_store; open_store(sys.argv[1]).dispose()"
CONSOLE = Console(stderr=True)


@dataclass(frozen=True)
class Result:
    """One run of one client, or the cheapest of some. Seconds are of the whole run."""

    who: str
    vendor: str
    size: int
    rows: int
    calls: int
    ready_cpu_s: float
    pull_cpu_s: float
    pull_wall_s: float
    land_cpu_s: float
    land_wall_s: float
    ready_mib: float
    peak_mib: float

    def per_thousand(self, name: str) -> float:
        """A figure per 1,000 rows."""
        return 1_000 * float(getattr(self, name)) / self.rows


def main() -> None:
    """Measure everything and print it."""
    quick, vendors = "--quick" in sys.argv, [name for name in MAKERS if f"--{name}" in sys.argv] or list(MAKERS)
    with tempfile.TemporaryDirectory(prefix="bench-pull-") as folder:
        sizes = QUICK if quick else SIZES
        found = list(measure(Path(folder), vendors, sizes, with_peers="--no-peers" not in sys.argv))
    if "--json" in sys.argv:
        print(json.dumps({"results": [asdict(one) for one in found], "not_run": peers.NOT_RUN}, indent=2))
    else:
        show(found, Console(width=150))


def measure(folder: Path, vendors: Sequence[str], sizes: Mapping[int, int], *, with_peers: bool) -> Iterator[Result]:
    """Every client of every vendor at every number of rows, and ours once more with large rows; says what it is about to do."""
    for vendor in vendors:
        most = max(sizes)
        for rows, size, times in [*((rows, SMALL, times) for rows, times in sizes.items()), (most, LARGE, 1)]:
            beside_peers = with_peers and (rows, size) == (min(PEER_ROWS, most), SMALL)
            with serving(vendor, rows, size, folder) as place:
                clients = {who: partial(client, who, vendor, place, size) for who in ("ours", "bare")}
                for peer in peers.of(vendor) if beside_peers else ():
                    clients[peer.title] = partial(other, peer, place, size, folder)
                CONSOLE.log(f"{vendor}: {', '.join(clients)}; {rows:,} rows of {size} bytes")
                yield from in_turn(clients, times)


def in_turn(clients: Mapping[str, Callable[[], Result | None]], times: int) -> Iterator[Result]:
    """The cheapest run of each that ran; they take turns, for a shared machine's speed changes from one minute to the next."""
    rounds = [[run() for run in clients.values()] for _ in range(times)]
    for runs in zip(*rounds, strict=True):
        if told := [one for one in runs if one]:
            yield min(told, key=lambda one: one.pull_cpu_s)


def other(peer: Peer, place: str, size: int, folder: Path) -> Result | None:
    """One run of a peer; None where it did not run."""
    told = peer.run(place, folder)
    return Result(peer.title, peer.vendor, size, **told) if told else None


def client(who: str, vendor: str, place: str, size: int) -> Result:
    """One run in a process of its own, with a home of its own, where a store is as after the first command."""
    with tempfile.TemporaryDirectory(prefix="bench-home-") as home:
        subprocess.run([sys.executable, "-c", MAKE_STORE, f"sqlite:///{home}/store.db"], check=True)
        command = [sys.executable, "-m", "benchmarks.pull.client", who, vendor, place, home]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    if done.returncode:
        sys.exit(f"{who} could not pull {vendor}:\n{done.stderr}")
    return Result(who, vendor, size, **json.loads(done.stdout.splitlines()[-1]))


def environment() -> dict[str, str]:
    """Ours, but compiled modules are kept: a user compiles once, not in every run."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextmanager
def serving(vendor: str, rows: int, size: int, folder: Path) -> Iterator[str]:
    """The URL of a server that has so many rows; of product events a folder with them in one file."""
    path = record(vendor, rows, size, folder)
    if vendor == "product_events":
        place = path.with_suffix("")
        place.mkdir()
        path.rename(place / "events.jsonl")
        yield str(place)
        return
    command = [sys.executable, "-m", "benchmarks.pull.server", str(path), str(LATENCY_MS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.stdin.close()
    path.unlink()


def show(found: Sequence[Result], console: Console) -> None:
    """The tables for people."""
    console.print(
        f"Seconds per 1,000 rows; {LATENCY_MS} ms per answer, one request at a time; the cheapest of 3 runs (of one, if quick or of {LARGE} bytes)"
    )
    for vendor in dict.fromkeys(one.vendor for one in found):
        of_vendor = [one for one in found if one.vendor == vendor]
        table = Table("client", title=vendor)
        for name in COLUMNS:
            table.add_column(name, justify="right")
        for one in of_vendor:
            beside = [("bare", _beside(one, of_vendor, {"bare"})), ("peer", _beside(one, of_vendor, None))]
            table.add_row(
                one.who, f"{one.rows:,}", str(one.size), f"{one.per_thousand('calls'):.1f}" if one.calls else "",
                f"{one.per_thousand('pull_cpu_s'):.4f}", *(f"{ratio:.2f}" if ratio else "" for _, ratio in beside),
                f"{one.per_thousand('pull_wall_s'):.3f}", f"{one.per_thousand('land_cpu_s'):.3f}" if one.land_cpu_s else "",
                f"{one.ready_cpu_s:.2f}", f"{one.ready_mib:.0f}", f"{one.peak_mib:.0f}",
            )  # fmt: skip
        console.print(table)
    for line in verdicts(found):
        console.print(line)
    for name, why in peers.NOT_RUN.items():
        console.print(f"did not run: {name}: {why}")


def verdicts(found: Sequence[Result]) -> Iterator[str]:
    """Each target, and whether it holds."""
    for vendor in dict.fromkeys(one.vendor for one in found):
        mine = [one for one in found if one.vendor == vendor and one.who == "ours"]
        most = max((_beside(one, found, {"bare"}) or 0.0 for one in mine), default=0.0)
        against = max((_beside(one, found, None) or 0.0 for one in mine if one.rows == PEER_ROWS), default=0.0)
        peak, grown = max(one.peak_mib for one in mine), max(one.peak_mib - one.ready_mib for one in mine)
        told = [
            f"CPU {most:.2f}x the bare loop ({_word(most <= MOST_OF_BARE)}, at most {MOST_OF_BARE})",
            f"{against:.2f}x the best peer ({_word(against <= MOST_OF_PEER)}, at most 0.33)"
            if against
            else "no peer ran",
            f"memory {peak:.0f} MiB at most ({_word(peak < MOST_MIB)}, less than {MOST_MIB}), {grown:.0f} more than when it was ready",
        ]
        yield f"{vendor}: {'; '.join(told)}"


def _word(holds: bool) -> str:  # noqa: FBT001  # the whole question
    return "holds" if holds else "missed"


def _beside(one: Result, found: Sequence[Result], whom: set[str] | None) -> float | None:
    """Our CPU over the least of others with the same rows; `whom` None are the peers."""
    if one.who != "ours":
        return None
    others = [
        other.per_thousand("pull_cpu_s")
        for other in found
        if (other.vendor, other.size) == (one.vendor, one.size)
        and (other.who in whom and other.rows == one.rows if whom else other.who not in {"ours", "bare"})
    ]
    return one.per_thousand("pull_cpu_s") / min(others) if others else None
