"""One vendor of the practice ground as a test handles it: planted, changed at random, and asked what is true.

A vendor joins the contract suite and the soak by a module here of its folder's name that declares `HARNESS`. Its truth is read from the
sandbox's state, never from an answer of its server, and says what the connector's documented projection makes of it.
"""

import importlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, ClassVar, TypeAlias

from connectors.base import Connector, Source
from connectors.registry import connectors_by_name
from models.clock import FrozenClock
from sandbox.core import Context, listen, start
from sandbox.faults import Fault
from sandbox.storms import DENIED, HOLLOW, storm

Payload: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, str]
"""Account and id of a record."""
Living: TypeAlias = dict[Key, Payload]

WORDS = (
    "Grüße",
    "naïve café",
    "東京",
    "line\nbreak",
    'a "quote"',
    "back\\slash",
    "🦉 owl",
    "NA",
    "0",
    " spaced ",
    "O'Hara",
    "a,b;c",
)
"""What people type, and what breaks readers."""


def seeded(seed: object) -> Random:
    """Chance that can be repeated."""
    return Random(str(seed))  # repeatable on purpose


@dataclass(frozen=True)
class Weathered:
    """Requests so far, and those that a trouble struck, by kind."""

    asked: int
    struck: Counter[str]


class Harness(ABC):
    """A running vendor with its own clock. `pause` lets time pass instead of waiting."""

    vendor: ClassVar[str]
    streams: ClassVar[tuple[str, ...]]
    """Streams that changes are made in."""
    lag: ClassVar[timedelta] = timedelta(hours=2)
    """After so long an hourly pull owes every change that the vendor tells by a stamp or an event."""
    cadence: ClassVar[timedelta] = timedelta(days=8)
    """After so long a pull owes all the rest, which sweeps and full readings bring."""
    secrets: ClassVar[tuple[str, ...]]
    """What must be in no log line and no error."""
    grant: ClassVar[str]
    """What the error of a missing permission names."""
    nonsense: ClassVar[tuple[tuple[str, str, str], ...]]
    """Values that make no sense: stream, regular expression of what a vendor's text holds, and what it holds instead."""
    marker: str | None = None
    """What people type from now on, if it is always the same."""

    def __init__(self, root: Path, clock: FrozenClock) -> None:
        self.root = root
        self.clock = clock
        self.number = 0

    @property
    def connector(self) -> Connector:
        """The connector under test."""
        return connectors_by_name()[self.vendor]

    def vary(self, random: Random) -> None:  # noqa: B027  # most vendors have one way
        """Choose what differs between runs though the data do not, such as by which door long results come."""

    # what every vendor has ------------------------------------------------------------------------------------------

    @abstractmethod
    def open(self) -> Source:
        """A new source, as a new run opens it."""

    @abstractmethod
    def create(self, stream: str, random: Random, ago: timedelta = timedelta(0)) -> str:
        """A new record, stamped so long ago; its id."""

    @abstractmethod
    def update(self, stream: str, record_id: str, random: Random) -> None:
        """Another value in a record, by somebody at the vendor."""

    @abstractmethod
    def living(self, stream: str) -> Living:
        """What is true now: every record that is there, with what its payload must hold."""

    def delete(self, stream: str, record_id: str, random: Random) -> bool:  # where nothing is deleted
        """Take a record away in one of the vendor's ways; False where it has none."""
        return False

    def weather(self, random: Random) -> Mapping[str, Callable[[], None]]:
        """Other changes that this vendor knows, by name."""
        return {}

    def comparable(self, stream: str, payload: Payload) -> Payload:
        """A payload of the lake without what the vendor may change as it likes."""
        silent = self.connector.streams_by_name[stream].unstamped
        return {name: value for name, value in payload.items() if name not in silent}

    def owed(self, stream: str, key: Key, payload: Payload) -> Payload | None:
        """What of a true record an hourly pull owes within `lag`; None where that is nothing."""
        return payload

    def untold(self, stream: str) -> AbstractSet[Key]:  # where everything is told in the end
        """Records that are gone, which the vendor tells nobody any more who asks for it."""
        return frozenset()

    @abstractmethod
    def storm(self, seed: int, share: float) -> None:
        """Let troubles of the vendor strike that share of what is asked of it."""

    @abstractmethod
    def ambush(self, call: int, *, hollow: bool) -> None:
        """Let one of the next calls for rows say that a permission is missing, or give an empty page with more behind it."""

    @abstractmethod
    def deny(self) -> None:
        """Let every call for rows say that a permission is missing, until it is calm."""

    @abstractmethod
    def rewrite(self, pattern: str, text: str) -> None:
        """Let the vendor's texts hold something else from now on."""

    @abstractmethod
    def drift(self) -> tuple[str, str, str] | None:
        """A column that was not there before, with a value: stream, id of the record and the value; None where columns are fixed."""

    def spend(self) -> bool:
        """Use up the vendor's quota to our floor; False where it has none."""
        return False

    @abstractmethod
    def meanwhile(self, change: Callable[[], None], seed: int) -> None:
        """Let this happen at the vendor now and then between two pages."""

    @abstractmethod
    def calm(self) -> None:
        """End every trouble, and what happens meanwhile."""

    @abstractmethod
    def weathered(self) -> "Weathered":
        """What was asked so far, and what was struck."""

    @abstractmethod
    def close(self) -> None:
        """Let go of server and files."""

    # helpers --------------------------------------------------------------------------------------------------------

    def pause(self, seconds: float) -> None:
        """Wait, by the clock of this world."""
        self.clock.advance(timedelta(seconds=seconds))

    def next(self) -> int:
        """The next of this world's running numbers."""
        self.number += 1
        return self.number

    def words(self, random: Random) -> str:
        """A text that was not there before."""
        return self.marker or f"{random.choice(WORDS)} {self.next()}"


