"""The cohort triangle and the month that breaks."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.facts import Payment
from pipelines.stitch.derived import shaped
from pipelines.stitch.lens.calendar import months
from pipelines.stitch.lifetime.cliffs import losses
from pipelines.stitch.lifetime.intervals import difference, wilson
from pipelines.stitch.lifetime.retention import PAYMENTS, SUBSCRIPTIONS, triangle
from pipelines.stitch.lifetime.tables import RETENTION
from tests.pipelines.stitch.conftest import Bench
from tests.pipelines.stitch.lifetime.till import BERLIN, derive, paid, signed

NOW = datetime(2026, 5, 20, tzinfo=UTC)


def grid(bench: Bench, basis: str = PAYMENTS, zone: ZoneInfo = BERLIN) -> dict[tuple[str, int], dict[str, Any]]:
    """Rows of the triangle by cohort and month, from January to the 20th of May."""
    spans = months(date(2026, 1, 1), date(2026, 5, 20), zone)
    rows = shaped(RETENTION, triangle(bench.lake, spans, NOW)).to_pylist()
    return {(row["cohort"], row["month"]): row for row in rows if row["basis"] == basis}


def test_those_who_came_together_are_followed_month_by_month(bench):
    """Of two payers of January one stays away in February: half the logos, and his money is missing."""
    derive(
        bench,
        {
            "a": paid(bench, "a", "2026-01-05", "2026-02-05", "2026-03-05"),
            "b": paid(bench, "b", "2026-01-09", "2026-03-09"),
            "c": paid(bench, "c", "2026-03-01"),
        },
    )
    rows = grid(bench)
    february, march = rows["2026-01", 1], rows["2026-01", 2]
    assert (february["customers"], february["kept"], february["logo"], february["net"]) == (2, 1, 0.5, 0.5)
    assert (march["kept"], march["stayed"], march["returned"], march["period"]) == (2, 1, 1, "2026-03")
    assert rows["2026-03", 0]["customers"] == 1
    assert ("2026-03", 3) not in rows


def test_growth_lifts_net_and_never_gross(bench):
    """Who pays more later hides nobody's leaving: gross stays at most one, net may pass it."""
    derive(
        bench,
        {
            "a": [*paid(bench, "a", "2026-01-05"), *paid(bench, "a", "2026-02-05", amount=5000)],
            "b": paid(bench, "b", "2026-01-09"),
        },
    )
    february = grid(bench)["2026-01", 1]
    assert (february["gross"], february["net"]) == (0.5, 2.5)


def test_a_month_that_is_not_over_is_no_drop(bench):
    """In the running month nobody has left yet: it has counts and no shares."""
    derive(bench, {"a": paid(bench, "a", "2026-04-05")})
    may = grid(bench)["2026-04", 1]
    assert (may["complete"], may["kept"], may["logo"], may["gross"], may["net"]) == (False, 0, None, None, None)
    assert losses([may, grid(bench)["2026-04", 0]], PAYMENTS) == []


def test_refunds_beyond_the_charge_keep_shares_possible(bench):
    """A refund in a later month makes net negative there; gross stays between nothing and one."""
    derive(
        bench,
        {"a": [*paid(bench, "a", "2026-01-05"), *paid(bench, "a", "2026-02-05", kind="refund", amount=3000)]},
    )
    february = grid(bench)["2026-01", 1]
    assert (february["kept"], february["gross"], february["net"]) == (0, 0.0, -3.0)


def test_months_begin_at_midnight_of_the_business(bench):
    """Half past eleven at night in UTC on the last of January is February in Berlin."""
    late = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    charge = Payment(payer=bench.hand.key("a"), kind="charge", amount_minor=5, currency="eur", occurred_at=late)
    derive(bench, {"a": [charge]})
    assert {cohort for cohort, _ in grid(bench)} == {"2026-02"}
    assert {cohort for cohort, _ in grid(bench, zone=ZoneInfo("UTC"))} == {"2026-01"}


