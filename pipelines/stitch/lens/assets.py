"""The lens in the asset graph: four derived tables, each with a picture; amounts of the business stay out of metadata, shares do not."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

import dagster as dg

from models.facts import Engagement, Profile, Subscription
from pipelines.stitch.assets import Made, Metadata, table_asset
from pipelines.stitch.derived import shaped
from pipelines.stitch.lens import economics as economy
from pipelines.stitch.lens import pictures, segments
from pipelines.stitch.lens.bridge import BRIDGE, Bridge, bridge, table
from pipelines.stitch.lens.calendar import days, local_day, this_morning
from pipelines.stitch.lens.causes import causes, elsewhere, sentence, words
from pipelines.stitch.lens.economics import ECONOMICS, Economy
from pipelines.stitch.lens.idle import IDLE, Idleness, by, idle
from pipelines.stitch.lens.lenses import ad_names
from pipelines.stitch.lens.measures import measure
from pipelines.stitch.lens.segments import SEGMENTS, Segment
from pipelines.stitch.lens.settings import LensSettings
from pipelines.stitch.rates import Rates
from pipelines.workspace import Workspace

DAYS = 15
"""Days that the table of bridges looks back on: fourteen steps, so that every weekday is seen twice."""
SHOWN = 12
"""Rows of a picture."""


BRIDGES = """Why revenue changed from one business day to the next: traffic, mix, conversion, order value, large buyers, refunds, disputes.

The last fortnight, day by day, in the business's own time zone (SIDECAR_ZONE). Every view (by channel, by ad, by a trait of the buyers)
splits the whole change exactly, by Shapley values. `sidecar lens bridge` compares any two days or spans.

"""
SESSIONS_EARN = """What every session cost and whether its buyer paid within thirty days.

A session bears its part of the ad that brought it; rows without session hold the rest, so that all rows add up to the spend, to the
minor unit. `sidecar lens sessions` sums them by channel or ad.

"""
WORTH = """What buyers of each kind are worth beside the average, with intervals and a correction for the number of looks.

Industry, country, first channel, people known, subscription, and use of the product's features. A trait's segments add up to all revenue.

"""
COST = """What customers cost and gave back: CAC, ROAS, payback and worth to date, by month of acquisition, channel and ad.

Customers are credited to what touched them first. Payback and worth are reckoned with SIDECAR_GROSS_MARGIN (1 if unset).

"""


def assets() -> list[dg.AssetsDefinition]:
    """The assets of the lens."""
    return [
        table_asset(BRIDGE.name, BRIDGE, BRIDGES, _bridge),
        table_asset(IDLE.name, IDLE, SESSIONS_EARN, _idle),
        table_asset(SEGMENTS.name, SEGMENTS, WORTH, _segments, (Profile, Engagement, Subscription)),
        table_asset(ECONOMICS.name, ECONOMICS, COST, _economics),
    ]


def _bridge(workspace: Workspace) -> Made:
    lake, zone = workspace.lake, LensSettings().home
    yesterday = local_day(workspace.clock.now(), zone) - timedelta(days=1)
    bridges = [bridge(*ends) for ends in pairwise(measure(lake, days(yesterday, DAYS, zone)))]
    made, names = table(bridges, Rates.of(workspace.settings).reporting(lake)), ad_names(lake)
    found: Metadata = {
        "latest": dg.MetadataValue.text(sentence(bridges[-1], names)),
        "movements_without_rate": dg.MetadataValue.int(sum(one.after.unknown for one in bridges)),
    }
    if picture := _waterfall(bridges[-1], names):
        found["waterfall"] = dg.MetadataValue.md(picture)
    return made, found


def _waterfall(latest: Bridge, names: Mapping[str, str]) -> str | None:
    """From one day to the next, in shares of the first; none if there is nothing to take a share of."""
    whole = latest.before.revenue
    if whole <= 0:
        return None
    steps = [(words(latest, cause, names), cause.amount / whole) for cause in causes(latest)]
    if rest := elsewhere(latest):
        steps.append(("the same, elsewhere", rest / whole))
    return pictures.markdown(
        pictures.waterfall(steps, latest.before.span.words, latest.after.span.words), sentence(latest, names)
    )


def _idle(workspace: Workspace) -> Made:
    lake = workspace.lake
    rows = idle(lake, this_morning(workspace.clock.now(), LensSettings().home)).cache()
    found, _ = by(lake, rows, Rates.of(workspace.settings), "channel", none="no click")
    numbers = {"sessions": sum(one.sessions for one in found), "earned_nothing": sum(one.nothing for one in found), "too_early": sum(one.open for one in found)}  # fmt: skip
    metadata: Metadata = {name: dg.MetadataValue.int(number) for name, number in numbers.items()}
    if ripe := [one for one in found if one.share is not None]:
        metadata["earned_nothing_by_channel"] = dg.MetadataValue.md(_idle_picture(ripe))
    return shaped(IDLE, rows), metadata


def _idle_picture(ripe: Sequence[Idleness]) -> str:
    shown = [(f"{one.which} ({one.sessions:,} sessions)", one.share or 0.0) for one in ripe[:SHOWN]]
    return pictures.markdown(pictures.bars(shown), "share of sessions that earned nothing, by channel")


def _segments(workspace: Workspace) -> Made:
    lake = workspace.lake
    found = segments.segments(lake)
    made = segments.table(found, Rates.of(workspace.settings).reporting(lake))
    metadata: Metadata = {
        "looks": dg.MetadataValue.int(sum(one.buyers > 0 for one in found)),
        "stand_out": dg.MetadataValue.int(sum(one.stands_out for one in found)),
        "thin": dg.MetadataValue.int(sum(one.thin for one in found if one.buyers)),
    }
    if picture := _forest(found):
        metadata["times_the_average"] = dg.MetadataValue.md(picture)
    return made, metadata


def _forest(found: Sequence[Segment]) -> str | None:
    """Segments that are not thin, the surest first."""
    rows = [
        (f"{one.trait}: {one.which} (n={one.buyers:,})", one.ratio, one.ratio_low, one.ratio_high)
        for one in sorted(found, key=lambda one: (one.chance, one.trait, one.which))
        if not one.thin and one.ratio and one.ratio_low and one.ratio_high and one.ratio_low > 0
    ]
    words = "value per buyer, times the average, with 95 % intervals"
    return pictures.markdown(pictures.intervals(rows[:SHOWN]), words) if rows else None


def _economics(workspace: Workspace) -> Made:
    lake, settings, rates = workspace.lake, LensSettings(), Rates.of(workspace.settings)
    found = economy.economics(
        lake, economy.first_touch(lake), rates, settings.home, workspace.clock.now(), settings.gross_margin
    )
    metadata: Metadata = {"gross_margin": dg.MetadataValue.float(settings.gross_margin)}
    if picture := _return(found):
        metadata["roas_by_cohort"] = dg.MetadataValue.md(picture)
    return economy.table(found, rates.reporting(lake)), metadata


def _return(found: Sequence[Economy]) -> str | None:
    """Revenue of paid customers over spend, by cohort."""
    rows = [
        (f"{one.cohort} (paid back: {one.payback_month or 'not yet'})", one.roas)
        for one in found
        if one.level == economy.PAID_ONLY and one.cohort != economy.EVER and one.roas is not None
    ]
    words = "revenue of paid customers over ad spend, by month of acquisition"
    return pictures.markdown(pictures.bars(rows[-SHOWN:], ".2f"), words) if rows else None
