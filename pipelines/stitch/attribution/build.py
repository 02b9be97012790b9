"""From journeys and receipts to credit, returns and costs of winning customers: joins on the lake, a table written only if it changed."""

from datetime import timedelta

import ibis
import ibis.expr.types as ir

from models.facts import Scope
from pipelines.ingest.lake import Lake
from pipelines.stitch.arrivals import ads, arrivals
from pipelines.stitch.attribution.credit import credit
from pipelines.stitch.attribution.learnt import worth
from pipelines.stitch.attribution.paths import by_customer, paths, purchases, touches, ways
from pipelines.stitch.attribution.report import AttributionReport, report
from pipelines.stitch.attribution.rules import weights
from pipelines.stitch.attribution.sums import cohorts, returns
from pipelines.stitch.attribution.tables import COHORTS, CREDIT, CUSTOMER, PURCHASE, RETURNS
from pipelines.stitch.derived import JOURNEYS, RECEIPTS, SPEND, Derived, put, shaped
from pipelines.stitch.membership import SNAPSHOT, SNAPSHOT_SCHEMA
from pipelines.stitch.rates import Rates

PAID_BY_DEFAULT = "paid"
"""Channel of an ad whose platform does not say what its clicks are."""


def build_attribution(lake: Lake, rates: Rates, lookback: timedelta) -> AttributionReport:
    """Derive the tables of this room from what `build_journeys` has derived."""
    receipts, spent = derived_or_empty(lake, RECEIPTS), derived_or_empty(lake, SPEND)
    bought = purchases(receipts).cache()
    touched = touches(
        arrivals(lake, _persons(lake)), derived_or_empty(lake, JOURNEYS).select("person_id", "account_id")
    ).cache()
    money = split_money(bought)
    weighed = weights(paths(bought, touched, lookback), ibis.memtable(worth(bought, touched))).cache()
    made = {CREDIT.name: shaped(CREDIT, credit(money, weighed))}
    nobodys = receipts.filter(receipts.person_id.isnull(), receipts.account_id.isnull())
    costs = costs_by_channel(lake, spent, rates)
    made[RETURNS.name] = shaped(
        RETURNS, returns(ibis.memtable(made[CREDIT.name]), money, nobodys, weighed, costs, ads(lake))
    )
    made[COHORTS.name] = shaped(COHORTS, cohorts(ibis.memtable(made[RETURNS.name])))
    written = tuple(one.name for one in (CREDIT, RETURNS, COHORTS) if put(lake, one, made[one.name]))
    return report(made, ways(bought, touched).to_pyarrow(), costs.to_pyarrow(), written)


def split_money(bought: ir.Table) -> ir.Table:
    """What is split: every purchase, and all that each customer paid, told apart by `basis`."""
    columns = ["customer_id", "conversion", "converted_at", "currency", "amount", "value"]
    bases = ((PURCHASE, bought), (CUSTOMER, by_customer(bought)))
    return ibis.union(*(rows.select(*columns, basis=ibis.literal(basis)) for basis, rows in bases))


def costs_by_channel(lake: Lake, spent: ir.Table, rates: Rates) -> ir.Table:
    """The rows of `SPEND` with the channel of the ad and, in the reporting currency where there is a rate, `value`."""
    channels = ads(lake).select("ad_id", vendor="platform", channel="marketed_as")
    known = spent.left_join(channels, ["vendor", "ad_id"]).drop("vendor_right", "ad_id_right")
    known = known.mutate(channel=known.channel.fill_null(PAID_BY_DEFAULT))
    return rates.converted(lake, known, amount="amount", currency="currency", day="day", as_="value")


def derived_or_empty(lake: Lake, derived: Derived) -> ir.Table:
    """A derived table; without rows where it was never written."""
    table = lake.table(derived.name)
    return ibis.memtable(derived.schema.empty_table()) if table is None else table


def _persons(lake: Lake) -> ir.Table:
    """`record, person_id` of everybody; nobody before the first stitch."""
    table = lake.table(SNAPSHOT)
    who = ibis.memtable(SNAPSHOT_SCHEMA.empty_table()) if table is None else table
    return who.filter(who.scope == Scope.person).select("record", person_id="entity_id")
