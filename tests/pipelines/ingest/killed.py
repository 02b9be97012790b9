"""Runs pulls in child processes that die, without any cleaning up, at a chosen line of the ingest room.

`python -m tests.pipelines.ingest.killed FOLDER DEATHS` pulls the same scripted vendor into one place per moment of death, kills
the first pull there, pulls again to the end and prints what is found, one JSON line per place. With `anew` behind it, an earlier
release has pulled everything before, and read it otherwise.
"""

import json
import os
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from connectors.base import Connector, Notice
from models.facts import Identifier, Profile
from pipelines import ingest
from pipelines.ingest.dirty import dirty_streams, mark
from tests.pipelines.ingest.scripted import PAPER, Place, ScriptedSource, loudly, reading, version

ROOM = str(Path(ingest.__path__[0]))
LOG = [version(str(n % 7), n, name="" if n in (3, 12) else f"name {n}", email=f"{n}@x.example") for n in range(12)]


NOW = {record.key.id: record for record in LOG}


def say(place: Place) -> None:
    """What the vendor tells by itself before the pull."""
    mark(place.store, "paper", [Notice("people", one, "acct") for one in ("3", "5", "never")], place.clock.now())


OTHERWISE = reading(2, loudly, Profile, Identifier)


def pull(place: Place, connector: Connector = PAPER) -> None:
    place.pull(ScriptedSource(LOG, page=2, window=2, look_back=1, now=NOW), connector.streams[0], connector)


def die_at(line: int) -> Any:
    """A tracer that ends the process at the so-manieth line of the ingest room."""
    passed = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal passed
        if not frame.f_code.co_filename.startswith(ROOM):
            return None
        if event == "line":
            passed += 1
            if passed == line:
                os._exit(9)
        return trace

    trace.passed = lambda: passed  # type: ignore[attr-defined]
    return trace


def in_child(work: Any) -> int:
    """Run the work in a forked process; 0 if it came to its end."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def traced(root: Path, line: int, *, anew: bool) -> int:
    """Pull with a death at the line; returns how many lines were passed."""
    place = Place(root)
    say(place)
    if anew:
        pull(place)
    tracer = die_at(line)
    sys.settrace(tracer)
    pull(place, OTHERWISE if anew else PAPER)
    sys.settrace(None)
    passed: int = tracer.passed()
    return passed


def found(place: Place) -> dict[str, Any]:
    return {
        "log": sorted([row["id"], row["payload"]] for row in place.log()),
        "latest": {key: row["payload"] for key, row in place.latest().items()},
        "profiles": {key: [fact["name"] for fact in facts] for key, facts in place.facts(Profile).items()},
        "identifiers": {key: [fact["value"] for fact in facts] for key, facts in place.facts(Identifier).items()},
        "dirty": [stream.name for stream in dirty_streams(place.store, PAPER)],
        "staged": [str(path) for path in place.staging.rglob("*.parquet")],
    }


def main(folder: Path, deaths: int, *, anew: bool) -> None:
    lines = folder / "lines"
    (folder / "whole").mkdir()
    in_child(lambda: lines.write_text(str(traced(folder / "whole", 0, anew=anew))))
    total = int(lines.read_text())
    for number in range(deaths):
        root = folder / str(number)
        root.mkdir()
        died = in_child(lambda: traced(root, 1 + number * total // deaths, anew=anew))  # noqa: B023  # the child runs at once

        def again() -> None:
            place = Place(root)  # noqa: B023
            pull(place, OTHERWISE if anew else PAPER)
            print(json.dumps({"died": died, **found(place)}), flush=True)  # noqa: B023, T201

        in_child(again)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), anew="anew" in sys.argv[3:])
