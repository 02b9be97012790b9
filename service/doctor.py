"""What `sidecar doctor` looks at: every vendor's access, the storage, and how much of the pipeline has words to read."""

from collections.abc import Callable, Iterator

from pydantic import ValidationError

from connectors.base import Connector, Crm, Finding
from connectors.errors import ConnectorError, Retryable
from connectors.registry import connectors_by_name
from models.store import StoreError
from pipelines.ingest.lake import LakeError
from pipelines.jobs import InstanceError
from pipelines.stitch.rates import RatesError
from pipelines.understand.choice import chosen_extractor
from pipelines.understand.extractor import ExtractorUnusable
from pipelines.workspace import Workspace
from pipelines.write_back.crm import Fields
from service import environment
from service.coverage import words_on_deals
from service.deliveries import last_deliveries
from service.errors import UsageError
from service.plain import wrong_settings

TOLD = 3
"""Problems of one object that are told in full."""


def examine(workspace: Workspace) -> dict[str, list[Finding]]:
    """Findings of the workspace, whose data it is first, then per vendor by its label; a vendor's refusal is a finding, never an error."""
    vendors = {connector.label: _vendor(connector, workspace) for connector in connectors_by_name().values()}
    return {"Workspace": list(_workspace(workspace)), **vendors}


def _vendor(connector: Connector, workspace: Workspace) -> list[Finding]:
    try:
        settings = connector.settings()
    except ValidationError as error:
        remedy = "Set it differently in the environment or in .env; see .env.example."
        return [Finding("settings", ok=False, message=wrong_settings(error), remedy=remedy)]
    if missing := settings.missing():
        remedy = f"Set {', '.join(missing)} in the environment or in .env; see .env.example."
        return [Finding("credentials", ok=False, message="not set, so this vendor is skipped", remedy=remedy)]
    try:
        found = connector.open(settings, workspace.clock).diagnose(connector.streams)
        return found + (amiss(connector.open_crm(settings, workspace.clock)) if connector.open_crm else [])
    except Retryable as error:
        return [Finding("login", ok=False, message=str(error), remedy="Nothing is lost; the next run tries again.")]
    except ConnectorError as error:
        remedy = f"Check {', '.join(settings.variable(name) for name in settings.required())}."
        message = f"{error}; until then nothing of {connector.label} is read"
        return [Finding("login", ok=False, message=message, remedy=remedy)]


def amiss(crm: Crm) -> list[Finding]:
    """One finding per object on which some of our fields are, and others are gone, too short or closed to us."""
    found = []
    for name in (name for names in crm.subjects.values() for name in names):
        try:
            problems = Fields(crm).problems(name) if crm.writable(name) else []
        except ConnectorError:
            continue  # an object that is closed to us was told with what is read
        if problems:
            more = f" and {len(problems) - TOLD} more" if len(problems) > TOLD else ""
            message = f"nothing is written to {name}: {'; '.join(problems[:TOLD])}{more}"
            remedy = "run `sidecar provision apply`; it makes what is missing, and says of the rest why it cannot and what to do"
            found.append(Finding(f"our fields on {name}", ok=False, message=message, remedy=remedy))
    return found


def _workspace(workspace: Workspace) -> Iterator[Finding]:
    yield Finding("data", ok=True, message=environment.whose(workspace))
    parts = {"clock": environment.clock, "store": environment.store, "lake": environment.lake}
    found = [_part(name, look, workspace) for name, look in parts.items()]
    yield from found
    if all(finding.ok for finding in found):
        yield _extractor(workspace)
        yield _part("money", environment.money, workspace)
        yield _part("runs", environment.runs, workspace)
        yield words_on_deals(workspace)
        yield from last_deliveries(workspace)


def _extractor(workspace: Workspace) -> Finding:
    """Who reads, and whether it can be reached; no text is sent."""
    try:
        with chosen_extractor(workspace.store, workspace.clock) as extractor:
            return Finding("extractor", ok=True, message=extractor.reach())
    except ExtractorUnusable as error:
        return Finding("extractor", ok=False, message=str(error))
    except ValidationError as error:
        return Finding("extractor", ok=False, message=wrong_settings(error))


def _part(name: str, look: Callable[[Workspace], str], workspace: Workspace) -> Finding:
    try:
        return Finding(name, ok=True, message=look(workspace))
    except (InstanceError, LakeError, RatesError, StoreError, UsageError) as error:
        return Finding(name, ok=False, message=str(error))
