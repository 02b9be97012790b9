"""What kinds of buyers there are: each trait is one row of `TRAITS`, a question and how the lake answers it.

A buyer is whoever decides to pay as one: an account with everybody who belongs to it, or a person who belongs to none.
"""

from collections.abc import Callable, Mapping

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from connectors.countries import region
from models.facts import Engagement, Profile, Subscription
from pipelines.ingest.lake import Lake
from pipelines.stitch.derived import JOURNEYS, RECEIPTS, read
from pipelines.stitch.journeys import RUNNING
from pipelines.stitch.membership import SNAPSHOT, SNAPSHOT_SCHEMA

FEATURES = 20
"""Most used actions of the product that are looked at; every further one is one more chance of a false find."""
USES = "uses "
"""Traits of product use begin so; a buyer may have many of them, unlike the others."""


def buyers(lake: Lake) -> ir.Table:
    """Everybody known and whom they buy as: `person_id, buyer_id`."""
    people = read(lake, JOURNEYS)
    return people.select("person_id", buyer_id=ibis.coalesce(people.account_id, people.person_id))


def money(lake: Lake) -> ir.Table:
    """Every movement of money by its buyer: `record, buyer_id, kind, occurred_at, currency, amount, value`; no buyer where nobody is known."""
    told = read(lake, RECEIPTS)
    return told.select(
        "record", "kind", "occurred_at", "currency", "amount", "value",
        buyer_id=ibis.coalesce(told.account_id, told.entity_id),
    )  # fmt: skip


def everybody(lake: Lake) -> ir.Table:
    """All buyers, those too who have paid and of whom nobody is known: `buyer_id`."""
    paid = money(lake)
    known = buyers(lake).select("buyer_id")
    return ibis.union(known, paid.filter(paid.buyer_id.notnull()).select("buyer_id"), distinct=True)


def traits(lake: Lake) -> ir.Table:
    """What is known of each buyer: `buyer_id, trait, which`; at most one row per buyer and trait, none where nothing is known."""
    rows = [
        answer(lake).filter(lambda t: t.which.notnull()).select("buyer_id", "which", trait=ibis.literal(name))
        for name, answer in TRAITS.items()
    ]
    return ibis.union(*rows).select("buyer_id", "trait", "which")


def features(lake: Lake) -> ir.Table:
    """What each buyer's people have used of the product, of the actions that most buyers use: as `traits`, which is `yes`."""
    told = lake.facts(Engagement)
    used = told.filter(told.kind == "product", told.action.notnull()).select("action", record="subject")
    known = used.join(owners(lake), "record").select("buyer_id", "action").distinct()
    counted = known.group_by("action").agg(number=known.count())
    most = counted.order_by(counted.number.desc(), "action").limit(FEATURES).select("action")
    rows = known.semi_join(most, "action")
    return rows.select("buyer_id", trait=ibis.literal(USES) + rows.action, which=ibis.literal("yes"))


def _first_channel(lake: Lake) -> ir.Table:
    people = read(lake, JOURNEYS)
    told = people.filter(people.first_touch_channel.notnull()).join(buyers(lake), "person_id")
    order = [told.first_touch_at, told.person_id]
    ranked = told.mutate(place=ibis.row_number().over(group_by="buyer_id", order_by=order))
    return ranked.filter(ranked.place == 0).select("buyer_id", which="first_touch_channel")


def _country(lake: Lake) -> ir.Table:
    told = _said(lake, "country")
    raw = told.select("said").distinct().to_pyarrow()["said"].to_pylist()
    codes = [(name, region(name) or name.strip()) for name in raw]
    named = ibis.memtable(pa.table({"said": [a for a, _ in codes], "which": [b for _, b in codes]}, schema=NAMED))
    return _most_said(told.join(named, "said").select("buyer_id", "which"))


def _industry(lake: Lake) -> ir.Table:
    told = _said(lake, "industry")
    return _most_said(told.select("buyer_id", which=told.said.strip().lower().replace("_", " ")))


def _people(lake: Lake) -> ir.Table:
    """How many persons of an account are known, which is what stands for its size where no vendor tells it."""
    sizes = buyers(lake).group_by("buyer_id").agg(number=lambda t: t.count())
    which = ibis.cases((sizes.number == 1, "1"), (sizes.number <= 5, "2-5"), (sizes.number <= 20, "6-20"), else_="21 or more")  # fmt: skip
    return sizes.select("buyer_id", which=which)


def _plan(lake: Lake) -> ir.Table:
    """Whether a subscription runs, is on trial or has ended."""
    told = lake.facts(Subscription)
    state = ibis.cases(
        (told.status.isin(RUNNING) & told.ended_at.isnull(), "1 running"), (told.status == "trialing", "2 trial"), else_="3 ended"
    )  # fmt: skip
    known = told.select(state=state, record="payer").join(owners(lake), "record")
    best = known.group_by("buyer_id").agg(state=known.state.min())
    return best.select("buyer_id", which=best.state.substr(2))


def _said(lake: Lake, what: str) -> ir.Table:
    """What the records of each buyer say: `buyer_id, said`."""
    told = lake.facts(Profile)
    return told.filter(told[what].notnull()).select("record", said=what).join(owners(lake), "record")


def _most_said(told: ir.Table) -> ir.Table:
    """What most records of a buyer say; of two that as many say, the first in the alphabet."""
    told = told.filter(told.which != "")
    counted = told.group_by("buyer_id", "which").agg(number=told.count())
    ranked = counted.mutate(
        place=ibis.row_number().over(group_by="buyer_id", order_by=[counted.number.desc(), counted.which])
    )
    return ranked.filter(ranked.place == 0).select("buyer_id", "which")


def owners(lake: Lake) -> ir.Table:
    """The buyer of every record: `record, buyer_id`."""
    who = lake.derived(SNAPSHOT, SNAPSHOT_SCHEMA)
    people = who.filter(who.scope == "person").select("record", person_id="entity_id").join(buyers(lake), "person_id")
    return people.select("record", "buyer_id").union(
        who.filter(who.scope == "account").select("record", buyer_id="entity_id")
    )


NAMED = pa.schema({"said": pa.string(), "which": pa.string()})
TRAITS: Mapping[str, Callable[[Lake], ir.Table]] = {
    "first channel": _first_channel,
    "country": _country,
    "industry": _industry,
    "people known": _people,
    "subscription": _plan,
}
"""What buyers are told apart by: a name and a function that gives `buyer_id, which`. A further trait is a further row."""
