"""What `sidecar doctor` looks at: every vendor's access, the storage, and how much of the pipeline has words to read."""

from connectors.base import Connector, Finding
from connectors.errors import ConnectorError
from connectors.registry import connectors_by_name
from pipelines.workspace import Workspace


def examine(workspace: Workspace) -> dict[str, list[Finding]]:
    """Findings per vendor by its label, then those of the workspace; a vendor's refusal is a finding, never an error."""
    vendors = {connector.label: _vendor(connector, workspace) for connector in connectors_by_name().values()}
    return {**vendors, "Workspace": _workspace(workspace)}


def _vendor(connector: Connector, workspace: Workspace) -> list[Finding]:
    settings = connector.settings()
    if missing := settings.missing():
        remedy = f"Set {', '.join(missing)} in the environment or in .env; see .env.example."
        return [Finding("credentials", ok=False, message="not set, so this vendor is skipped", remedy=remedy)]
    try:
        return connector.open(settings, workspace.clock).diagnose(connector.streams)
    except ConnectorError as error:
        remedy = f"Check {', '.join(settings.variable(name) for name in settings.required())}."
        return [Finding("login", ok=False, message=str(error), remedy=remedy)]


def _workspace(workspace: Workspace) -> list[Finding]:
    backend = workspace.store.url.get_backend_name()
    runs = "one run at a time" if backend == "sqlite" else "runs in parallel"
    return [
        Finding("store", ok=True, message=f"{backend}, newest schema, {runs}"),
        Finding("lake", ok=True, message=f"engine {workspace.settings.engine}"),
    ]
