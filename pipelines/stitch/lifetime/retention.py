"""The cohort triangle: who is still there, month by month in the business's own zone, and how much of their money.

A payer is active in a month in which he paid (basis `payments`) or at whose end he was under contract (basis `subscriptions`). One
who comes back counts as kept again, and as returned. Contracts that ended tell no amount any more, so money is told by payments only.
"""

from collections.abc import Sequence
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from models.facts import Payment, Subscription
from pipelines.ingest.lake import Lake
from pipelines.ingest.schemas import INSTANT
from pipelines.stitch.derived import RECEIPTS, UNASSIGNED, read
from pipelines.stitch.lens.calendar import Span, bounds
from pipelines.stitch.lifetime.settings import PERIOD
from pipelines.stitch.membership import SNAPSHOT, SNAPSHOT_SCHEMA

PAYER = ["scope", "entity_id"]
RAN = ("active", "past_due", "unpaid", "paused", "canceled")
"""Subscriptions that began; `incomplete` ones never did, and one in trial has not yet.

Source: https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses.
"""
LAPSED = ("unpaid", "paused")
"""Of those that have not ended, the ones that are no longer paid for."""
LAPSED_IN_WORDS = (
    f"Unpaid and paused contracts count as lost {PERIOD} days after their payer last paid, for nobody tells when they lapsed; "
    "one whose collection alone is paused counts as kept, for it cannot be told from a free or metered plan."
)
SETTLED = ibis.interval(hours=1)
"""Until so long after a trial nobody has paid: its first bill is charged about an hour after its end.

Source: https://docs.stripe.com/billing/subscriptions/trials.
"""
PAYMENTS, SUBSCRIPTIONS = "payments", "subscriptions"


def triangle(lake: Lake, months: Sequence[Span], now: datetime) -> ir.Table:
    """Both bases' cohorts in the columns of `RETENTION`; `months` reach from the first payment or contract to the month of `now`."""
    spans = ibis.memtable(_spans(months, now))
    paid = paid_within(lake, bounds(months)).mutate(active=lambda rows: rows.charges > 0)
    bases = [
        _cohorts(PAYMENTS, paid.select(*PAYER, "span", "active", "value"), spans),
        _cohorts(SUBSCRIPTIONS, _under_contract(lake, months), spans).mutate(
            **{name: ibis.null(kind) for name, kind in (("value", "int64"), ("gross", "float64"), ("net", "float64"))}
        ),
    ]
    return bases[0].union(bases[1].select(*bases[0].columns))


def paid_within(lake: Lake, spans: ir.Table) -> ir.Table:
    """What each known payer did in each span: `scope, entity_id, span, charges, value`; value is net, without what has no rate."""
    told = read(lake, RECEIPTS)
    known = told.filter(told.scope != UNASSIGNED)
    placed = known.join(spans, [spans.starts_at <= known.occurred_at, known.occurred_at < spans.ends_at])
    return placed.group_by(*PAYER, "span").agg(
        charges=((placed.kind == "charge") & (placed.amount > 0)).sum().fill_null(0).cast("int64"),
        value=placed.value.sum().fill_null(0).cast("int64"),
    )


def contracts(lake: Lake) -> ir.Table:
    """One row per subscription that began: `scope, entity_id, started_at, ended_at`; one whose payer nobody knows counts under its payer's record.

    A trial is none, and what it turns into begins at its end. One that is unpaid or paused has ended a period after its payer last
    paid, or after it began where no payment is known, for nobody tells when it lapsed; paused without any payment it was a trial.
    """
    told, paid = lake.facts(Subscription), lake.facts(Payment)
    paid = paid.filter(paid.kind == "charge", paid.amount_minor > 0).group_by("payer").agg(paid_at=_.occurred_at.max())
    began = told.filter(told.status.isin(RAN)).left_join(paid, "payer").drop("payer_right")
    began = began.filter((began.status != "paused") | began.paid_at.notnull())
    began = began.mutate(started_at=_later(began.started_at, began.trial_end))
    lapsed = _later(began.started_at, began.paid_at) + ibis.interval(days=PERIOD)
    began = began.mutate(ended_at=ibis.coalesce(began.ended_at, began.status.isin(LAPSED).ifelse(lapsed, None)))
    tried = began.ended_at <= began.trial_end + SETTLED
    return of_payers(lake, began.filter(~tried.fill_null(False))).select(*PAYER, "started_at", "ended_at")  # noqa: FBT003


def of_payers(lake: Lake, told: ir.Table) -> ir.Table:
    """The rows with the `scope, entity_id` of their `payer`; a payer whom nobody knows is unassigned, under its own record."""
    who = lake.derived(SNAPSHOT, SNAPSHOT_SCHEMA).select(payer="record", who_scope="scope", who_id="entity_id")
    known = told.left_join(who, "payer")
    return known.mutate(
        scope=known.who_scope.fill_null(UNASSIGNED), entity_id=known.who_id.fill_null(known.payer)
    ).drop("payer_right", "who_scope", "who_id")


