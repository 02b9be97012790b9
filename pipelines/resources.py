"""The one resource that assets ask for: the workspace, as the environment describes it."""

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from pipelines.workspace import Workspace


class WorkspaceResource(dg.ConfigurableResource[Workspace]):
    """Hands assets the lake, the store and the clock; reads its settings when a run starts, so a missing one stops only its user."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Workspace, None, None]:  # noqa: ARG002  # Dagster's signature
        """The workspace of this run, closed with it."""
        with Workspace.from_environment() as workspace:
            yield workspace
