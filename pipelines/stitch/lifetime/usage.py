"""What payers, or the people of an account that pays, did before a cut: one row per payer and feature, from joins on the lake."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import numpy as np

from models.facts import Engagement, Scope
from pipelines.ingest.lake import Lake
from pipelines.stitch.derived import JOURNEYS
from pipelines.stitch.lens.calendar import Span, bounds
from pipelines.stitch.lifetime.customers import Customers, numbers
from pipelines.stitch.lifetime.features import Usage
from pipelines.stitch.lifetime.fitting import Ints
from pipelines.stitch.lifetime.retention import PAYER, paid_within
from pipelines.stitch.membership import SNAPSHOT


def usage(lake: Lake, customers: Customers, window: Sequence[Span]) -> Usage:
    """Features that each payer used on the days of the window; a person's use counts for the person and for their account."""
    done = _done(lake, window)
    if done is None:
        return Usage(np.zeros(0, np.int64), np.zeros(0, np.int64), (), np.zeros(len(customers), np.int64))
    payers = ibis.memtable(customers.payers)
    known = done.join(payers, PAYER)
    days = known.group_by(*PAYER).agg(days=known.span.nunique().cast("int64")).to_pyarrow()
    active = np.zeros(len(customers), np.int64)
    active[numbers(days, customers.payers)] = days["days"].to_numpy()
    used = known.select(*PAYER, "feature").distinct().to_pyarrow()
    features = sorted(used["feature"].unique().to_pylist())
    return Usage(
        numbers(used, customers.payers),
        np.searchsorted(features, used["feature"].to_numpy()).astype(np.int64),
        features,
        active,
    )


def paid(lake: Lake, customers: Customers, window: Span) -> Ints:
    """Net receipts of each payer in a span, minor units of the reporting currency."""
    table = paid_within(lake, bounds([window])).to_pyarrow()
    found = np.zeros(len(customers), np.int64)
    found[numbers(table, customers.payers)] = table["value"].to_numpy()
    return found


def _done(lake: Lake, window: Sequence[Span]) -> ir.Table | None:
    """`scope, entity_id, feature, span` of what was done; None before the first stitch."""
    who, journeys = lake.table(SNAPSHOT), lake.table(JOURNEYS.name)
    if who is None or journeys is None:
        return None
    told, days = lake.facts(Engagement), bounds(window)
    within = told.join(days, [days.starts_at <= told.occurred_at, told.occurred_at < days.ends_at])
    feature = ibis.coalesce(within.action, within.kind)
    acts = within.select("span", record="subject", feature=feature)
    own = acts.join(who.select("record", "scope", "entity_id"), "record").select(*PAYER, "feature", "span")
    belongs = journeys.filter(journeys.account_id.notnull()).select(entity_id="person_id", account_id="account_id")
    persons = own.filter(own.scope == Scope.person).join(belongs, "entity_id")
    theirs = persons.select("feature", "span", scope=ibis.literal(Scope.account.value), entity_id="account_id")
    return own.union(theirs.select(*PAYER, "feature", "span"))
