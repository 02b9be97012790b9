"""`python -m sandbox`: every vendor in one process, on loopback, with a planted world that stays until `--reset`.

The world is complete once `truth.json` is there; a start that was interrupted before that begins anew.
"""

import argparse
import fcntl
import os
import shutil
import signal
import socket
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from starlette.applications import Starlette

from models.clock import ShiftedClock
from sandbox.core import LOOPBACK, listen, serving
from sandbox.practice import NOW, PRODUCT_EVENTS, create_apps, plant, variables
from sandbox.world import Truth, build

PORTS = {"salesforce": 1, "hubspot": 2, "meta_ads": 3, "stripe": 4}  # beside the base
USAGE_ERROR = 2
PORT_TAKEN = 3  # exit code apart, so that whoever starts us can choose other ports
INTERRUPTED = 130  # as shells say it
HEARD_WITHIN = 1.0  # seconds until a signal is heard at the latest


class CannotStart(Exception):
    """One plain sentence for whoever typed the command."""

    exit_code = USAGE_ERROR


class PortTaken(CannotStart):
    """Somebody else listens there."""

    exit_code = PORT_TAKEN


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; gives the exit code."""
    given = _parser().parse_args(arguments)
    root: Path = given.root
    stop = threading.Event()
    if given.while_used:
        threading.Thread(target=_end_when_unused, args=(given.while_used, stop), daemon=True).start()
    try:
        with ExitStack() as stack:
            listeners = {name: stack.enter_context(_listen(given.port_base + port)) for name, port in PORTS.items()}
            root.mkdir(parents=True, exist_ok=True)
            if given.reset or not (root / "truth.json").exists():
                _clear(root)
            clock = ShiftedClock(root / "clock")
            apps = create_apps(root, clock)
            for app in apps.values():
                stack.callback(app.state.store.close)
            if not (root / "truth.json").exists():
                _plant(root, clock, apps, given.persons, given.seed)
            _serve(stack, root, apps, listeners, stop)
    except CannotStart as reason:
        sys.stderr.write(f"{reason}\n")
        return reason.exit_code
    except KeyboardInterrupt:  # while planting; the next start begins anew
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="The vendors to practise on, on this machine only."
    )
    parser.add_argument("--root", type=Path, default=Path(".sidecar/sandbox"), help="folder of the vendors' state")
    parser.add_argument("--persons", type=int, default=300, help="people in a new world")
    parser.add_argument("--seed", type=int, default=1, help="which world")
    parser.add_argument(
        "--port-base",
        type=int,
        default=8700,
        help="Salesforce listens one above it, HubSpot two, Meta three, Stripe four",
    )
    parser.add_argument("--reset", action="store_true", help="throw the world away and make a new one")
    parser.add_argument("--while-used", type=Path, help="end once no process holds a shared lock on this file")
    return parser


def _listen(port: int) -> socket.socket:
    try:
        return listen(port)
    except (OSError, OverflowError) as error:
        message = (
            f"Port {port} on {LOOPBACK} cannot be used ({error}); stop what uses it or choose another --port-base."
        )
        raise PortTaken(message) from None


def _clear(root: Path) -> None:
    """Remove what we made here, and nothing else."""
    for pattern in ("*.db", "*.db-wal", "*.db-shm", "truth.json", "clock", "sandbox.env"):
        for path in root.glob(pattern):
            path.unlink()
    shutil.rmtree(root / PRODUCT_EVENTS, ignore_errors=True)


def _plant(root: Path, clock: ShiftedClock, apps: dict[str, Starlette], persons: int, seed: int) -> None:
    """Make the world; its truth is written last."""
    _say(f"Planting a world of {persons} persons, seed {seed} ...")
    try:
        world = build(persons, seed, NOW, plotted=True)
    except ValueError as reason:
        raise CannotStart(f"{reason}.") from None
    plant(root, apps, world)
    clock.set_now(NOW)
    _finish(root, world.truth)
    ours, theirs = (sum(map(len, rows.values())) for rows in (world.salesforce, world.hubspot))
    _say(
        f"Planted {ours} Salesforce records, {theirs} HubSpot records, {len(world.meta_ads['insight'])} days of ads, "
        f"{len(world.stripe)} Stripe objects and {len(world.product_events)} files of the product."
    )


def _finish(root: Path, truth: Truth) -> None:
    beside = root / "truth.new"
    truth.save(beside)
    beside.replace(root / "truth.json")


def _serve(
    stack: ExitStack,
    root: Path,
    apps: dict[str, Starlette],
    listeners: dict[str, socket.socket],
    stop: threading.Event,
) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    urls = {name: stack.enter_context(serving(app, listeners[name])) for name, app in apps.items()}
    path = root / "sandbox.env"
    path.write_text("".join(f"{name}={value}\n" for name, value in variables(root, urls).items()), encoding="utf-8")
    addresses = ", ".join(f"{name} {url}" for name, url in urls.items())
    _say(f"Ready: {addresses}; variables in {path}")
    # a signal that came right before the wait is heard when the wait ends, for only then the interpreter has a moment for it
    while not stop.wait(HEARD_WITHIN):
        pass


def _end_when_unused(used: Path, stop: threading.Event) -> None:
    """The lock, once had, is kept to the end of the process: whoever wants the sandbox then waits until it is gone."""
    lock = os.open(used, os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    stop.set()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
