"""What each person did, from the facts: use of the product, answers, purchases and contracts, by the hour and without their words.

The lake counts, per record and hour; membership says whose records they are. A person's deeds are those of all their records.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import ibis.expr.types as ir
import phonenumbers
from phonenumbers import timezone
from sqlmodel import Session, func, select

from models import Engagement, Identifier, Membership, Payment, Scope, Subscription
from models.facts import Discount
from models.keys import content_id
from pipelines.ingest.lake import Lake
from pipelines.understand.people import owners

USED, ANSWERED, BOUGHT, SIGNED, ENDED = "used", "answered", "bought", "signed", "ended"
PICKED_UP = 30
"""Seconds from which a call that we placed was a conversation, and not a mailbox."""
RAN = ("active", "past_due", "unpaid", "paused", "canceled")
"""Subscriptions that began; one that never did, or is in trial, is no agreement yet."""
OUTBOUND, INBOUND = "outbound", "inbound"


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


@dataclass(frozen=True)
class Deeds:
    """What everybody did, in order of time, and where they are at home, as far as their telephone tells."""

    by_person: Mapping[str, Sequence[Deed]]
    zones: Mapping[str, ZoneInfo] = field(default_factory=dict)


def read_deeds(lake: Lake, session: Session) -> Deeds:
    """Deeds of all persons. What hangs on an account, or on a record that nobody has stitched yet, is nobody's."""
    found = [*_engaged(lake), *_bought(lake), *_contracts(lake)]
    persons = owners(session, {deed.record for deed in found}, Scope.person)
    by_person: dict[str, list[Deed]] = defaultdict(list)
    for deed in sorted(found, key=lambda deed: (deed.at, deed.kind, deed.which, deed.record)):
        if person := persons.get(deed.record):
            by_person[person].append(deed)
    return Deeds(by_person, _zones(lake, session, by_person.keys()))


def hourly(told: ir.Table, subject: str, **columns: ir.Value) -> ir.Table:
    """Rows counted by record and hour: `record, hour, at, times` and the given columns."""
    placed = told.mutate(record=told[subject], hour=told.occurred_at.truncate("h"), **columns)
    counted: ir.Table = placed.group_by("record", "hour", *columns).agg(
        at=placed.occurred_at.max(), times=placed.count()
    )
    return counted


def _engaged(lake: Lake) -> Iterator[Deed]:
    """Use of the product, and what was answered: what came from them, a meeting, or a call that they took."""
    told = lake.facts(Engagement)
    used = told.kind == "product"
    talked = (told.kind == "call") & (told.duration_s.fill_null(0) >= PICKED_UP)
    # what nobody gave a direction is left out, but for what needs both sides
    answered = (told.direction.fill_null("") == INBOUND) | (told.kind == "meeting") | talked
    kept = told.filter(used | (answered & (told.kind != "task")))
    which = (kept.kind == "product").ifelse(kept.action.fill_null(""), kept.kind)
    rows = hourly(kept, "subject", which=which, product=kept.kind == "product")
    for row in rows.to_pyarrow().to_pylist():
        kind = USED if row["product"] else ANSWERED
        yield Deed(row["at"], kind, row["record"], row["which"], row["times"])


def _bought(lake: Lake) -> Iterator[Deed]:
    """Charges, and whether a discount ran for their payer then. A coupon on a single bill leaves no fact, and is not seen."""
    told = lake.facts(Payment)
    charged = told.filter((told.kind == "charge") & told.payer.notnull() & (told.amount_minor > 0))
    placed = charged.mutate(hour=charged.occurred_at.truncate("h"))
    sums = placed.group_by("payer", "hour", "currency").agg(
        at=placed.occurred_at.max(), times=placed.count(), amount=placed.amount_minor.sum().cast("int64")
    )
    lowered = _stretches(lake)
    for row in sums.to_pyarrow().to_pylist():
        stretches = lowered.get(row["payer"])
        under = None if stretches is None else _within(row["at"], stretches)
        yield Deed(row["at"], BOUGHT, row["payer"], "", row["times"], row["amount"], row["currency"], under)


def _stretches(lake: Lake) -> dict[str, list[tuple[datetime, datetime | None]]]:
    """When discounts ran, by payer. Only running subscriptions tell: a payer without any fact of the kind is unknown."""
    found: dict[str, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for row in lake.facts(Discount).select("payer", "starts_at", "ends_at").to_pyarrow().to_pylist():
        found[row["payer"]].append((row["starts_at"], row["ends_at"]))
    return found


def _within(at: datetime, stretches: Iterable[tuple[datetime, datetime | None]]) -> bool:
    return any(start <= at and (end is None or at < end) for start, end in stretches)


def _contracts(lake: Lake) -> Iterator[Deed]:
    """Contracts that began and ended."""
    told = lake.facts(Subscription)
    kept = told.filter(told.status.isin(RAN)).select("payer", "started_at", "ended_at", "mrr_minor", "currency")
    for row in kept.to_pyarrow().to_pylist():
        money = {"amount": row["mrr_minor"], "currency": row["currency"]}
        yield Deed(row["started_at"], SIGNED, row["payer"], **money)
        if row["ended_at"]:
            yield Deed(row["ended_at"], ENDED, row["payer"], **money)


def _zones(lake: Lake, session: Session, persons: Iterable[str]) -> dict[str, ZoneInfo]:
    """The zone of each person whose telephone numbers name one; several that differ name none."""
    told = lake.facts(Identifier)
    numbers = told.filter((told.kind == "phone") & (told.scope == Scope.person.value)).select("record", "value")
    rows = numbers.distinct().to_pyarrow().to_pylist()
    owned = owners(session, {row["record"] for row in rows}, Scope.person)
    named: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if person := owned.get(row["record"]):
            named[person] |= set(zones_of(row["value"]))
    wanted = set(persons)
    return {who: ZoneInfo(next(iter(zones))) for who, zones in named.items() if len(zones) == 1 and who in wanted}


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
