"""What all journeys tell of each channel: the worth that Markov's and Shapley's models give it, from a few counts.

A journey is a customer's touches up to the first purchase, whole; or all touches of one who never bought. The engine counts steps from
channel to channel and sets of channels; the rest is reckoned on these.
"""

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from pipelines.stitch.attribution.removal import CONVERSION, NOTHING, START, effects
from pipelines.stitch.attribution.rules import WORTH
from pipelines.stitch.attribution.shapley import grouped, values, worths


def worth(bought: ir.Table, touched: ir.Table) -> pa.Table:
    """Each channel's worth to the learnt models (`WORTH`); empty where there are no journeys.

    A channel whose presence goes with fewer conversions has a negative Shapley value, and is worth nothing here.
    """
    walked = journeys(bought, touched).cache()
    removal = effects({(row["source"], row["target"]): row["times"] for row in steps(walked).to_pyarrow().to_pylist()})
    met = walked.group_by("channel").agg(met=walked.customer_id.nunique()).to_pyarrow().to_pylist()
    group = grouped({row["channel"]: row["met"] for row in met})
    players = sorted(set(group.values()))
    added = values(worths(_sets(walked, group, players), len(players))) if players else np.zeros(0)
    shapley = dict(zip(players, np.maximum(added, 0).tolist(), strict=True))
    rows = [
        {"channel": name, "group": of, "markov": max(removal.get(name, 0.0), 0.0), "shapley": shapley[of]}
        for name, of in sorted(group.items())
    ]
    return pa.Table.from_pylist(rows, schema=WORTH)


def journeys(bought: ir.Table, touched: ir.Table) -> ir.Table:
    """Touches in order: `customer_id, channel, nth, last, converted`."""
    first = bought.filter(bought["first"]).group_by("customer_id").agg(bought_at=lambda rows: rows.converted_at.min())
    known = touched.left_join(first, "customer_id").drop("customer_id_right")
    before = known.filter(known.bought_at.isnull() | (known.touched_at <= known.bought_at))
    order = [before.touched_at, before.person_id, before.nth]
    ranked = before.mutate(
        step=ibis.row_number().over(group_by="customer_id", order_by=order),
        steps=before.count().over(group_by="customer_id"),
    )
    return ranked.select(
        "customer_id", "channel", "step", last=ranked.step == ranked.steps - 1, converted=ranked.bought_at.notnull()
    )


def steps(walked: ir.Table) -> ir.Table:
    """How often a journey went from one channel straight to another: `source, target, times`."""
    before = walked.channel.lag().over(group_by="customer_id", order_by=walked.step)
    into = walked.select(source=ibis.coalesce(before, START), target="channel")
    ends = walked.filter(walked["last"])
    out = ends.select(source="channel", target=ends.converted.ifelse(CONVERSION, NOTHING))
    return into.union(out).group_by("source", "target").agg(times=lambda rows: rows.count())


def _sets(walked: ir.Table, group: dict[str, str], players: list[str]) -> dict[int, tuple[int, int]]:
    """Journeys, and those that converted, by the set of channels that they met."""
    bits = pa.table({"channel": list(group), "bit": [1 << players.index(of) for of in group.values()]}, schema=BITS)
    told = walked.join(ibis.memtable(bits), "channel").select("customer_id", "bit", "converted").distinct()
    each = told.group_by("customer_id", "converted").agg(met=told.bit.sum().cast("int64"))
    sums = each.group_by("met").agg(journeys=each.count(), conversions=each.converted.ifelse(1, 0).sum())
    return {row["met"]: (row["journeys"], int(row["conversions"])) for row in sums.to_pyarrow().to_pylist()}


BIT_COLUMNS: dict[str, pa.DataType] = {"channel": pa.string(), "bit": pa.int64()}
BITS = pa.schema(BIT_COLUMNS)
