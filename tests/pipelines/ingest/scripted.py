"""A vendor that plays a written log of record versions through the real port, and the place where its rows land."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from pydantic_settings import SettingsConfigDict
from sqlalchemy import Engine

from connectors.base import Connector, Finding, Heard, Page, Position, Quota, Source, Stream, VendorSettings
from connectors.errors import Retryable
from models.clock import FrozenClock
from models.facts import Fact, Identifier, Profile, Scope
from models.keys import RecordKey
from models.records import Record
from pipelines.ingest.history import HistoryReport, pull_between
from pipelines.ingest.lake import Lake
from pipelines.ingest.pull import PullReport, pull_stream
from tests.stores import new_store

Answer = TypeVar("Answer")
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


def version(record_id: str, day: float, *, deleted: bool = False, **payload: Any) -> Record:
    """One version of a person; `day` counts from the start of 2026."""
    key = RecordKey("paper", "acct", "Person", record_id)
    return Record(key, START + timedelta(days=day), {"id": record_id, **payload}, deleted=deleted)


def person(record: Record) -> Iterator[Fact]:
    """A person has a name and perhaps an address; without a name it makes no sense."""
    if not record.payload["name"]:
        raise ValueError(f"name is empty, not {record.payload['email']!r}")
    yield Profile(scope=Scope.person, name=record.payload["name"], created_at=record.payload.get("created"))
    yield from Identifier.of(Scope.person, "email", record.payload.get("email"))


class PaperSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="PAPER_")
    key: str | None = None

    @classmethod
    def required(cls) -> tuple[str, ...]:
        return ("key",)


PEOPLE = Stream(
    "people", "Person", "People on paper.", person, facts=(Profile, Identifier), unstamped=frozenset({"stamp"})
)


@dataclass
class ScriptedSource(Source):
    """Reads its log from the cursor on: so many versions per page, so many pages per window, looking back so many versions.

    It counts and tells columns if it is given them; an error that stands in their place is raised. Streams that are undated cannot be
    read by date.
    """

    vendor = "paper"
    log: Sequence[Record]
    page: int = 2
    window: int = 2
    look_back: int = 0
    fails_after: int | None = None
    account: str = "acct"
    calls: Counter[str] = field(default_factory=Counter)
    asked: list[tuple[Position | None, Position | None]] = field(default_factory=list)
    asked_between: list[tuple[str, datetime, datetime, Position | None]] = field(default_factory=list)
    counted: int | Exception | None = None
    told: Mapping[str, str] | Exception | None = None
    spent: Quota | None = None
    undated: frozenset[str] = frozenset()
    now: dict[str, Record] | None = None
    """What reading by id finds; without it nothing can be read so."""
    refusal: Exception | None = None
    """What reading by id is answered with instead."""

    def pages(self, stream: Stream, cursor: Position | None, resume: Position | None) -> Iterator[Page]:
        self.asked.append((cursor, resume))
        start = max(0, cursor["at"] - self.look_back) if cursor else 0
        at, left = (resume["at"], resume["left"]) if resume else (start, self.window)
        served = 0
        while True:
            if served == self.fails_after:
                raise Retryable("the line is busy", after=0, vendor="paper", stream=stream.name)
            records = list(self.log[at : at + self.page])
            at, left, served = at + len(records), left - 1, served + 1
            self.calls["window"] += 1
            end = at >= len(self.log)
            done = end or left == 0
            yield Page(records, {"at": at, "left": left}, cursor={"at": at} if done else None)
            if end:
                return
            if done:
                left = self.window

    @property
    def quota(self) -> Quota | None:
        return self.spent

    def between(self, stream: Stream, since: datetime, until: datetime, resume: Position | None) -> Iterator[Page]:
        if stream.name in self.undated:
            return super().between(stream, since, until, resume)
        self.asked_between.append((stream.name, since, until, resume))
        return self._between(stream, [one for one in self.log if since <= one.updated_at < until], resume)

    def _between(self, stream: Stream, log: Sequence[Record], resume: Position | None) -> Iterator[Page]:
        at = resume["at"] if resume else 0
        for served in count():
            if served == self.fails_after:
                raise Retryable("the line is busy", after=0, vendor="paper", stream=stream.name)
            records = log[at : at + self.page]
            at += len(records)
            self.calls["window"] += 1
            done = at >= len(log)
            yield Page(list(records), {"at": at}, cursor={"done": True} if done else None)
            if done:
                return

    def count(self, stream: Stream) -> int:
        if self.counted is None:
            return super().count(stream)
        self.calls["count"] += 1
        return given(self.counted)

    def columns(self, stream: Stream) -> Mapping[str, str]:
        return super().columns(stream) if self.told is None else given(self.told)

    def read(self, stream: Stream, ids: Sequence[str]) -> list[Record]:
        if self.now is None:
            return super().read(stream, ids)
        self.calls["by-id"] += 1
        if self.refusal:
            raise self.refusal
        return [self.now[one] for one in ids if one in self.now]

    def diagnose(self, streams: Sequence[Stream]) -> list[Finding]:
        return []


def given(answer: Answer | Exception) -> Answer:
    """What a script answers, or raises."""
    if isinstance(answer, Exception):
        raise answer
    return answer


SHELF: dict[str, ScriptedSource] = {}
"""What opening the vendor gives; a test puts its script here."""

PAPER = Connector(
    name="paper",
    label="Paper",
    kinds=frozenset({"python"}),
    settings=PaperSettings,
    streams=(PEOPLE, replace(PEOPLE, name="friends", object="Friend", description="Friends on paper.")),
    open=lambda settings, clock: SHELF["paper"],
    schedule="0 * * * *",
    listen=lambda settings, delivery: Heard(),
    docs="https://paper.example",
)


def reading(number: int, translate: Callable[[Record], Iterable[Fact]], *facts: type[Fact]) -> Connector:
    """The same vendor in a release that reads people otherwise, as these facts."""
    people, *others = PAPER.streams
    return replace(PAPER, reading=number, streams=(replace(people, translate=translate, facts=facts), *others))


def read_otherwise(
    vendor: str, stream: str, translate: Callable[[Record], Iterable[Fact]], *facts: type[Fact]
) -> Connector:
    """A vendor of one stream in a release that reads its records otherwise than before, as these facts."""
    streams = (replace(PEOPLE, name=stream, translate=translate, facts=facts),)
    return replace(PAPER, name=vendor, reading=2, streams=streams)


def loudly(record: Record) -> Iterator[Fact]:
    """As `person`, in capitals."""
    return (
        fact.model_copy(update={"name": fact.name.upper()}) if isinstance(fact, Profile) and fact.name else fact
        for fact in person(record)
    )


@dataclass
class Place:
    """A lake, a store and a staging folder in one directory."""

    root: Path
    clock: FrozenClock = field(default_factory=lambda: FrozenClock(NOW))

    def __post_init__(self) -> None:
        self.lake = Lake.open(str(self.root / "lake"))
        self.store: Engine = new_store(self.root)

    @property
    def staging(self) -> Path:
        return self.root / "staging"

    def pull(
        self,
        source: ScriptedSource | Iterable[Record],
        stream: Stream = PEOPLE,
        connector: Connector = PAPER,
        **script: int,
    ) -> PullReport:
        source = source if isinstance(source, ScriptedSource) else ScriptedSource(list(source), **script)
        return pull_stream(
            source, connector, stream, lake=self.lake, store=self.store, staging=self.staging, clock=self.clock
        )

    def pull_between(
        self, source: ScriptedSource, since: datetime, until: datetime, connector: Connector = PAPER
    ) -> HistoryReport:
        place: dict[str, Any] = {"lake": self.lake, "store": self.store, "staging": self.staging, "clock": self.clock}
        return pull_between(source, connector, since, until, **place)

    def log(self) -> list[dict[str, Any]]:
        """The whole change log in the order it landed."""
        return self.lake.raw("paper", "people").order_by("batch", "record").to_pyarrow().to_pylist()

    def latest(self) -> dict[str, dict[str, Any]]:
        return {row["id"]: row for row in self.lake.latest("paper", "people").to_pyarrow().to_pylist()}

    def facts(self, kind: type[Fact]) -> dict[str, list[dict[str, Any]]]:
        """Current facts by record id."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.lake.facts(kind).order_by("record").to_pyarrow().to_pylist():
            found.setdefault(row["id"], []).append(row)
        return found
