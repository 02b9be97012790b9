"""Real accounts or practice: which one a command works on, and the sandbox that practice needs.

Real accounts, as soon as the environment or `.env` names one vendor's credentials. Otherwise practice, once the demo has made it:
its lake and store lie apart from the real ones (`.sidecar/practice`), and no real credential is visible while practising.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from dotenv import dotenv_values, load_dotenv

from connectors.registry import connectors_by_name

SANDBOX = Path(".sidecar/sandbox")
PRACTICE_HOME = Path(".sidecar/practice")
PORT_BASE = 8700
START_PATIENCE_S = 180.0  # a first start builds the world, which takes seconds even on a slow machine


class UsageError(Exception):
    """Something the user can mend; the message is one plain sentence, the exit code 2."""


@dataclass(frozen=True)
class World:
    """Which planted world the sandbox builds when it has none."""

    persons: int = 300
    seed: int = 1


def load_dotenv_file() -> None:
    """Read `.env` beside the working directory; what the shell already set wins."""
    load_dotenv(Path(".env"), override=False)


def has_real_credentials() -> bool:
    """Whether any vendor could be reached with what the environment holds."""
    return any(not connector.settings().missing() for connector in connectors_by_name().values())


def is_practising() -> bool:
    """Whether a command without further words would work on the practice data."""
    return not has_real_credentials() and (SANDBOX / "sandbox.env").exists()


@contextmanager
def practice(world: World, *, reset: bool = False) -> Iterator[None]:
    """Practise: sandbox up, its credentials the only ones, its own home. A sandbox that is already up is used as it is."""
    process = None if not reset and is_up() else _start(world, reset=reset)
    try:
        _enter_practice()
        yield
    finally:
        if process:
            _stop(process)


@contextmanager
def chosen() -> Iterator[None]:
    """Real accounts where there are credentials, practice where the demo has left some, else nothing: then vendors are skipped."""
    load_dotenv_file()
    if is_practising():
        with practice(World()):
            yield
    else:
        yield


def is_up() -> bool:
    """Whether the sandbox of this folder, and not that of another one on the same port, answers."""
    addresses = [value for name, value in _sandbox_variables().items() if name.endswith("_BASE_URL")]
    return bool(addresses) and all(_answers(address) for address in addresses)


def _answers(address: str) -> bool:
    try:
        answer = httpx.get(f"{address}/_sandbox/root", timeout=2)
    except httpx.TransportError:
        return False
    return answer.text == str(SANDBOX.resolve())


def _port_base() -> int:
    """The usual ports; where another program or another folder's sandbox has one of them, others further up."""
    return next(base for base in range(PORT_BASE, 65_000, 10) if all(_is_free(base + offset) for offset in range(1, 5)))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _sandbox_variables() -> dict[str, str]:
    path = SANDBOX / "sandbox.env"
    return {name: value for name, value in dotenv_values(path).items() if value} if path.exists() else {}


def _enter_practice() -> None:
    for connector in connectors_by_name().values():
        for name in connector.settings.model_fields:
            os.environ.pop(connector.settings.variable(name), None)
    for variable in ("SIDECAR_LAKE", "SIDECAR_DATABASE_URL"):
        os.environ.pop(variable, None)
    os.environ.update(_sandbox_variables(), SIDECAR_HOME=str(PRACTICE_HOME))


def _start(world: World, *, reset: bool) -> subprocess.Popen[bytes]:
    arguments = ["--root", str(SANDBOX), "--persons", str(world.persons), "--seed", str(world.seed)]
    arguments += ["--port-base", str(_port_base())]
    SANDBOX.mkdir(parents=True, exist_ok=True)
    log = SANDBOX / "sandbox.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # our own module with our own arguments
            [sys.executable, "-m", "sandbox", *arguments, *(["--reset"] if reset else [])],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the command first, which then ends the sandbox
        )
    deadline = time.monotonic() + START_PATIENCE_S
    while not is_up():
        if process.poll() is not None or time.monotonic() > deadline:
            _stop(process)
            last = log.read_text().strip().splitlines()[-1:] or ["it said nothing"]
            raise UsageError(f"The sandbox did not start: {last[0]} (see {log}).")
        time.sleep(0.2)
    return process


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()


def refuse_dotenv() -> None:
    """Refuse to start a command in practice where it would read real credentials by itself, as Dagster reads `.env`."""
    if Path(".env").exists():
        raise UsageError(
            "This folder has a .env with real accounts, which the command would read; practise in another folder."
        )
