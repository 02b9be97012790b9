"""The doors, knocked at in this process: commands through typer's runner, the facade on a real lake and store."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from connectors.registry import connectors_by_name
from models import Entity, Purpose
from models.clock import FrozenClock
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.understand.embedded import Embedded
from pipelines.understand.extraction import extract
from pipelines.understand.observations import collect_observations
from pipelines.understand.replay import replay_beliefs
from pipelines.understand.scoring import score_alignment
from pipelines.understand.slots import seed
from pipelines.workspace import Workspace, WorkspaceSettings
from service.commands import app
from service.self_models import SelfModels
from tests import stores
from tests.conftest import Sandbox
from tests.pipelines.understand.conftest import World, key
from tests.stores import new_store

SECRETS = {"SALESFORCE_CLIENT_SECRET": "sandbox-secret", "STRIPE_API_KEY": "sk_test_sandbox"}


@dataclass(frozen=True)
class Answer:
    """What a command said: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return orjson.loads(self.out)

    @property
    def said(self) -> str:
        """Everything, in one line."""
        return " ".join((self.out + self.err).split())


@dataclass(frozen=True)
class Door:
    """The command line in an empty folder; `salesforce` and `stripe` are the vendors it may be pointed at."""

    folder: Path
    environment: pytest.MonkeyPatch
    salesforce: Sandbox
    stripe: Sandbox

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self.environment.setenv(name, value)

    def connect(self, **other: str) -> None:
        """Give it the credentials of the sandboxes, or others."""
        known = {"SALESFORCE_DOMAIN": "acme.my", "SALESFORCE_CLIENT_ID": "sidecar-sandbox", **SECRETS}
        self.set(SALESFORCE_BASE_URL=self.salesforce.url, STRIPE_BASE_URL=self.stripe.url, **(known | other))

    def ask(self, *arguments: str) -> Answer:
        """Run a command to its end. Nothing but a plain exit may come out of it, and never a secret."""
        done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        answer = Answer(done.exit_code, done.stdout, done.stderr)
        assert "Traceback" not in answer.said
        assert not [secret for secret in (*SECRETS.values(), "wr0ng") if secret in answer.said]
        return answer


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, salesforce_sandbox: Sandbox, stripe_sandbox: Sandbox) -> Door:
    """A folder with an empty store, and no credentials."""
    folder = tmp_path / "home"
    stores.lay_store(folder / ".sidecar")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    for name, value in stores.variables(folder / ".sidecar").items():
        monkeypatch.setenv(name, value)
    for connector in connectors_by_name().values():
        for name in connector.settings.model_fields:
            monkeypatch.delenv(connector.settings.variable(name), raising=False)
    return Door(folder, monkeypatch, salesforce_sandbox, stripe_sandbox)


@dataclass
class Office:
    """A world of one customer, Dana, and the facade over it."""

    world: World
    models: SelfModels

    def think(self) -> None:
        """What the understand job does."""
        lake, store, clock = self.world.lake, self.world.store, self.world.clock
        collect_observations(lake, store, clock)
        extract(lake, store, Embedded(), clock)
        replay_beliefs(store, clock)
        score_alignment(lake, store, clock)

    def read(self, person: str = "person-dana", purpose: Purpose = Purpose.sales, **more: Any) -> Any:
        return self.models.get_self_model(person, purpose=purpose, **more)

    def add(self, text: str, person: str = "person-dana", source: str = "email", author: str = "customer") -> str:
        return self.models.add_observation(person, text, source=source, author=author, purpose=Purpose.agent)


@pytest.fixture
def office(tmp_path: Path, clock: FrozenClock) -> Office:
    """Nothing has been said yet."""
    store = new_store(tmp_path)
    seed(store)
    world = World(Lake.open(str(tmp_path / "lake")), store, clock)
    with transaction(store) as session:
        session.add(Entity(id="person-dana", scope="person", created_at=clock.now()))
        session.add(Entity(id="person-old", scope="person", created_at=clock.now(), merged_into="person-dana"))
        session.add(Entity(id="account-kolbe", scope="account", created_at=clock.now()))
    world.person("person-dana", key("Contact", "dana"))
    workspace = Workspace(WorkspaceSettings(home=tmp_path))
    workspace.__dict__.update(lake=world.lake, store=store, clock=clock)
    return Office(world, SelfModels(workspace, actor="tester"))
