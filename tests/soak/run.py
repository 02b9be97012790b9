"""One soak run: every vendor in bad weather, with data changing meanwhile and the process dying, and in the end nothing is lost."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from connectors.base import Source, Stream, raw_only
from connectors.errors import ConnectorError
from models.clock import FrozenClock
from pipelines.ingest.pull import PullReport, pull_stream
from tests.harness import Harness, Key, Living, harness_of, seeded
from tests.soak.pages import small_pages
from tests.soak.reaper import Killed, MortalLake, MortalSource, Reaper, watched
from tests.stores import new_store

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SHARE = 0.14
"""Of all requests are struck, so that no run has less than the one in twenty that was promised."""
ROUNDS = 3
STREAMS = 1
"""Of each vendor in one run, drawn by its seed."""
RECORDS = 11
"""Of each stream, to begin with; pages hold five."""
WEATHER = 0.2
"""Of all changes are of a vendor's own kind."""
CHANGES = 6
"""Between two pulls of a stream, at most; as many again while pages are read."""
LETHAL = 0.4
"""Of the pulls are to die."""
DEADLY = 14
"""A pull that is to die does so within so many moments."""
STEPS = (
    timedelta(0), timedelta(seconds=1), timedelta(seconds=40), timedelta(minutes=4), timedelta(minutes=11), timedelta(minutes=70),
    timedelta(hours=26),
)  # fmt: skip
"""What passes between two rounds."""
ABSENCE = timedelta(days=31)
"""What passes once in half of the runs: longer than vendors remember deletions and events."""
PATIENCE = 12
"""Pulls that a stream may need until it is quiet again."""

Disguise = Callable[[Source], Source]
Outcome = tuple[str, int, "Tally", str]
"""Vendor, seed, what it went through, and what was lost."""


class Lost(AssertionError):
    """The lake does not say what is true."""


