"""One asset per stream of every vendor that the registry finds; none waits for another, so one that fails stops only itself."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import dagster as dg

from connectors.base import Connector, Stream
from connectors.errors import Fatal, Retryable
from connectors.registry import connectors_by_name
from pipelines.ingest.columns import ColumnChange
from pipelines.ingest.history import HistoryReport, pull_between
from pipelines.ingest.pull import PullReport, pull_stream
from pipelines.ingest.schemas import RAW_COLUMNS
from pipelines.ingest.sources import source_of
from pipelines.ingest.staging import StreamBusyError
from pipelines.ingest.state import reached, read_until
from pipelines.ingest.tables import LakeBusyError
from pipelines.workspace import Workspace

OWNERS = ["team:revenue-data"]
RETRIES = 3
LONGEST_WAIT = 300
"""Seconds a run is held for one vendor, in all; beyond that the next scheduled run goes on from the staged pages."""
TRIED = 30
"""Seconds that a request was tried again and again before it was given up (`connectors/transport.py`)."""
STALE_AFTER = timedelta(hours=36)
"""A daily pull that failed once and was repaired the next morning is not stale yet."""
REASONS_SHOWN = 10
CHANGES_SHOWN = 50
LANDED_ELSEWHERE = 10
"""Seconds after which a table that another machine was writing is surely free again."""

MONTHS = dg.MonthlyPartitionsDefinition(datetime(2000, 1, 1, tzinfo=UTC), timezone="UTC", end_offset=1)
"""Salesforce, the oldest of the vendors, began to sell in 2000, so no stamp lies before; the month that is running is one of them."""

COLUMNS = dg.TableSchema(
    [dg.TableColumn(name, str(kind), description=text) for name, (kind, text) in RAW_COLUMNS.items()]
)


def assets() -> list[dg.AssetsDefinition]:
    """The assets of all vendors: their streams, and the history that is read once more on demand."""
    vendors = connectors_by_name().values()
    streams = [_asset(connector, stream) for connector in vendors for stream in connector.streams]
    return [*streams, *(_history(connector) for connector in vendors)]


def asset_key(connector: Connector, stream: Stream) -> dg.AssetKey:
    """The stream's place in the graph."""
    return dg.AssetKey([connector.name, stream.name])


def history_key(connector: Connector) -> dg.AssetKey:
    """Where months of the vendor are read once more."""
    return dg.AssetKey([connector.name, "history"])


def _asset(connector: Connector, stream: Stream) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(connector, stream),
        group_name=connector.name,
        kinds=set(connector.kinds),
        owners=OWNERS,
        description=_description(connector, stream),
        metadata={"dagster/column_schema": COLUMNS},
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=STALE_AFTER),
        pool=f"{connector.name}_api",
    )
    def pull(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
        with _reactions(workspace, connector):
            report = pull_stream(
                source_of(workspace, connector),
                connector,
                stream,
                lake=workspace.lake,
                store=workspace.store,
                staging=workspace.staging,
                clock=workspace.clock,
            )
        lake, name = workspace.lake, connector.name
        # a pull that brought nothing leaves what rests on the stream in sync
        return dg.MaterializeResult(
            metadata=_metadata(report, lake.census(name, stream.name).records, workspace.clock.now()),
            data_version=dg.DataVersion(f"{connector.reading}.{lake.last_batch(name, stream.name)}"),
        )

    return pull


def _history(connector: Connector) -> dg.AssetsDefinition:
    @dg.asset(
        key=history_key(connector),
        group_name=connector.name,
        kinds=set(connector.kinds),
        owners=OWNERS,
        description=_about_history(connector),
        metadata={"dagster/column_schema": COLUMNS},
        partitions_def=MONTHS,
        pool=f"{connector.name}_history",  # not the pool of the pulls: months of history must not hold up what is new
    )
    def history(context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
        month = context.partition_time_window
        today = workspace.clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        with _reactions(workspace, connector):
            report = pull_between(
                source_of(workspace, connector),
                connector,
                month.start,
                max(
                    month.start, min(month.end, today)
                ),  # the same all day, so that a month that is running can be resumed
                lake=workspace.lake,
                store=workspace.store,
                staging=workspace.staging,
                clock=workspace.clock,
            )
            report.insist()
        return dg.MaterializeResult(metadata=_history_metadata(report))

    return history


@contextmanager
def _reactions(workspace: Workspace, connector: Connector) -> Iterator[None]:
    """What goes wrong at a vendor, in Dagster's words.

    A refused login is remembered, for more attempts could lock the user out. So is a vendor that kept the run waiting too long in
    all: else every stream would wait anew, an hour for a vendor that is away. A table that another machine just wrote is free again soon.
    """
    name = connector.name
    with vendor_reactions(StreamBusyError):
        try:
            yield
        except LakeBusyError as error:
            raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=LANDED_ELSEWHERE) from error
        except Fatal as error:
            if error.credentials:
                workspace.sources[name] = error
            raise
        except Retryable as error:
            workspace.waited[name] += error.after + TRIED
            if error.after > LONGEST_WAIT or workspace.waited[name] <= LONGEST_WAIT:
                raise
            away = Fatal(f"this run waits no longer, the next one goes on from here ({error})", vendor=name)
            workspace.sources[name] = away
            raise away from error


@contextmanager
def vendor_reactions(*refusals: type[Exception]) -> Iterator[None]:
    """What stops work at a vendor, in Dagster's words: wait and try again, or stop until a human acts. Starting again is always safe."""
    final: tuple[type[Exception], ...] = (Fatal, *refusals)
    try:
        yield
    except Retryable as error:
        if error.after > LONGEST_WAIT:
            text = f"{error} (wait {error.after:.0f} s; the next run goes on from here)"
            raise dg.Failure(text, allow_retries=False) from error
        raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=error.after) from error
    except final as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def _description(connector: Connector, stream: Stream) -> str:
    tables = ", ".join(f"`{fact.table}`" for fact in stream.facts) or "none"
    lines = [
        stream.description,
        "",
        f"Every version of each {connector.label} `{stream.object}` that said something new, in the order it landed.",
        f"Read as facts: {tables}.",
    ]
    return "\n".join([*lines, f"[{connector.label}'s documentation]({connector.docs})"] if connector.docs else lines)


