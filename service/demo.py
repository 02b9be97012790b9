"""The demo: the whole job against the sandbox, then one person's story and the CRM fields before and after."""

from datetime import timedelta
from threading import Event

from models.clock import ShiftedClock
from models.operations import Purpose
from pipelines.jobs import job_names
from pipelines.workspace import Workspace
from service import terminal, writing
from service.errors import LeftUndoneError
from service.ground import SANDBOX
from service.jobs import run_jobs
from service.portrait import show_self_model
from service.self_models import SelfModels

ECHO_PAUSE = timedelta(
    hours=2
)  # one pull sees what we wrote, the next one no more: HubSpot is asked again for a whole hour
FAREWELL = """[bold]make dev[/bold] opens the Dagster UI on this data · [bold]uv run sidecar run[/bold] goes on from here
[bold]uv run sidecar show EMAIL[/bold] shows anybody · [bold]uv run sidecar plan[/bold] says what would be written next"""


def tell(workspace: Workspace) -> None:
    """Provision, run everything, and show one person before and after the write-back, read back through the CRM's API.

    The written values appear in the CRM as changed records; two hours pass at the end, so that the next run absorbs that echo.
    """
    steps = writing.provision(workspace, dry_run=False)
    steps.insist()
    terminal.console.print(f"Fields in place: {', '.join(f'{crm} {len(lines)}' for crm, lines in steps.got.items())}.")
    upstream = [name for name in job_names() if not name.startswith("write_back_")]
    outcomes = run_jobs(workspace, upstream)
    models = SelfModels(workspace, actor="demo")
    person = writing.most_telling_person(workspace)
    before = writing.fields_of(workspace, person)
    outcomes += run_jobs(workspace, [name for name in job_names() if name not in upstream])
    terminal.show_outcomes(outcomes)
    terminal.console.rule("One person's story")
    show_self_model(models.get_self_model(person, purpose=Purpose.sales))
    terminal.console.rule("The CRM fields, before and after, read back through the API")
    terminal.show_fields(before, writing.fields_of(workspace, person))
    _let_the_echo_fade(workspace)
    terminal.console.rule()
    terminal.console.print(FAREWELL)
    if not all(outcome.ok for outcome in outcomes):
        raise LeftUndoneError("Not every job came to its end; the reasons stand above.")


def wait_in_sandbox() -> None:
    """Say where the sandbox is and stay until interrupted."""
    terminal.console.print(
        f"The sandbox is up; its addresses and keys are in {SANDBOX / 'sandbox.env'}. Ctrl-C ends it."
    )
    Event().wait()


def _let_the_echo_fade(workspace: Workspace) -> None:
    if isinstance(workspace.clock, ShiftedClock):
        workspace.clock.advance(ECHO_PAUSE)
