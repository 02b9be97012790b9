"""`sidecar provision`: making our fields, permissions and views in every CRM that is set up, and taking them away again."""

from pathlib import Path
from typing import Annotated

import typer

from connectors.base import ProvisionStep
from service import terminal, writing
from service.environment import opened
from service.errors import UsageError
from service.options import Json
from service.plain import PlainGroup
from service.writing import Asked

provision_app = typer.Typer(cls=PlainGroup, pretty_exceptions_enable=False, no_args_is_help=True)


@provision_app.callback()
def provision() -> None:
    """The fields in every CRM: `plan` says what is missing, `validate` asks the CRM, `apply` makes it, `remove` takes it away."""


@provision_app.command()
def plan(json: Json = False) -> None:
    """Say what `apply` would make or change; nothing is written."""
    with opened() as workspace:
        _tell(writing.provision(workspace, dry_run=True), json=json)


@provision_app.command()
def validate(json: Json = False) -> None:
    """Ask Salesforce itself whether it would take what is missing, in a deployment that only checks; HubSpot cannot be asked."""
    with opened() as workspace:
        _tell(writing.validate(workspace), json=json)


@provision_app.command()
def apply(json: Json = False) -> None:
    """Make the sidecar's fields exist in every CRM, visible to reps, writable for us; repeats change nothing."""
    with opened() as workspace:
        _tell(writing.provision(workspace, dry_run=False), json=json)


@provision_app.command()
def remove(
    export: Annotated[
        Path,
        typer.Option(
            help="A new file for every value of our fields, one JSON line a record; it holds customers' words."
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Export all values of our fields, empty them, and delete the fields with their permissions and views."""
    if export.exists():
        raise UsageError(f"{export} exists; name a new file, for an export is never overwritten.")
    with opened() as workspace:
        if not yes:
            _show(writing.removal_plan(workspace), json=json)
            terminal.confirm("All of this would go, values included.")
        _tell(writing.remove(workspace, export), json=json)


def _tell(asked: Asked[list[ProvisionStep]], *, json: bool) -> None:
    """Show every step. typer.Exit 1 if one was refused; LeftUndoneError if a CRM was."""
    _show(asked, json=json)
    asked.insist()
    if any(step.action == "refuse" for steps in asked.got.values() for step in steps):
        raise typer.Exit(1)


def _show(asked: Asked[list[ProvisionStep]], *, json: bool) -> None:
    if json:
        terminal.print_json(asked.got)
    else:
        terminal.show_steps([step for steps in asked.got.values() for step in steps])
