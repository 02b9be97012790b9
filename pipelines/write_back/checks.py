"""What must be true of a CRM's fields after every run."""

from collections.abc import Iterator

import dagster as dg

from connectors.base import Connector
from pipelines.workspace import Workspace
from pipelines.write_back.assets import asset_key
from pipelines.write_back.crm import Fields
from pipelines.write_back.ledger import Ledger
from pipelines.write_back.opening import crm_of, crms
from pipelines.write_back.recovery import read_back

PARKED_SHARE = 0.02
"""More than one record in fifty that the CRM refuses for good points at a rule or a permission, not at the records."""

ABOUT = {
    "read_back_equals_sent": "What the last plan wrote, asked for again, is what was sent.",
    "fields_exist_and_fit": "Every field of ours exists on every object, is open to our user and long enough.",
    "few_records_parked": "The CRM refuses few records for good; the reasons stand in the ledger (intended_write.error).",
}


def checks() -> list[dg.AssetChecksDefinition]:
    """The checks of all CRMs."""
    return [_checks(connector) for connector in crms()]


def _checks(connector: Connector) -> dg.AssetChecksDefinition:
    key = asset_key(connector)

    @dg.multi_asset_check(
        name=f"{connector.name}_fields_checks",
        specs=[dg.AssetCheckSpec(name, asset=key, description=text) for name, text in ABOUT.items()],
    )
    def check(workspace: dg.ResourceParam[Workspace]) -> Iterator[dg.AssetCheckResult]:
        crm = crm_of(workspace, connector)
        ledger, fields = Ledger.of(workspace.store, connector.name, crm), Fields(crm)
        plan = ledger.last_applied()
        read = read_back(crm, connector.name, plan.id, store=workspace.store) if plan else None
        differing = len(read.differing) if read else 0
        looked_at = {"values": read.values if read else 0, "differing": differing}
        yield _result("read_back_equals_sent", key, looked_at, passed=not differing)
        problems = [problem for name in fields.subjects for problem in fields.problems(name)]
        yield _result("fields_exist_and_fit", key, {"unfit": len(problems)}, passed=not problems, problems=problems)
        parked, shown = ledger.parked(), len(ledger.touched())
        few = parked <= PARKED_SHARE * shown
        yield _result("few_records_parked", key, {"parked": parked, "records": shown}, passed=few)

    return check


def _result(
    name: str, key: dg.AssetKey, numbers: dict[str, int], *, passed: bool, problems: list[str] | None = None
) -> dg.AssetCheckResult:
    found: dict[str, dg.MetadataValue] = {label: dg.MetadataValue.int(number) for label, number in numbers.items()}
    if problems:
        found["problems"] = dg.MetadataValue.md("\n".join(f"- {problem}" for problem in problems))
    severity = dg.AssetCheckSeverity.WARN if name == "few_records_parked" else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(check_name=name, asset_key=key, passed=passed, severity=severity, metadata=found)
