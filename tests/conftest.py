"""Real parts for every test: a clock that stands still, servers on loopback, and the two vendors of the practice ground."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp

from models.clock import FrozenClock
from sandbox.core import Context, listen, serving
from sandbox.faults import Faults
from sandbox.request_log import RequestLog

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)  # the present of the planted world
DATA = Path(__file__).parents[1] / ".." / "shared" / "data"

Serve = Callable[[ASGIApp], str]


@dataclass(frozen=True)
class Sandbox:
    """A running vendor: where it listens, what it holds, what can go wrong and what was asked of it."""

    url: str
    state: Any
    context: Context

    @property
    def faults(self) -> Faults:
        return self.context.faults

    @property
    def log(self) -> RequestLog:
        return self.context.log


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets; SIDECAR_TEST_DATA names it, and then it must be there."""
    named = os.environ.get("SIDECAR_TEST_DATA")
    folder = Path(named) if named else DATA
    if not folder.is_dir():
        if named:
            pytest.fail(f"SIDECAR_TEST_DATA names {named}, which is not a folder")
        pytest.skip("needs the shared data; set SIDECAR_TEST_DATA to its folder")
    return folder


@pytest.fixture
def clock() -> FrozenClock:
    """A clock at the present of the planted world."""
    return FrozenClock(NOW)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Puts an app on a free port of loopback until the test ends; gives its base URL."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(serving(app, listen()))


def vendor(name: str, root: Path, clock: FrozenClock, serve: Serve) -> Sandbox:
    context = Context(root, clock)
    app = import_module(f"sandbox.{name}.app").create_app(context)
    return Sandbox(serve(app), app.state.store, context)


@pytest.fixture
def salesforce_sandbox(tmp_path: Path, clock: FrozenClock, serve: Serve) -> Sandbox:
    """An empty Salesforce org that speaks REST."""
    return vendor("salesforce", tmp_path, clock, serve)


@pytest.fixture
def stripe_sandbox(tmp_path: Path, clock: FrozenClock, serve: Serve) -> Sandbox:
    """An empty Stripe account in test mode."""
    return vendor("stripe", tmp_path, clock, serve)
