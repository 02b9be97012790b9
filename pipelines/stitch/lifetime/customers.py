"""Who paid on which day and who is under contract, as arrays: one pass over the lake, then every cut is arithmetic.

Days are those of the business's own zone, numbered from the first. Payments of one day are one purchase.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.ingest.lake import Lake
from pipelines.stitch.derived import RECEIPTS, UNASSIGNED, read
from pipelines.stitch.journeys import recurring
from pipelines.stitch.lens.calendar import Span, bounds, days, local_day
from pipelines.stitch.lifetime.bgnbd import Histories
from pipelines.stitch.lifetime.fitting import Floats, Ints
from pipelines.stitch.lifetime.retention import PAYER, contracts, of_payers, paid_within, since_when
from pipelines.stitch.lifetime.settings import PERIOD
from pipelines.stitch.rates import Rates

Bools = npt.NDArray[np.bool_]
WEEK = 7
"""Days of a week, in which the model of purchases counts time."""
NEVER = np.iinfo(np.int64).max
"""Day on which a contract ends that runs."""


@dataclass(frozen=True)
class Purchases:
    """Days on which each payer paid, sorted by payer and day.

    Shape: `payer` numbers the rows of `Customers.payers`; `day` numbers the business's days; `value` is the net of that day.
    """

    payer: Ints
    day: Ints
    value: Ints

    def known(self, cut: int, payers: int) -> tuple[Ints, Histories]:
        """Payers with a purchase up to the end of day `cut`, by number, and their histories in weeks."""
        seen = self.day <= cut
        who, day = self.payer[seen], self.day[seen]
        number = np.bincount(who, minlength=payers)
        first, last = np.full(payers, NEVER), np.full(payers, -1)
        np.minimum.at(first, who, day)
        np.maximum.at(last, who, day)
        found = np.flatnonzero(number)
        first, last, repeats = first[found], last[found], number[found] - 1
        return found, Histories(repeats.astype(np.int64), (last - first) / WEEK, (cut - first) / WEEK)

    def within(self, after: int, until: int, payers: int) -> Bools:
        """Whether each payer paid after one day and up to the end of another."""
        seen = (self.day > after) & (self.day <= until)
        return np.bincount(self.payer[seen], minlength=payers) > 0

    def latest(self, after: int, until: int, payers: int) -> Floats:
        """What each payer paid last, after one day and up to the end of another; NaN for whoever did not pay."""
        seen = (self.day > after) & (self.day <= until)
        found = np.full(payers, np.nan)
        found[self.payer[seen]] = self.value[seen]  # in order of days: the last one stays
        return found


@dataclass(frozen=True)
class Contracts:
    """When each payer's contracts began and ended, a row per payer with any: the first start, and the last end if all ended."""

    payer: Ints
    start: Ints
    end: Ints

    def tenure(self, cut: int) -> tuple[Ints, Ints]:
        """Rows that run at the end of day `cut`, and how many whole periods they have run."""
        runs = np.flatnonzero((self.start <= cut) & (self.end > cut))
        return runs, (cut - self.start[runs]) // PERIOD

    def table(self, cut: int) -> tuple[Ints, Ints, Ints]:
        """Number of renewals, contracts that ended after it, and contracts that still run with it, as known at the end of day `cut`."""
        known = self.start <= cut
        ended = self.end <= cut
        lasted = (np.minimum(self.end, cut) - self.start)[known] // PERIOD
        renewals = np.unique(lasted)
        counts = [
            np.bincount(np.searchsorted(renewals, lasted[some[known]]), minlength=len(renewals))
            for some in (ended, ~ended)
        ]
        return renewals, counts[0], counts[1]


