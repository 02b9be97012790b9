"""Opening a CRM to write to, from the environment."""

from collections.abc import Iterator

from connectors.base import Connector, Crm
from connectors.errors import Fatal, Unsupported
from connectors.registry import connectors_by_name
from pipelines.ingest.sources import unusable_variables
from pipelines.workspace import Workspace


def crms() -> Iterator[Connector]:
    """The vendors that can be written to."""
    return (connector for connector in connectors_by_name().values() if connector.open_crm)


def crm_of(workspace: Workspace, connector: Connector) -> Crm:
    """The open CRM. Fatal, naming the variables, if credentials are missing or refused; Unsupported if it is no CRM."""
    if connector.open_crm is None:
        raise Unsupported(f"{connector.label} is no CRM; nothing can be written to it", vendor=connector.name)
    if variables := unusable_variables(connector):
        raise Fatal(f"set {', '.join(variables)}; .env.example says where to find them", vendor=connector.name)
    return connector.open_crm(connector.settings(), workspace.clock)