@dataclass
class Tally:
    """What a run went through."""

    pulls: int = 0
    kills: int = 0
    refusals: int = 0
    changes: int = 0
    requests: int = 0
    rows: int = 0
    by_fault: Counter[str] = field(default_factory=Counter)

    @property
    def struck(self) -> int:
        """Requests that a trouble struck."""
        return self.by_fault.total()

    def add(self, other: "Tally") -> None:
        """Both together."""
        for name in ("pulls", "kills", "refusals", "changes", "requests", "rows"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.by_fault += other.by_fault


class Soak:
    """One vendor's part of a run: some of its streams, from planting to the last comparison."""

    def __init__(
        self,
        harness: Harness,
        folder: Path,
        seed: int,
        streams: Sequence[str],
        *,
        disguise: Disguise,
        facts: bool = False,
    ) -> None:
        self.harness = harness
        self.random = seeded(f"{seed}/{harness.vendor}")
        self.seed = seed
        self.streams = streams
        self.tally = Tally()
        self._disguise = disguise
        self.facts = facts
        self._folder = folder
        self._reaper = Reaper()
        lake = MortalLake.open(str(folder / "lake"))
        self._lake = MortalLake(lake.tables, reaper=self._reaper)
        self._store = new_store(folder)

    def plant(self) -> None:
        """History of some hours ago, with ties: records come in bursts of one second each."""
        for stream in self.streams:
            for number in range(RECORDS):
                if number % 4 == 0:
                    self.harness.clock.advance(timedelta(seconds=1))
                self.harness.create(stream, self.random)
        self.harness.clock.advance(timedelta(hours=3))

    def rage(self) -> None:
        """Rounds of pulls in a storm, with changes before and during each, and deaths."""
        absent = self.random.randrange(2 * ROUNDS)
        for number in range(ROUNDS):
            self.harness.storm(self.seed * 100 + number, SHARE)
            self.harness.ambush(self.random.randint(1, 5), hollow=self.random.random() < 0.5)
            self.harness.meanwhile(lambda: self._change(self.random.choice(self.streams)), self.seed)
            for stream in self.random.sample(self.streams, len(self.streams)):
                for _ in range(self.random.randint(0, CHANGES)):
                    self._change(stream)
                self._reaper.left = self.random.randint(1, DEADLY) if self.random.random() < LETHAL else 0
                self._try(stream)
                self._reaper.left = 0
            self.harness.calm()
            self.harness.clock.advance(ABSENCE if number == absent else self.random.choice(STEPS))

    def settle(self) -> None:
        """In calm weather: what stamps and events tell after the lag, and all the rest after every sweep. Raises Lost.

        The last changes come right behind a pull that did not fail, so that those that come late lie before its end. The pull that
        should bring them is refused, or shown an empty page, so late that who believes it does not look back to them.
        """
        for stream in self.streams:
            self._try(stream)
            for _ in range(CHANGES):
                self._change(stream)
        self.harness.clock.advance(3 * self.harness.lag)
        for stream in self.streams:
            self.harness.ambush(self.random.randint(1, 2), hollow=self.random.random() < 0.5)
            self._try(stream)
            self.harness.calm()
        self._quiet()
        for stream in self.streams:
            self.compare(stream, whole=False)
        self.harness.clock.advance(self.harness.cadence)
        self._quiet()
        for stream in self.streams:
            self.compare(stream, whole=True)

    def _change(self, stream: str) -> None:
        """One thing that happens at the vendor."""
        self.tally.changes += 1
        random, harness = self.random, self.harness
        living = [one for _, one in harness.living(stream)]
        late = timedelta(seconds=random.choice((0, 0, 30, 90, 400, 800)))
        if (more := harness.weather(random)) and random.random() < WEATHER:
            more[random.choice(sorted(more))]()
            return
        what = random.random()
        if not living or what < 0.35:
            harness.create(stream, random, late)
        elif what < 0.75 or not harness.delete(stream, random.choice(living), random):
            harness.update(stream, random.choice(living), random)

    def _try(self, stream: str) -> bool:
        """One pull; whether it came to its end."""
        self.tally.pulls += 1
        try:
            self.pull(stream)
        except Killed:
            self.tally.kills += 1
        except ConnectorError:
            self.tally.refusals += 1
        else:
            return True
        return False

    def pull(self, stream: str) -> PullReport:
        """One pull by a new source, as a new run makes it."""
        connector = self.harness.connector
        chosen = connector.streams_by_name[stream]
        if not self.facts:
            chosen = _bare(chosen)
        with watched(self._store, self._reaper):
            source = MortalSource(self._disguise(self.harness.open()), self._reaper)
            report = pull_stream(
                source, connector, chosen, lake=self._lake, store=self._store, staging=self._folder / "staging",
                clock=self.harness.clock,
            )  # fmt: skip
        self.tally.rows += report.rows
        return report

    def kill_after(self, moments: int) -> None:
        """Let a pull die at that moment; 0 lets it live."""
        self._reaper.left = moments

    def _quiet(self) -> None:
        """Pull until nothing new lands. Raises Lost where that never happens, or is refused."""
        for stream in self.streams:
            for _ in range(PATIENCE):
                self.tally.pulls += 1
                try:
                    landed = self.pull(stream).rows
                except ConnectorError as error:
                    raise Lost(f"seed {self.seed}: {stream} is refused in calm weather: {error}") from error
                if landed == 0:
                    break
            else:
                raise Lost(f"seed {self.seed}: {self.harness.vendor}/{stream} lands the same again and again")

    def landed(self, stream: str) -> tuple[Living, set[Key]]:
        """What the latest view of the lake says: the living with their payloads, and the dead."""
        rows = self._lake.latest(self.harness.vendor, stream).select("account", "id", "deleted", "payload")
        living: Living = {}
        dead: set[Key] = set()
        for row in rows.to_pyarrow().to_pylist():
            key = row["account"], row["id"]
            if row["deleted"]:
                dead.add(key)
            else:
                living[key] = orjson.loads(row["payload"])
        return living, dead

    def compare(self, stream: str, *, whole: bool) -> None:
        """Raises Lost where the lake says otherwise than the vendor; not `whole` is what an hourly pull owes."""
        harness = self.harness
        (found, _), true = self.landed(stream), harness.living(stream)
        wrong: dict[str, object] = {}
        for key, payload in true.items():
            owed = payload if whole else harness.owed(stream, key, payload)
            if owed is None:
                continue
            if key not in found:
                wrong[f"missing {key[1]}"] = owed
                continue
            told = harness.comparable(stream, found[key])
            expected = harness.comparable(stream, owed)
            differ = {name for name in expected if name not in told or told[name] != expected[name]}
            differ |= {name for name in told if whole and name not in expected}
            if differ:
                wrong[f"differs {key[1]}"] = {name: (told.get(name), expected.get(name)) for name in sorted(differ)}
        if whole:
            wrong |= {f"not gone {one}": None for account, one in found.keys() - true.keys() - harness.untold(stream)}
        if wrong:
            when = "in the end" if whole else "after the lag"
            first = dict(list(wrong.items())[:3])
            raise Lost(f"seed {self.seed}: {harness.vendor}/{stream} {when}: {len(wrong)} records, such as {first}")

    def close(self) -> None:
        """Count what was asked, and let go."""
        seen = self.harness.weathered()
        self.tally.requests += seen.asked
        self.tally.by_fault += seen.struck
        self.harness.close()


def _bare(stream: Stream) -> Stream:
    """The stream without its facts: what is soaked is the change log, and facts have tests of their own."""
    return replace(stream, translate=raw_only, facts=())


def soak(
    vendor: str,
    seed: int,
    folder: Path,
    *,
    streams: Sequence[str] | int = STREAMS,
    disguise: Disguise = lambda source: source,
    facts: bool = False,
) -> Tally:
    """One vendor's part of the run of this seed, in an empty folder; so many streams are drawn where none are named. Raises Lost."""
    harness = harness_of(vendor)(folder / "world", FrozenClock(NOW))
    home = folder / "home"
    home.mkdir(parents=True)
    if isinstance(streams, int):
        streams = seeded(f"{seed}/{vendor}/streams").sample(harness.streams, min(streams, len(harness.streams)))
    harness.vary(seeded(f"{seed}/{vendor}/ways"))
    one = Soak(harness, home, seed, streams, disguise=disguise, facts=facts)
    try:
        with small_pages():
            one.plant()
            one.rage()
            one.settle()
    finally:
        one.close()
    return one.tally


def outcome(vendor: str, seed: int, streams: int) -> Outcome:
    """A vendor's part of a run as a line of a table; every twentieth run reads facts, too."""
    logging.disable(logging.CRITICAL)  # refusals by the hundred are what this is about
    with TemporaryDirectory() as folder:
        try:
            return vendor, seed, soak(vendor, seed, Path(folder), streams=streams, facts=seed % 20 == 0), ""
        except Lost as lost:
            return vendor, seed, Tally(), str(lost)
