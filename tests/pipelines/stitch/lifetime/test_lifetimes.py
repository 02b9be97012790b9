"""What each payer brought and is likely to do, and whether such forecasts come true."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from models.facts import Discount, Payment, Touch
from pipelines.stitch.derived import put
from pipelines.stitch.lifetime.calibration import compared
from pipelines.stitch.lifetime.checks import chances_off, historic_off
from pipelines.stitch.lifetime.customers import Contracts, Customers
from pipelines.stitch.lifetime.lifetimes import Lifetimes, lifetimes
from pipelines.stitch.lifetime.settings import PERIOD, LifetimeSettings
from pipelines.stitch.lifetime.tables import LIFETIMES
from pipelines.stitch.rates import Rates
from tests.pipelines.stitch.conftest import Bench
from tests.pipelines.stitch.lifetime.till import BERLIN, derive, noon, paid, signed

TODAY = date(2026, 11, 2)
EUR = Rates("eur")


def told(bench: Bench, **settings: Any) -> Lifetimes:
    made = lifetimes(bench.lake, EUR, bench.clock.now(), BERLIN, LifetimeSettings(**settings))
    put(bench.lake, LIFETIMES, made.table)
    return made


def shop(bench: Bench, customers: int = 300, seed: int = 4) -> dict[str, list[Payment]]:
    """Customers who came during a year, buy at rates of their own and leave with chances of their own."""
    rng = np.random.default_rng(seed)
    found = {}
    for number in range(customers):
        name, day = f"c{number}", float(rng.uniform(0, 360))
        rate, leaves = rng.gamma(1.0, 1 / 30), rng.beta(1.0, 4.0)
        bought = []
        while day < 365:
            bought.append(TODAY - timedelta(days=365 - int(day)))
            if rng.random() < leaves:
                break
            day += rng.exponential(1 / rate)
        found[name] = paid(bench, name, *sorted(set(bought)), amount=int(rng.gamma(5.0, 400)) + 1)
    return found


def subscribers(bench: Bench, number: int = 300, seed: int = 6) -> dict[str, list[Any]]:
    """Contracts of a year that end at renewals, with a chance of their own."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[Any]] = {}
    for one in range(number):
        start, leaves = int(rng.integers(0, 360)), rng.beta(1.0, 9.0)
        lasted = int(rng.geometric(leaves)) * PERIOD
        end = TODAY - timedelta(days=360 - start - lasted) if start + lasted < 360 else None
        found[f"s{one}"] = [signed(bench, f"s{one}", TODAY - timedelta(days=360 - start), end)]
    return found


def test_a_shop_is_told_with_calibrated_chances(bench):
    """Of three hundred customers everybody gets chances, they came true before, and what was paid adds up."""
    derive(bench, shop(bench))
    made = told(bench)
    rows = made.table.to_pylist()
    assert made.buying.standing.startswith("calibrated on ")
    assert made.buying.calibration is not None
    assert made.buying.calibration.brier < made.buying.calibration.base
    assert made.buying.calibration.cuts == 3
    assert all(row["buys_30d"] is not None and row["ends_30d"] is None and row["predicted"] >= 0 for row in rows)
    assert chances_off(bench.lake) == historic_off(bench.lake) == 0
    assert "independent" in made.worth.assumption


def test_contracts_are_told_by_tenure(bench):
    """Who renewed often ends more rarely; who has ended gets no chance; prices give what is to come."""
    derive(bench, subscribers(bench))
    made = told(bench)
    running = [row for row in made.table.to_pylist() if row["ends_30d"] is not None]
    assert 100 < len(running) < 300
    assert all(row["contract"] and row["buys_30d"] is None for row in running)
    oldest, newest = (pick(running, key=lambda row: row["first_day"]) for pick in (min, max))
    assert oldest["ends_30d"] < newest["ends_30d"]
    assert 0 < newest["predicted"] < oldest["predicted"] < 12 * 900
    assert historic_off(bench.lake) == 0


