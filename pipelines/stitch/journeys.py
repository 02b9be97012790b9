"""What became of each person: how they came, what they did with us, what they paid; joins on the lake and nothing else.

Money is summed in integers, once: every payment counts for exactly one payer, or as unassigned, so the rows of `revenue` add up
to all payments. CRM amounts stay outcomes and never meet them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from sqlalchemy import Engine

from models.clock import Clock
from models.facts import Engagement, Identifier, Outcome, Payment, Relation, Scope, Subscription, Touch
from pipelines import progress
from pipelines.ingest.lake import Lake
from pipelines.stitch.derived import DERIVED, ENGAGEMENTS, JOURNEYS, OUTCOMES, REVENUE, put, shaped
from pipelines.stitch.membership import SNAPSHOT, SNAPSHOT_SCHEMA, snapshot

UNASSIGNED = "unassigned"
"""Scope of money that no person or account paid, as far as we know."""
RUNNING = ("active", "past_due")
"""Subscriptions that bring money every month; one in trial brings none yet.

Source: https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses.
"""
INSTANT_TYPE = "timestamp('UTC', 6)"
PARTS = {"charge": "charged", "refund": "refunded", "dispute": "disputed", "tax": "tax"}
"""Column of `revenue` for each kind of payment."""


@dataclass(frozen=True)
class JourneyReport:
    """What the derived tables say, in counts. `written` names the tables whose content changed."""

    persons: int
    with_account: int
    touched: int
    engaged: int
    paying: int
    payments: int
    unassigned_payments: int
    deals: int
    written: tuple[str, ...] = field(default=())


def build_journeys(lake: Lake, store: Engine, clock: Clock) -> JourneyReport:
    """Derive journeys, revenue and outcomes anew; a table is written only if its content differs from what is there."""
    snapshot(lake, store)
    who = _who(lake)
    tables = [
        (JOURNEYS, journeys(lake, who, clock.now())),
        (REVENUE, revenue(lake, who)),
        (OUTCOMES, outcomes(lake, who)),
    ]
    made = {derived.name: shaped(derived, expression) for derived, expression in tables}
    written = [derived.name for derived in progress.track(DERIVED, "derive") if put(lake, derived, made[derived.name])]
    return _report(made, tuple(written))


def revenue(lake: Lake, who: ir.Table) -> ir.Table:
    """Every payment and running subscription, by whom its payer is and by currency."""
    payments, subscriptions = lake.facts(Payment), lake.facts(Subscription)
    nothing = ibis.literal(0, "int64")
    paid = payments.select(
        "payer",
        "currency",
        **{part: (payments.kind == kind).ifelse(payments.amount_minor, nothing) for kind, part in PARTS.items()},
        payments=ibis.literal(1, "int64"),
        last_payment_at=payments.occurred_at,
        mrr=nothing,
    )
    runs = subscriptions.filter(subscriptions.status.isin(RUNNING), subscriptions.ended_at.isnull())
    owed = runs.select(
        "payer",
        "currency",
        **dict.fromkeys(PARTS.values(), nothing),
        payments=nothing,
        last_payment_at=ibis.null(INSTANT_TYPE),
        mrr=runs.mrr_minor,
    )
    known = paid.union(owed).left_join(who.rename(payer="record"), "payer")
    sums = known.group_by("entity_id", "currency", scope=known.scope.fill_null(UNASSIGNED)).agg(
        **{name: _sum(known[name]) for name in (*PARTS.values(), "payments", "mrr")},
        last_payment_at=known.last_payment_at.max(),
    )
    return sums.mutate(net=sums.charged - sums.refunded - sums.disputed - sums.tax)


def outcomes(lake: Lake, who: ir.Table) -> ir.Table:
    """Counts and amounts of deals, by the account they are with and by currency."""
    deals = lake.facts(Outcome).select("subject", "status", "amount_minor", "currency")
    known = deals.left_join(_members(who, Scope.account).rename(subject="record"), "subject")
    measures = {}
    for status in ("open", "won", "lost"):
        measures[status] = (known.status == status).sum().fill_null(0).cast("int64")
        measures[f"{status}_amount"] = _sum((known.status == status).ifelse(known.amount_minor, 0))
    return known.group_by("account_id", "currency").agg(**measures)


def journeys(lake: Lake, who: ir.Table, now: datetime) -> ir.Table:
    """One row per person, with what is known of their coming and doing."""
    persons = _members(who, Scope.person)
    people = persons.group_by("person_id").agg(records=lambda t: t.count())
    facets = (_accounts(lake, who, now), *_touches(lake, persons), _engagements(lake, persons))
    joined = reduce(lambda left, right: left.left_join(right, "person_id").drop("person_id_right"), facets, people)
    counts = ("touches", "engagements", *(f"{kind}s" for kind in ENGAGEMENTS))
    return joined.mutate(**{name: joined[name].fill_null(0) for name in counts})


def _who(lake: Lake) -> ir.Table:
    """Record, scope and entity of everybody; nobody before the first stitch."""
    table = lake.table(SNAPSHOT)
    return ibis.memtable(SNAPSHOT_SCHEMA.empty_table()) if table is None else table


def _members(who: ir.Table, scope: Scope) -> ir.Table:
    """`record` and `person_id` (or `account_id`) of one scope."""
    return who.filter(who.scope == scope).select("record", **{f"{scope}_id": "entity_id"})


def _accounts(lake: Lake, who: ir.Table, now: datetime) -> ir.Table:
    """The account of each person: by a membership that holds now, the youngest first; else by an account their records name."""
    persons, accounts = _members(who, Scope.person), _members(who, Scope.account)
    relations = lake.facts(Relation)
    holds = relations.valid_to.isnull() | (relations.valid_to > ibis.literal(now, INSTANT_TYPE))
    belongs = relations.filter(relations.kind == "member_of", holds).select("subject", "other", "valid_from")
    told = belongs.join(persons.rename(subject="record"), "subject").join(accounts.rename(other="record"), "other")
    rows = told.select("person_id", "account_id", "valid_from", rank=ibis.literal(0)).union(
        _named(lake, persons, accounts)
    )
    order = [rows.rank, rows.valid_from.desc(nulls_first=False), rows.account_id]
    ranked = rows.mutate(place=ibis.row_number().over(group_by="person_id", order_by=order))
    return ranked.filter(ranked.place == 0).select("person_id", "account_id")


def _named(lake: Lake, persons: ir.Table, accounts: ir.Table) -> ir.Table:
    """Accounts that a person's own records name by one of the account's ids, as a payer's metadata does."""
    identifiers = lake.facts(Identifier)
    ids = identifiers.filter(identifiers.scope == Scope.account).select("record", "value_hash")
    naming = ids.join(persons, "record").select("person_id", "value_hash")
    owning = ids.join(accounts, "record").select("account_id", "value_hash")
    both = naming.join(owning, "value_hash")
    return both.select("person_id", "account_id", valid_from=ibis.null(INSTANT_TYPE), rank=ibis.literal(1))


