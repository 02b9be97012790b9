"""Which sessions earned nothing, and what they cost: each session bears its part of the ad that brought it, the rest is shown apart.

An ad's cost of a day is split among the persons it brought (`spend`); what a person bears is split, to the unit, among those of their
sessions of that day that the ad was landed by. What no session bears stays: persons who left a form and never came, and days that
brought nobody we know. Both together are the spend, to the minor unit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from pipelines.ingest.lake import Lake
from pipelines.ingest.schemas import INSTANT
from pipelines.stitch.arrivals import ads
from pipelines.stitch.derived import SESSIONS, SPEND, Derived
from pipelines.stitch.lens.traits import buyers, money
from pipelines.stitch.rates import Rates
from pipelines.stitch.spend import AD_DAY, ad_days, whole_part

WINDOW_DAYS = 30
"""How long after a session its buyer may pay for it to have earned; the longest click window that ad platforms offered."""
EARNED, NOTHING, OPEN = "earned", "nothing", "too early"
"""What became of a session: its buyer paid within the window, did not, or still may."""
SESSION, PERSON, NOBODY = "session", "person", "nobody"
"""What a row's cost hangs on: a session; a person whom the ad brought without one; nobody."""
INSTANT_TYPE = "timestamp('UTC', 6)"

IDLE = Derived(
    "idle_sessions",
    "What every session cost and whether it earned anything; rows without session hold the spend that no session bears.",
    ("linked", "person_id", "started_at", "day", "ad_id", "currency"),
    {
        "linked": (pa.string(), f"what the cost hangs on: {SESSION}, {PERSON} (brought without a session) or {NOBODY}"),
        "person_id": (pa.string(), "whose session; empty for what hangs on nobody"),
        "started_at": (INSTANT, "when the session began, UTC; empty where there is none"),
        "channel": (pa.string(), "channel of the session's first arrival; empty where none is known"),
        "ad_id": (pa.string(), "the ad"),
        "ad": (pa.string(), "the ad's latest name"),
        "day": (pa.string(), "day of the ad account, as 2026-01-31; empty for a session that no ad brought"),
        "currency": (pa.string(), "ISO 4217, lower case; empty where nothing was spent"),
        "cost": (pa.int64(), "this row's part of the spend, minor units"),
        "earned": (pa.int64(), "what the buyer paid within the window, net, minor units of the reporting currency"),
        "verdict": (pa.string(), f"{EARNED}, {NOTHING} or {OPEN}; empty where there is no session"),
    },
)


def idle(lake: Lake, now: datetime, window_days: int = WINDOW_DAYS) -> ir.Table:
    """Every session with its cost and whether it earned, and the spend that no session bears: the columns of `IDLE`.

    Shape: a session that no ad-day bears is one row that cost nothing; one that two ad-days bear (it spans midnight) is two.
    """
    sessions = _judged(lake, now, window_days).cache()
    borne = _borne(lake, sessions).cache()
    costly = borne.filter(borne.started_at.notnull())
    free = sessions.anti_join(costly, ["person_id", "started_at"]).mutate(
        day=ibis.null("string"), currency=ibis.null("string"), cost=ibis.literal(0, "int64")
    )
    told = ["person_id", "started_at", "channel", "ad_id", "earned", "verdict"]
    cost = ["day", "currency", "cost"]
    linked = costly.select("person_id", "started_at", *cost).join(sessions.select(*told), ["person_id", "started_at"])
    rows = linked.select(*told, *cost).union(free.select(*told, *cost)).mutate(linked=ibis.literal(SESSION))
    rest = borne.filter(borne.started_at.isnull()).mutate(
        linked=borne.person_id.isnull().ifelse(NOBODY, PERSON),
        **{name: ibis.null(kind) for name, kind in (("channel", "string"), ("earned", "int64"), ("verdict", "string"))},
    )
    names = [name for name in IDLE.columns if name != "ad"]
    every = rows.select(*names).union(rest.group_by(*(name for name in names if name != "cost")).agg(cost=rest.cost.sum().cast("int64")).select(*names))  # fmt: skip
    return every.left_join(ads(lake).select("ad_id", "ad"), "ad_id").select(*IDLE.columns)


def _judged(lake: Lake, now: datetime, window_days: int) -> ir.Table:
    """The sessions with what their buyer paid within the window: `person_id, started_at, ended_at, channel, ad_id, earned, verdict`."""
    window = timedelta(days=window_days)
    told = lake.derived(SESSIONS.name, SESSIONS.schema).join(buyers(lake), "person_id")
    paid = money(lake).filter(lambda t: t.value.notnull() & t.buyer_id.notnull())
    after = told.join(paid.select("buyer_id", "occurred_at", "value"), "buyer_id")
    within = after.filter(after.occurred_at >= after.started_at, after.occurred_at < after.started_at + ibis.interval(days=window_days))  # fmt: skip
    sums = within.group_by("person_id", "started_at").agg(earned=within.value.sum().cast("int64"))
    known = told.left_join(sums, ["person_id", "started_at"]).drop("person_id_right", "started_at_right")
    open_since = ibis.literal(now - window, INSTANT_TYPE)
    earned = known.earned.fill_null(0)
    verdict = ibis.cases((earned > 0, EARNED), (known.started_at > open_since, OPEN), else_=NOTHING)
    return known.select(
        "person_id", "started_at", "ended_at",
        channel="landing_channel", ad_id="landing_ad_id", earned=earned, verdict=verdict,
    )  # fmt: skip


