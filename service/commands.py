"""The command line: who it can be asked, by subject: running, diagnosis, identity, the lens, people, and writing to CRMs.

Every command is thin: choose real accounts or practice, call a room or the facade, show the answer. Exit code 0 means done, 1 that
something was left undone and said so, 2 that the question could not be understood, 130 that it was interrupted.
"""

from typing import Annotated

import typer

from models.operations import Purpose
from pipelines.workspace import Workspace
from service import demo as story
from service import doctor as diagnosis
from service import (
    forgetting,
    judging,
    outlook,
    reading,
    reviews,
    rulebook,
    screen,
    slots,
    streams,
    suggestions,
    terminal,
    writes,
    writing,
)
from service import webhooks as door
from service.environment import chosen, companion, opened, practice, refuse_dotenv
from service.ground import FEWEST, World
from service.jobs import run_jobs
from service.lens import lens_app
from service.options import Json
from service.plain import PlainGroup
from service.portrait import show_self_model
from service.provisioning import provision_app
from service.self_models import SelfModels

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=__doc__.splitlines()[0],
)
state_app = typer.Typer(cls=PlainGroup, pretty_exceptions_enable=False)
app.add_typer(state_app, name="state")
app.add_typer(lens_app, name="lens")
app.add_typer(provision_app, name="provision")
app.add_typer(rulebook.app, name="rules")
app.add_typer(judging.app)
app.add_typer(reading.app)
app.add_typer(slots.app, name="slots")
app.add_typer(suggestions.app, name="suggestions")
app.add_typer(writes.app)
app.add_typer(reviews.app, name="review")
app.add_typer(reviews.changes)
app.add_typer(outlook.app)
app.add_typer(forgetting.app)
Persons = Annotated[int, typer.Option(min=FEWEST, help="How many persons the sandbox's world has.")]
Seed = Annotated[int, typer.Option(help="Which world: the same seed builds the same one.")]
Reset = Annotated[bool, typer.Option("--reset", help="Throw the sandbox's world away and build a new one.")]


@app.command()
def demo(persons: Persons = 300, seed: Seed = 1, reset: Reset = False) -> None:
    """Run the whole job against the sandbox and tell one person's story."""
    with practice(World(persons, seed), reset=reset), Workspace.from_environment() as workspace:
        story.tell(workspace)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def sandbox(context: typer.Context, persons: Persons = 300, seed: Seed = 1, reset: Reset = False) -> None:
    """Keep the sandbox running; with `-- COMMAND`, only as long as that command, which sees its credentials."""
    if context.args:
        refuse_dotenv()
    with practice(World(persons, seed), reset=reset):
        if context.args:
            raise typer.Exit(companion(context.args))
        story.wait_in_sandbox()


@app.command()
def doctor(json: Json = False) -> None:
    """Say per vendor what works, what is missing, which permission, and how to mend it."""
    with chosen(), Workspace.from_environment() as workspace:
        findings = diagnosis.examine(workspace)
    if json:
        terminal.print_json(findings)
    else:
        terminal.show_findings(findings)
    if not all(finding.ok for lines in findings.values() for finding in lines):
        raise typer.Exit(1)


@app.command()
def run(
    jobs: Annotated[
        list[str] | None, typer.Argument(help="Names of jobs; all of them, in flow order, if none.")
    ] = None,
    json: Json = False,
) -> None:
    """Pull, stitch, understand and write back: every job once, as recorded Dagster runs."""
    with opened() as workspace:
        outcomes = run_jobs(workspace, jobs, anyway=bool(jobs))
    if json:
        terminal.print_json(outcomes)
    else:
        terminal.show_outcomes(outcomes)
    if not all(outcome.ok for outcome in outcomes):
        raise typer.Exit(1)


@app.command()
def webhooks(
    host: Annotated[
        str, typer.Option(help="Where to listen; others than this machine reach it through a proxy.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8787,
    address: Annotated[
        str | None,
        typer.Option(
            envvar="SIDECAR_WEBHOOKS_ADDRESS", help="What vendors know this door by: https://hooks.example.com"
        ),
    ] = None,
) -> None:
    """Listen to vendors that say what has changed, so that the next pull reads it first; Ctrl-C ends it."""
    with opened() as workspace:
        door.serve(workspace, host, port, address)


@app.command()
def apply(
    plan_id: Annotated[str, typer.Argument(help="The id that `sidecar plan` printed.")], json: Json = False
) -> None:
    """Deliver a stored plan, row by row, and say what became of each."""
    with opened() as workspace:
        report = writing.apply(workspace, plan_id)
    if json:
        terminal.print_json(report)
    else:
        terminal.show_delivery(report)
    if report.failed or report.stopped:
        raise typer.Exit(1)


@app.command()
def show(
    person: Annotated[str, typer.Argument(help="E-mail address, person id, CRM id or record key.")],
    purpose: Annotated[Purpose, typer.Option(help="What you look for; it is recorded.")] = Purpose.sales,
    json: Json = False,
) -> None:
    """Show one person: what they did and paid, what they believe and why, and what the CRM shows."""
    with opened() as workspace:
        self_model = SelfModels(workspace, actor="cli").get_self_model(person, purpose=purpose)
    if json:
        terminal.print_json(self_model)
    else:
        show_self_model(self_model)


app.command()(screen.screen)


@state_app.callback(invoke_without_command=True)
def state(context: typer.Context, json: Json = False) -> None:
    """Say of every stream up to when it was read, what waits and what has landed; `sidecar state reset` sends one back."""
    if context.invoked_subcommand:
        return
    with opened() as workspace:
        found = streams.states(workspace)
    if json:
        terminal.print_json(found)
    else:
        terminal.show_states(found)


@state_app.command()
def reset(
    what: Annotated[str, typer.Argument(metavar="VENDOR[/STREAM]", help="A vendor, or one of its streams.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Read a stream, or all of a vendor's, again from the beginning; nothing that has landed is lost or doubled."""
    with opened() as workspace:
        chosen_streams = streams.named(workspace, what)
        terminal.show_states(chosen_streams)
        if not yes:
            terminal.confirm(f"{streams.MEANS} Go on?")
        streams.reset(workspace, chosen_streams)
    terminal.say(f"The next pull reads {what} from the beginning.")
