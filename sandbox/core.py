"""What every vendor of the practice ground shares: clock, faults, request log, and a server that only this machine can reach.

A vendor package offers `create_app(context) -> Starlette`, built with `middleware=guarded(context)` and keeping its state, which is
persistent under `context.root`, in `app.state.store`. Faults and log are then at work on every route, and any process can steer
them through `/_sandbox/log` and `/_sandbox/faults`.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.middleware import Middleware
from starlette.types import ASGIApp
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from models.clock import Clock
from sandbox.faults import Faults
from sandbox.guard import HANG_UP, Guard
from sandbox.request_log import RequestLog

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Context:
    """What a vendor's app is built from: the folder of its state, the clock, and its own faults and log."""

    root: Path
    clock: Clock
    faults: Faults = field(default_factory=Faults)
    log: RequestLog = field(default_factory=RequestLog)


def guarded(context: Context) -> list[Middleware]:
    """The middleware of every vendor's app."""
    return [Middleware(Guard, root=context.root, faults=context.faults, log=context.log)]


def listen(port: int = 0) -> socket.socket:
    """A listening socket on loopback; port 0 takes a free one. OSError if the port is taken."""
    return socket.create_server((LOOPBACK, port))


@dataclass(frozen=True)
class Running:
    """A server that answers from a thread of its own."""

    url: str
    server: uvicorn.Server
    thread: threading.Thread

    def stop(self) -> None:
        """Take no more requests; the thread ends within a moment."""
        self.server.should_exit = True

    def wait(self) -> None:
        """Until the thread has ended."""
        self.thread.join()


class Severable(AutoHTTPProtocol):  # type: ignore[valid-type, misc]  # which of two classes it is depends on what is installed
    """One connection of uvicorn's, which a request can hang up on before anything is said."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Leave the way to hang up where every request of the connection finds it: in its state."""
        self.app_state: dict[str, object] = {**self.app_state, HANG_UP: transport.close}
        super().connection_made(transport)


def start(app: ASGIApp, listener: socket.socket) -> Running:
    """Answer on the socket from now on."""
    server = uvicorn.Server(uvicorn.Config(app, http=Severable, log_config=None, lifespan="off", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    return Running(f"http://{LOOPBACK}:{listener.getsockname()[1]}", server, thread)


@contextmanager
def serving(app: ASGIApp, listener: socket.socket) -> Iterator[str]:
    """Answer on the socket for the length of the block; gives the base URL."""
    running = start(app, listener)
    try:
        yield running.url
    finally:
        running.stop()
        running.wait()
