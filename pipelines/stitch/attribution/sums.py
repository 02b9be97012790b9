"""What each channel, campaign and ad cost and brought in, by month; and what it cost to win the customers of a month.

Nothing is divided by nothing: a ratio without a whole is empty.
"""

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from pipelines.stitch.arrivals import is_paid
from pipelines.stitch.attribution.paths import UNIT
from pipelines.stitch.attribution.rules import MODELS
from pipelines.stitch.attribution.tables import CUSTOMER, PURCHASE, UNATTRIBUTED

PLACE = ["model", "month", "channel", "platform", "campaign_id", "ad_id"]
COUNTS = {"customers": "float64", "net": "int64", "lifetime": "int64", "spend": "int64", "without_rate": "float64"}
WHOLE = ibis.literal(1.0)
"""Weight of what nobody shares."""


def returns(
    credited: ir.Table, money: ir.Table, unassigned: ir.Table, weighed: ir.Table, costs: ir.Table, ads: ir.Table
) -> ir.Table:
    """The rows of `RETURNS`.

    Shape: `credited` as `CREDIT`; `money` is what was split, `unassigned` the receipts of nobody; `weighed` as `rules.weights`;
    `costs` the rows of `SPEND` with `channel` and, in the reporting currency, `value`; `ads` as `arrivals.ads`.
    """
    known = credited.mutate(month=_month(credited.converted_at))
    first = money.filter(money.basis == CUSTOMER)
    new = weighed.join(first.select(*UNIT).distinct(), UNIT)
    lost = money.anti_join(weighed, UNIT)
    newcomers = lost.filter(lost.basis == CUSTOMER).select(*UNIT, "converted_at").distinct()
    parts = [
        _rows(known.filter(known.basis == PURCHASE), net="value"),
        _rows(known.filter(known.basis == CUSTOMER), lifetime="value"),
        _rows(new.mutate(month=_month(new.converted_at)), customers="weight"),
        _rows(_nowhere(lost.filter(lost.basis == PURCHASE)), net="value"),
        _rows(_nowhere(lost.filter(lost.basis == CUSTOMER)), lifetime="value"),
        _rows(_nowhere(newcomers), customers="weight"),
        _rows(_nowhere(unassigned.rename(converted_at="occurred_at")), net="value"),
        _rows(
            _each_model(costs.mutate(month=costs.day.substr(0, 7), platform=costs.vendor, weight=WHOLE)), spend="value"
        ),
    ]
    sums = ibis.union(*parts).group_by(*PLACE).agg(**{name: _[name].sum().cast(kind) for name, kind in COUNTS.items()})
    named = sums.left_join(ads.select("platform", "ad_id", "ad", "campaign"), ["platform", "ad_id"]).drop(
        "platform_right", "ad_id_right"
    )
    return named.mutate(roas=over(named.net, named.spend), cac=over(named.spend, named.customers))


def cohorts(returned: ir.Table) -> ir.Table:
    """The rows of `COHORTS` from those of `RETURNS`."""
    sums = returned.mutate(paid=is_paid(returned).ifelse(returned.customers, 0.0)).group_by("model", "month").agg(
        customers=_.customers.sum(), paid_customers=_.paid.sum(), spend=_.spend.sum().cast("int64")
    )  # fmt: skip
    return sums.mutate(cac_blended=over(sums.spend, sums.customers), cac_paid=over(sums.spend, sums.paid_customers))


def over(part: ir.NumericValue, whole: ir.NumericValue) -> ir.FloatingValue:
    """The ratio; empty where there is no whole."""
    return part.cast("float64") / (whole > 0).ifelse(whole, None).cast("float64")


def _rows(rows: ir.Table, **measure: str) -> ir.Table:
    """One measure of the rows as all of `COUNTS`; what has no rate counts as such, by its `weight`, and adds nothing."""
    ((name, column),) = measure.items()
    nothing = {other: ibis.literal(0).cast(kind) for other, kind in COUNTS.items()}
    counts = nothing | {name: rows[column].fill_null(0).cast(COUNTS[name])}
    if name in ("net", "spend"):  # a lifetime repeats the payments, whose rates are counted already
        counts["without_rate"] = rows[column].isnull().ifelse(rows.weight, 0.0)
    return rows.select(*PLACE, **{name: counts[name] for name in COUNTS})


def _nowhere(rows: ir.Table) -> ir.Table:
    """Money before which no touch is known, once per model."""
    nothing = dict.fromkeys(("platform", "campaign_id", "ad_id"), ibis.null("string"))
    return _each_model(
        rows.mutate(month=_month(rows.converted_at), channel=ibis.literal(UNATTRIBUTED), weight=WHOLE, **nothing)
    )


def _each_model(rows: ir.Table) -> ir.Table:
    return rows.cross_join(ibis.memtable(pa.table({"model": list(MODELS)})))


def _month(instant: ir.TimestampValue) -> ir.StringValue:
    return instant.strftime("%Y-%m")
