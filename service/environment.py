"""Real accounts or practice: which one a command works on.

Real accounts, as soon as the environment or `.env` names one vendor's credentials. Otherwise practice, once the demo has made it:
its lake and store lie apart from the real ones (`.sidecar/practice`), and no real credential is visible while practising. Nor is
the language model that reads for real, which asks money: one to practise with is named apart.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from dotenv import load_dotenv
from dotenv.parser import parse_stream

from connectors.base import Connector
from connectors.registry import connectors_by_name
from models.facts import Payment
from models.store import clear_store
from pipelines.ingest.sources import unusable_variables
from pipelines.stitch.rates import Rates
from pipelines.workspace import Workspace
from service import ground
from service.errors import UsageError
from service.ground import World
from service.settings import SETTINGS

PRACTICE_HOME = Path(".sidecar/practice")
COMPANION_PATIENCE_S = 30.0  # `dagster dev` ends its servers one after the other


def load_dotenv_file() -> None:
    """Read `.env` beside the working directory; what the shell already set wins. UsageError if it cannot be read."""
    path = Path(".env")
    if not path.is_file():
        return
    try:
        with path.open(encoding="utf-8") as file:
            broken = [binding.original.line for binding in parse_stream(file) if binding.error]
        load_dotenv(path, override=False)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise UsageError(f"The file .env in this folder cannot be read: {why}; mend or remove it.") from error
    if broken:
        raise UsageError(f"Line {broken[0]} of the file .env in this folder makes no sense; write NAME=value.")


def has_real_credentials() -> bool:
    """Whether any vendor could be reached, or was meant to be, with what the environment holds."""
    return any(_is_meant(connector) for connector in connectors_by_name().values())


def is_practising() -> bool:
    """Whether a command without further words would work on the practice data."""
    return not has_real_credentials() and bool(ground.variables())


def whose(workspace: Workspace) -> str:
    """Whose data a command works on."""
    home = workspace.settings.home
    return f"practice, on the sandbox's world, in {home}" if home == PRACTICE_HOME else f"your own accounts, in {home}"


@contextmanager
def practice(world: World, *, reset: bool = False) -> Iterator[None]:
    """Practise: sandbox up, its credentials the only ones, its own home and store, which a reset empties.

    Errors: UsageError if the database for practice could be a real one; StoreError if it cannot be opened.
    """
    database = _practice_database()
    with ground.sandbox(world, reset=reset):
        if reset and PRACTICE_HOME.exists():
            shutil.rmtree(PRACTICE_HOME)  # it tells of the world that is gone
        if database and not PRACTICE_HOME.exists():
            clear_store(database)
        _enter_practice(database)
        yield


@contextmanager
def chosen() -> Iterator[None]:
    """Real accounts where there are credentials, practice where the demo has left some, else nothing: then vendors are skipped."""
    load_dotenv_file()
    if is_practising():
        with practice(World()):
            yield
    else:
        yield


@contextmanager
def opened() -> Iterator[Workspace]:
    """The chosen place of work. UsageError, LakeError, RatesError, StoreError or ValidationError, before work, if a part of it cannot be used."""
    with chosen(), Workspace.from_environment() as workspace:
        for settings in SETTINGS:
            settings()
        for part in (clock, lake, store):
            part(workspace)
        Rates.of(workspace.settings)
        yield workspace


def clock(workspace: Workspace) -> str:
    """What can be said of the clock. UsageError if it does not go."""
    try:
        workspace.clock.now()
    except (ValueError, OSError) as error:
        raise UsageError("SIDECAR_CLOCK names a file that holds no number of seconds; unset it.") from error
    return "shifted" if workspace.settings.clock else "the machine's"


def lake(workspace: Workspace) -> str:
    """What can be said of the lake. LakeError if it cannot be used."""
    return f"{workspace.lake.tables.root}, engine {workspace.settings.engine}"


def store(workspace: Workspace) -> str:
    """What can be said of the store. StoreError if it cannot be used."""
    return f"{workspace.store.dialect.name}, newest schema"


def money(workspace: Workspace) -> str:
    """In which currency money is compared, and which currencies have no rate. RatesError for rates that cannot be used."""
    rates = Rates.of(workspace.settings)
    reporting = rates.reporting(workspace.lake)
    if reporting is None:
        return "compared in the currency of most payments, once there are any; SIDECAR_CURRENCY names another"
    paid = workspace.lake.facts(Payment).select("currency").distinct().to_pyarrow()["currency"].to_pylist()
    without = sorted({*paid} - {reporting, *(rate.currency for rate in rates.rows)})
    told = f"compared in {reporting.upper()}"
    if without:
        told += f"; {', '.join(without).upper()} has no rate and is counted apart (SIDECAR_RATES names a file of rates)"
    return told


def runs(workspace: Workspace) -> str:
    """What can be said of runs side by side. InstanceError or UsageError if they cannot be had as configured."""
    from pipelines.run import dagster_yaml, runs_at_once  # noqa: PLC0415  # Dagster takes seconds to import

    file = dagster_yaml()
    if file is None:
        return "one at a time by `sidecar run`; for `dagster dev`, copy dagster.yaml here"
    allowed = runs_at_once(file)
    on_sqlite = [
        name
        for name, is_so in (
            ("the store", workspace.store.dialect.name == "sqlite"),
            ("Dagster's storage", allowed.on_sqlite),
        )
        if is_so
    ]
    if on_sqlite and allowed.most != 1:
        raise UsageError(
            f"{file} allows {allowed.most or 'any number of'} runs at once, but {' and '.join(on_sqlite)} on SQLite "
            f"{'serves' if len(on_sqlite) == 1 else 'serve'} one; set max_concurrent_runs to 1, or use PostgreSQL (docs/operating.md)"
        )
    return "one at a time" if allowed.most == 1 else f"{allowed.most or 'any number'} at once"


def companion(command: Sequence[str]) -> int:
    """Run the user's own command in this environment; gives its exit code, as shells count it. UsageError if there is no such command."""
    try:
        process = subprocess.Popen(command)  # noqa: S603  # the user's own command
    except OSError as error:
        raise UsageError(f"The command {command[0]!r} cannot be run: {error.strerror}.") from error
    # Ctrl-C reaches the whole group, but who is told to end by its number is told alone
    before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        with process:
            try:
                code = process.wait()
            except KeyboardInterrupt:
                code = _after_interrupt(process)
    finally:
        signal.signal(signal.SIGTERM, before)
    return code if code >= 0 else 128 - code


