"""What became of each person: how they came, what it cost, what they did with us, what they paid; joins on the lake, nothing else.

Money is summed in integers, once: every payment counts for exactly one payer, or as unassigned, so the rows of `revenue` add up
to all payments. CRM amounts stay outcomes and never meet them.
"""

from datetime import datetime
from functools import reduce

import ibis
import ibis.expr.types as ir
from sqlalchemy import Engine

from models.clock import Clock
from models.facts import Discount, Engagement, Identifier, Outcome, Relation, Scope, Subscription
from pipelines import progress
from pipelines.ingest.lake import Lake
from pipelines.stitch.arrivals import arrivals, first_and_last
from pipelines.stitch.derived import (
    DERIVED,
    ENGAGEMENTS,
    JOURNEYS,
    OUTCOMES,
    RECEIPTS,
    REVENUE,
    SESSIONS,
    SPEND,
    UNASSIGNED,
    put,
    shaped,
)
from pipelines.stitch.membership import SNAPSHOT, SNAPSHOT_SCHEMA, snapshot
from pipelines.stitch.movements import movements
from pipelines.stitch.rates import Rates
from pipelines.stitch.report import JourneyReport, report
from pipelines.stitch.sessions import of_persons, sessions
from pipelines.stitch.spend import spend

RUNNING = ("active", "past_due")
"""Subscriptions that bring money every month; one in trial brings none yet.

Source: https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses.
"""
INSTANT_TYPE = "timestamp('UTC', 6)"
PARTS = {"charge": "charged", "refund": "refunded", "dispute": "disputed", "tax": "tax"}
"""Column of `revenue` for each kind of payment."""


def build_journeys(lake: Lake, store: Engine, clock: Clock, rates: Rates) -> JourneyReport:
    """Derive all tables of persons and accounts anew; a table is written only if its content differs from what is there."""
    snapshot(lake, store)
    who = lake.derived(SNAPSHOT, SNAPSHOT_SCHEMA)  # nobody before the first stitch
    persons = _members(who, Scope.person)
    came = arrivals(lake, persons).cache()  # asked for five times
    visited = sessions(lake, persons, came).cache()
    belongs = _accounts(lake, who, clock.now()).cache()
    moved = movements(lake)
    facets = (*first_and_last(came), _engagements(lake, persons), of_persons(visited))
    tables = [
        (JOURNEYS, journeys(persons, belongs, *facets)),
        (REVENUE, revenue(lake, who, moved, clock.now())),
        (RECEIPTS, receipts(lake, who, belongs, moved, rates)),
        (OUTCOMES, outcomes(lake, who)),
        (SPEND, spend(lake, persons)),
        (SESSIONS, visited),
    ]
    made = {derived.name: shaped(derived, expression) for derived, expression in tables}
    written = [derived.name for derived in progress.track(DERIVED, "derive") if put(lake, derived, made[derived.name])]
    return report(made, tuple(written))


def revenue(lake: Lake, who: ir.Table, moved: ir.Table, now: datetime) -> ir.Table:
    """Every movement and running subscription, by whom its payer is and by currency; discounts as they are at this instant."""
    nothing = ibis.literal(0, "int64")
    parts = {part: (moved.kind == kind).ifelse(moved.amount_minor, nothing) for kind, part in PARTS.items()}
    paid = moved.select(
        "payer",
        "currency",
        **{**parts, "tax": parts["tax"] - moved.tax_returned},
        payments=ibis.literal(1, "int64"),
        last_payment_at=moved.occurred_at,
        mrr=nothing,
    )
    owed = recurring(lake, now).select(
        "payer",
        "currency",
        **dict.fromkeys(PARTS.values(), nothing),
        payments=nothing,
        last_payment_at=ibis.null(INSTANT_TYPE),
        mrr="mrr",
    )
    known = paid.union(owed).left_join(who.rename(payer="record"), "payer")
    sums = known.group_by("entity_id", "currency", scope=known.scope.fill_null(UNASSIGNED)).agg(
        **{name: _sum(known[name]) for name in (*PARTS.values(), "payments", "mrr")},
        last_payment_at=known.last_payment_at.max(),
    )
    return sums.mutate(net=sums.charged - sums.refunded - sums.disputed - sums.tax)


def recurring(lake: Lake, now: datetime) -> ir.Table:
    """What running subscriptions bring per month, and what discounts take off it at this instant: `payer, currency, mrr`, to be added up."""
    told, off = lake.facts(Subscription), discounts_at(lake, now)
    runs = told.filter(told.status.isin(RUNNING), told.ended_at.isnull())
    return runs.select("payer", "currency", mrr="mrr_minor").union(
        off.select("payer", "currency", mrr=-off.amount_minor.fill_null(0))
    )


def discounts_at(lake: Lake, now: datetime) -> ir.Table:
    """The discounts that last at this instant: their end comes without any word of the vendor."""
    told = lake.facts(Discount)
    at = ibis.literal(now, INSTANT_TYPE)
    return told.filter(told.starts_at <= at, told.ends_at.isnull() | (told.ends_at > at))


def receipts(lake: Lake, who: ir.Table, belongs: ir.Table, moved: ir.Table, rates: Rates) -> ir.Table:
    """Every movement once, with its payer and the payer's account (`belongs` has `person_id, account_id`)."""
    paid = moved.drop("amount_minor").mutate(day=moved.occurred_at.strftime("%Y-%m-%d"))
    known = paid.left_join(who.select(payer="record", scope="scope", entity_id="entity_id"), "payer")
    known = known.mutate(
        scope=known.scope.fill_null(UNASSIGNED),
        person_id=(known.scope == Scope.person).ifelse(known.entity_id, None),
    )
    placed = known.left_join(belongs, "person_id").drop("person_id_right")
    placed = placed.mutate(account_id=(placed.scope == Scope.account).ifelse(placed.entity_id, placed.account_id))
    return rates.converted(lake, placed, amount="amount", currency="currency", day="day", as_="value")


def outcomes(lake: Lake, who: ir.Table) -> ir.Table:
    """Counts and amounts of deals, by the account they are with and by currency."""
    deals = lake.facts(Outcome).select("subject", "status", "amount_minor", "currency")
    known = deals.left_join(_members(who, Scope.account).rename(subject="record"), "subject")
    measures = {}
    for status in ("open", "won", "lost"):
        measures[status] = (known.status == status).sum().fill_null(0).cast("int64")
        measures[f"{status}_amount"] = _sum((known.status == status).ifelse(known.amount_minor, 0))
    return known.group_by("account_id", "currency").agg(**measures)


def journeys(persons: ir.Table, *facets: ir.Table) -> ir.Table:
    """One row per person, with what is known of their coming and doing: each facet has a row per person of whom it knows something."""
    people = persons.group_by("person_id").agg(records=lambda t: t.count())
    joined = reduce(lambda left, right: left.left_join(right, "person_id").drop("person_id_right"), facets, people)
    counts = ("touches", "engagements", *(f"{kind}s" for kind in ENGAGEMENTS), "sessions")
    return joined.mutate(**{name: joined[name].fill_null(0) for name in counts})


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
