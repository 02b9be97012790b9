"""A Stripe source over real HTTP to the sandbox, and what its pages leave behind."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from connectors.base import Page, Position
from connectors.stripe import CONNECTOR
from connectors.stripe.client import StripeApi
from connectors.stripe.pull import StripeSource
from connectors.stripe.settings import StripeSettings
from models.clock import FrozenClock
from pipelines.ingest.lake import Lake
from pipelines.ingest.pull import PullReport, pull_stream
from sandbox.stripe import API_KEY
from tests.conftest import Sandbox
from tests.stores import new_store


@dataclass
class Puller:
    """Opens sources and keeps what they yield, as a lake would: by id, the later version wins."""

    sandbox: Sandbox
    clock: FrozenClock
    key: str = "sk_test_sandbox"
    connect: tuple[str, ...] = ()
    pauses: list[float] = field(default_factory=list)
    cursors: dict[str, Position | None] = field(default_factory=dict)
    payloads: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    stamps: dict[str, float] = field(default_factory=dict)

    def open(self) -> StripeSource:
        settings = StripeSettings(api_key=SecretStr(self.key), base_url=self.sandbox.url, connect=self.connect)
        return StripeSource(StripeApi(settings, self.pauses.append), self.clock, settings.mode, settings.connect)

    def keep(self, stream: str, page: Page) -> int:
        for record in page.records:
            stamp = record.updated_at.timestamp()
            assert stamp >= self.stamps.get(record.key.id, 0), "a later read must never be the older version"
            self.stamps[record.key.id] = stamp
            self.payloads[record.key.id] = record.payload
            (self.deleted.add if record.deleted else self.deleted.discard)(record.key.id)
        if page.cursor:
            self.cursors[stream] = page.cursor
        return len(page.records)

    def pull(self, stream: str, resume: Position | None = None) -> tuple[int, StripeSource]:
        """One pull to its end; the number of records it brought, and the source for its calls."""
        source = self.open()
        page = None
        brought = 0
        for page in source.pages(CONNECTOR.streams_by_name[stream], self.cursors.get(stream), resume):
            brought += self.keep(stream, page)
        assert page is not None
        assert page.cursor is not None
        return brought, source


@dataclass(frozen=True)
class Landing:
    """Customers as `sidecar run` pulls them, into a lake of their own."""

    source: StripeSource
    lake: Lake
    store: Engine
    staging: Path
    clock: FrozenClock

    def pull(self) -> PullReport:
        stream = CONNECTOR.streams_by_name["customers"]
        return pull_stream(
            self.source, CONNECTOR, stream, lake=self.lake, store=self.store, staging=self.staging, clock=self.clock
        )


@pytest.fixture
def landing(stripe_sandbox: Sandbox, clock: FrozenClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Landing:
    """The sandbox's account, opened by what the environment says."""
    monkeypatch.setenv("STRIPE_API_KEY", API_KEY)
    monkeypatch.setenv("STRIPE_BASE_URL", stripe_sandbox.url)
    source, lake = CONNECTOR.open(StripeSettings(), clock), Lake.open(str(tmp_path / "lake"))
    return Landing(source, lake, new_store(tmp_path), tmp_path / "staging", clock)


@pytest.fixture
def puller(stripe_sandbox: Sandbox, clock: FrozenClock) -> Puller:
    """Pulls from an empty Stripe account."""
    return Puller(stripe_sandbox, clock)


Plant = Callable[[int], None]


@pytest.fixture
def plant(stripe_sandbox: Sandbox) -> Plant:
    """Plants that many customers as history, the first of them the oldest."""

    def customers(number: int) -> None:
        made = [{"id": f"cus_{n:04d}", "object": "customer", "created": 1_600_000_000 + n} for n in range(number)]
        stripe_sandbox.state.insert_many(made)

    return customers
