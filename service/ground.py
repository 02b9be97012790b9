"""The sandbox as a process: started by the first command that needs it, shared by all commands of the folder, gone with the last.

Every command holds a shared lock on one file; the sandbox waits for the exclusive lock on it and then ends by itself. Locks end
with their process: even a killed command leaves no sandbox behind, and no command loses the sandbox it works with.
"""

import fcntl
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx
from dotenv import dotenv_values

from service.errors import UsageError

SANDBOX = Path(".sidecar/sandbox")
PORT_BASE = 8700
START_PATIENCE_S = 180.0  # a first start builds the world, which takes seconds even on a slow machine
END_PATIENCE_S = 10.0  # an unused sandbox ends within a second
PAUSE_S = 0.1
PORT_TAKEN = 3  # the sandbox's exit code where another program has one of its ports
TRIES = 10
"""Times that other ports are looked for."""
FEWEST = 95
"""Persons of a world: so many of them have texts."""


@dataclass(frozen=True)
class World:
    """Which planted world the sandbox builds when it has none."""

    persons: int = 300
    seed: int = 1


@contextmanager
def sandbox(world: World, *, reset: bool = False) -> Iterator[None]:
    """The sandbox is up for the length of the block. UsageError if it cannot start, or is in use where it is to be reset."""
    SANDBOX.mkdir(parents=True, exist_ok=True)
    process, alone = None, False
    try:
        with (SANDBOX / "used.lock").open("a") as used:
            if reset:
                _wait_until_unused(used)
            fcntl.flock(used, fcntl.LOCK_SH)  # waits for a sandbox that is just ending
            process = _bring_up(world, reset=reset)
            yield
            alone = _got(used, fcntl.LOCK_EX)
    finally:
        if process and alone:
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_PATIENCE_S)


def variables() -> dict[str, str]:
    """Addresses and keys of the sandbox of this folder; empty if it never ran."""
    path = SANDBOX / "sandbox.env"
    return {name: value for name, value in dotenv_values(path).items() if value} if path.exists() else {}


def is_up() -> bool:
    """Whether the sandbox of this folder, and not that of another one on the same port, answers."""
    addresses = [value for name, value in variables().items() if name.endswith("_BASE_URL")]
    with httpx.Client(timeout=2, trust_env=False) as client:  # one for all: to make one takes longer than to ask
        return bool(addresses) and all(_answers(client, address) for address in addresses)


def _answers(client: httpx.Client, address: str) -> bool:
    try:
        answer = client.get(f"{address}/_sandbox/root")
    except httpx.TransportError:
        return False
    return answer.text == str(SANDBOX.resolve())


def _wait_until_unused(used: IO[str]) -> None:
    """Until neither a command nor a sandbox is at work here."""
    deadline = time.monotonic() + END_PATIENCE_S
    while time.monotonic() < deadline:
        if _got(used, fcntl.LOCK_EX):
            if not is_up():
                return
            fcntl.flock(used, fcntl.LOCK_UN)  # it waits for this lock, to end
        time.sleep(PAUSE_S)
    raise UsageError("The sandbox of this folder is in use by another command; end that before --reset.")


def _got(file: IO[str], lock: int) -> bool:
    try:
        fcntl.flock(file, lock | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _bring_up(world: World, *, reset: bool) -> subprocess.Popen[bytes] | None:
    """Start the sandbox unless it is up; one command starts it, others that come at the same moment wait."""
    with (SANDBOX / "start.lock").open("a") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        return None if is_up() else _start(world, reset=reset)


def _start(world: World, *, reset: bool, tries: int = TRIES) -> subprocess.Popen[bytes]:
    base = _port_base()
    process = _spawn(world, base, reset=reset)
    deadline = time.monotonic() + START_PATIENCE_S
    try:
        while process.poll() is None and time.monotonic() < deadline:
            if is_up():
                return process
            time.sleep(PAUSE_S)
    except BaseException:
        process.terminate()
        raise
    process.terminate()
    if process.wait() == PORT_TAKEN and tries:  # another folder's sandbox was quicker, and may be gone again
        return _start(world, reset=reset, tries=tries - 1)
    log = SANDBOX / "sandbox.log"
    said = log.read_text().strip().splitlines() or ["it said nothing"]
    raise UsageError(f"The sandbox did not start: {said[-1].rstrip('.')} (see {log}).")


def _spawn(world: World, base: int, *, reset: bool) -> subprocess.Popen[bytes]:
    arguments = ["--root", str(SANDBOX), "--persons", str(world.persons), "--seed", str(world.seed)]
    arguments += ["--port-base", str(base), "--while-used", str(SANDBOX / "used.lock")]
    with (SANDBOX / "sandbox.log").open("wb") as output:
        return subprocess.Popen(  # noqa: S603  # our own module with our own arguments
            [sys.executable, "-m", "sandbox", *arguments, *(["--reset"] if reset else [])],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the commands, and the sandbox when they are gone
        )


def _port_base() -> int:
    """The usual ports; where another program or another folder's sandbox has one of them, others further up."""
    return next(base for base in range(PORT_BASE, 65_000, 10) if _are_free(base))


def _are_free(base: int) -> bool:
    return all(_is_free(base + offset) for offset in range(1, 5))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
