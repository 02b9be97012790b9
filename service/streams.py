"""Streams by the names that people use, for `sidecar state`: where each stands, and sending some back to their beginning."""

from collections.abc import Sequence

from connectors.registry import connectors_by_name
from pipelines.ingest import state
from pipelines.ingest.staging import StreamBusyError
from pipelines.ingest.state import StreamState
from pipelines.workspace import Workspace
from service.errors import LeftUndoneError, UsageError

MEANS = "The cursor and the pages that wait are removed, and the next pull reads everything; what has landed stays, and nothing is doubled."


def states(workspace: Workspace) -> list[StreamState]:
    """Where every stream that has left a trace stands."""
    return state.stream_states(workspace.lake, workspace.store, workspace.staging, connectors_by_name())


def named(workspace: Workspace, what: str) -> list[StreamState]:
    """The streams of a vendor, or the one that is named VENDOR/STREAM. UsageError if there is none that was ever pulled."""
    vendor, _, stream = what.partition("/")
    connectors = connectors_by_name()
    if vendor not in connectors:
        raise UsageError(f"There is no vendor called {vendor!r}; choose from {', '.join(connectors)}.")
    known = connectors[vendor].streams_by_name
    if stream and stream not in known:
        raise UsageError(f"{vendor} has no stream called {stream!r}; choose from {', '.join(known)}.")
    found = [one for one in states(workspace) if one.vendor == vendor and stream in {"", one.stream}]
    if not any(one.account is not None for one in found):
        raise UsageError(f"{what} was never pulled, or was reset already; its next pull reads everything.")
    return found


def reset(workspace: Workspace, chosen: Sequence[StreamState]) -> None:
    """Send these streams back to their beginning. LeftUndoneError, with nothing done, while one of them is being pulled."""
    try:
        state.reset(workspace.store, workspace.staging, chosen)
    except StreamBusyError as error:
        raise LeftUndoneError(f"Nothing was reset: {error}.") from error
