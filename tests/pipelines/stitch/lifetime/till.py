"""A till: payers who pay and sign on days that a test names."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from models.facts import Fact, Payment, Scope, Subscription
from pipelines.stitch.journeys import build_journeys
from pipelines.stitch.rates import Rates
from pipelines.stitch.stitch import stitch
from tests.pipelines.stitch.conftest import Bench, person

BERLIN = ZoneInfo("Europe/Berlin")


def noon(day: str | date) -> datetime:
    when = date.fromisoformat(day) if isinstance(day, str) else day
    return datetime.combine(when, time(12), UTC)


def paid(
    bench: Bench, payer: str, *days: str | date, amount: int = 1000, kind: str = "charge", currency: str = "eur"
) -> list[Payment]:
    """One movement on each of these days."""
    key = bench.hand.key(payer)
    return [
        Payment(payer=key, kind=kind, amount_minor=amount, currency=currency, occurred_at=noon(day)) for day in days
    ]


def signed(
    bench: Bench, payer: str, start: str | date, end: str | date | None = None, *, mrr: int = 900,
    status: str = "active", trial_end: str | date | None = None,
) -> Subscription:  # fmt: skip
    """A contract from one day, to another if it ended; in trial up to a third."""
    return Subscription(
        payer=bench.hand.key(payer), status="canceled" if end else status, mrr_minor=0 if end else mrr, currency="eur",
        started_at=noon(start), trial_end=noon(trial_end) if trial_end else None, ended_at=noon(end) if end else None,
    )  # fmt: skip


def derive(bench: Bench, facts: dict[str, Iterable[Fact]], rates: Rates | None = None) -> None:
    """Land what each payer did, a person each, and derive the tables this room reads."""
    bench.hand.write({name: [*person(email=f"{name}@corp.example"), *told] for name, told in facts.items()})
    for scope in (Scope.person, Scope.account):
        stitch(bench.lake, bench.store, bench.clock, scope)
    build_journeys(bench.lake, bench.store, bench.clock, rates or Rates())


def every(days: int, start: str, times: int) -> list[date]:
    """So many days, evenly apart."""
    first = date.fromisoformat(start)
    return [first + timedelta(days=days * turn) for turn in range(times)]
