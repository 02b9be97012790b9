"""One asset per stream of every vendor that the registry finds; none waits for another, so one that fails stops only itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import dagster as dg

from connectors.base import Connector, Stream
from connectors.errors import Fatal, Retryable
from connectors.registry import connectors_by_name
from pipelines.ingest.pull import PullReport, pull_stream
from pipelines.ingest.schemas import RAW_COLUMNS
from pipelines.ingest.sources import source_of
from pipelines.ingest.staging import StreamBusyError
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

COLUMNS = dg.TableSchema(
    [dg.TableColumn(name, str(kind), description=text) for name, (kind, text) in RAW_COLUMNS.items()]
)


def assets() -> list[dg.AssetsDefinition]:
    """The assets of all vendors."""
    return [_asset(connector, stream) for connector in connectors_by_name().values() for stream in connector.streams]


def asset_key(connector: Connector, stream: Stream) -> dg.AssetKey:
    """The stream's place in the graph."""
    return dg.AssetKey([connector.name, stream.name])


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
        records = workspace.lake.census(connector.name, stream.name).records
        return dg.MaterializeResult(metadata=_metadata(report, records))

    return pull


@contextmanager
def _reactions(workspace: Workspace, connector: Connector) -> Iterator[None]:
    """What goes wrong at a vendor, in Dagster's words.

    A refused login is remembered, for more attempts could lock the user out. So is a vendor that kept the run waiting too long in
    all: else every stream would wait anew, an hour for a vendor that is away.
    """
    name = connector.name
    with vendor_reactions(StreamBusyError, LakeBusyError):
        try:
            yield
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


def _metadata(report: PullReport, records: int) -> dict[str, dg.MetadataValue]:
    counts = {
        "dagster/row_count": records,
        "rows_landed": report.rows,
        "records_seen": report.seen,
        "pages": report.pages,
        "windows": report.windows,
        "rejected": report.rejected.total(),
        "recovered": report.recovered,
        "mended": report.mended,
        **{f"calls_{name.replace('-', '_')}": number for name, number in report.calls.items()},
        **{f"facts_{name}": number for name, number in report.facts.items()},
    }
    found: dict[str, dg.MetadataValue] = {name: dg.MetadataValue.int(number) for name, number in counts.items()}
    if report.lag_s is not None:
        found["newest_record_age_s"] = dg.MetadataValue.float(report.lag_s)
    if report.rejected:
        reasons = report.rejected.most_common(REASONS_SHOWN)
        found["rejections"] = dg.MetadataValue.table(
            [dg.TableRecord({"reason": reason, "records": number}) for reason, number in reasons]
        )
    return found
