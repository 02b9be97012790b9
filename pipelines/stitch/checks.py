"""What must be true of persons, accounts and journeys after every stitch; metadata holds counts and vendor names only."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta

import dagster as dg
import numpy as np
from sqlalchemy import Engine
from sqlmodel import col, func, select

from connectors.registry import connectors_by_name
from models.facts import Scope
from models.identity import Membership
from models.operations import Cursor
from models.store import transaction
from pipelines.ingest.assets import STALE_AFTER
from pipelines.stitch.assets import asset_key
from pipelines.stitch.edges import Told, members
from pipelines.stitch.figures import strong_values
from pipelines.stitch.membership import SNAPSHOT
from pipelines.stitch.reconcile import ad_bill, misallocated, unaccounted, unbalanced, undiscounted, unreceived
from pipelines.stitch.rules import LARGEST
from pipelines.workspace import Workspace

MOST_SHOWN = 20  # days that are off, in the metadata of a check
SCOPES = {"persons": Scope.person, "accounts": Scope.account}


def checks() -> list[dg.AssetChecksDefinition]:
    """The checks of this room."""
    return [*(_entity_checks(name, scope) for name, scope in SCOPES.items()), sources_are_fresh, *MONEY]


def _entity_checks(name: str, scope: Scope) -> dg.AssetChecksDefinition:
    key = asset_key(name)
    once = f"Every live record of the scope {scope} belongs to exactly one of the {name}."
    one = (
        f"Every identifier that names somebody alone names one of the {name}; what the guards refused is in quarantine."
    )
    small = f"None of the {name} has more than {LARGEST} records unless humans joined them."

    @dg.multi_asset_check(
        name=f"{name}_checks",
        specs=[
            dg.AssetCheckSpec("every_record_once", asset=key, description=once),
            dg.AssetCheckSpec("none_too_large", asset=key, description=small),
            dg.AssetCheckSpec("one_per_strong_identifier", asset=key, description=one),
        ],
    )
    def check(workspace: dg.ResourceParam[Workspace]) -> Iterator[dg.AssetCheckResult]:
        told = Told(workspace.lake)
        yield _once(told, key, scope)
        yield _small(workspace, key, scope)
        yield _one_each(told, workspace.store, key, scope)

    return check


def _once(told: Told, key: dg.AssetKey, scope: Scope) -> dg.AssetCheckResult:
    live = members(told, scope)["record_hash"].to_numpy()
    snapshot = told.lake.table(SNAPSHOT)
    known = (
        snapshot.filter(snapshot.scope == scope).to_pyarrow()["record_hash"].to_numpy()
        if snapshot is not None
        else live[:0]
    )
    counts = {
        "records": len(live),
        "missing": len(np.setdiff1d(live, known)),
        "gone": len(np.setdiff1d(known, live)),
        "twice": len(known) - len(np.unique(known)),
    }
    passed = counts["missing"] == counts["gone"] == counts["twice"] == 0
    return dg.AssetCheckResult(check_name="every_record_once", asset_key=key, passed=passed, metadata=counts)


def _small(workspace: Workspace, key: dg.AssetKey, scope: Scope) -> dg.AssetCheckResult:
    with transaction(workspace.store) as session:
        sizes = (
            select(func.count().label("records"))
            .where(col(Membership.scope) == scope)
            .group_by(col(Membership.entity_id))
            .subquery()
        )
        largest = session.exec(select(func.max(sizes.c.records))).one() or 0
    return dg.AssetCheckResult(
        check_name="none_too_large",
        asset_key=key,
        passed=largest <= LARGEST,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"largest": largest, "allowed": LARGEST},
    )


def _one_each(told: Told, store: Engine, key: dg.AssetKey, scope: Scope) -> dg.AssetCheckResult:
    found = strong_values(told, store, scope)
    return dg.AssetCheckResult(
        check_name="one_per_strong_identifier", asset_key=key, passed=not found.unexplained, metadata=asdict(found)
    )


@dg.asset_check(asset=asset_key("persons"), description="Every vendor that was ever pulled was pulled lately.")
def sources_are_fresh(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Stitch works from what has landed; this says how old that is."""
    with transaction(workspace.store) as session:
        newest = select(Cursor.vendor, func.max(Cursor.landed_at)).group_by(col(Cursor.vendor))
        landed = {vendor: at for vendor, at in session.exec(newest) if vendor in connectors_by_name()}
    now = workspace.clock.now()
    ages = {vendor: (now - at) / timedelta(hours=1) for vendor, at in sorted(landed.items())}
    records = [dg.TableRecord({"vendor": vendor, "hours": round(hours, 1)}) for vendor, hours in ages.items()]
    return dg.AssetCheckResult(
        passed=all(hours <= STALE_AFTER / timedelta(hours=1) for hours in ages.values()),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"age": dg.MetadataValue.table(records, schema=AGE), "oldest_hours": max(ages.values(), default=0.0)},
    )