def _about_history(connector: Connector) -> str:
    lines = [
        f"Months of {connector.label} that are read once more, when somebody asks for them.",
        "",
        "Launch a backfill over the months that you doubt, after an incident say. Each month is a partition, in UTC by the vendor's own "
        "stamps; the running month is read up to last midnight. What is known already lands no second time, and no pull loses its place. "
        "A month that was interrupted goes on where it stopped. Nothing here is needed for the pulls, which have read everything.",
    ]
    return "\n".join(lines)


def _metadata(report: PullReport, records: int, now: datetime) -> dict[str, dg.MetadataValue]:
    kinds = Counter(change.kind for change in report.changes)
    counts = {
        "dagster/row_count": records,
        **_work(report),
        "held_back": report.held_back,
        "mended": report.mended,
        "recovered": report.recovered,
        "retries": report.calls["retry"],
        "schema_changes": len(report.changes),
        **{f"schema_{kind}": kinds[kind] for kind in ("added", "vanished", "retyped")},
        **_calls(report),
        **{f"facts_{name}": number for name, number in report.facts.items()},
    }
    if report.columns is not None:
        counts["columns"] = report.columns
    if report.quota:
        used, allowed = report.quota.used, report.quota.allowed
        counts |= {"quota_used": used, "quota_allowed": allowed, "quota_left": allowed - used}
    found: dict[str, dg.MetadataValue] = {name: dg.MetadataValue.int(number) for name, number in counts.items()}
    found["cursor"] = dg.MetadataValue.text(read_until(report.cursor))
    if until := reached(report.cursor):
        found["lag_behind_vendor_s"] = dg.MetadataValue.float((now - until).total_seconds())
    if report.lag_s is not None:
        found["newest_record_age_s"] = dg.MetadataValue.float(report.lag_s)
    if report.rejected:
        found["rejections"] = _reasons(report.rejected)
    if report.changes:
        found["changed_columns"] = changed_columns(report.changes)
    if report.untold:
        found["vendor_did_not_tell"] = dg.MetadataValue.text("\n".join(report.untold))
    return found


def _history_metadata(report: HistoryReport) -> dict[str, dg.MetadataValue]:
    counts: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    for one in report.streams.values():
        counts.update({**_work(one), **_calls(one)})
        rejected.update(one.rejected)
    found: dict[str, dg.MetadataValue] = {name: dg.MetadataValue.int(number) for name, number in counts.items()}
    found["streams"] = dg.MetadataValue.table(
        [dg.TableRecord({"stream": name, **_work(one)}) for name, one in report.streams.items()],
        schema=dg.TableSchema(
            [dg.TableColumn("stream"), *(dg.TableColumn(name, "int") for name in _work(PullReport()))]
        ),
    )
    found["cannot_be_read_by_date"] = dg.MetadataValue.text(", ".join(report.unsupported) or "none")
    if rejected:
        found["rejections"] = _reasons(rejected)
    return found


def _calls(report: PullReport) -> dict[str, int]:
    return {f"calls_{name.replace('-', '_')}": number for name, number in report.calls.items()}


def _work(report: PullReport) -> dict[str, int]:
    return {
        "rows_landed": report.rows,
        "records_seen": report.seen,
        "pages": report.pages,
        "windows": report.windows,
        "rejected": report.rejected.total(),
    }


def _reasons(rejected: Counter[str]) -> dg.TableMetadataValue:
    reasons = rejected.most_common(REASONS_SHOWN)
    return dg.MetadataValue.table([dg.TableRecord({"reason": reason, "records": number}) for reason, number in reasons])


def changed_columns(changes: list[ColumnChange]) -> dg.TableMetadataValue:
    """Columns that changed, as a table of names and types; never a value."""
    return dg.MetadataValue.table(
        [
            dg.TableRecord({"column": one.name, "change": one.kind, "was": one.was or "", "now": one.now or ""})
            for one in changes[:CHANGES_SHOWN]
        ]
    )