def test_what_is_to_come_is_after_discounts(bench):
    """Who pays nothing for as long as a discount lasts brings nothing; one that is over takes nothing off."""
    facts = subscribers(bench)
    free, full, plain = [name for name, told in facts.items() if told[0].status == "active"][:3]
    for name, ends in ((free, None), (full, TODAY - timedelta(days=1))):
        (contract,) = facts[name]
        off = {"payer": contract.payer, "currency": "eur", "starts_at": contract.started_at}
        facts[name].append(Discount(amount_minor=900, ends_at=ends and noon(ends), **off))
    derive(bench, facts)
    predicted = {row["entity_id"]: row["predicted"] for row in told(bench).table.to_pylist()}
    people = bench.membership()
    assert predicted[people[bench.hand.key(free)]] == 0
    assert all(predicted[people[bench.hand.key(name)]] > 900 for name in (full, plain))


def test_what_is_to_come_knows_nothing_of_the_running_day(bench):
    """A large purchase this morning is money already, and no larger purchases: neither has the day been counted."""
    facts, foretold = {**shop(bench), "x": paid(bench, "x", "2026-08-01", "2026-09-01")}, []
    morning = Payment(
        payer=bench.hand.key("x"),
        kind="charge",
        amount_minor=100_000,
        currency="eur",
        occurred_at=noon(TODAY) - timedelta(hours=4),
    )
    for more in ([], [morning]):
        derive(bench, {**facts, "x": [*facts["x"], *more]})
        rows = {row["entity_id"]: row for row in told(bench).table.to_pylist()}
        foretold.append(rows[bench.membership()[bench.hand.key("x")]])
    assert [row["historic"] for row in foretold] == [2_000, 102_000]
    assert foretold[0]["predicted"] == foretold[1]["predicted"] > 0


def test_few_payers_get_money_and_no_chances(bench):
    """Three customers are no base for a model: history is told, the future is not, and the row says why."""
    derive(bench, {name: paid(bench, name, "2026-09-01", "2026-10-01") for name in "abc"})
    rows = told(bench).table.to_pylist()
    assert {row["historic"] for row in rows} == {2000}
    assert {(row["predicted"], row["buys_30d"], row["has_left"], row["ends_30d"]) for row in rows} == {(None,) * 4}
    assert all(row["standing"].startswith("Too few: 3 customers without contract") for row in rows)
    assert {(row["cohort"], row["first_day"], row["last_day"], row["purchases"]) for row in rows} == {
        ("2026-09", "2026-09-01", "2026-10-01", 2)
    }


def test_money_of_nobody_is_kept_apart(bench):
    """A charge without customer and a refund without charge are told, in rows of their own, and the sum is that of all receipts."""
    stray = Payment(payer=None, kind="charge", amount_minor=700, currency="eur", occurred_at=noon("2026-10-01"))
    derive(bench, {"a": [*paid(bench, "a", "2026-10-01", kind="refund", amount=300), stray]})
    rows = {row["scope"]: row for row in told(bench).table.to_pylist()}
    assert (rows["person"]["historic"], rows["person"]["purchases"], rows["person"]["first_day"]) == (-300, 0, None)
    assert (rows["unassigned"]["historic"], rows["unassigned"]["entity_id"]) == (700, None)
    assert historic_off(bench.lake) == 0


def test_money_without_a_rate_is_never_guessed(bench):
    """Who pays in a currency without a rate is told what else he paid, and nothing of what is to come."""
    derive(
        bench,
        {
            **shop(bench),
            "odd": [*paid(bench, "odd", "2026-09-01", "2026-10-01", currency="chf"), *paid(bench, "odd", "2026-08-01")],
        },
        EUR,
    )
    made = told(bench)
    rows = made.table.to_pylist()
    (odd,) = [row for row in rows if row["predicted"] is None]
    assert (odd["historic"], odd["purchases"], made.unrated) == (1000, 3, 1)
    assert odd["buys_30d"] is not None
    assert historic_off(bench.lake) == 0


