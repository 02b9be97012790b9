"""How people came: every arrival once, whoever tells of it, with the ad that brought them where anybody knows it.

Several vendors see the same arrival: the ad platform its form, the CRM an address with the ad's id, the web site a click. What
happened to one person at one instant is one arrival per ad. A paid touch that names no ad is the same click as an ad named at that
instant, and where none is, there is one per channel. Whatever else names no ad, such as a campaign of the CRM, of which a person
may answer two on one day, is one per channel and source.
"""

from collections.abc import Iterator

import ibis
import ibis.expr.types as ir
from ibis import _

from models.channels import LEAD_AD, PAID, PAID_VISITS, UNPAID_VISITS
from models.facts import Spend, Touch
from pipelines.ingest.lake import Lake
from pipelines.stitch.derived import TOUCH

FORM, LINK, PAID_CLICK, OTHER, UNKNOWN = WAYS = (
    "form on the ad platform", "link that names the ad", "paid click, ad unknown", "another channel", "no touch is known",
)  # fmt: skip
"""How exactly it is known how somebody came, most exact first."""
OF_ITS_AD = ("campaign_id", "campaign", "marketed_as")
"""What an arrival is told beside the columns of a touch, where its platform knows the ad."""

TELLING = (
    _.ad_id.isnull(), _.channel != LEAD_AD, ~_.paid, _.source.isnull(), _.told_by, _.channel, _.source, _.source_id,
)  # fmt: skip
"""Of what happened at one instant, what tells most comes first: an ad, of these the platform's own form, then a paid click."""


def ads(lake: Lake) -> ir.Table:
    """Each ad as its platform named it on the latest day: `platform, ad_id, ad, campaign_id, campaign, marketed_as` (its channel)."""
    told = lake.facts(Spend).rename(platform="vendor", marketed_as="channel")
    ad = ["platform", "ad_id"]
    latest = told.mutate(place=ibis.row_number().over(group_by=ad, order_by=[told.day.desc(), told.record]))
    return latest.filter(latest.place == 0).select(*ad, "ad", "campaign_id", "campaign", "marketed_as")


def on_platform(touches: ir.Table, lake: Lake) -> ir.Table:
    """The touches (any table with `platform, ad_id`), each on its ad's platform: the one it names, else the only one that knows the ad.

    Two platforms may number their ads alike. A touch that names neither belongs to none of them.
    """
    known = ads(lake).group_by("ad_id").agg(knows=_.platform.min(), knowing=_.count())
    found = touches.left_join(known.filter(known.knowing == 1), "ad_id").drop("ad_id_right", "knowing")
    return found.mutate(platform=ibis.coalesce(found.platform, found.knows)).drop("knows")


def arrivals(lake: Lake, persons: ir.Table) -> ir.Table:
    """Every arrival of these persons (`record, person_id`), once.

    Shape: `person_id, place` and the columns of a touch; `place` numbers a person's arrivals from 0 in order of time, those of one
    instant by what tells most. A touch that names no source goes by its ad's name, else by its campaign's.
    """
    told = lake.facts(Touch).rename(told_by="record").join(persons.rename(subject="record"), "subject")
    told = told.mutate(
        paid=paid_for(told.channel),
        beside=told.ad_id.min().over(group_by=[told.person_id, told.occurred_at]),
    )
    # whichever vendor tells most of an arrival, another one may know the platform
    told = told.mutate(platform=ibis.coalesce(told.platform, told.platform.min().over(group_by=_what(told))))
    once = told.mutate(copy=ibis.row_number().over(group_by=_what(told), order_by=TELLING)).filter(_.copy == 0)
    named = on_platform(once, lake).left_join(ads(lake), ["platform", "ad_id"]).drop("platform_right", "ad_id_right")
    named = named.mutate(source=ibis.coalesce(named.source, named.ad, named.campaign))
    named = named.mutate(place=ibis.row_number().over(group_by="person_id", order_by=[_.occurred_at, *TELLING]))
    return named.select("person_id", "place", "occurred_at", *(name for name in TOUCH if name != "at"), *OF_ITS_AD)


def way(touch: ir.Table) -> ir.StringValue:
    """Which of `WAYS` these touches (`channel, ad_id`) are; only the first two tell the ad."""
    by_ad = (touch.channel == LEAD_AD).ifelse(FORM, LINK)
    return ibis.cases(
        (touch.channel.isnull(), UNKNOWN), (touch.ad_id.notnull(), by_ad), (paid_for(touch.channel), PAID_CLICK), else_=OTHER
    )  # fmt: skip


def is_paid(touch: ir.Table) -> ir.BooleanValue:
    """Whether an ad brought these touches (`channel, ad_id`): a click or a lead that names it, or a channel that is paid for by name."""
    return touch.ad_id.notnull() | paid_for(touch.channel).fill_null(False)  # noqa: FBT003


def paid_for(channel: ir.StringValue) -> ir.BooleanValue:
    """Whether a channel is paid for by its name; a form that no ad brought is not."""
    return channel.startswith(PAID) | channel.isin((LEAD_AD, *PAID_VISITS))


def first_and_last(came: ir.Table) -> Iterator[ir.Table]:
    """First touch, latest touch and number of touches of each person; of one instant, both are the one that tells most."""
    latest = came.group_by("person_id").agg(occurred_at=came.occurred_at.max())
    late = came.semi_join(latest, ["person_id", "occurred_at"])
    for end, some in (("first", came), ("last", late)):
        touch = some.semi_join(some.group_by("person_id").agg(place=some.place.min()), ["person_id", "place"])
        touch = touch.rename(at="occurred_at")
        yield touch.select("person_id", **{f"{end}_touch_{name}": name for name in TOUCH})
    yield came.group_by("person_id").agg(touches=came.count())


def visits(came: ir.Table) -> ir.Table:
    """The arrivals on a page of ours."""
    return came.filter(came.channel.startswith(PAID) | came.channel.isin((*PAID_VISITS, *UNPAID_VISITS)))


def channel_in_words(channel: str) -> str:
    """Such as "paid social"; a lead ad is a form to whoever filled it in."""
    return "lead form" if channel == LEAD_AD else channel.replace("_", " ")


def _what(told: ir.Table) -> list[ir.Value]:
    """What makes two touches one arrival; `beside` is an ad that is named at the same instant."""
    ad = ibis.coalesce(told.ad_id, told.paid.ifelse(told.beside, None))
    source = ibis.coalesce(told.source, told.source_id)
    return [
        told.person_id,
        told.occurred_at,
        ad,
        ad.isnull().ifelse(told.channel, None),
        (ad.isnull() & ~told.paid).ifelse(source, None),
    ]