AGE = dg.TableSchema([dg.TableColumn("vendor", "string"), dg.TableColumn("hours", "float")])


@dg.asset_check(
    asset=asset_key("journeys"),
    blocking=True,
    description="The rows of `revenue` and those of `receipts`, unassigned ones included, add up to all payments, to the minor unit.",
)
def revenue_is_all_payments(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Nothing is lost and nothing counts twice."""
    difference = {**unaccounted(workspace.lake), **unreceived(workspace.lake)}
    return dg.AssetCheckResult(passed=not difference, metadata=_off(difference))


@dg.asset_check(
    asset=asset_key("journeys"),
    description="Stripe's charges, refunds and disputes equal the movements of Stripe's own balance, by currency.",
)
def revenue_equals_the_balance(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Passes where no balance has been pulled; an account that converts currencies differs by design, hence only a warning."""
    difference = unbalanced(workspace.lake)
    return dg.AssetCheckResult(
        passed=not difference,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={**_off(difference or {}), "compared": difference is not None},
    )


@dg.asset_check(
    asset=asset_key("journeys"),
    blocking=True,
    description="For every ad, day and currency the rows of `spend`, that of nobody included, add up to the platform's amount.",
)
def spend_equals_the_platform(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """No cost is lost, and none is charged to two people."""
    off = misallocated(workspace.lake)
    which = ", ".join(f"{vendor} {currency}" for vendor, currency in off)
    return dg.AssetCheckResult(
        passed=not off, metadata={"ad_days_off": sum(off.values()), "which": dg.MetadataValue.text(which)}
    )


def _off(difference: Mapping[tuple[str, str], int]) -> dict[str, dg.MetadataValue]:
    """How many sums are off, and which; the sums of a business are no customer's value, but stay out all the same."""
    which = ", ".join(f"{kind} {currency}" for kind, currency in difference)
    return {"sums_off": dg.MetadataValue.int(len(difference)), "which": dg.MetadataValue.text(which)}


@dg.asset_check(
    asset=asset_key("journeys"),
    description="What all ads cost equals what their ad account says it spent, by day and currency.",
)
def spend_equals_the_account(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Asked of Meta apart from the ads. Cost of ads that it names no more is spend of an unknown ad, and its days are counted."""
    bill = ad_bill(workspace.lake)
    which = ", ".join(f"{day} {currency}" for day, currency in [*bill.off][:MOST_SHOWN])
    metadata = {
        "days_compared": bill.days,
        "days_untold": bill.untold,
        "days_with_unknown_ads": bill.unknown,
        "sums_off": len(bill.off),
    }
    return dg.AssetCheckResult(
        passed=not bill.off,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={**metadata, "which": dg.MetadataValue.text(which)},
    )


@dg.asset_check(
    asset=asset_key("journeys"),
    description="Every discount of a running subscription could be read, so `mrr` is after all of them.",
)
def mrr_is_after_discounts(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """A key that may not read coupons, and a coupon that is deleted, leave `mrr` too high."""
    unread = undiscounted(workspace.lake, workspace.clock.now())
    return dg.AssetCheckResult(
        passed=unread == 0, severity=dg.AssetCheckSeverity.WARN, metadata={"discounts_unread": unread}
    )


MONEY = (
    revenue_is_all_payments, revenue_equals_the_balance, spend_equals_the_platform, spend_equals_the_account,
    mrr_is_after_discounts,
)  # fmt: skip
