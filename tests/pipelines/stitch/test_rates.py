"""Many currencies in one: exact, by the day, and never guessed."""

from decimal import Decimal
from pathlib import Path

import ibis
import pyarrow as pa
import pytest

from pipelines.stitch.rates import Rate, Rates, RatesError
from pipelines.workspace import WorkspaceSettings
from tests.pipelines.stitch.test_journeys import paid, rows, run

LARGE = 2**62 + 1


def settings(tmp_path: Path, text: str | None, currency: str | None = "EUR") -> WorkspaceSettings:
    path = tmp_path / "rates.csv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    return WorkspaceSettings(currency=currency, rates=path)


def convert(bench, rates: Rates, *moved: tuple[int, str, str]) -> list[int | None]:
    columns = dict(zip(("amount", "of", "on"), zip(*moved, strict=True), strict=True))
    table = ibis.memtable(pa.table({"n": range(len(moved)), **columns}))
    found = rates.converted(bench.lake, table, amount="amount", currency="of", day="on", as_="value")
    return found.order_by("n").to_pyarrow()["value"].to_pylist()


def test_the_latest_rate_at_or_before_the_day_counts(bench, tmp_path):
    """A rate holds until the next one; before the first there is none, and an unknown currency stays unknown."""
    rates = Rates.of(settings(tmp_path, "day,currency,rate\n2026-02-01,USD,0.8\n2026-01-01,usd,0.9\n"))
    found = convert(
        bench, rates,
        (1000, "usd", "2026-01-31"), (1000, "usd", "2026-02-01"), (1000, "usd", "2025-12-31"), (1000, "gbp", "2026-01-31"),
        (LARGE, "eur", "2020-01-01"), (-5, "usd", "2026-01-31"),
    )  # fmt: skip
    assert found == [900, 800, None, None, LARGE, -5]  # -4.5 away from zero


def test_half_a_unit_is_never_lost_to_floats(bench):
    """1.50 at 1.15 is 1.725, and 1.73; also the largest amount and the smallest and largest of rates."""
    rates = Rates(
        "eur",
        (
            Rate("usd", "2026-01-01", Decimal("1.15")),
            Rate("kwd", "2026-01-01", Decimal("1e-6")),
            Rate("jpy", "2026-01-01", Decimal("999999.999999")),
        ),
    )
    assert convert(
        bench, rates, (150, "usd", "2026-01-01"), (-150, "usd", "2026-01-01"), (10**16 + 1, "usd", "2026-01-01")
    ) == [173, -173, 11_500_000_000_000_001]
    assert convert(bench, rates, (10**10, "kwd", "2026-01-01"), (10, "jpy", "2026-01-01")) == [1_000, 1_000_000_000]


def test_currencies_without_cents_lead_to_cents(bench):
    """1,000 yen at 0.006 are 6.00 euros; 1.000 dinars at 3.01 are 3.01."""
    rates = Rates("eur", (Rate("jpy", "2026-01-01", Decimal("0.006")), Rate("kwd", "2026-01-01", Decimal("3.01"))))
    assert convert(bench, rates, (1000, "jpy", "2026-01-01"), (1000, "kwd", "2026-01-01")) == [600, 301]


@pytest.mark.parametrize(
    ("text", "currency", "told"),
    [
        (None, "eur", "cannot be read"),
        ("day,currency\n", "eur", "no column rate"),
        ("day,currency,rate\n2026-01-01,usd,0.9\n2026-01-01,USD,0.8\n", "eur", "line 3: a second rate of usd"),
        ("day,currency,rate\n01/02/2026,usd,0.9\n", "eur", "line 2: day '01/02/2026'"),
        ("day,currency,rate\n2026-01-01,dollar,0.9\n", "eur", "'dollar' is no currency"),
        ("day,currency,rate\n2026-01-01,usd,0\n", "eur", "is not between"),
        ("day,currency,rate\n2026-01-01,usd,NaN\n", "eur", "is not between"),
        ("day,currency,rate\n", None, "needs SIDECAR_CURRENCY"),
        ("day,currency,rate\n", "euros", "write an ISO 4217 code"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_how(tmp_path, text, currency, told):
    """What, in which line, and what to write instead."""
    with pytest.raises(RatesError, match=told):
        Rates.of(settings(tmp_path, text, currency))


def test_receipts_are_every_movement_once_with_its_payer(bench):
    """Signed amounts add up to the net; money is reported in the currency of most payments unless one is named."""
    key = bench.hand.key
    bench.hand.write(
        {
            "c1": paid(key("nobody"), 900, day=1), "r1": paid(None, 300, kind="refund", day=9), "t1": paid(None, 7, kind="tax"),
            "c2": paid(None, 500, "jpy"),
        }
    )  # fmt: skip
    run(bench)
    found = {
        row["record"].rpartition("/")[2]: (row["scope"], row["amount"], row["value"]) for row in rows(bench, "receipts")
    }
    assert found == {
        "c1": ("unassigned", 900, 900), "r1": ("unassigned", -300, -300), "t1": ("unassigned", -7, -7),
        "c2": ("unassigned", 500, None),
    }  # fmt: skip