@dataclass(frozen=True)
class Customers:
    """Every payer: `payers` is their `scope, entity_id`; day 0 is `origin`, and `today` the latest day that is over.

    Units: `net` is what each brought so far, `settled` what by the end of `today`, `monthly` what their running contracts bring a month after discounts, both in minor units of the
    reporting currency; `unrated` says whether some of it has no rate, and is left out.
    """

    payers: pa.Table
    purchases: Purchases
    contracts: Contracts
    net: Ints
    settled: Ints
    monthly: Ints
    unrated: Bools
    origin: date
    today: int

    def __len__(self) -> int:
        """How many payers."""
        return int(self.payers.num_rows)

    def free(self, cut: int) -> Purchases:
        """Purchases of those who had signed no contract by the end of day `cut`."""
        bound = np.zeros(len(self), bool)
        bound[self.contracts.payer[self.contracts.start <= cut]] = True
        kept = ~bound[self.purchases.payer]
        return Purchases(self.purchases.payer[kept], self.purchases.day[kept], self.purchases.value[kept])

    @classmethod
    def of(cls, lake: Lake, rates: Rates, now: datetime, zone: ZoneInfo) -> Self:
        """Read receipts and subscriptions."""
        calendar = _calendar(since_when(lake), now, zone)
        paid = paid_within(lake, bounds(calendar))
        bought = paid.filter(paid.charges > 0).order_by(*PAYER, "span").to_pyarrow()
        brought, signed = _brought(lake, calendar[-1]), _signed(lake, rates, now, calendar)
        both = pa.concat_tables([brought.select(PAYER), signed.select(PAYER)]).group_by(PAYER).aggregate([])
        payers = both.sort_by([(name, "ascending") for name in PAYER])
        parties, givers = numbers(signed, payers), numbers(brought, payers)
        unrated = np.zeros(len(payers), bool)
        for who, table in ((parties, signed), (givers, brought)):
            unrated[who] |= table["unrated"].to_numpy(zero_copy_only=False)
        return cls(
            payers,
            Purchases(numbers(bought, payers), bought["span"].to_numpy(), bought["value"].to_numpy()),
            Contracts(parties, signed["start"].to_numpy(), signed["end"].to_numpy()),
            _placed(givers, brought["value"].to_numpy(), len(payers)),
            _placed(givers, brought["settled"].to_numpy(), len(payers)),
            _placed(parties, signed["monthly"].to_numpy(), len(payers)),
            unrated,
            calendar[0].first,
            len(calendar) - 2,
        )


def _calendar(first: datetime | None, now: datetime, zone: ZoneInfo) -> list[Span]:
    """Every day from the first payment to today, which is not over yet."""
    today: date = local_day(now, zone)
    start = min(local_day(first, zone), today) if first else today
    return days(today, (today - start).days + 1, zone)


def _brought(lake: Lake, running: Span) -> pa.Table:
    """What each known payer brought so far, and before the running day: `scope, entity_id, value, settled, unrated`."""
    told = read(lake, RECEIPTS)
    known = told.filter(told.scope != UNASSIGNED)
    sums: pa.Table = (
        known.group_by(*PAYER)
        .agg(
            value=known.value.sum().fill_null(0).cast("int64"),
            settled=known.value.sum(where=known.occurred_at < running.starts_at).fill_null(0).cast("int64"),
            unrated=known.value.isnull().any(),
        )
        .to_pyarrow()
    )
    return sums


def _monthly(lake: Lake, rates: Rates, now: datetime, day: str) -> ir.Table:
    """What each payer's running contracts bring per month after discounts: `scope, entity_id, monthly, unrated`."""
    told = of_payers(lake, recurring(lake, now)).mutate(day=ibis.literal(day))
    told = rates.converted(lake, told, amount="mrr", currency="currency", day="day", as_="value")
    return told.group_by(*PAYER).agg(
        monthly=told.value.sum().fill_null(0).cast("int64"), unrated=told.value.isnull().any()
    )


def _signed(lake: Lake, rates: Rates, now: datetime, calendar: Sequence[Span]) -> pa.Table:
    """Each payer's contract by numbers of days: `scope, entity_id, start, end, monthly, unrated`."""
    told = contracts(lake)
    whole = told.group_by(*PAYER).agg(
        started_at=told.started_at.min(), ended_at=told.ended_at.max(), running=told.ended_at.isnull().any()
    )
    known = whole.left_join(_monthly(lake, rates, now, calendar[-1].code), PAYER).select(
        *whole.columns, "monthly", "unrated"
    )
    filled = known.fill_null({"monthly": 0, "unrated": False})
    table: pa.Table = filled.to_pyarrow()
    midnights = np.array([np.datetime64(span.starts_at.replace(tzinfo=None), "us") for span in calendar])
    start, end = (_day(table[name].to_numpy(), midnights) for name in ("started_at", "ended_at"))
    end = np.where(table["running"].to_numpy(zero_copy_only=False), NEVER, np.maximum(end, start))
    kept = table.select([*PAYER, "monthly", "unrated"])
    return kept.append_column("start", pa.array(start)).append_column("end", pa.array(end))


def _day(instants: npt.NDArray[np.datetime64], midnights: npt.NDArray[np.datetime64]) -> Ints:
    """On which day of the calendar each instant is; what is missing, on the last."""
    found = np.searchsorted(midnights, instants.astype("datetime64[us]"), side="right")
    return np.asarray(found - 1, np.int64)


def _placed(payer: Ints, amounts: Ints, payers: int) -> Ints:
    """The amount of each payer, 0 where none is told."""
    found = np.zeros(payers, np.int64)
    found[payer] = amounts
    return found


def numbers(table: pa.Table, payers: pa.Table) -> Ints:
    """The number of each row's payer."""
    numbered = payers.append_column("number", pa.array(range(payers.num_rows), pa.int64()))
    order = table.select(PAYER).append_column("row", pa.array(range(table.num_rows), pa.int64()))
    joined = order.join(numbered, PAYER).sort_by("row")
    return np.asarray(joined["number"].to_numpy(), np.int64)
