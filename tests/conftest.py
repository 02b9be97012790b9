"""Real parts for every test: a clock that stands still, servers on loopback, and the vendors of the practice ground."""

import gc
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from starlette.types import ASGIApp
from xdist.scheduler import LoadScopeScheduling

from models.clock import FrozenClock
from pipelines.ingest.heap import SELDOM
from sandbox.core import Context, Running, listen, start
from sandbox.faults import Faults
from sandbox.request_log import RequestLog
from tests import stores

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)  # the present of the planted world
DATA = Path(__file__).parents[1] / ".." / "shared" / "data"

settings.register_profile("gate", max_examples=20, deadline=None)
settings.register_profile("thorough", max_examples=200, deadline=None)  # make test-all
settings.load_profile("gate")

Serve = Callable[[ASGIApp], str]


class FilesTogether(LoadScopeScheduling):
    """Gives each test to the next free worker, but keeps the files whole that run the whole product, and starts with them.

    What their tests share takes many seconds to make. `--dist loadgroup` with its marks would be the usual way, and does nothing
    under pytest 9.2: https://github.com/pytest-dev/pytest-xdist/issues/1386
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file.count("/") == 1 else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesTogether:
    """The scheduler of `pytest -n`."""
    return FilesTogether(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """One process of a run makes what all take their stores from, and takes it away."""
    gc.set_threshold(*SELDOM)  # as the product has it, whatever is imported
    if stores.begin():
        config.add_cleanup(stores.end)
    config.add_cleanup(stores.close_stores)


@pytest.fixture(autouse=True)
def _stores_end_with_their_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """What lies in the folder of a test goes with it."""
    yield
    if folder := request.node.funcargs.get("tmp_path"):
        stores.close_stores(folder)


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


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """A command that is run in this process may change its environment; none of that reaches the next test."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys() - {"PYTEST_CURRENT_TEST"}:
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture
def clock() -> FrozenClock:
    """A clock at the present of the planted world."""
    return FrozenClock(NOW)


@pytest.fixture(scope="session")
def servers() -> Iterator[list[Running]]:
    """Every server of the session; each is stopped by its test, and only the end waits for them."""
    running: list[Running] = []
    yield running
    for server in running:
        server.wait()


@pytest.fixture
def serve(servers: list[Running]) -> Iterator[Serve]:
    """Puts an app on a free port of loopback until the test ends; gives its base URL."""
    own: list[Running] = []

    def put(app: ASGIApp) -> str:
        own.append(start(app, listen()))
        return own[-1].url

    yield put
    servers.extend(own)
    for server in own:
        server.stop()


def vendor(name: str, root: Path, clock: FrozenClock, serve: Serve) -> Iterator[Sandbox]:
    context = Context(root, clock)
    app = import_module(f"sandbox.{name}.app").create_app(context)
    yield Sandbox(serve(app), app.state.store, context)
    app.state.store.close()


@pytest.fixture
def salesforce_sandbox(tmp_path: Path, clock: FrozenClock, serve: Serve) -> Iterator[Sandbox]:
    """An empty Salesforce org that speaks REST."""
    yield from vendor("salesforce", tmp_path, clock, serve)


@pytest.fixture
def stripe_sandbox(tmp_path: Path, clock: FrozenClock, serve: Serve) -> Iterator[Sandbox]:
    """An empty Stripe account in test mode."""
    yield from vendor("stripe", tmp_path, clock, serve)


@pytest.fixture
def hubspot_sandbox(tmp_path: Path, clock: FrozenClock, serve: Serve) -> Iterator[Sandbox]:
    """An empty HubSpot portal with one private app."""
    yield from vendor("hubspot", tmp_path, clock, serve)


@pytest.fixture
def meta_ads_sandbox(tmp_path: Path, clock: FrozenClock, serve: Serve) -> Iterator[Sandbox]:
    """A Graph API without any ad account."""
    yield from vendor("meta_ads", tmp_path, clock, serve)
