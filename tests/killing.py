"""A planted world that a `sidecar run` in a process of its own works on, and is killed over, at a chosen request or moment."""

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlmodel import select
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typer.testing import CliRunner

from models import Alignment, Belief, Evidence, IntendedWrite, Membership, Observation
from models.clock import ShiftedClock
from models.facts import FACTS
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.write_back.fields import KEY, STAMPS
from sandbox import practice
from sandbox.hubspot.objects import BY_NAME
from sandbox.practice import create_apps
from sandbox.world import build
from service.commands import app
from tests import stores
from tests.conftest import NOW, Serve
from tests.stores import new_store

ROOT = Path(__file__).parents[1]
FAR_TOO_LONG_S = 120  # a hanging command fails the test instead of the gate
OURS = "blf_"
STAMPED = {f"{OURS}{spec.name}" for spec in (*STAMPS, KEY)}
"""Fields that hold an instant or an id minted by chance: never equal in two worlds."""
RECORDS = {("PATCH", "/composite/sobjects"): "records", ("POST", "/batch/update"): "inputs"}
"""Where a write call names its records: by method and end of the path."""


@dataclass
class Wire:
    """Between a vendor and the command: counts requests, notes what is written, and strikes once at the chosen request."""

    app: ASGIApp
    seen: Callable[[Scope, bytes], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the vendor do its work; whoever is to be struck dies before the answer comes."""
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        waiting = iter(messages)

        async def again() -> Message:
            return next(waiting, {"type": "http.disconnect"})

        answer: list[Message] = []

        async def hold(message: Message) -> None:
            answer.append(message)

        await self.app(scope, again, hold)
        self.seen(scope, b"".join(message.get("body", b"") for message in messages))
        for message in answer:
            await send(message)


@dataclass
class Place:
    """One folder with a world of its own, in which jobs are run."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    written: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """How often the CRM took each value: by record, field and value."""
    running: subprocess.Popen[bytes] | None = None
    signal: int = signal.SIGKILL
    fatal: tuple[int, str] = (0, "")
    """Which request is the last one, counted among those whose path ends so; 0 for none."""
    apps: dict[str, Any] = field(default_factory=dict)
    """State of each vendor."""

    @property
    def tally(self) -> Path:
        """Where a command that came to its end leaves the number of its moments."""
        return self.folder / "moments"

    def enter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make this the place where commands work."""
        monkeypatch.chdir(self.folder)
        for variable, value in self.environment.items():
            monkeypatch.setenv(variable, value)

    def strike_at(self, request: int, number: int, path: str = "") -> None:
        """Send the signal once the vendor has done so many more requests of this path, before it answers."""
        self.fatal, self.signal = (request, path), number

    def seen(self, scope: Scope, body: bytes) -> None:
        """The vendor has done what was asked."""
        self.requests += 1
        for (method, end), records in RECORDS.items():
            if scope["method"] == method and scope["path"].endswith(end):
                for record in orjson.loads(body)[records]:
                    for name, value in record.get("properties", record).items():
                        if is_content(name):
                            self.written[record["id"], name, str(value)] += 1
        left, path = self.fatal
        if self.running and left and scope["path"].endswith(path):
            self.fatal = (left - 1, path)
            if left == 1:
                self.running.send_signal(self.signal)

    def run(self, *arguments: str) -> Any:
        """A command in this process, to its end; its answer."""
        done = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return orjson.loads(done.stdout)

    def run_and_kill(self, *jobs: str, after: float = FAR_TOO_LONG_S, moment: int = 0) -> tuple[int, str]:
        """`sidecar run` in a process of its own, struck at the chosen request, after so many seconds, or at a moment around a commit.

        Exit code and standard error; `moments` holds how many there were, if it came to its end.
        """
        with subprocess.Popen(
            [sys.executable, "-m", "tests.dying", str(moment), self.tally, "run", *jobs],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            self.running = process
            try:
                _, said = process.communicate(timeout=after)
            except subprocess.TimeoutExpired:
                process.send_signal(self.signal)
                _, said = process.communicate(timeout=FAR_TOO_LONG_S)
            self.running = None
        return process.returncode, said.decode()


@contextmanager
def place(folder: Path, planted: Path, serve: Serve) -> Iterator[Place]:
    """A copy of a planted world, served from here, for the length of the block."""
    world = folder / "world"
    shutil.copytree(planted, world)
    shutil.copy(ROOT / "dagster.yaml", folder)
    clock = ShiftedClock(world / "clock")
    clock.set_now(NOW)
    apps = create_apps(world, clock)
    here = Place(folder, apps={name: made.state.store for name, made in apps.items()})
    urls = {name: serve(Wire(made, here.seen)) for name, made in apps.items()}
    keep = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")
    here.environment = {name: os.environ[name] for name in keep if name in os.environ} | {"PYTHONPATH": str(ROOT)}
    here.environment |= practice.variables(world, urls) | stores.variables(folder / ".sidecar")
    try:
        yield here
    finally:
        for store in here.apps.values():
            store.close()


def plant(folder: Path, persons: int, seed: int) -> None:
    """A world as the sandbox makes it."""
    folder.mkdir()
    clock = ShiftedClock(folder / "clock")
    clock.set_now(NOW)
    apps = create_apps(folder, clock)
    practice.plant(folder, apps, build(persons, seed, NOW))
    for made in apps.values():
        made.state.store.close()


def found(here: Place) -> dict[str, Any]:
    """Everything that must not depend on whether a run was killed; ids that are minted by chance are resolved to records."""
    home = here.folder / ".sidecar"
    lake, store = Lake.open(str(home / "lake")), new_store(home)
    with transaction(store) as session:
        told = _store(session)
    store.dispose()
    return {
        "log": {stream: _rows(lake.raw(*stream), "record", "payload_hash", "deleted") for stream in lake.streams()},
        "latest": {
            stream: _rows(lake.latest(*stream), "record", "payload_hash", "deleted") for stream in lake.streams()
        },
        "facts": {fact.table: _rows(lake.facts(fact).drop("batch")) for fact in FACTS},
        **told,
        "crm": _salesforce(here.apps["salesforce"]) | _hubspot(here.apps["hubspot"]),
    }


def _rows(table: Any, *columns: str) -> list[str]:
    chosen = table.select(*columns) if columns else table
    return sorted(repr(sorted(row.items())) for row in chosen.to_pyarrow().to_pylist())


def _store(session: Any) -> dict[str, Any]:
    members: dict[str, set[str]] = {}
    for row in session.exec(select(Membership)):
        members.setdefault(row.entity_id, set()).add(row.record)
    who = {entity: ",".join(sorted(records)) for entity, records in members.items()}
    origin = dict(session.exec(select(Observation.id, Observation.record)).all())
    return {
        "membership": sorted(who.values()),
        "observations": sorted(session.exec(select(Observation.id, Observation.text_hash)).all()),
        "evidence": sorted(
            (
                origin[row.observation_id],
                row.slot,
                row.aspect,
                row.polarity,
                row.quote,
                row.start,
                row.withdrawn_at is None,
            )
            for row in session.exec(select(Evidence))
        ),
        "beliefs": sorted(
            (who[row.person_id], row.statement, row.confidence, row.weight, row.units, str(row.last_at))
            for row in session.exec(select(Belief))
        ),
        "alignment": sorted((who[row.entity_id], row.overall, row.trend) for row in session.exec(select(Alignment))),
        "ledger": sorted(
            (row.record, row.field, row.new_value or "")
            for row in session.exec(select(IntendedWrite).where(IntendedWrite.state == "ok"))
            if is_content(row.field)
        ),
    }


def _salesforce(org: Any) -> dict[str, Any]:
    return {row["Id"]: _ours(row) for name in ("Account", "Contact", "Lead", "Opportunity") for row in org.rows(name)}


def _hubspot(portal: Any) -> dict[str, Any]:
    return {
        f"{name} {record.id}": _ours(record.values)
        for name in ("companies", "contacts", "deals")
        for record in portal.select(BY_NAME[name], "archived=0", [], "id", limit=-1)
    }


def _ours(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if is_content(name)}


def is_content(name: str) -> bool:
    """Whether this is the CRM's name of a field of ours that holds neither an instant nor an id minted by chance."""
    return name.lower().startswith(OURS) and name.lower().removesuffix("__c") not in STAMPED
