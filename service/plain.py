"""No stack trace at a user: whatever can be mended is said in one sentence, and told apart by the exit code."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings
from rich.markup import escape
from typer.core import TyperGroup

from connectors.errors import ConnectorError
from connectors.registry import connectors_by_name
from models.store import StoreError
from pipelines.ingest.lake import LakeError
from pipelines.ingest.tables import LakeBusyError
from pipelines.jobs import AlreadyRunning, InstanceError
from pipelines.stitch.rates import RatesError
from pipelines.write_back.refusals import Refused
from service.cli import INTERRUPTED, NOT_UNDERSTOOD, STOPPED, UNDONE
from service.errors import LeftUndoneError, UsageError
from service.settings import SETTINGS
from service.terminal import errors


class PlainGroup(TyperGroup):
    """A group of commands whose errors are sentences."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        with plain_errors():
            return super().invoke(ctx)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Say what went wrong and leave with the code that tells whether the question or the answer was at fault."""
    try:
        yield
    except (AlreadyRunning, LakeBusyError, ConnectorError, Refused, LeftUndoneError) as error:
        raise _said(str(error), UNDONE) from error
    except (UsageError, LakeError, RatesError, StoreError, InstanceError) as error:
        raise _said(str(error), NOT_UNDERSTOOD) from error
    except ValidationError as error:
        raise _said(f"{wrong_settings(error)}.", NOT_UNDERSTOOD) from error
    except OSError as error:
        if error.filename is None:  # no file's fault, a closed pipe for one
            raise
        raise _said(f"{error.filename} cannot be used: {error.strerror}.", NOT_UNDERSTOOD) from error
    except KeyboardInterrupt as error:
        raise _said(STOPPED, INTERRUPTED) from error


def _said(sentence: str, code: int) -> typer.Exit:
    errors.print(f"[red]{escape(sentence)}[/red]", soft_wrap=True)
    return typer.Exit(code)


def wrong_settings(error: ValidationError) -> str:
    """Which variables cannot be used, and why; never what they hold."""
    prefix = next((kind.model_config.get("env_prefix", "") for kind in _kinds() if kind.__name__ == error.title), "")
    wrong = [
        (f"{prefix}{'.'.join(map(str, one['loc']))}".upper(), one["msg"]) for one in error.errors(include_input=False)
    ]
    return "; ".join(f"{variable} cannot be used: {why}" for variable, why in wrong)


def _kinds() -> list[type[BaseSettings]]:
    return [*SETTINGS, *(connector.settings for connector in connectors_by_name().values())]
