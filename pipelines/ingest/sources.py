"""Opening a vendor account once per run, whatever number of its streams is pulled."""

from pydantic import ValidationError

from connectors.base import Connector, Source
from connectors.errors import Fatal, Retryable
from pipelines.workspace import Workspace


def unusable_variables(connector: Connector) -> list[str]:
    """Environment variables that must be set, or set differently, before the vendor can be reached; empty means ready."""
    try:
        return connector.settings().missing()
    except ValidationError as error:
        return [connector.settings.variable(str(one["loc"][0])) for one in error.errors(include_input=False)]


def source_of(workspace: Workspace, connector: Connector) -> Source:
    """The vendor's open account. Fatal if variables are missing, or the vendor refused us or was away; it is not asked again."""
    known = workspace.sources.get(connector.name)
    if isinstance(known, Fatal):
        raise known
    if known is None:
        if variables := unusable_variables(connector):
            raise Fatal(f"set {', '.join(variables)}; .env.example says where to find them", vendor=connector.name)
        try:
            known = connector.open(connector.settings(), workspace.clock)
        except (
            Retryable
        ) as error:  # the door itself was tried for half a minute; the other streams would stand before it too
            away = Fatal(f"its door could not be opened ({error})", vendor=connector.name)
            workspace.sources[connector.name] = away
            raise away from error
        workspace.sources[connector.name] = known
    return known
