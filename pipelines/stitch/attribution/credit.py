"""Credit: every purchase's money split among the touches before it, by every model, to the minor unit."""

import ibis
import ibis.expr.types as ir

from pipelines.stitch.attribution.paths import UNIT

UNITS = [*UNIT, "basis", "currency"]
"""What names an amount that is split."""


def credit(money: ir.Table, weighed: ir.Table) -> ir.Table:
    """The amounts of `money` (`UNITS`, `amount`, `value`) by the weights of the touches before it (`rules.weights`)."""
    rows = weighed.join(money.select(*UNITS, "amount", "value"), UNIT)
    group = [*UNITS, "model"]
    rows = rows.mutate(
        upto=rows.weight.sum().over(ibis.cumulative_window(group_by=group, order_by="place")),
        ends=rows.place == rows.place.max().over(group_by=group),
    )
    rows = rows.mutate(**{name: _upto(rows, name) for name in ("amount", "value")})
    return rows.mutate(**{name: _part(rows, name, group) for name in ("amount", "value")})


def _upto(rows: ir.Table, name: str) -> ir.IntegerColumn:
    """What this touch and those before it are given: rounding sums and not parts loses nothing, and the last one makes it whole."""
    return rows["ends"].ifelse(rows[name], (rows[name] * rows.upto).round().cast("int64"))


def _part(rows: ir.Table, name: str, group: list[str]) -> ir.IntegerColumn:
    before = rows[name].lag().over(group_by=group, order_by=rows.place)
    return rows[name] - before.fill_null(0)
