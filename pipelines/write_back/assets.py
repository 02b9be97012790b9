"""One asset per CRM: its fields hold what is known. Metadata are counts, never values."""

import dagster as dg

from connectors.base import Connector, Crm, Quota
from pipelines.ingest.assets import vendor_reactions
from pipelines.workspace import Workspace
from pipelines.write_back.fields import FIELDS
from pipelines.write_back.ledger import Ledger
from pipelines.write_back.limits import Limits
from pipelines.write_back.opening import crm_of, crms
from pipelines.write_back.outcome import Delivery
from pipelines.write_back.refusals import Refused
from pipelines.write_back.scheduled import Round, write_back

GROUP = "write_back"
OWNERS = ["team:revenue-data"]
COLUMNS = dg.TableSchema(
    [dg.TableColumn(spec.name, spec.kind.replace("_", " "), description=spec.help) for spec in FIELDS]
)


def assets() -> list[dg.AssetsDefinition]:
    """The assets of all CRMs."""
    return [_asset(connector) for connector in crms()]


def asset_key(connector: Connector) -> dg.AssetKey:
    """The CRM's place in the graph."""
    return dg.AssetKey([GROUP, f"{connector.name}_fields"])


def _asset(connector: Connector) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(connector),
        group_name=GROUP,
        deps=[["understand", "beliefs"], ["understand", "alignment"], ["understand", "account_alignment"]],
        kinds=set(connector.kinds),
        owners=OWNERS,
        description=_description(connector),
        metadata={"dagster/column_schema": COLUMNS},
        pool=f"{connector.name}_api",
    )
    def write(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
        with vendor_reactions(Refused):
            crm, store = crm_of(workspace, connector), workspace.store
            done = write_back(
                crm, connector.name, lake=workspace.lake, store=store, clock=workspace.clock, limits=Limits()
            )
        if done.delivered and done.delivered.stopped:
            raise dg.Failure(done.delivered.stopped, allow_retries=False)
        ledger = Ledger.of(store, connector.name, crm)
        return dg.MaterializeResult(metadata=_metadata(done, ledger, crm))

    return write


def _metadata(done: Round, ledger: Ledger, crm: Crm) -> dict[str, dg.MetadataValue]:
    counts = done.planned.counts
    delivered = done.delivered or Delivery.of(ledger, done.planned.id, None)
    numbers = {
        "dagster/row_count": len(ledger.touched()),
        "planned": counts.get("fields planned", 0),
        "written": delivered.written,
        "records_written": delivered.records,
        "records_unchanged": counts.get("unchanged", 0),
        "records_locked": counts.get("locked", 0),
        "records_gone": counts.get("gone", 0),
        "records_parked": counts.get("parked", 0),
        "kept_for_humans": ledger.kept_for_humans(),
        "payers_in_other_currencies": counts.get("payers in other currencies", 0),
        "records_undone": counts.get("undone", 0),
        "gone": delivered.gone,
        "failed": delivered.failed,
        "parked": delivered.parked,
        "waits_for_approval": int(done.delivered is None),
        **{f"calls_{reason}": count for reason, count in sorted(crm.calls.items())},
        **_quota(crm.quota),
    }
    found: dict[str, dg.MetadataValue] = {name: dg.MetadataValue.int(number) for name, number in numbers.items()}
    return {**found, "plan": dg.MetadataValue.text(done.planned.id)}


def _quota(quota: Quota | None) -> dict[str, int]:
    """Calls of the day that all have used, that there are, and that this run could still have made."""
    if quota is None:
        return {}
    return {"day_calls_used": quota.used, "day_calls_allowed": quota.allowed, "day_calls_left_to_us": quota.left or 0}


def _description(connector: Connector) -> str:
    return f"""What reps see in {connector.label}: beliefs, alignment, revenue and next action in fields of our own.

Three values are compared per field: what we **want** there, what we **wrote** last, and what **is** there. Only what changed is
sent, by record id and never as a new record; a value that a human changed is kept and counted in `kept_for_humans`; a locked
record rests; of somebody who refuses all contact and keeping (not merely mail or calls) our fields are emptied. A CRM named in
`SIDECAR_WRITE_BACK_APPROVAL` is written once `sidecar plan approve` has said yes. Values are not shown here: `sidecar plan` and
`sidecar writes` list them.
"""