def _borne(lake: Lake, sessions: ir.Table) -> ir.Table:
    """Every row of `spend`, split among the sessions it paid for: `person_id, started_at` (null where none is), `ad_id, day, currency, cost`."""
    spent = lake.derived(SPEND.name, SPEND.schema).select(*AD_DAY, "person_id", "amount")
    bounded = spent.join(ad_days(lake).drop("amount"), AD_DAY)
    landed = sessions.filter(sessions.ad_id.notnull()).select("person_id", "ad_id", "started_at", "ended_at")
    met = bounded.join(landed, ["person_id", "ad_id"])
    met = met.filter(met.started_at < met.ends_at, met.ended_at >= met.starts_at)
    place = [*AD_DAY, "person_id"]
    met = met.select(*place, "started_at")
    met = met.mutate(
        number=ibis.row_number().over(group_by=place, order_by="started_at"),
        sessions=met.count().over(group_by=place),
    )
    # null persons never match, so what hangs on nobody stays whole
    rows = spent.left_join(met, place).select(*spent.columns, "started_at", "number", "sessions")
    part = whole_part(rows.amount, rows.sessions)
    over = rows.amount - part * rows.sessions
    cost = rows.sessions.isnull().ifelse(rows.amount, part + (rows.number < over).ifelse(1, 0))
    return rows.select("person_id", "started_at", "ad_id", "day", "currency", cost=cost.cast("int64"))


def uncosted(lake: Lake, table: ir.Table) -> dict[str, int]:
    """What the rows have more (or less, negative) than `spend`, by currency; empty if they agree."""
    spent = lake.derived(SPEND.name, SPEND.schema)
    both = spent.select("currency", amount=-spent.amount).union(
        table.filter(table.currency.notnull()).select("currency", amount="cost")
    )
    left = both.group_by("currency").agg(amount=both.amount.sum().cast("int64"))
    rows = left.filter(left.amount != 0).to_pyarrow().to_pylist()
    return {row["currency"]: row["amount"] for row in rows}


@dataclass(frozen=True)
class Idleness:
    """What sessions of one channel or ad did and cost.

    Units: counts of sessions by verdict; `cost` of all of them and `wasted` by those that earned nothing, minor units of the reporting currency.
    """

    which: str
    sessions: int
    nothing: int
    open: int
    cost: int
    wasted: int

    @property
    def share(self) -> float | None:
        """The share that earned nothing of those that have had their time; None if none has."""
        ripe = self.sessions - self.open
        return self.nothing / ripe if ripe else None


def by(lake: Lake, table: ir.Table, rates: Rates, column: str, *, none: str) -> tuple[list[Idleness], int]:
    """The sessions by channel or ad, the most wasteful first, and the cost that no session bears, in the reporting currency.

    Amounts without a rate are left out.
    """
    table = table.mutate(which=table[column].fill_null(none))
    costs = table.group_by("which", "day", "currency", "linked", "verdict").agg(cost=table.cost.sum().cast("int64"))
    known = rates.converted(lake, costs, amount="cost", currency="currency", day="day", as_="value")
    spent = _sums(known.group_by("which", "linked", "verdict").agg(number=known.value.sum().cast("int64")))
    own = table.filter(table.linked == SESSION)
    distinct = own.select("which", "linked", "verdict", "person_id", "started_at").distinct()
    seen = _sums(distinct.group_by("which", "linked", "verdict").agg(number=distinct.count()))
    found = [_idleness(which, seen, spent) for which in sorted({place[0] for place in seen})]
    rest = sum(number for (_, linked, _), number in spent.items() if linked != SESSION)
    return sorted(found, key=lambda one: (-one.wasted, -one.nothing, one.which)), rest


Sums = Mapping[tuple[str, str, str | None], int]
"""Numbers by (which, linked, verdict)."""


def _idleness(which: str, seen: Sums, spent: Sums) -> Idleness:
    def of(numbers: Sums, *verdicts: str) -> int:
        return sum(numbers.get((which, SESSION, verdict), 0) for verdict in verdicts)

    every: Sequence[str] = (EARNED, NOTHING, OPEN)
    return Idleness(which, of(seen, *every), of(seen, NOTHING), of(seen, OPEN), of(spent, *every), of(spent, NOTHING))


def _sums(table: ir.Table) -> dict[tuple[str, str, str | None], int]:
    rows: list[dict[str, Any]] = table.to_pyarrow().to_pylist()
    return {(row["which"], row["linked"], row["verdict"]): row["number"] or 0 for row in rows}
