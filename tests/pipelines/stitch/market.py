"""Short names for what ads cost, how people came and what they did in the product."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from models.facts import Engagement, Scope, Spend, Touch
from pipelines.stitch.journeys import build_journeys
from pipelines.stitch.rates import Rates
from pipelines.stitch.report import JourneyReport
from pipelines.stitch.stitch import stitch
from tests.pipelines.stitch.conftest import T0, Bench

DAY = date(2026, 1, 1)


def at(minutes: float) -> datetime:
    """So many minutes into the first day."""
    return T0 + timedelta(minutes=minutes)


def costs(
    ad_id: str, amount: int, day: date = DAY, *, zone: str = "UTC", currency: str = "eur", **more: Any
) -> list[Spend]:
    """One ad-day, with the bounds that the calendar of the account's zone gives it."""
    start, end = (
        datetime.combine(day + timedelta(days=later), time(), ZoneInfo(zone)).astimezone(UTC) for later in (0, 1)
    )
    return [
        Spend(
            ad_id=ad_id, day=day.isoformat(), zone=zone, starts_at=start, ends_at=end, amount_minor=amount, currency=currency,
            impressions=9, clicks=1, **more,
        )
    ]  # fmt: skip


def came(subject: str, when: datetime, channel: str = "paid_social", **more: Any) -> Touch:
    return Touch(subject=subject, channel=channel, occurred_at=when, **more)


def used(subject: str, when: datetime, action: str = "report_opened") -> Engagement:
    return Engagement(subject=subject, kind="product", action=action, occurred_at=when)


def members(persons: Mapping[str, str]) -> ir.Table:
    """`record, person_id`, as a stitch would have found them."""
    return ibis.memtable(pa.table({"record": list(persons), "person_id": list(persons.values())}, schema=MEMBERS))


def read(expression: ir.Table, *order: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = expression.order_by(*order).to_pyarrow().to_pylist()
    return found


def run(bench: Bench) -> JourneyReport:
    for scope in (Scope.person, Scope.account):
        stitch(bench.lake, bench.store, bench.clock, scope)
    return build_journeys(bench.lake, bench.store, bench.clock, Rates())


def rows(bench: Bench, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = bench.lake.table(table).to_pyarrow().to_pylist()
    return found


MEMBERS = pa.schema({"record": pa.string(), "person_id": pa.string()})
