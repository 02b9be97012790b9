"""Real accounts or practice: which one a command works on.

Real accounts, as soon as the environment or `.env` names one vendor's credentials. Otherwise practice, once the demo has made it:
its lake and store lie apart from the real ones (`.sidecar/practice`), and no real credential is visible while practising.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dotenv import load_dotenv

from connectors.base import Connector
from connectors.registry import connectors_by_name
from pipelines.ingest.sources import unusable_variables
from service import ground
from service.errors import UsageError
from service.ground import World

PRACTICE_HOME = Path(".sidecar/practice")
COMPANION_PATIENCE_S = 30.0  # `dagster dev` ends its servers one after the other


def load_dotenv_file() -> None:
    """Read `.env` beside the working directory; what the shell already set wins. UsageError if it cannot be read."""
    try:
        load_dotenv(Path(".env"), override=False)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise UsageError(f"The file .env in this folder cannot be read: {why}; mend or remove it.") from error


def has_real_credentials() -> bool:
    """Whether any vendor could be reached, or was meant to be, with what the environment holds."""
    return any(_is_meant(connector) for connector in connectors_by_name().values())


def is_practising() -> bool:
    """Whether a command without further words would work on the practice data."""
    return not has_real_credentials() and bool(ground.variables())


@contextmanager
def practice(world: World, *, reset: bool = False) -> Iterator[None]:
    """Practise: sandbox up, its credentials the only ones, its own home, which a reset empties."""
    with ground.sandbox(world, reset=reset):
        if reset and PRACTICE_HOME.exists():
            shutil.rmtree(PRACTICE_HOME)  # it tells of the world that is gone
        _enter_practice()
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


def companion(command: Sequence[str]) -> int:
    """Run the user's own command in this environment; gives its exit code, as shells count it. UsageError if there is no such command."""
    try:
        process = subprocess.Popen(command)  # noqa: S603  # the user's own command
    except OSError as error:
        raise UsageError(f"The command {command[0]!r} cannot be run: {error.strerror}.") from error
    with process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            code = _after_interrupt(process)
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


def _enter_practice() -> None:
    for connector in connectors_by_name().values():
        for name in connector.settings.model_fields:
            os.environ.pop(connector.settings.variable(name), None)
    for variable in ("SIDECAR_LAKE", "SIDECAR_DATABASE_URL"):
        os.environ.pop(variable, None)
    os.environ.update(ground.variables(), SIDECAR_HOME=str(PRACTICE_HOME))
