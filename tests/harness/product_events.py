"""A folder of files that grow, on a file system that fails: lines cut in the middle, delivered twice or broken, talks written anew."""

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from connectors.product_events.client import Files
from connectors.product_events.pull import Limits, ProductEventsSource
from models.clock import FrozenClock
from models.keys import content_id
from tests.harness import Harness, Living, Payload, Weathered, seeded
from tests.harness.flaky_files import FlakyFiles

ACCOUNT = "app"
BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
LIMITS = Limits(lines=5, pages=2, files=3)
"""Small enough that small folders have many pages and windows, and that files are closed."""


class ProductEventsHarness(Harness):
    """One folder. What its lines say is written down beside them as they are written."""

    vendor = "product_events"
    streams = ("users", "events", "participants", "transcripts")
    lag = timedelta(minutes=1)
    cadence = timedelta(days=1)
    secrets = ()
    grant = "read access"
    nonsense = (
        ("events", r'"timestamp": "[^"]*"', '"timestamp": "0000-13-99"'),
        ("events", r'"type": "track"', '"type": "nobody knows"'),
        ("events", r'"anonymousId": "a-1"', '"anonymousId": ["a", "list"]'),
        ("transcripts", "started_at: 2026", "started_at: 9999999"),
    )

    def __init__(self, root: Path, clock: FrozenClock) -> None:
        super().__init__(root, clock)
        self.folder = root / "files"
        self.folder.mkdir(parents=True)
        self.store = FlakyFiles()
        self.written = 0
        self.files: list[str] = []
        self.said: dict[str, Living] = {stream: {} for stream in self.streams}
        self.lines: dict[str, int] = {}
        self.rest: tuple[str, str] | None = None
        self.others: dict[str, str] = {}

    def open(self) -> ProductEventsSource:
        """A pull comes after whoever was writing has finished the line."""
        self._finish()
        return ProductEventsSource(Files(self.store.opened(), str(self.folder)), ACCOUNT, self.clock, LIMITS)

    def create(self, stream: str, random: Random, ago: timedelta = timedelta(0)) -> str:  # files have no stamps of ours
        number = self.next()
        if stream in {"transcripts", "participants"}:
            return self._talk(stream, f"talks/call-{number}.vtt", random)
        named = f"{stream[0]}-{number}"
        self._line(stream, named, random)
        return named

    def update(self, stream: str, record_id: str, random: Random) -> None:
        if stream == "transcripts":
            self._talk(stream, record_id, random)
        elif stream == "participants":
            talks = sorted(path for _, path in self.said["transcripts"])
            self._talk(stream, random.choice(talks), random)
        elif ":" not in record_id:
            self._line(stream, record_id, random)

    def weather(self, random: Random) -> Mapping[str, Callable[[], None]]:
        return {
            "broken line": lambda: self._broken(random),
            "half a line": lambda: self._half(random),
            "table": lambda: self._table(random),
        }

    def living(self, stream: str) -> Living:
        self._finish()
        return dict(self.said[stream])

    def meanwhile(self, change: Callable[[], None], seed: int) -> None:  # the storm's seed does
        self.store.meanwhile = change

    def storm(self, seed: int, share: float) -> None:
        self.store.rage(seed, 1.5 * share)  # looks at the folder while it is calm are counted as well

    def ambush(self, call: int, *, hollow: bool) -> None:  # no file system gives a part of a folder
        self.store.denied = 0 if hollow else call + 1

    def deny(self) -> None:
        self.store.closed = True

    def rewrite(self, pattern: str, text: str) -> None:
        self.others[pattern] = text

    def drift(self) -> tuple[str, str, str]:
        self.rewrite(r'"type": "track"', '"type": "track", "mood": "brand new"')
        return "events", self.create("events", seeded(0)), "brand new"

    def calm(self) -> None:
        self.store.calm()

    def close(self) -> None:
        """Files need no letting go."""

    def weathered(self) -> Weathered:
        return Weathered(self.store.asked, Counter(store=self.store.struck))

    # writing ----------------------------------------------------------------------------------------------------------

    def _line(self, stream: str, named: str, random: Random) -> None:
        row = self._deed(named, random) if stream == "events" else self._identity(named, random)
        self._append(self._file(random), json.dumps(row, ensure_ascii=False) + "\n")
        payload = row if stream == "events" else {"userId": named, "traits": row["traits"]}
        self.said[stream][ACCOUNT, named] = payload

    def _deed(self, named: str, random: Random) -> Payload:
        properties = {"note": self.words(random), "amount": random.choice((-3, 0.1, 10**15))}
        return {
            "type": "track", "event": "Opened", "messageId": named, "anonymousId": "a-1", "timestamp": self._stamp(),
            "properties": properties,
        }  # fmt: skip

    def _identity(self, named: str, random: Random) -> Payload:
        traits = {"email": f"{named}@kolbe.example", "name": self.words(random)}
        return {"type": "identify", "userId": named, "timestamp": self._stamp(), "traits": traits}

    def _broken(self, random: Random) -> None:
        file = self._file(random)
        self._append(file, "{broken\n")
        self.said["events"][ACCOUNT, f"{file}:{self.lines[file]}"] = {"unreadable": {"json": "{broken"}}

    def _half(self, random: Random) -> None:
        """A writer that is in the middle of a line while the folder is read."""
        self._finish()
        named, file = f"e-{self.next()}", self._file(random)
        row = self._deed(named, random)
        text = json.dumps(row, ensure_ascii=False) + "\n"
        self._append(file, text[:20])
        self.rest = (file, text[20:])
        self.said["events"][ACCOUNT, named] = row

    def _finish(self) -> None:
        if self.rest:
            rest, self.rest = self.rest, None
            self._append(*rest)

    def _table(self, random: Random) -> None:
        named = f"e-{self.next()}"
        row = {"type": "track", "event": "Bought", "messageId": named, "anonymousId": "a-2", "timestamp": self._stamp()}
        self._write(f"table-{named}.csv", ",".join(row) + "\n" + ",".join(row.values()) + "\n")
        self.said["events"][ACCOUNT, named] = dict(row)

    def _talk(self, stream: str, path: str, random: Random) -> str:
        words, number = " ".join(self.words(random).split()), self.next()
        address, name = f"{Path(path).stem}@kolbe.example", f"Dana {number}"
        text = (
            f"WEBVTT\n\nNOTE started_at: 2026-05-09T10:00:00Z\ncustomer: {name} <{address}>\n\n"
            f"00:00.000 --> 00:0{number % 9 + 1}.000\n<v Dana>{words}\n"
        )
        self._write(path, text)
        part = {"role": "customer", "name": name, "email": address}
        who = content_id("participant", address)
        self.said["participants"][ACCOUNT, who] = part
        self.said["transcripts"][ACCOUNT, path] = {
            "recorded_by": "rep", "started_at": "2026-05-09T10:00:00Z", "participants": [part], "text": f"Dana: {words}",
            "duration_s": number % 9 + 1,
        }  # fmt: skip
        return path if stream == "transcripts" else who

    def _file(self, random: Random) -> str:
        self._finish()
        if not self.files or random.random() < 0.2:
            self.files.append(f"events-{self.next():04}.jsonl")
        return random.choice(self.files)

    def _append(self, name: str, text: str) -> None:
        self.lines[name] = self.lines.get(name, 0) + text.count("\n")
        before = (self.folder / name).read_text() if (self.folder / name).exists() else ""
        self._write(name, before + text)

    def _write(self, name: str, text: str) -> None:
        """Every writing is a second younger than the one before, as real ones are by nanoseconds."""
        for pattern, other in self.others.items():
            text = re.sub(pattern, lambda _, other=other: other, text)  # type: ignore[misc]  # the text as it is
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        beside = file.with_name(f".{file.name}")
        beside.write_bytes(text.encode("utf-8", "surrogatepass"))
        self.written += 1
        os.utime(beside, (self.written, self.written))
        beside.replace(file)

    def _stamp(self) -> str:
        return (BEGIN + timedelta(seconds=self.next())).isoformat().replace("+00:00", "Z")


HARNESS = ProductEventsHarness
