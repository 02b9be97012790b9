"""The stitch room in the asset graph: who is who, and what became of each of them."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import dagster as dg
import pyarrow as pa

from connectors.registry import connectors_by_name
from models.facts import (
    Discount,
    Engagement,
    Fact,
    Outcome,
    Payment,
    Relation,
    Scope,
    Spend,
    Subscription,
    Touch,
)
from models.identity import Membership
from pipelines.ingest.lake import Lake
from pipelines.stitch.derived import JOURNEYS, OUTCOMES, RECEIPTS, REVENUE, SESSIONS, SPEND, Derived, put
from pipelines.stitch.figures import Match, matches
from pipelines.stitch.journeys import build_journeys
from pipelines.stitch.membership import SNAPSHOT_COLUMNS
from pipelines.stitch.rates import Rates
from pipelines.stitch.reach import SPEAKING
from pipelines.stitch.report import JourneyReport
from pipelines.stitch.stitch import StitchReport, stitch
from pipelines.workspace import Workspace

Metadata: TypeAlias = dict[str, dg.MetadataValue]
Made: TypeAlias = tuple[pa.Table, Metadata]
GROUP = "stitch"
OWNERS = ["team:revenue-data"]
BAR = 20
"""Characters of a full bar."""
PATHS: tuple[type[Fact], ...] = (Relation, Touch, Engagement, Payment, Subscription, Discount, Spend, Outcome)

PERSONS = """Which records are one person, across all vendors.

Records that share a usable identifier (`sidecar rules list`) belong together: ids first, then e-mail addresses, then phones
where the names agree. Role mailboxes, placeholders, colleagues' addresses and values on too many records join nobody. Clusters that are
too large, or hold what one person cannot have, are taken apart, and what was refused waits for review (`sidecar quarantine`). What a
human judged outweighs every rule. Ids are minted once and resolve for ever, through merges and splits. A run looks at what has changed
and all that hangs together with it (`records_looked_at`), and once a day at everything; then the values are counted, too.
"""
ACCOUNTS = """Which records are one company.

The same rules as for persons, over ids, web sites and phones; a shared web site joins only companies whose names agree but for
legal form, so that a subsidiary stays a company of its own.
"""
JOURNEY = f"""How each person came and at what cost, what they did with us and what they paid.

Six tables of the lake: `{JOURNEYS.name}` (one row per person, columns on this page), `{REVENUE.name}` (money by payer and currency,
payments without a payer shown apart), `{RECEIPTS.name}` (every movement of money), `{SPEND.name}` (what every ad cost every day, by the persons it brought that day, the rest
shown apart), `{SESSIONS.name}` (bursts of visits and product use) and `{OUTCOMES.name}` (deals by account, never added to revenue).
Net revenue is charges less refunds, disputes and tax, in minor units; what is given back gives back its share of the tax, once, whether or
not a credit note tells of it, and tax is dated as the charge that it was paid with. An arrival that several vendors tell of counts once. A table
is written only if its content has changed.

"""


def assets() -> list[dg.AssetsDefinition]:
    """The assets of this room, in flow order."""
    return [_entities("persons", Scope.person, PERSONS), _entities("accounts", Scope.account, ACCOUNTS), _journeys()]


def asset_key(name: str) -> dg.AssetKey:
    """An asset of this room."""
    return dg.AssetKey([GROUP, name])


def _entities(name: str, scope: Scope, description: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(name),
        group_name=GROUP,
        deps=streams(SPEAKING),
        kinds={"duckdb", "sql"},
        owners=OWNERS,
        description=description,
        metadata={"dagster/column_schema": _membership_columns()},
    )
    def entities(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
        report = stitch(workspace.lake, workspace.store, workspace.clock, scope)
        return dg.MaterializeResult(
            metadata=_metadata(report, matches(workspace.lake, scope)), data_version=dg.DataVersion(str(report.version))
        )

    return entities


def _journeys() -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key("journeys"),
        group_name=GROUP,
        deps=[asset_key("persons"), asset_key("accounts"), *streams(PATHS)],
        kinds={"duckdb", "table"},
        owners=OWNERS,
        description=JOURNEY
        + "".join(columns_in_words(derived) for derived in (REVENUE, RECEIPTS, SPEND, SESSIONS, OUTCOMES)),
        metadata={"dagster/column_schema": table_schema(JOURNEYS)},
    )
    def journeys(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
        rates = Rates.of(workspace.settings)
        report = build_journeys(workspace.lake, workspace.store, workspace.clock, rates)
        return dg.MaterializeResult(metadata=_journey_metadata(report))

    return journeys


def streams(facts: tuple[type[Fact], ...]) -> list[dg.AssetKey]:
    """The vendor streams that are read as one of these facts."""
    return [
        dg.AssetKey([connector.name, stream.name])
        for connector in connectors_by_name().values()
        for stream in connector.streams
        if set(facts) & set(stream.facts)
    ]


def _metadata(report: StitchReport, vendors: Mapping[str, Match]) -> dict[str, dg.MetadataValue]:
    # of some of the records, values by what became of them would be no figure to compare with yesterday's
    values = report.values if report.looked_at == report.records else {}
    counts = {
        "dagster/row_count": report.entities,
        "records": report.records,
        "records_looked_at": report.looked_at,
        "largest": report.largest,
        "stitch_version": report.version,
        "refused_ties": sum(report.refused.values()),
        **{f"refused_{cause}": number for cause, number in report.refused.items()},
        **{f"values_{fate}": number for fate, number in values.items()},
        **{f"rows_{kind}": report.changes.get(kind, 0) for kind in ("added", "moved", "gone")},
        "created": report.changes.get("create", 0),
        "merged": report.changes.get("merge", 0),
        "split": report.changes.get("split", 0),
        "revived": report.changes.get("revive", 0),
        "records_without_identifier": sum(match.orphans for match in vendors.values()),
    }
    found: dict[str, dg.MetadataValue] = {name: dg.MetadataValue.int(number) for name, number in counts.items()}
    found["rules_version"] = dg.MetadataValue.text(report.rules_version)
    found["records_each"] = dg.MetadataValue.md(_histogram(report))
    if values:
        found["values"] = dg.MetadataValue.md(_bars("values that are", values, sum(values.values())))
    found["match_rate"] = dg.MetadataValue.md(_match_rates(vendors))
    return found


def _match_rates(vendors: Mapping[str, Match]) -> str:
    """Per vendor, the share of records that are joined with another vendor's."""
    rows = [
        f"| {vendor} | {match.records} | {match.orphans} | {match.rate:.0%} | {'█' * round(BAR * match.rate)} |"
        for vendor, match in vendors.items()
    ]
    head = ["| vendor | records | without identifier | joined with another vendor's | |", "|---|---:|---:|---:|---|"]
    return "\n".join([*head, *rows])


