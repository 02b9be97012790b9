"""What a customer costs and when it has come back."""

from datetime import UTC, date, datetime, timedelta

import ibis
import pyarrow as pa
import pytest

from models.facts import Payment
from pipelines.stitch.attribution.build import build_attribution
from pipelines.stitch.attribution.report import channels
from pipelines.stitch.attribution.report import months as attributed
from pipelines.stitch.lens.economics import (
    AD,
    BLENDED,
    CHANNEL,
    CREDITS,
    EVER,
    NO_ARRIVAL,
    NO_TOUCH,
    PAID_ONLY,
    REMAINDER,
    Economy,
    economics,
    first_touch,
    payback,
)
from pipelines.stitch.rates import Rates
from tests.pipelines.stitch.conftest import Bench, person
from tests.pipelines.stitch.lens.trade import BERLIN
from tests.pipelines.stitch.market import came, costs, run

NOW = datetime(2026, 4, 15, tzinfo=UTC)


def when(month: int, day: int = 10, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.fixture
def sold(bench: Bench) -> Bench:
    """Two won by an ad in January for 100 each, one found us in February, one paid before an ad met them, and one is not known."""
    key = bench.hand.key

    def pays(payer: str | None, month: int, amount: int, **more) -> Payment:
        payer = payer and key(payer)
        return Payment(
            payer=payer,
            **{"kind": "charge", "currency": "eur", **more},
            amount_minor=amount,
            occurred_at=when(month, 20),
        )

    bench.hand.write(
        {
            **{name: person(name) for name in "abcdz"},
            "7": costs("7", 200, date(2026, 1, 10)), "8": costs("8", 50, date(2026, 2, 1)), "9": costs("7", 70, date(2026, 3, 1)),
            "t": [
                came(key("a"), when(1), ad_id="7"), came(key("b"), datetime(2026, 1, 31, 22, 59, tzinfo=UTC), ad_id="7"),
                came(key("c"), datetime(2026, 1, 31, 23, 1, tzinfo=UTC), "organic_search"), came(key("d"), when(3), ad_id="7"),
                came(key("z"), when(3), ad_id="7"),
            ],
            "1": [pays("a", 1, 60)], "2": [pays("b", 2, 100)], "3": [pays("a", 3, 80)], "4": [pays("a", 3, 20, kind="refund")],
            "5": [pays("c", 2, 500)], "6": [pays("d", 2, 30)], "10": [pays(None, 2, 11)], "11": [pays("c", 2, 9, currency="usd")],
        }
    )  # fmt: skip
    run(bench)
    return bench


def by_place(found: list[Economy]) -> dict[tuple[str, str, str], Economy]:
    return {(one.level, one.which, one.cohort): one for one in found}


def ask(bench: Bench, credit=None, margin: float = 1.0) -> dict[tuple[str, str, str], Economy]:
    return by_place(
        economics(bench.lake, credit if credit is not None else first_touch(bench.lake), Rates(), BERLIN, NOW, margin)
    )


def test_a_cohort_beside_what_ads_cost_in_its_month(sold):
    """Months begin at home; a touch after the first payment won nobody; who never paid is no customer; what has no rate is left out."""
    found = ask(sold)
    january = found[PAID_ONLY, PAID_ONLY, "2026-01"]
    assert (january.spend, january.customers, january.revenue, january.cac, january.roas) == (200, 2, 220, 100, 1.1)
    assert (found[AD, "7", "2026-03"].spend, found[AD, "7", "2026-03"].customers, found[AD, "7", "2026-03"].cac) == (
        70,
        0,
        None,
    )
    assert (found[CHANNEL, "organic_search", "2026-02"].revenue, found[CHANNEL, "organic_search", "2026-02"].roas) == (
        500,
        None,
    )
    assert found[CHANNEL, NO_TOUCH, "2026-02"].revenue == 30
    assert found[CHANNEL, NO_ARRIVAL, EVER].spend == 50
    blended = found[BLENDED, BLENDED, EVER]
    assert (blended.spend, blended.customers, blended.cac, blended.revenue) == (320, 4, 80, 750)


def test_an_ad_that_brought_nobody_costs_its_channel(bench: Bench):
    """Otherwise a channel's return would be that of its good ads only; an ad whose platform names no channel stands apart."""
    bench.hand.write({
        "a": person(), "t": [came(bench.hand.key("a"), when(1), ad_id="7")],
        "7": costs("7", 200, date(2026, 1, 10)), "8": costs("8", 50, date(2026, 1, 10), channel="paid_social"), "9": costs("9", 5, date(2026, 1, 10)),
        "1": [Payment(payer=bench.hand.key("a"), kind="charge", amount_minor=500, currency="eur", occurred_at=when(1, 20))],
    })  # fmt: skip
    run(bench)
    found = ask(bench)
    assert (found[CHANNEL, "paid_social", EVER].spend, found[CHANNEL, "paid_social", EVER].roas) == (250, 2.0)
    assert found[CHANNEL, NO_ARRIVAL, EVER].spend == 5


def test_an_ad_with_forms_and_clicks_has_one_channel(bench: Bench):
    """Who left a form and who clicked share the ad's cost; the other channel would have its customers for nothing."""
    key = bench.hand.key
    bench.hand.write({
        **{name: person(name) for name in "abc"}, "7": costs("7", 3_000, date(2026, 1, 10), channel="paid_social"),
        "t": [came(key("a"), when(1), "lead_ad", ad_id="7"), came(key("b"), when(1), "lead_ad", ad_id="7"), came(key("c"), when(1), ad_id="7")],
        **{f"p{name}": [Payment(payer=key(name), kind="charge", amount_minor=1_000, currency="eur", occurred_at=when(1, 20))] for name in "abc"},
    })  # fmt: skip
    run(bench)
    build_attribution(bench.lake, Rates(), timedelta(days=90))
    found = {which: one for (level, which, cohort), one in ask(bench).items() if (level, cohort) == (CHANNEL, EVER)}
    assert {which: (one.spend, one.customers, one.cac) for which, one in found.items()} == {
        "paid_social": (3_000, 3, 1_000)
    }
    assert [(row["channel"], row["cac"]) for row in channels(bench.lake, "first")] == [("paid_social", 1_000)]


def test_paid_means_the_same_here_and_in_attribution(bench: Bench):
    """An ad's click, a form of an ad whose number we may not see, and channels that are paid for by name; a form without ad is found for nothing."""
    key = bench.hand.key
    brought = {
        "paid_social": "7",
        "email": "8",
        "lead_ad": None,
        "paid": None,
        "display": None,
        "organic_lead": None,
        "social": None,
    }
    bench.hand.write({
        **{name: person(name) for name in brought}, "7": costs("7", 5_000, date(2026, 1, 10), channel="paid_social"),
        "t": [came(key(name), when(1), name, ad_id=ad, platform="toy" if ad or "lead" in name else None) for name, ad in brought.items()],
        **{f"p{name}": [Payment(payer=key(name), kind="charge", amount_minor=1_000, currency="eur", occurred_at=when(1, 20))] for name in brought},
    })  # fmt: skip
    run(bench)
    build_attribution(bench.lake, Rates(), timedelta(days=90))
    paid = ask(bench)[PAID_ONLY, PAID_ONLY, EVER]
    assert (paid.customers, paid.cac) == (5, 1_000)
    assert [(month["paid_customers"], month["cac_paid"]) for month in attributed(bench.lake, "first")] == [(5, 1_000)]


def test_channels_and_remainder_are_the_whole(sold):
    """All revenue with a rate, and all spend."""
    found = ask(sold).values()
    parts = [one for one in found if one.level in {CHANNEL, REMAINDER} and one.cohort == EVER]
    assert sum(one.revenue for one in parts) == sold.lake.table("receipts").value.sum().to_pyarrow().as_py() == 761
    assert sum(one.spend for one in parts) == 320


def test_payback_is_the_first_month_by_which_margin_has_covered_the_cost(sold):
    """January's customers cost 100 and have brought 30, 50 and 30 each; with half the margin they have not paid back."""
    assert ask(sold)[PAID_ONLY, PAID_ONLY, "2026-01"].payback_month == 3
    half = ask(sold, margin=0.5)[PAID_ONLY, PAID_ONLY, "2026-01"]
    assert (half.payback_month, half.worth) == (None, 55)
    assert payback(100, [99, 1]) == 2
    assert payback(100, []) is None
    assert payback(None, [1]) is None  # nobody was won
    assert payback(0, [1]) is None  # nothing was spent, so nothing comes back


def test_any_credit_table_may_say_who_brought_whom(sold):
    """Half of a's credit to the ad and half to search: halves of a customer, and of what they paid."""
    buyer = {name: sold.membership()[sold.hand.key(name)] for name in "ab"}
    rows = [
        {"buyer_id": buyer[name], "acquired_at": when(1), "channel": channel, "ad_id": ad, "weight": weight}
        for name, channel, ad, weight in (("a", "paid_social", "7", 0.5), ("a", "organic_search", None, 0.5), ("b", "paid_social", "7", 1.0))
    ]  # fmt: skip
    found = ask(sold, ibis.memtable(pa.Table.from_pylist(rows, schema=CREDITS)))
    ad = found[AD, "7", "2026-01"]
    assert (ad.customers, ad.revenue) == (1.5, 160)
    assert found[BLENDED, BLENDED, EVER].revenue == 750


def test_an_empty_lake_costs_nothing(bench: Bench):
    """And has won nobody."""
    assert ask(bench) == {}
