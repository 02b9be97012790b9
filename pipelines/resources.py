"""The one resource that assets ask for: the workspace, as the environment describes it."""

import dagster as dg

from pipelines.workspace import Workspace


class WorkspaceResource(dg.ConfigurableResource[Workspace]):
    """Hands assets the lake, the store and the clock; reads its settings when a run starts, so a missing one stops only its user."""

    def create_resource(self, context: dg.InitResourceContext) -> Workspace:  # noqa: ARG002  # Dagster's signature
        """The workspace of this process."""
        return Workspace.from_environment()
