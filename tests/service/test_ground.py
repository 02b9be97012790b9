"""The sandbox as commands use it: one for all of them, gone with the last, however that ends."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import make_url
from sqlmodel import select

from models import Rejection
from models.store import transaction
from pipelines.understand.settings import LanguageModelSettings
from pipelines.workspace import Workspace
from sandbox.practice import NOW
from sandbox.world import build
from service import environment, ground
from service.errors import UsageError
from service.ground import World
from tests import stores

SMALLEST = World(persons=ground.FEWEST)
USER = """
import sys
from service.ground import World, sandbox
with sandbox(World(persons=95)):
    print("up", flush=True)
    sys.stdin.read()
"""
SECONDS = 20


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder where nobody has practised yet; what practising sets is taken back."""
    monkeypatch.chdir(tmp_path)
    for variable in (
        "SIDECAR_HOME",
        "SIDECAR_CLOCK",
        "SIDECAR_LAKE",
        "SIDECAR_DATABASE_URL",
        "SIDECAR_PRACTICE_DATABASE_URL",
        "SIDECAR_LLM",
        "SIDECAR_PRACTICE_LLM",
        "SIDECAR_WRITE_BACK_CURRENCY",
    ):
        monkeypatch.setenv(variable, "")
    for variable in ("DOMAIN", "CLIENT_ID", "CLIENT_SECRET", "BASE_URL", "FIELD_PREFIX"):
        monkeypatch.setenv(f"SALESFORCE_{variable}", "")
    for variable in ("API_KEY", "BASE_URL"):
        monkeypatch.setenv(f"STRIPE_{variable}", "")
    return tmp_path


def ended() -> bool:
    deadline = time.monotonic() + SECONDS
    while ground.is_up() and time.monotonic() < deadline:
        pass
    return not ground.is_up()


def test_commands_of_a_folder_share_one_sandbox_that_ends_with_the_last():
    """The second command finds it up, the first may leave, and a reset waits for neither."""
    with ground.sandbox(SMALLEST):
        where = ground.variables()
        with subprocess.Popen([sys.executable, "-c", USER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout.readline() == b"up\n"
            assert ground.variables() == where
            other.kill()
        assert ground.is_up()
    assert not ground.is_up()


def test_a_killed_command_leaves_no_sandbox_behind():
    """It ends by itself as soon as nobody holds it."""
    with subprocess.Popen([sys.executable, "-c", USER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
        assert user.stdout.readline() == b"up\n"
        assert ground.is_up()
        user.kill()
    assert ended()


def test_a_reset_empties_the_practice_home_and_is_refused_while_others_practise(folder, monkeypatch):
    """The old world's data would be taken for the new one's; and nobody's world is taken away under their hands."""
    kept = folder / ".sidecar" / "practice" / "store.db"
    with environment.practice(SMALLEST):
        kept.parent.mkdir(parents=True)
        kept.write_text("of the old world")
        with monkeypatch.context() as hasty:
            hasty.setattr(ground, "END_PATIENCE_S", 0.3)
            with pytest.raises(UsageError, match="in use by another"), environment.practice(SMALLEST, reset=True):
                pass
        assert kept.exists()
    with environment.practice(SMALLEST, reset=True):
        assert not kept.exists()


@pytest.mark.slow
def test_practice_has_a_database_of_its_own_that_goes_with_its_world(folder, monkeypatch):
    """The real store and Dagster are out of sight; what the old world left in practice's database is gone with a reset."""
    url = stores.variables(folder).get("SIDECAR_PRACTICE_DATABASE_URL", f"sqlite:///{folder}/practice")
    monkeypatch.setenv("SIDECAR_DATABASE_URL", "sqlite:///real")
    monkeypatch.setenv("SIDECAR_PRACTICE_DATABASE_URL", url)
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    row = Rejection(
        record="1", stream="paper/people", reason="", batch=1, rejected_at=datetime(2026, 11, 2, tzinfo=UTC)
    )
    with environment.practice(SMALLEST), Workspace.from_environment() as workspace:
        with transaction(workspace.store) as session:
            session.add(row)
        assert workspace.lake
        assert workspace.store.url == make_url(url).set(drivername=workspace.store.url.drivername)
        assert "DAGSTER_HOME" not in os.environ
    for reset, kept in ((False, 1), (True, 0)):
        with (
            environment.practice(SMALLEST, reset=reset),
            Workspace.from_environment() as workspace,
            transaction(workspace.store) as session,
        ):
            assert len(session.exec(select(Rejection)).all()) == kept
    assert not (folder / "real").exists()


def test_practice_spends_nothing_on_the_model_that_reads_for_real(monkeypatch):
    """It asks money for texts that nobody wrote; a model to practise with has a variable of its own."""
    with ground.sandbox(SMALLEST):  # one for both
        for practised in (None, "ollama/m"):
            monkeypatch.setenv("SIDECAR_LLM", "openai/dear")
            monkeypatch.setenv("SIDECAR_PRACTICE_LLM", practised or "")
            with environment.practice(SMALLEST):
                assert LanguageModelSettings().name == practised


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:wr0ng@db/sidecar",
        "postgresql://me:wr0ng@db/practice?sslmode=require&dbname=sidecar",
        "sqlite:///.sidecar/store.db",
        "practice://garbage",
    ],
)
def test_practice_refuses_a_database_that_could_be_a_real_one(url, monkeypatch):
    """Practising empties it: only a name that ends in practice will do, and the password is not said."""
    monkeypatch.setenv("SIDECAR_PRACTICE_DATABASE_URL", url)
    with pytest.raises(UsageError, match="name ends in 'practice'") as refused, environment.practice(SMALLEST):
        pass
    assert "wr0ng" not in str(refused.value)


def test_a_world_that_cannot_be_built_is_said():
    """What the sandbox says as it gives up is passed on in one sentence."""
    said = r"did not start: 3 persons are too few .* \(see .*sandbox.log\)"
    with pytest.raises(UsageError, match=said), ground.sandbox(World(persons=3)):
        pass


def test_the_smallest_world_is_the_smallest_that_can_be_built():
    """So that a command refuses a smaller one before anything is built."""
    with pytest.raises(ValueError, match="too few"):
        build(ground.FEWEST - 1, 1, NOW)
    assert build(ground.FEWEST, 1, NOW).truth.persons


def test_a_companion_is_told_to_end_as_we_are(folder):
    """Whoever ends us by our number, as a supervisor does, leaves no orphan: the command ends, and its code is told."""
    told = "import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"
    before = signal.getsignal(signal.SIGTERM)
    assert environment.companion([sys.executable, "-c", told]) == 128 + 15
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_companion_gives_its_exit_code(folder):
    """As shells count it; a command that is not there is said."""
    assert environment.companion([sys.executable, "-c", "raise SystemExit(7)"]) == 7
    assert environment.companion([sys.executable, "-c", "import os; os.kill(os.getpid(), 15)"]) == 128 + 15
    with pytest.raises(UsageError, match="'no-such-command' cannot be run"):
        environment.companion(["no-such-command"])