class Served(Harness):
    """A vendor that answers over HTTP."""

    def __init__(self, root: Path, clock: FrozenClock) -> None:
        super().__init__(root, clock)
        self.context = Context(root / self.vendor, clock)
        self.app = importlib.import_module(f"sandbox.{self.vendor}.app").create_app(self.context)
        self.state: Any = self.app.state.store
        self.running = start(self.app, listen())
        self.url = self.running.url
        self.others: dict[str, str] = {}

    def storm(self, seed: int, share: float) -> None:
        for fault in storm(self.vendor, seed, share):
            self.context.faults.add(fault)

    def deny(self) -> None:
        self.context.faults.add(DENIED[self.vendor])

    def rewrite(self, pattern: str, text: str) -> None:
        if not self.others:
            self.context.faults.add(Fault(kind="rewrite", body=self.others))
        self.others[pattern] = text

    def ambush(self, call: int, *, hollow: bool) -> None:
        trouble = (HOLLOW if hollow else DENIED)[self.vendor]
        self.context.faults.add(trouble.model_copy(update={"calls": (call,)}))

    def meanwhile(self, change: Callable[[], None], seed: int) -> None:
        self.context.faults.hooks["world"] = change
        self.context.faults.add(Fault(kind="change", hook="world", probability=0.25, seed=seed))

    def weathered(self) -> Weathered:
        entries = list(self.context.log.entries)
        return Weathered(len(entries), Counter(one.fault for one in entries if one.fault not in {"", "change"}))

    def calm(self) -> None:
        self.context.faults.clear()
        self.others.clear()

    def close(self) -> None:
        self.running.stop()
        self.running.wait()
        self.state.close()


def harness_of(vendor: str) -> type[Harness]:
    """The harness of a vendor. ModuleNotFoundError where nobody has written one."""
    found: type[Harness] = importlib.import_module(f"tests.harness.{vendor}").HARNESS
    return found


@contextmanager
def backdated(clock: FrozenClock, ago: timedelta) -> Iterator[None]:
    """What is done in the block bears stamps from so long ago: a transaction that commits late."""
    clock.advance(-ago)
    try:
        yield
    finally:
        clock.advance(ago)