def _later(one: ir.TimestampValue, other: ir.TimestampValue) -> ir.TimestampValue:
    """The later of two instants, of which the other may be unknown."""
    return ibis.greatest(one, other.fill_null(one))


def _under_contract(lake: Lake, months: Sequence[Span]) -> ir.Table:
    """Payers by month: the month in which a contract began, and every month at whose end it ran."""
    told, spans = contracts(lake), bounds(months)
    ran = told.join(spans, told.started_at < spans.ends_at)
    there = ran.filter(
        ran.ended_at.isnull() | (ran.ended_at >= ran.ends_at) | (ran.started_at >= ran.starts_at)
    )  # who began and ended within one month was there, too
    return there.distinct(on=[*PAYER, "span"]).select(
        *PAYER,
        "span",
        active=ibis.literal(True),  # noqa: FBT003 - a literal
        value=ibis.literal(0, "int64"),
    )


def _cohorts(basis: str, activity: ir.Table, spans: ir.Table) -> ir.Table:
    """The triangle of one basis; `activity` has one row per payer and span: `scope, entity_id, span, active, value`."""
    first = activity.filter(activity.active).group_by(*PAYER).agg(began=lambda rows: rows.span.min())
    since = activity.join(first, PAYER)
    since = since.filter(since.span >= since.began)
    start = since.filter(since.span == since.began).select(*PAYER, "began", first_value="value")
    sizes = start.group_by("began").agg(
        customers=start.count(), first_value=_sum(start.first_value), base=_sum(_positive(start.first_value))
    )
    grid = sizes.cross_join(spans)
    grid = grid.filter(grid.span >= grid.began)
    rows = grid.left_join(_heads(since), ["began", "span"]).drop("began_right", "span_right")
    rows = rows.left_join(_money(since, start), ["began", "span"]).drop("began_right", "span_right")
    rows = rows.mutate(**{name: rows[name].fill_null(0) for name in ("kept", "stayed", "returned", "value", "grossed")})
    names = spans.select(began="span", cohort="label")
    rows = rows.join(names, "began")
    return rows.select(
        "cohort", "complete", "customers", "kept", "stayed", "returned", "first_value", "value",
        basis=ibis.literal(basis), month=rows.span - rows.began, period=rows.label,
        logo=_share(rows.complete, rows.kept, rows.customers),
        gross=_share(rows.complete, rows.grossed, rows.base),
        net=_share(rows.complete, rows.value, rows.first_value),
    )  # fmt: skip


def _heads(since: ir.Table) -> ir.Table:
    there = since.filter(since.active)
    before = there.span.lag().over(group_by=PAYER, order_by="span")
    there = there.mutate(back=before < there.span - 1)
    return there.group_by("began", "span").agg(
        kept=there.count(),
        stayed=(~there.back.fill_null(False)).sum().cast("int64"),  # noqa: FBT003
        returned=there.back.fill_null(False).sum().cast("int64"),  # noqa: FBT003
    )


def _money(since: ir.Table, start: ir.Table) -> ir.Table:
    rows = since.join(start.drop("began"), PAYER)
    still = ibis.least(_positive(rows.value), _positive(rows.first_value))
    return rows.group_by("began", "span").agg(value=_sum(rows.value), grossed=_sum(still))


def _spans(months: Sequence[Span], now: datetime) -> pa.Table:
    """`span, label, complete` of each month."""
    return pa.table(
        {
            "span": pa.array(range(len(months)), pa.int64()),
            "label": pa.array([f"{month.first:%Y-%m}" for month in months], pa.string()),
            "complete": pa.array([month.ends_at <= now for month in months], pa.bool_()),
        }
    )


def _share(known: ir.BooleanValue, part: ir.NumericValue, whole: ir.NumericValue) -> ir.FloatingValue:
    return (known & (whole > 0)).ifelse(part.cast("float64") / whole, None)


def _positive(value: ir.IntegerValue) -> ir.IntegerValue:
    return ibis.greatest(value, ibis.literal(0, "int64"))


def _sum(column: ir.IntegerColumn) -> ir.IntegerScalar:
    return column.sum().fill_null(0).cast("int64")


def since_when(lake: Lake) -> datetime | None:
    """The first payment or start of a contract; None where there is neither."""
    paid, signed = read(lake, RECEIPTS), contracts(lake)
    moments = paid.select(at="occurred_at").union(signed.select(at="started_at"))
    first: datetime | None = (
        moments.agg(at=moments.at.min()).to_pyarrow().cast(pa.schema([("at", INSTANT)]))["at"][0].as_py()
    )
    return first