def test_a_person_has_the_channel_that_brought_them(bench):
    """Worth by channel needs the first touch beside the payer."""
    touch = Touch(subject=bench.hand.key("a"), channel="paid_social", occurred_at=noon("2026-09-30"))
    derive(bench, {"a": [*paid(bench, "a", "2026-10-01"), touch]})
    assert told(bench).table.to_pylist()[0]["channel"] == "paid_social"


def test_a_longer_horizon_is_worth_more_and_a_discount_less(bench):
    """Both settings do what they say, for contracts."""
    derive(bench, subscribers(bench))
    sums = [
        sum(row["predicted"] or 0 for row in told(bench, **settings).table.to_pylist())
        for settings in ({"months": 12, "discount": 0.3}, {"months": 12}, {"months": 24})
    ]
    assert sums[0] < sums[1] < sums[2]


def test_an_empty_lake_has_no_lifetimes(bench):
    """Before the first payment there is nobody to tell of."""
    made = told(bench)
    assert made.table.num_rows == 0
    assert made.buying.standing.startswith("Too few: 0")


def test_a_cut_knows_nothing_of_what_follows(bench):
    """At a cut in the past, later purchases and later contracts have not happened."""
    derive(
        bench, {"a": [*paid(bench, "a", "2026-08-01", "2026-08-11", "2026-10-01"), signed(bench, "a", "2026-10-01")]}
    )
    customers = Customers.of(bench.lake, EUR, bench.clock.now(), ZoneInfo("UTC"))
    cut = (date(2026, 9, 1) - customers.origin).days
    who, known = customers.free(cut).known(cut, len(customers))
    assert (who.tolist(), known.repeats.tolist()) == ([0], [1])
    assert known.recency.tolist() == [10 / 7]
    assert known.age.tolist() == [31 / 7]
    assert customers.free(cut).within(cut, cut + PERIOD, 1).tolist() == [True]
    assert customers.free(customers.today).known(customers.today, 1)[0].tolist() == []


def test_contracts_are_counted_by_renewals():
    """One that ended within its first period never renewed; one that runs has renewed as often as whole periods have passed."""
    known = Contracts(np.arange(3), np.array([0, 0, 50]), np.array([10, 65, np.iinfo(np.int64).max]))
    renewals, ended, running = known.table(100)
    assert (renewals.tolist(), ended.tolist(), running.tolist()) == ([0, 1, 2], [1, 0, 1], [0, 1, 0])
    renewals, ended, running = known.table(64)
    assert (renewals.tolist(), ended.tolist(), running.tolist()) == ([0, 2], [1, 0], [1, 1])


@pytest.mark.parametrize(
    ("shift", "events", "standing"),
    [(0.0, None, "calibrated on 4000"), (0.3, None, "uncalibrated"), (0.0, 3, "uncalibrated: 3 events in 4000")],
)
def test_chances_are_called_what_they_are(shift, events, standing):
    """True chances pass, shifted ones and those of too few events do not."""
    rng = np.random.default_rng(8)
    truth = rng.beta(1, 4, 4000)
    happened = rng.random(4000) < truth if events is None else np.arange(4000) < events
    found = compared(np.clip(truth + shift, 0, 1), happened, 3)
    assert found.standing.startswith(standing)
    assert sum(one.number for one in found.bins) == 4000
    assert all(one.interval.low <= one.happened <= one.interval.high for one in found.bins)


def test_equal_chances_make_one_bin():
    """Everybody told the same is one bin, and no better than the base rate."""
    found = compared(np.full(100, 0.4), np.arange(100) < 40, 1)
    assert len(found.bins) == 1
    assert found.standing.startswith("uncalibrated: no better than telling everybody the same")