def test_contracts_count_at_the_end_of_a_month(bench):
    """A contract that ended in March was kept in February; one that began and ended within a month was there, once."""
    derive(
        bench,
        {
            "a": [signed(bench, "a", "2026-01-05", "2026-03-10")],
            "b": [signed(bench, "b", "2026-01-06", "2026-01-20")],
            "c": [signed(bench, "c", "2026-01-07")],
        },
    )
    rows = grid(bench, SUBSCRIPTIONS)
    assert [rows["2026-01", month]["kept"] for month in range(5)] == [3, 2, 1, 1, 1]
    assert rows["2026-01", 1]["gross"] is None


def test_a_trial_is_no_contract_until_it_is_paid_for(bench):
    """Two that were cancelled in trial or at its end were never customers, nor is one that brought no card; one that converted began then."""
    derive(
        bench,
        {
            "cancelled": [signed(bench, "cancelled", "2026-01-05", "2026-01-12", trial_end="2026-01-19")],
            "ended": [signed(bench, "ended", "2026-01-05", "2026-01-19", trial_end="2026-01-19")],
            "cardless": [signed(bench, "cardless", "2026-01-05", mrr=0, status="paused", trial_end="2026-01-19")],
            "converted": [signed(bench, "converted", "2026-01-20", trial_end="2026-02-03")],
            "left": [signed(bench, "left", "2026-01-20", "2026-03-03", trial_end="2026-02-03")],
        },
    )
    rows = grid(bench, SUBSCRIPTIONS)
    assert {place: (row["customers"], row["kept"]) for place, row in rows.items()} == {
        ("2026-02", 0): (2, 2), ("2026-02", 1): (2, 1), ("2026-02", 2): (2, 1), ("2026-02", 3): (2, 1),
    }  # fmt: skip


def test_who_no_longer_pays_for_a_contract_is_lost(bench):
    """Ten of forty are unpaid: nobody tells since when, so it is a period after their latest payment, or after they began."""
    facts = {f"p{one}": [signed(bench, f"p{one}", "2026-01-03")] for one in range(30)}
    facts |= {f"u{one}": [signed(bench, f"u{one}", "2026-01-03", mrr=0, status="unpaid")] for one in range(8)}
    for status in ("unpaid", "paused"):
        contract = signed(bench, status, "2026-01-03", mrr=0, status=status)
        facts[status] = [contract, *paid(bench, status, "2026-01-03", "2026-02-03")]
    derive(bench, facts)
    rows = grid(bench, SUBSCRIPTIONS)
    assert [(rows["2026-01", month]["customers"], rows["2026-01", month]["kept"]) for month in range(4)] == [
        (40, 40), (40, 32), (40, 30), (40, 30),
    ]  # fmt: skip


def test_an_empty_lake_has_an_empty_triangle(bench):
    """Before the first payment there is nothing to show, and nothing fails."""
    assert grid(bench) == {}


def cohort(kept: list[int], basis: str = PAYMENTS) -> list[dict[str, Any]]:
    return [
        {"basis": basis, "cohort": "2026-01", "month": month, "complete": True, "kept": here, "stayed": here}
        for month, here in enumerate(kept)
    ]


def test_the_month_that_breaks_is_found():
    """Ten in a hundred leave every month, but half in the third: the third is the cliff, and no other."""
    found = losses(cohort([1000, 900, 810, 405, 365, 329]), PAYMENTS)
    assert [loss.month for loss in found if loss.cliff] == [3]
    assert found[2].share == 0.5


def test_a_steady_loss_and_a_small_cohort_have_no_cliff():
    """Equal losses every month break nowhere, and of six payers nothing is said."""
    assert not any(loss.cliff for loss in losses(cohort([1000, 900, 810, 729, 656]), PAYMENTS))
    small = losses(cohort([6, 6, 6, 0]), PAYMENTS)
    assert not any(loss.cliff for loss in small)
    assert small[2].excess is None


@given(st.integers(0, 500), st.integers(1, 500))
def test_an_interval_holds_the_share_it_is_of(hits, more):
    """A share lies in its own interval, which lies in [0, 1]."""
    low, high = wilson(hits, hits + more)
    assert 0 <= low <= hits / (hits + more) <= high <= 1


def test_intervals_agree_with_published_examples():
    """Newcombe (1998), table II, contrast (a): 56/70 less 48/80 is 0.0524 to 0.3339; Wilson: 81/263 is 0.2553 to 0.3662."""
    assert difference(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
