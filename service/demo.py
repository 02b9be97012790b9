"""The demo: the whole job against the sandbox, then one person's story and the CRM fields before and after."""

import os
from datetime import timedelta
from pathlib import Path
from threading import Event

import dagster as dg
from rich.markup import escape

from models.clock import ShiftedClock
from models.operations import Purpose
from pipelines.run import JobOutcome, job_names, local_instance, run_all
from pipelines.workspace import Workspace
from service import terminal, writing
from service.environment import SANDBOX, UsageError
from service.self_models import SelfModels

ECHO_PAUSE = timedelta(hours=1)  # long enough for what we wrote to leave every vendor's look-back before the next pull


def run_jobs(workspace: Workspace, names: list[str] | None = None) -> list[JobOutcome]:
    """Run the named jobs (all of them if none) in flow order, with bars at a terminal. UsageError for an unknown name."""
    known = job_names()
    if unknown := [name for name in names or [] if name not in known]:
        raise UsageError(f"There is no job called {', '.join(unknown)}; choose from {', '.join(known)}.")
    chosen = [name for name in known if not names or name in names]
    defs = _definitions()
    with local_instance(workspace.settings.home) as instance, terminal.bars("jobs", len(chosen)) as progress:
        outcomes = []
        overall = progress.task_ids[0]
        for outcome in run_all(defs, instance, names=chosen, before=lambda name: progress.update(overall, description=name)):
            outcomes.append(outcome)
            progress.advance(overall)
        progress.update(overall, description="jobs")
    return outcomes
