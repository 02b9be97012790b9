"""What each person did, from the facts: use of the product, answers, purchases and contracts, by the hour and without their words.

The lake counts, per record and hour; membership says whose records they are. A person's deeds are those of all their records.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from itertools import chain, groupby
from operator import itemgetter
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import phonenumbers
import pyarrow as pa
from phonenumbers import timezone
from sqlmodel import Session, func, select

from models import Engagement, Identifier, Membership, Payment, Scope, Subscription
from models.facts import Discount
from models.keys import content_id
from pipelines.ingest.lake import Lake
from pipelines.understand.people import belonging

USED, ANSWERED, BOUGHT, SIGNED, ENDED = "used", "answered", "bought", "signed", "ended"
PICKED_UP = 30
"""Seconds from which a call that we placed was a conversation, and not a mailbox."""
RAN = ("active", "past_due", "unpaid", "paused", "canceled")
"""Subscriptions that began; one that never did, or is in trial, is no agreement yet."""
OUTBOUND, INBOUND = "outbound", "inbound"
PORTION = 10_000
"""Deeds that are in memory at a time."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Things of one kind that one record tells of, done within one hour.

    Units: `at` is the last of them, UTC; `amount` is money in minor units of `currency`. `which` is the product's action or the
    channel; `lowered` says of a purchase whether a discount ran then, None where that cannot be told.
    """

    at: datetime
    kind: str
    record: str
    which: str = ""
    times: int = 1
    amount: int = 0
    currency: str = ""
    lowered: bool | None = None


FIELDS = {
    "at": "timestamp('UTC', 6)", "kind": "string", "record": "string", "which": "string", "times": "int64", "amount": "int64",
    "currency": "string", "lowered": "boolean",
}  # fmt: skip
"""The fields of a deed as the lake's engine has them."""


def read_deeds(lake: Lake, session: Session) -> pa.Table:
    """Deeds of all persons by person, each one's in order of time: `entity_id` and the fields of `Deed`.

    What hangs on an account, or on a record that nobody has stitched yet, is nobody's.
    """
    told = _engaged(lake).union(_bought(lake)).union(_contracts(lake))
    owned = told.join(belonging(session, Scope.person), "record").select("entity_id", *FIELDS)
    rows: pa.Table = owned.order_by("entity_id", "at", "kind", "which", "record").to_pyarrow()
    return rows


def each_person(deeds: pa.Table) -> Iterator[tuple[str, list[Deed]]]:
    """Every person with their deeds; of some thousand deeds at a time."""
    portions = (
        zip(*(column.to_pylist() for column in batch.columns), strict=True) for batch in deeds.to_batches(PORTION)
    )
    for person, own in groupby(chain.from_iterable(portions), key=itemgetter(0)):
        yield person, [Deed(*told) for _, *told in own]


def _engaged(lake: Lake) -> ir.Table:
    """Use of the product, and what was answered: what came from them, a meeting, or a call that they took."""
    told = lake.facts(Engagement)
    used = told.kind == "product"
    talked = (told.kind == "call") & (told.duration_s.fill_null(0) >= PICKED_UP)
    # what nobody gave a direction is left out, but for what needs both sides
    answered = (told.direction.fill_null("") == INBOUND) | (told.kind == "meeting") | talked
    kept = told.filter(used | (answered & (told.kind != "task")))
    product = kept.kind == "product"
    placed = kept.select(
        "occurred_at",
        record="subject",
        hour=kept.occurred_at.truncate("h"),
        kind=product.ifelse(USED, ANSWERED),
        which=product.ifelse(kept.action.fill_null(""), kept.kind),
    )
    counted = placed.group_by("record", "hour", "kind", "which").agg(at=placed.occurred_at.max(), times=placed.count())
    return _in_fields(counted)


def _bought(lake: Lake) -> ir.Table:
    """Charges, and whether a discount ran for their payer then. A coupon on a single bill leaves no fact, and is not seen."""
    told = lake.facts(Payment)
    charged = told.filter((told.kind == "charge") & told.payer.notnull() & (told.amount_minor > 0))
    placed = charged.mutate(hour=charged.occurred_at.truncate("h"), record=charged.payer)
    sums = placed.group_by("record", "hour", "currency").agg(
        at=placed.occurred_at.max(), times=placed.count(), amount=placed.amount_minor.sum()
    )
    # only running subscriptions tell: of a payer without any fact of the kind it is unknown
    ran = lake.facts(Discount).select("starts_at", "ends_at", record="payer")
    beside = sums.left_join(ran, "record")
    within = (beside.starts_at <= beside.at) & (beside.ends_at.isnull() | (beside.at < beside.ends_at))
    sold = beside.mutate(lowered=within).group_by("record", "hour", "currency", "at", "times", "amount")
    return _in_fields(sold.agg(kind=ibis.literal(BOUGHT), lowered=lambda row: row.lowered.any()))


def _contracts(lake: Lake) -> ir.Table:
    """Contracts that began and ended."""
    told = lake.facts(Subscription)
    kept = told.filter(told.status.isin(RAN)).mutate(record=told.payer, amount=told.mrr_minor)
    signed, over = kept.mutate(kind=ibis.literal(SIGNED), at=kept.started_at), kept.filter(kept.ended_at.notnull())
    return _in_fields(signed).union(_in_fields(over.mutate(kind=ibis.literal(ENDED), at=over.ended_at)))


def _in_fields(told: ir.Table) -> ir.Table:
    """The rows in the fields of a deed, which are as nobody told where no column tells."""
    untold = {field.name: ibis.literal(field.default) for field in fields(Deed) if field.default is not MISSING}
    kept = told.select(**{name: told[name] if name in told.columns else untold[name] for name in FIELDS})
    return kept.cast(FIELDS)


def read_zones(lake: Lake, session: Session) -> dict[str, ZoneInfo]:
    """Where persons are at home: the zone of each whose telephone numbers name one; several that differ name none."""
    told = lake.facts(Identifier)
    numbers = told.filter((told.kind == "phone") & (told.scope == Scope.person.value)).select("record", "value")
    owned = numbers.join(belonging(session, Scope.person), "record").select("entity_id", "value").distinct()
    named: dict[str, set[str]] = defaultdict(set)
    for row in owned.to_pyarrow().to_pylist():
        named[row["entity_id"]] |= set(zones_of(row["value"]))
    return {who: ZoneInfo(next(iter(zones))) for who, zones in named.items() if len(zones) == 1}


def zones_of(number: str) -> tuple[str, ...]:
    """IANA names of the zones that a telephone number in E.164 form can be in; empty where it tells none."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ()
    found = timezone.time_zones_for_number(parsed)
    return tuple(name for name in found if name != timezone.UNKNOWN_TIMEZONE)


def facts_version(lake: Lake, session: Session) -> str:
    """Another text whenever facts, or whose they are, may have changed. A record that was deleted changes raw alone."""
    who = session.execute(select(func.count(), func.max(Membership.stitch_version)).select_from(Membership)).one()
    tables = (f"{path}={content}" for part in ("raw", "facts") for path, content in lake.versions(part).items())
    return content_id(*map(str, who), *tables)
