"""The ledger for the doors: `sidecar writes` by run, by record, and what was refused tried again; `sidecar undo`; `sidecar plan approve`."""

import getpass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from pipelines.write_back import history
from service import terminal, writing
from service.environment import opened
from service.errors import UsageError
from service.options import By, Json
from service.plain import PlainGroup

RECORDS_SHOWN = 20


class OrShow(PlainGroup):
    """A group whose first word may also be what to show."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """`writes retry` is a command, `writes 003…` means `writes show 003…`."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["show", *args])


app = typer.Typer(pretty_exceptions_enable=False)
writes_app = typer.Typer(cls=OrShow, pretty_exceptions_enable=False)
plan_app = typer.Typer(cls=PlainGroup, pretty_exceptions_enable=False)
app.add_typer(writes_app, name="writes")
app.add_typer(plan_app, name="plan")


@plan_app.callback(invoke_without_command=True)
def plan(context: typer.Context, json: Json = False) -> None:
    """Work out which CRM fields would change, store it under a plan id, and show it; writes nothing to a CRM."""
    if context.invoked_subcommand:
        return
    with opened() as workspace:
        asked = writing.plan(workspace)
    plans = list(asked.got.values())
    if json:
        terminal.print_json(plans)
    else:
        terminal.show_plans(plans)
    asked.insist()


@plan_app.command()
def approve(plan_id: Annotated[str, typer.Argument(help="The id that `sidecar plan` printed.")], by: By = None) -> None:
    """Say yes to a plan that waits for approval; the next run delivers it, or `sidecar apply`."""
    with opened() as workspace:
        planned = writing.approve(workspace, plan_id, by or getpass.getuser())
    terminal.say(
        f"Plan {plan_id} is approved by {planned.approved_by}; the next run delivers it, or: sidecar apply {plan_id}"
    )


@writes_app.callback(invoke_without_command=True)
def runs(context: typer.Context, json: Json = False) -> None:
    """List the newest plans of all CRMs and what became of them; `sidecar writes PLAN|RECORD` tells of one."""
    if context.invoked_subcommand:
        return
    with opened() as workspace:
        found = history.runs(workspace.store)
    if json:
        terminal.print_json(found)
    else:
        terminal.show_runs(found)


@writes_app.command()
def show(
    what: Annotated[str, typer.Argument(metavar="PLAN|RECORD", help="A plan id, a record key, or a CRM id.")],
    json: Json = False,
) -> None:
    """Show every write of a plan, or of a record from the first day on."""
    with opened() as workspace:
        found = history.writes(workspace.store, plan_id=what) or history.writes(workspace.store, record=what)
        empty = not found and history.plan(workspace.store, what) is not None
    if not found and not empty:
        raise UsageError(f"The ledger knows no plan and no record {what}; list the plans with: sidecar writes")
    if json:
        terminal.print_json(found)
        return
    if empty:
        terminal.say(f"The ledger holds no write of plan {what}.")
    shown = set(sorted({one.record for one in found})[:RECORDS_SHOWN])
    terminal.show_writes([one for one in found if one.record in shown])
    if hidden := len({one.record for one in found}) - len(shown):
        terminal.say(f"… and {hidden} records more; --json lists them all.")


@writes_app.command()
def retry(
    plan_id: Annotated[str | None, typer.Argument(metavar="[PLAN]", help="Only what this plan had refused.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Only what was sent from then on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Only what was sent before then, UTC.")] = None,
    json: Json = False,
) -> None:
    """Let the next plan try again what a CRM refused for good: of one plan, or of a stretch of time."""
    if not (plan_id or since or until):
        raise UsageError("Say which: sidecar writes retry PLAN, or --since and --until.")
    if since and until and since >= until:
        raise UsageError("--since is not before --until; nothing lies between them.")
    with opened() as workspace:
        if plan_id is not None:
            writing.stored(workspace, plan_id)
        count = history.retry(workspace.store, plan_id=plan_id, since=_utc(since), until=_utc(until))
    if json:
        terminal.print_json({"due_again": count})
    else:
        terminal.say(f"{count} refused fields are due again; the next plan has what is still wanted of them.")


@app.command()
def undo(
    plan_id: Annotated[str, typer.Argument(metavar="PLAN", help="The delivered plan to take back.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be put back.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Put back what records held before a plan, wherever they still hold what it wrote; what humans changed since is listed and left."""
    with opened() as workspace:
        looked = writing.look_at_undo(workspace, plan_id)
        over = dry_run or not looked.writes
        if not json:
            terminal.show_plans([looked])
        elif over:
            terminal.print_json(looked)
        if over:
            return
        if not yes:
            terminal.confirm(f"{len(looked.writes)} fields are put back. Go on?")
        report = writing.undo(workspace, plan_id)
    if json:
        terminal.print_json(report)
    else:
        terminal.show_delivery(report)
    if report.failed or report.stopped:
        raise typer.Exit(1)


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at else None