def _touches(lake: Lake, persons: ir.Table) -> Iterator[ir.Table]:
    """First touch, latest touch and number of touches; touches at one instant go by the record that tells of them."""
    known = lake.facts(Touch).rename(told_by="record").join(persons.rename(subject="record"), "subject")
    order = [known.occurred_at, known.told_by, known.channel, known.source]
    numbered = known.mutate(
        first=ibis.row_number().over(group_by="person_id", order_by=order),
        last=ibis.row_number().over(group_by="person_id", order_by=[column.desc() for column in order]),
    )
    first = {"at": "occurred_at", "channel": "channel", "source": "source", "source_id": "source_id"}
    yield numbered.filter(numbered.first == 0).select(
        "person_id", **{f"first_touch_{name}": column for name, column in first.items()}
    )
    yield numbered.filter(numbered.last == 0).select(
        "person_id", last_touch_at="occurred_at", last_touch_channel="channel", last_touch_source="source"
    )
    yield known.group_by("person_id").agg(touches=known.count())


def _engagements(lake: Lake, persons: ir.Table) -> ir.Table:
    """Engagements of each person, counted by kind."""
    told = lake.facts(Engagement).select("subject", "kind", "occurred_at")
    known = told.join(persons.rename(subject="record"), "subject")
    return known.group_by("person_id").agg(
        engagements=known.count(),
        first_engaged_at=known.occurred_at.min(),
        last_engaged_at=known.occurred_at.max(),
        **{f"{kind}s": (known.kind == kind).sum().cast("int64") for kind in ENGAGEMENTS},
    )


def _sum(column: ir.IntegerColumn) -> ir.IntegerScalar:
    """An exact sum; beyond 64 bits the engine raises rather than rounds."""
    return column.sum().fill_null(0).cast("int64")


def _report(tables: Mapping[str, pa.Table], written: tuple[str, ...]) -> JourneyReport:
    people, money, deals = (tables[derived.name] for derived in DERIVED)
    rows = money.to_pylist()
    return JourneyReport(
        persons=people.num_rows,
        with_account=_filled(people, "account_id"),
        touched=_filled(people, "first_touch_at"),
        engaged=_filled(people, "first_engaged_at"),
        paying=len({row["entity_id"] for row in rows if row["scope"] == Scope.person and row["payments"]}),
        payments=sum(row["payments"] for row in rows),
        unassigned_payments=sum(row["payments"] for row in rows if row["scope"] == UNASSIGNED),
        deals=sum(row[status] for row in deals.to_pylist() for status in ("open", "won", "lost")),
        written=written,
    )


def _filled(table: pa.Table, column: str) -> int:
    return table.num_rows - table[column].null_count
