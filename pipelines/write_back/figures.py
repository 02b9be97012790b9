"""What people did and paid, read from the lake for the CRM; nothing here depends on the present instant or on other people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import ibis
import ibis.expr.types as ir

from models.facts import Engagement, Outcome, Scope
from models.money import major
from pipelines.ingest.lake import Lake
from pipelines.stitch.arrivals import channel_in_words
from pipelines.stitch.derived import JOURNEYS, RECEIPTS, REVENUE, SESSIONS, read
from pipelines.stitch.membership import SNAPSHOT
from pipelines.write_back.known import Figures

RECENT = 90
"""Days before the last engagement in which engagements count: a quarter, as long as most deals run."""
YEAR = 12
"""Months before the last payment that make the yearly revenue."""
OURS = "task"
"""A to-do of a rep is no doing of the customer."""
PRODUCT = "product"
"""Use of the product counts by session: a session may be one action or two hundred."""


@dataclass(frozen=True)
class Ledgers:
    """Figures by person, and the yearly revenue by account.

    Units: whole units of `currency`, the CRM's own; money in other currencies is left out, for a currency field of the CRM has
    only one, and `left_out` says of how many persons and accounts. No currency: the CRM's cannot be told, no money is shown.
    """

    currency: str | None = None
    persons: Mapping[str, Figures] = field(default_factory=dict)
    accounts: Mapping[str, Decimal] = field(default_factory=dict)
    left_out: int = 0


def read_figures(lake: Lake, vendor: str, account: str, currency: str | None) -> Ledgers:
    """The figures of everybody, with money in the CRM's currency: the one given, else the one its deals or all payments name."""
    journeys, revenue, who = lake.table(JOURNEYS.name), lake.table(REVENUE.name), lake.table(SNAPSHOT)
    if journeys is None or revenue is None or who is None:
        return Ledgers()
    known = currency or own_currency(lake, revenue, vendor, account)
    paid = _paid(revenue, known) if known else {}
    payers = set(revenue.filter(revenue.payments > 0).entity_id.to_pyarrow().to_pylist()) - {None}
    recent = _recent(lake, who)
    sources = _sources(journeys)
    persons = {
        person: Figures(sources.get(person), recent.get(person, 0), paid.get(person))
        for person in {*sources, *recent, *paid}
    }
    accounts = _yearly(lake, known) if known else {}
    return Ledgers(known, persons, accounts, len(payers - paid.keys()))


def own_currency(lake: Lake, revenue: ir.Table, vendor: str, account: str) -> str | None:
    """The one currency of the CRM: of its deals, or of all payments where deals name none; None where there are several."""
    deals = lake.facts(Outcome)
    named = deals.filter((deals.vendor == vendor) & (deals.account == account) & deals.currency.notnull())
    for table in (named, revenue.filter(revenue.payments > 0)):
        found: list[str] = table.select("currency").distinct().to_pyarrow().column("currency").to_pylist()
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _paid(revenue: ir.Table, currency: str) -> dict[str, Decimal]:
    mine = revenue.filter((revenue.currency == currency) & (revenue.payments > 0) & revenue.entity_id.notnull())
    rows = mine.select("entity_id", "net").to_pyarrow().to_pylist()
    return {row["entity_id"]: major(row["net"], currency) for row in rows}


def _sources(journeys: ir.Table) -> dict[str, str]:
    """How each person came: "ROI calculator (paid social)", by the name of the ad where it is known."""
    came = journeys.filter(journeys.first_touch_at.notnull())
    named = ibis.coalesce(came.first_touch_ad, came.first_touch_source)
    rows = came.select("person_id", source=named, channel="first_touch_channel").to_pyarrow().to_pylist()
    found = {}
    for row in rows:
        channel, source = channel_in_words(row["channel"] or ""), row["source"]
        found[row["person_id"]] = f"{source} ({channel})" if source and channel else source or channel
    return found


def _recent(lake: Lake, who: ir.Table) -> dict[str, int]:
    """Engagements of each person in the days up to their last one; a session in the product is one."""
    told = lake.facts(Engagement)
    doings = told.filter(~told.kind.isin([OURS, PRODUCT])).select("subject", "occurred_at")
    persons = who.filter(who.scope == Scope.person.value).select(subject="record", person="entity_id")
    own = doings.join(persons, "subject").select("person", "occurred_at")
    if (sessions := lake.table(SESSIONS.name)) is not None:
        used = sessions.filter(sessions.actions > 0)
        own = own.union(used.select(person="person_id", occurred_at="started_at"))
    last = own.group_by("person").agg(last=own.occurred_at.max())
    near = own.join(last, "person")
    near = near.filter(near.occurred_at > near["last"] - ibis.interval(days=RECENT))
    rows = near.group_by("person").agg(recent=near.count()).to_pyarrow().to_pylist()
    return {row["person"]: row["recent"] for row in rows}


def _yearly(lake: Lake, currency: str) -> dict[str, Decimal]:
    """Net revenue of each account and its people in the months up to its last payment."""
    paid = read(lake, RECEIPTS)
    paid = paid.filter(paid.currency == currency, paid.account_id.notnull())
    last = paid.group_by("account_id").agg(last=paid.occurred_at.max())
    near = paid.join(last, "account_id")
    near = near.filter(near.occurred_at > near["last"] - ibis.interval(months=YEAR))
    sums = near.group_by("account_id").agg(net=near.amount.sum().cast("int64")).to_pyarrow().to_pylist()
    return {row["account_id"]: major(row["net"], currency) for row in sums}
