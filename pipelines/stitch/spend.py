"""What it cost to win each person: the cost of an ad on a day of its account, split among those it brought that day.

The parts of a day add up to what the platform says, to the minor unit; a day that brought nobody we know stays whole, without a
person. Platforms tell costs per ad and day and never per person, so those of one day bear equal parts; a click that does not name
its ad bears none.
"""

import ibis
import ibis.expr.types as ir

from models.channels import LEAD_AD
from models.facts import Spend, Touch
from pipelines.ingest.lake import Lake
from pipelines.stitch.arrivals import FORM, LINK, ads, on_platform

AD_DAY = ["vendor", "account", "day", "ad_id", "currency"]
"""What one row of an ad platform's bill is about."""


def spend(lake: Lake, persons: ir.Table) -> ir.Table:
    """Every ad-day's cost by the persons it brought, in equal parts; `persons` are `record, person_id`.

    Units that equal parts leave over go one each to those who came first that day, by record where two came at one instant: never
    by a person's id, which a merge may change, so that a merge taken back gives every unit back.
    """
    costs = ad_days(lake)
    brought = _brought(lake, persons, costs)
    by_day = [brought[name] for name in AD_DAY]
    numbered = brought.mutate(
        place=ibis.row_number().over(group_by=by_day, order_by=[brought.came_at, brought.came_by]),
        persons=brought.count().over(group_by=by_day),
    )
    rows = costs.left_join(numbered, AD_DAY).drop(*(f"{name}_right" for name in AD_DAY))
    part = whole_part(rows.amount, rows.persons)
    over = rows.amount - part * rows.persons
    shared = part + (rows.place < over).ifelse(1, 0)
    rows = rows.mutate(amount=rows.persons.isnull().ifelse(rows.amount, shared))
    return rows.left_join(ads(lake).rename(vendor="platform"), ["vendor", "ad_id"]).drop("vendor_right", "ad_id_right")


def ad_days(lake: Lake) -> ir.Table:
    """What every ad cost on every day: `AD_DAY`, the day's bounds and `amount`."""
    told = lake.facts(Spend)
    return told.group_by(*AD_DAY).agg(
        starts_at=told.starts_at.min(), ends_at=told.ends_at.max(), amount=told.amount_minor.sum().cast("int64")
    )


def whole_part(amount: ir.IntegerValue, persons: ir.IntegerValue) -> ir.IntegerValue:
    """`amount // persons`, exactly: engines divide through floats, so what the first division left (or took too much) is divided again."""
    rough = amount // persons
    return rough + (amount - rough * persons) // persons


def _brought(lake: Lake, persons: ir.Table, costs: ir.Table) -> ir.Table:
    """Whom each ad brought on each day: a person once, with the instant and the record that say so first."""
    touches = lake.facts(Touch)
    named = touches.filter(touches.ad_id.notnull()).select(
        "platform", "ad_id", "channel", "occurred_at", record="subject"
    )
    came = on_platform(named, lake).join(persons, "record")
    found = costs.join(
        came,
        [
            costs.vendor == came.platform,
            costs.ad_id == came.ad_id,
            costs.starts_at <= came.occurred_at,
            came.occurred_at < costs.ends_at,
        ],
    ).drop("ad_id_right")
    return found.group_by(*AD_DAY, "person_id").agg(
        came_at=found.occurred_at.min(),
        came_by=found.record.min(),
        way=(found.channel == LEAD_AD).any().ifelse(FORM, LINK),
    )
