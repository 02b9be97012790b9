"""Opening a vendor account once per run, whatever number of its streams is pulled."""

from pydantic import ValidationError

from connectors.base import Connector, Source
from connectors.errors import Fatal
from pipelines.workspace import Workspace


def unusable_variables(connector: Connector) -> list[str]:
    """Environment variables that must be set, or set differently, before the vendor can be reached; empty means ready."""
    try:
        return connector.settings().missing()
    except ValidationError as error:
        return [connector.settings.variable(str(one["loc"][0])) for one in error.errors(include_input=False)]


def source_of(workspace: Workspace, connector: Connector) -> Source:
    """The vendor's open account. Fatal if variables are missing or the vendor refused us before; it is not asked again."""
    known = workspace.sources.get(connector.name)
    if isinstance(known, Fatal):
        raise known
    if known is None:
        if variables := unusable_variables(connector):
            raise Fatal(f"set {', '.join(variables)}; .env.example says where to find them", vendor=connector.name)
        known = workspace.sources[connector.name] = connector.open(connector.settings(), workspace.clock)
    return known
