"""When people were with us: visits and product use in bursts, each event in exactly one of them."""

import ibis
import ibis.expr.types as ir

from models.facts import Engagement
from pipelines.ingest.lake import Lake
from pipelines.stitch.arrivals import visits

PAUSE = ibis.interval(minutes=30)
"""A longer pause begins a new session. Google Analytics' own default: https://support.google.com/analytics/answer/2795871."""


def sessions(lake: Lake, persons: ir.Table, came: ir.Table) -> ir.Table:
    """The sessions of these persons (`record, person_id`), from what they did in the product and their arrivals (`arrivals.py`).

    A session spans midnight, and a second arrival within one does not end it.
    """
    moments = _moments(lake, persons, came)
    before = moments.at.lag().over(group_by="person_id", order_by="at")
    moments = moments.mutate(begins=(before.isnull() | (moments.at > before + PAUSE)).ifelse(1, 0))
    number = moments.begins.sum().over(ibis.cumulative_window(group_by="person_id", order_by="at"))
    moments = moments.mutate(session=number)
    bursts = moments.group_by("person_id", "session").agg(
        started_at=moments.at.min(),
        ended_at=moments.at.max(),
        events=moments.events.sum().cast("int64"),
        actions=moments.actions.sum().cast("int64"),
        place=moments.place.min(),
    )
    landing = came.select(
        "person_id", "place", landing_channel="channel", landing_platform="platform", landing_ad_id="ad_id"
    )
    return bursts.left_join(landing, ["person_id", "place"]).drop("person_id_right", "place_right")


def of_persons(found: ir.Table) -> ir.Table:
    """Number of sessions of each person, and the end of the latest."""
    return found.group_by("person_id").agg(sessions=found.count(), last_session_at=found.ended_at.max())


def _moments(lake: Lake, persons: ir.Table, came: ir.Table) -> ir.Table:
    """One row per person and instant, so that their order is never in doubt; `place` is that of the arrival which tells most."""
    told = lake.facts(Engagement)
    used = told.filter(told.kind == "product").select("occurred_at", record="subject").join(persons, "record")
    done = used.select("person_id", at="occurred_at", actions=ibis.literal(1, "int64"), place=ibis.null("int64"))
    seen = visits(came).select("person_id", "place", at="occurred_at", actions=ibis.literal(0, "int64"))
    events = done.union(seen.select(*done.columns))
    return events.group_by("person_id", "at").agg(
        events=events.count(), actions=events.actions.sum(), place=events.place.min()
    )