def _journey_metadata(report: JourneyReport) -> dict[str, dg.MetadataValue]:
    counts = {
        "dagster/row_count": report.persons,
        "with_account": report.with_account,
        "touched": report.touched,
        "engaged": report.engaged,
        "paying": report.paying,
        "payments": report.payments,
        "unassigned_payments": report.unassigned_payments,
        "refunded_above_charge": report.refunded_above_charge,
        "deals": report.deals,
        "sessions": report.sessions,
        "ad_days": sum(spent.ad_days for spent in report.spend.values()),
        "ad_days_with_persons": sum(spent.with_persons for spent in report.spend.values()),
        "tables_written": len(report.written),
    }
    found: dict[str, dg.MetadataValue] = {name: dg.MetadataValue.int(number) for name, number in counts.items()}
    funnel = {"known": report.persons, "came": report.touched, "did": report.engaged, "paid": report.paying}
    found["funnel"] = dg.MetadataValue.md(_bars("persons that", funnel, report.persons))
    found["how_they_came"] = dg.MetadataValue.md(_bars("first touch", report.ways, report.persons))
    found["spend_allocated"] = dg.MetadataValue.md(_allocated(report))
    return found


def _allocated(report: JourneyReport) -> str:
    """Shares only: what was spent is the business's own affair."""
    rows = [
        f"| {currency} | {spent.ad_days} | {spent.with_persons} | {'-' if spent.share is None else f'{spent.share:.0%}'} |"
        for currency, spent in report.spend.items()
    ]
    return "\n".join(["| currency | ad-days | that brought persons | spend allocated |", "|---|---:|---:|---:|", *rows])


def _bars(label: str, counts: Mapping[str, int], whole: int) -> str:
    """A bar chart that every Markdown page can show."""
    rows = [
        f"| {name} | {number} | {number / whole if whole else 0:.0%} | {'█' * round(BAR * number / whole) if whole else ''} |"
        for name, number in counts.items()
    ]
    return "\n".join([f"| {label} | | | |", "|---|---:|---:|---|", *rows])


def _histogram(report: StitchReport) -> str:
    lines = [f"| {size} | {number} |" for size, number in report.sizes.items()]
    return "\n".join([f"| records | {report.scope}s |", "|---:|---:|", *lines])


def _membership_columns() -> dg.TableSchema:
    described = {name: Membership.model_fields[name].description for name in SNAPSHOT_COLUMNS}
    return dg.TableSchema(
        [dg.TableColumn(name, str(kind), description=described[name]) for name, kind in SNAPSHOT_COLUMNS.items()]
    )


def counted_check(
    asset: dg.AssetKey,
    name: str,
    description: str,
    off: Callable[[Lake], int],
    counted: str = "rows_off",
    *,
    blocking: bool = True,
) -> dg.AssetChecksDefinition:
    """A check that passes where nothing in the lake is off; it tells how much is, under the given name."""

    @dg.asset_check(name=name, asset=asset, blocking=blocking, description=description)
    def checked(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
        wrong = off(workspace.lake)
        return dg.AssetCheckResult(passed=not wrong, metadata={counted: wrong})

    return checked


def table_asset(
    name: str, derived: Derived, description: str, make: Callable[[Workspace], Made], facts: tuple[type[Fact], ...] = ()
) -> dg.AssetsDefinition:
    """An asset that is one derived table made from journeys (and these facts); written only if its content has changed."""

    @dg.asset(
        key=asset_key(name),
        group_name=GROUP,
        deps=[asset_key("journeys"), *streams(facts)],
        kinds={"duckdb", "table"},
        owners=OWNERS,
        description=description,
        metadata={"dagster/column_schema": table_schema(derived)},
    )
    def made(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
        table, metadata = make(workspace)
        written = put(workspace.lake, derived, table)
        rows = {"dagster/row_count": dg.MetadataValue.int(table.num_rows), "written": dg.MetadataValue.bool(written)}
        return dg.MaterializeResult(metadata={**rows, **metadata})

    return made


def table_schema(derived: Derived) -> dg.TableSchema:
    """The columns of a derived table, as Dagster shows them."""
    return dg.TableSchema(
        [dg.TableColumn(name, str(kind), description=text) for name, (kind, text) in derived.columns.items()]
    )


def columns_in_words(derived: Derived) -> str:
    """The columns of a derived table as a table in Markdown, for tables that have no page of their own."""
    lines = [f"| `{name}` | {text} |" for name, (_, text) in derived.columns.items()]
    return "\n".join([f"| {derived.name} | |", "|---|---|", *lines, "", ""])
