"""What must be true of a stream after every pull; read from the tables, never from the vendor."""

from collections.abc import Iterator

import dagster as dg
from sqlmodel import col, func, select

from connectors.base import Connector, Stream
from connectors.registry import connectors_by_name
from models.operations import Cursor, Rejection
from models.store import transaction
from pipelines.ingest.assets import asset_key
from pipelines.workspace import Workspace

REJECTED_SHARE = 0.02
"""Real CRMs hold some records that nobody finished; more than one in fifty means that we read a field wrongly."""

ABOUT = {
    "records_make_sense": "Few records had to be rejected; the reasons stand on the asset's page.",
    "facts_in_step": "Every landed row has been read as facts, and the cursor says where the next pull starts.",
    "no_version_twice": "The change log holds no version of a record twice.",
}


def checks() -> list[dg.AssetChecksDefinition]:
    """The checks of all vendors."""
    return [_checks(connector, stream) for connector in connectors_by_name().values() for stream in connector.streams]


def _checks(connector: Connector, stream: Stream) -> dg.AssetChecksDefinition:
    key = asset_key(connector, stream)

    @dg.multi_asset_check(
        name=f"{connector.name}_{stream.name}_checks",
        specs=[dg.AssetCheckSpec(name, asset=key, description=text) for name, text in ABOUT.items()],
    )
    def check(workspace: dg.ResourceParam[Workspace]) -> Iterator[dg.AssetCheckResult]:
        yield _make_sense(workspace, connector, stream)
        yield _in_step(workspace, connector, stream)
        yield _not_twice(workspace, connector, stream)

    return check


def _make_sense(workspace: Workspace, connector: Connector, stream: Stream) -> dg.AssetCheckResult:
    with transaction(workspace.store) as session:
        where = col(Rejection.stream) == f"{connector.name}/{stream.name}"
        rejected = session.exec(select(func.count()).select_from(Rejection).where(where)).one()
    records = workspace.lake.census(connector.name, stream.name).records
    return dg.AssetCheckResult(
        check_name="records_make_sense",
        asset_key=asset_key(connector, stream),
        passed=rejected <= records * REJECTED_SHARE,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"rejected": rejected, "records": records},
    )


def _in_step(workspace: Workspace, connector: Connector, stream: Stream) -> dg.AssetCheckResult:
    landed = workspace.lake.last_batch(connector.name, stream.name)
    read = [workspace.lake.translated(fact, connector.name, stream.name) for fact in stream.facts]
    with transaction(workspace.store) as session:
        where = (col(Cursor.vendor) == connector.name) & (col(Cursor.stream) == stream.name)
        cursors = session.exec(select(func.count()).select_from(Cursor).where(where)).one()
    return dg.AssetCheckResult(
        check_name="facts_in_step",
        asset_key=asset_key(connector, stream),
        passed=cursors > 0 and all(batch == landed for batch in read),
        metadata={"landed_batch": landed, "read_batch": min(read, default=landed), "accounts": cursors},
    )


def _not_twice(workspace: Workspace, connector: Connector, stream: Stream) -> dg.AssetCheckResult:
    twice = workspace.lake.census(connector.name, stream.name).twice
    return dg.AssetCheckResult(
        check_name="no_version_twice",
        asset_key=asset_key(connector, stream),
        passed=twice == 0,
        metadata={"versions_twice": twice},
    )
