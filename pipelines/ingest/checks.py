"""What must be true of a stream after every pull; read from the tables, never from the vendor."""

from collections.abc import Iterator

import dagster as dg
from sqlmodel import col, func, select

from connectors.base import Connector, Stream
from connectors.registry import connectors_by_name
from models.operations import Cursor, Rejection, StreamCount
from models.store import transaction
from pipelines.ingest.anew import made_otherwise
from pipelines.ingest.assets import STALE_AFTER, asset_key, changed_columns, history_key
from pipelines.ingest.columns import WARNED_FOR, lately_lost
from pipelines.ingest.history import unfinished
from pipelines.workspace import Workspace

REJECTED_SHARE = 0.02
"""Real CRMs hold some records that nobody finished; more than one in fifty means that we read a field wrongly."""

ABOUT = {
    "records_make_sense": "Few records had to be rejected; the reasons stand on the asset's page.",
    "facts_in_step": "Every landed row has been read as facts, as this release reads it, and the cursor says where the next pull starts.",
    "no_version_twice": "The change log holds no version of a record twice.",
    "fresh": f"A pull has landed within the last {STALE_AFTER.total_seconds() / 3600:.0f} hours.",
    "nothing_missing": "The lake holds as many live records as the vendor counts, but for what moved meanwhile.",
    "schema_drift": f"No column has vanished or changed its type within the last {WARNED_FOR.days} days.",
}


def checks() -> list[dg.AssetChecksDefinition]:
    """The checks of all vendors: of their streams, and of the history that is read once more."""
    vendors = connectors_by_name().values()
    streams = [_checks(connector, stream) for connector in vendors for stream in connector.streams]
    return [*streams, *(_history_check(connector) for connector in vendors)]


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
        yield _fresh(workspace, connector, stream)
        yield _nothing_missing(workspace, connector, stream)
        yield _schema_drift(workspace, connector, stream)

    return check


def _history_check(connector: Connector) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=history_key(connector),
        name="read_to_the_end",
        description="No month that was begun waits for the rest of its pages; launch those that do again.",
    )
    def check(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
        ranges = unfinished(workspace.staging, connector.name)
        return dg.AssetCheckResult(
            passed=not ranges,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"unfinished": len(ranges), "ranges": ", ".join(ranges) or "none"},
        )

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
    anew = {*made_otherwise(workspace.lake, connector)} & {*stream.facts}
    with transaction(workspace.store) as session:
        where = (col(Cursor.vendor) == connector.name) & (col(Cursor.stream) == stream.name)
        cursors = session.exec(select(func.count()).select_from(Cursor).where(where)).one()
    return dg.AssetCheckResult(
        check_name="facts_in_step",
        asset_key=asset_key(connector, stream),
        passed=cursors > 0 and all(batch == landed for batch in read) and not anew,
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


def _fresh(workspace: Workspace, connector: Connector, stream: Stream) -> dg.AssetCheckResult:
    """Says no only where no pull succeeds any more, so `check_streams` asks once a day, whatever became of the pulls."""
    with transaction(workspace.store) as session:
        where = (col(Cursor.vendor) == connector.name) & (col(Cursor.stream) == stream.name)
        landed = max(session.exec(select(Cursor.landed_at).where(where)), default=None)
    age = workspace.clock.now() - landed if landed else None
    return dg.AssetCheckResult(
        check_name="fresh",
        asset_key=asset_key(connector, stream),
        passed=age is not None and age <= STALE_AFTER,
        metadata={"age_s": age.total_seconds()} if age is not None else {"landed": "never"},
    )


def _nothing_missing(workspace: Workspace, connector: Connector, stream: Stream) -> dg.AssetCheckResult:
    """Missing records are an error; records that the vendor has no more are a warning, for the next sweep finds them."""
    with transaction(workspace.store) as session:
        where = (col(StreamCount.vendor) == connector.name) & (col(StreamCount.stream) == stream.name)
        counts = sorted(session.exec(select(StreamCount).where(where)), key=lambda count: count.counted_at)
    missing, surplus = sum(count.missing for count in counts), sum(count.surplus for count in counts)
    found: dict[str, str | int] = {"missing": missing, "surplus": surplus}
    if counts:
        last = counts[-1]
        judged = (
            "final" if last.settled else "to be judged by a pull that begins well after it, for records move meanwhile"
        )
        found |= {
            "at_vendor": last.at_vendor,
            "in_lake": last.in_lake,
            "counted_at": last.counted_at.isoformat(),
            "count": judged,
        }
    else:
        found["count"] = "the vendor has not counted this stream"
    return dg.AssetCheckResult(
        check_name="nothing_missing",
        asset_key=asset_key(connector, stream),
        passed=missing == surplus == 0,
        severity=dg.AssetCheckSeverity.ERROR if missing else dg.AssetCheckSeverity.WARN,
        metadata=found,
    )


def _schema_drift(workspace: Workspace, connector: Connector, stream: Stream) -> dg.AssetCheckResult:
    lost = lately_lost(workspace.store, connector.name, stream.name, workspace.clock.now())
    return dg.AssetCheckResult(
        check_name="schema_drift",
        asset_key=asset_key(connector, stream),
        passed=not lost,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"changed": len(lost)} | ({"changed_columns": changed_columns(lost)} if lost else {}),
    )
