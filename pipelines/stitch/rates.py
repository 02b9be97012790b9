"""Money of many currencies in one: the rates that the user supplies, and nothing where there is none."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from models.facts import Payment
from models.money import minor_digits
from pipelines.ingest.lake import Lake
from pipelines.workspace import WorkspaceSettings

EVER, NEVER = "0000-01-01", "9999-12-31"
COLUMNS = ("day", "currency", "rate")


FINEST = Decimal("1e-11")
"""Digits of a factor behind the point; with nine before it and `AMOUNT` a product fits into the 38 digits that engines have."""
AMOUNT = "decimal(17, 0)"


class RatesError(ValueError):
    """A file of rates that cannot be used; the message says what, where and how to mend it."""


class Rate(NamedTuple):
    """What one unit of a currency is worth in the reporting currency, from this day until the next one that is given."""

    currency: str
    day: str
    rate: Decimal


@dataclass(frozen=True)
class Rates:
    """The reporting currency (None: that of most payments) and what others are worth in it."""

    currency: str | None = None
    rows: Sequence[Rate] = ()

    @classmethod
    def of(cls, settings: WorkspaceSettings) -> "Rates":
        """As the environment has them: SIDECAR_CURRENCY, and the file that SIDECAR_RATES names. RatesError if it cannot be used."""
        currency = settings.currency.strip().lower() if settings.currency else None
        if currency and not _is_currency(currency):
            raise RatesError(f"SIDECAR_CURRENCY is {currency!r}; write an ISO 4217 code such as eur")
        if settings.rates is None:
            return cls(currency)
        if currency is None:
            raise RatesError("SIDECAR_RATES needs SIDECAR_CURRENCY, the currency that its rates lead to")
        return cls(currency, tuple(read(settings.rates)))

    def reporting(self, lake: Lake) -> str | None:
        """The currency to report in; None where none is set and nobody has paid yet."""
        if self.currency:
            return self.currency
        paid = lake.facts(Payment).group_by("currency").agg(payments=lambda rows: rows.count())
        most = paid.order_by(paid.payments.desc(), "currency").limit(1).to_pyarrow()["currency"].to_pylist()
        return most[0] if most else None

    def table(self, lake: Lake) -> pa.Table:
        """Which factor leads from minor units to those of the reporting currency: `of, since, until, factor`, `until` excluded."""
        reporting = self.reporting(lake)
        spans = [] if reporting is None else [(reporting, EVER, NEVER, Decimal(1))]
        given = (rate for rate in self.rows if rate.currency != reporting)
        for currency, group in groupby(sorted(given), key=lambda rate: rate.currency):
            digits = minor_digits(reporting or currency) - minor_digits(currency)
            for one, after in pairwise([*group, Rate(currency, NEVER, Decimal(0))]):
                spans.append((currency, one.day, after.day, one.rate.scaleb(digits).quantize(FINEST)))
        columns = list(zip(*spans, strict=True)) or [()] * len(SPANS)
        return pa.table(
            [pa.array(values, kind) for values, kind in zip(columns, SPANS.types, strict=True)], schema=SPANS
        )

    def converted(self, lake: Lake, table: ir.Table, *, amount: str, currency: str, day: str, as_: str) -> ir.Table:
        """The table with one more column: the amount in minor units of the reporting currency, null where no rate is known.

        Shape: `amount` names a column of int64 minor units, `currency` one of ISO codes in lower case, `day` one of days as
        2026-01-31. Half a unit is rounded away from zero; an amount that is in the reporting currency already stays exact. Decimals all the way: in floats 1.15 times 1.50 is less than 1.725.
        """
        spans = ibis.memtable(self.table(lake))
        known = table.left_join(
            spans, [table[currency] == spans.of, spans.since <= table[day], table[day] < spans.until]
        )
        converted = (known[amount].cast(AMOUNT) * known.factor).round().cast("int64")
        value = (known.factor == 1).ifelse(known[amount], converted)
        return known.mutate(**{as_: value}).drop("of", "since", "until", "factor")


SPAN_COLUMNS: dict[str, pa.DataType] = {
    "of": pa.string(),
    "since": pa.string(),
    "until": pa.string(),
    "factor": pa.decimal128(20, 11),
}
SPANS = pa.schema(SPAN_COLUMNS)


def read(path: Path) -> Iterable[Rate]:
    """The rates of a CSV file with the columns `day,currency,rate`: units of the reporting currency for one unit.

    Errors: RatesError with file and line for a missing file or column, a day, code or rate that is none, or a rate given twice.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
                raise RatesError(f"{path}: no column {', '.join(missing)}; its first line must be {','.join(COLUMNS)}")
            found = {}
            for row in rows:
                rate = _rate(row, f"{path}, line {rows.line_num}")
                if (rate.currency, rate.day) in found:
                    raise RatesError(
                        f"{path}, line {rows.line_num}: a second rate of {rate.currency} on {rate.day}; leave one"
                    )
                found[rate.currency, rate.day] = rate
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RatesError(f"SIDECAR_RATES names {path}, which cannot be read as CSV: {error}") from None
    return found.values()


def _rate(row: dict[str, str | None], where: str) -> Rate:
    day, currency, text = ((row[name] or "").strip() for name in COLUMNS)
    if not _is_currency(currency.lower()):
        raise RatesError(f"{where}: {currency!r} is no currency; write an ISO 4217 code such as usd")
    try:
        rate = Decimal(text)
        kept = Rate(currency.lower(), date.fromisoformat(day).isoformat(), rate)
    except (InvalidOperation, ValueError):
        raise RatesError(f"{where}: day {day!r} or rate {text!r} is none; write them as 2026-01-31 and 0.92") from None
    if not (rate.is_finite() and Decimal("1e-6") <= rate < Decimal("1e6")):
        raise RatesError(f"{where}: a rate of {text} is not between 0.000001 and 1,000,000")
    return kept


def _is_currency(code: str) -> bool:
    return len(code) == 3 and code.isascii() and code.isalpha()