def _after_interrupt(process: subprocess.Popen[bytes]) -> int:
    """Ctrl-C reached the command as well, which now tidies up and must be allowed to."""
    try:
        return process.wait(COMPANION_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.terminate()
        return process.wait()


def refuse_dotenv() -> None:
    """Refuse to start a command in practice where it would read real credentials by itself, as Dagster reads `.env`."""
    if Path(".env").exists():
        raise UsageError(
            "This folder has a .env with real accounts, which the command would read; practise in another folder."
        )


def _is_meant(connector: Connector) -> bool:
    """Whether somebody has begun to set the vendor up; what is still missing is for doctor to say."""
    settings = connector.settings
    return set(unusable_variables(connector)) != {settings.variable(name) for name in settings.required()}


def _practice_database() -> str | None:
    """The PostgreSQL to practise on, if any; its name must say that nothing in it is dear, however it was reached."""
    url = os.environ.get("SIDECAR_PRACTICE_DATABASE_URL")
    parts = urlsplit(url or "")
    if url and (
        not parts.path.endswith("practice") or "dbname" in parse_qs(parts.query)
    ):  # which would win over the path
        raise UsageError(
            "SIDECAR_PRACTICE_DATABASE_URL must name a database whose name ends in 'practice', for practising empties it."
        )
    return url


def _enter_practice(database: str | None) -> None:
    for connector in connectors_by_name().values():
        for name in connector.settings.model_fields:
            os.environ.pop(connector.settings.variable(name), None)
    for variable in ("SIDECAR_LAKE", "SIDECAR_DATABASE_URL", "SIDECAR_LLM", "DAGSTER_HOME"):
        os.environ.pop(variable, None)
    os.environ.update(ground.variables(), SIDECAR_HOME=str(PRACTICE_HOME))
    if database:
        os.environ["SIDECAR_DATABASE_URL"] = database
    if model := os.environ.get("SIDECAR_PRACTICE_LLM"):
        os.environ["SIDECAR_LLM"] = model
