"""Jobs run here and now, for every command that needs them."""

from pipelines.jobs import JobOutcome, job_names
from pipelines.workspace import Workspace
from service import terminal
from service.errors import UsageError


def run_jobs(workspace: Workspace, names: list[str] | None = None, *, anyway: bool = False) -> list[JobOutcome]:
    """Run the named jobs (all of them if none) in flow order, with bars at a terminal. UsageError for an unknown name.

    Jobs that would find nothing new are left out, unless they are to run `anyway`.
    """
    from pipelines.definitions import build  # noqa: PLC0415  # only jobs need Dagster, which takes seconds to import
    from pipelines.run import local_instance, run_all  # noqa: PLC0415

    known = job_names()
    if unknown := [name for name in names or [] if name not in known]:
        raise UsageError(f"There is no job called {', '.join(unknown)}; choose from {', '.join(known)}.")
    chosen = [name for name in known if not names or name in names]
    defs = build()
    outcomes = []
    with local_instance(workspace.settings.home) as instance, terminal.bars(len(chosen)) as bars:
        for outcome in run_all(defs, instance, names=chosen, anyway=anyway, before=bars.start):
            outcomes.append(outcome)
            bars.finish()
    return outcomes
