"""How each model weighs the touches before a purchase; the weights of a purchase add up to 1.

Sources: https://support.google.com/analytics/answer/1662518 (last non-direct, linear, position 40/20/40, and decay by half in seven days).
"""

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from pipelines.stitch.attribution.paths import DIRECT, UNIT

HALF_LIFE = 7
"""Days in which a touch loses half of its weight."""
END = 0.4
"""Weight of the first touch and of the last by position; those between share the rest."""
LEARNT = ("markov", "shapley")
"""Models that weigh a channel by what all journeys tell of it; a channel's weight is shared by its touches."""
MODELS = ("first", "last", "last_non_direct", "linear", "position", "decay", *LEARNT)
WORTH_COLUMNS: dict[str, pa.DataType] = {
    "channel": pa.string(),
    "group": pa.string(),
    **dict.fromkeys(LEARNT, pa.float64()),
}
WORTH = pa.schema(WORTH_COLUMNS)
"""What each channel is worth to the learnt models, never negative; `group` is what Shapley reckons it with."""


def weights(paths: ir.Table, worth: ir.Table) -> ir.Table:
    """The paths once per model that gives a touch any weight, with `model` and `weight`; `worth` has the columns of `WORTH`."""
    known = paths.left_join(worth, "channel").drop("channel_right")
    raw = known.mutate(
        marked=known.channel.isin(DIRECT).ifelse(None, known.place).max().over(group_by=UNIT),
        newest=known.days.min().over(group_by=UNIT),
        times=known.count().over(group_by=[*UNIT, "channel"]),
        alike=known.count().over(group_by=[*UNIT, "group"]),
    )
    raw = raw.mutate(
        first=_only(raw.place == 0),
        last=_only(raw.place == raw.length - 1),
        last_non_direct=_only(raw.place == ibis.coalesce(raw.marked, raw.length - 1)),
        linear=ibis.literal(1.0),
        position=_by_position(raw),
        decay=ibis.literal(0.5).pow((raw.days - raw.newest) / HALF_LIFE),
        markov=raw.markov.fill_null(0.0) / raw.times,
        shapley=raw.shapley.fill_null(0.0) / raw.alike,
    )
    parts = raw.mutate(**{model: _part(raw, model) for model in MODELS})
    long = [
        parts.select(*paths.columns, model=ibis.literal(model), weight=parts[model]).filter(parts[model] > 0)
        for model in MODELS
    ]
    return ibis.union(*long)


def _part(raw: ir.Table, model: str) -> ir.Value:
    """The weight as a part of its purchase's; where a learnt model knows nothing of the channels, equal parts."""
    whole = raw[model].sum().over(group_by=UNIT)
    return (whole > 0).ifelse(raw[model] / whole, 1 / raw.length.cast("float64"))


def _by_position(raw: ir.Table) -> ir.Value:
    between = (1 - 2 * END) / ibis.greatest(raw.length - 2, 1)
    at_an_end = (raw.place == 0) | (raw.place == raw.length - 1)
    return (raw.length <= 2).ifelse(1.0, at_an_end.ifelse(END, between))


def _only(condition: ir.Value) -> ir.Value:
    return condition.ifelse(1.0, 0.0)
