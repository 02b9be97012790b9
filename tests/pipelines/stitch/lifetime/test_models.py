"""The three models: against the papers' own numbers, against customers drawn from them, and against odd customers."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from benchmarks.lifetime.cdnow import WEEKS_LEFT, Cdnow, read
from pipelines.stitch.lifetime.bgnbd import BgNbd, Histories, log_likelihood
from pipelines.stitch.lifetime.fitting import Fit, NotFitted
from pipelines.stitch.lifetime.gamma_gamma import GammaGamma, dependence
from pipelines.stitch.lifetime.sbg import Sbg

NO_FIT = Fit(0.0, 0, ())
PAPER = BgNbd(0.243, 4.414, 0.793, 2.426, NO_FIT)
positive = st.floats(0.02, 1000)


@pytest.fixture(scope="module")
def cdnow(shared_data: Path) -> Cdnow:
    return read(shared_data)


@pytest.fixture(scope="module")
def model(cdnow: Cdnow) -> BgNbd:
    return BgNbd.fitted(cdnow.known)


@st.composite
def histories(draw: st.DrawFn) -> Histories:
    """One customer of any kind, from one purchase on the day of the cut to thousands over many years."""
    x = draw(st.sampled_from([0, 1, 2, 7, 300, 20_000]))
    age = draw(st.sampled_from([0.0, 0.1, 30.0, 1500.0]))
    recency = age * draw(st.floats(0, 1)) if x else 0.0
    return Histories(np.array([x]), np.array([recency]), np.array([age]))


models = st.builds(BgNbd, positive, positive, positive, positive, st.just(NO_FIT))


def one(x: int, recency: float, age: float) -> Histories:
    return Histories(np.array([x]), np.array([recency]), np.array([age]))


NEW = one(0, 0.0, 0.0)
"""Somebody who bought for the first time just now."""


def simulated(truth: BgNbd, customers: int, age: float, seed: int) -> Histories:
    """Customers who do as the model says, drawn purchase by purchase."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(truth.r, 1 / truth.alpha, customers)
    leaves = rng.beta(truth.a, truth.b, customers)
    x, recency = np.zeros(customers, np.int64), np.zeros(customers)
    alive, now = np.ones(customers, bool), np.zeros(customers)
    while alive.any():
        now = now + rng.exponential(1, customers) / rate
        alive &= now <= age
        x, recency = x + alive, np.where(alive, now, recency)
        alive &= rng.random(customers) > leaves
    return Histories(x, recency, np.full(customers, age))


def by_quantiles(time: float, rate: float, scale: float, a: float, b: float) -> float:
    """Purchases of one who is alive, as the mean over fifty thousand equally likely chances to leave: slow, and plain."""
    chance = np.maximum(beta.ppf((np.arange(50_000) + 0.5) / 50_000, a, b), 1e-290)
    return float((-np.expm1(-rate * np.log1p(chance * time / scale)) / chance).mean())


def test_cdnow_gives_the_published_estimates(model):
    """Fader, Hardie & Lee (2005), table 2: r, alpha, a, b and the log-likelihood."""
    assert (model.r, model.alpha, model.a, model.b) == pytest.approx((0.243, 4.414, 0.793, 2.426), abs=5e-4)
    assert model.fit.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    assert model.fit.at_bound == ()


def test_the_first_customer_is_expected_to_buy_as_published(model):
    """The papers' own spreadsheet expects 1.226 purchases in 39 weeks of the customer who bought on 18 January and 2 August."""
    assert model.expected(39.0, one(2, 213 / 7, 272 / 7))[0] == pytest.approx(1.226, abs=5e-4)


def test_the_weeks_after_are_predicted(cdnow, model):
    """The model expects an eighth too few in weeks 40 to 78; the paper's figure 2 shows it below the truth there, too."""
    expected = model.expected(WEEKS_LEFT, cdnow.known).sum()
    assert expected / cdnow.later.sum() == pytest.approx(0.88, abs=0.01)


def test_cdnow_gives_the_published_values(cdnow):
    """Fader & Hardie (2013): p, q, gamma, 946 customers; the log-likelihood as CLVTools' tests have it."""
    model = GammaGamma.fitted(cdnow.known.repeats, cdnow.value)
    assert (model.p, model.q, model.gamma) == pytest.approx((6.25, 3.74, 15.44), abs=0.006)
    assert model.fit.log_likelihood == pytest.approx(-4055.9177, abs=1e-3)
    assert model.fit.customers == 946


@pytest.mark.parametrize(
    ("shares", "published", "year_twelve"),
    [
        ([1000, 869, 743, 653, 593, 551, 517, 491], (0.668, 3.806), 0.378),
        ([1000, 631, 468, 382, 326, 289, 262, 241], (0.704, 1.182), 0.170),
    ],
    ids=["high end", "regular"],
)
def test_seven_years_give_the_published_retention(shares, published, year_twelve):
    """Fader & Hardie (2007): both customer groups of the paper's table 1, and the forecast of year twelve from year seven."""
    left = np.array(shares)
    years = np.arange(len(left))
    ended, running = np.append(left[:-1] - left[1:], 0), np.where(years == years[-1], left, 0)
    model = Sbg.fitted(years, ended, running)
    assert (model.alpha, model.beta) == pytest.approx(published, abs=5e-4)
    assert model.survival(np.array([12]))[0] == pytest.approx(year_twelve, abs=1e-3)


def test_what_is_left_of_a_contract_is_discounted():
    """Without end, at ten per cent, `high end` after seven years has 7.53 renewals ahead, the one that is due among them.

    Source: the example of github.com/jdmaturen/shifted_beta_geometric_py, after Fader & Hardie (2010).
    """
    model = Sbg(0.668, 3.806, NO_FIT)
    worth = [1.1**-period for period in range(1, 400)]
    (left,) = model.renewals_within(np.array([7]), worth)
    assert left * 1.1 == pytest.approx(7.53, abs=0.01)
    assert model.renewals_within(np.array([7]), worth[:1])[0] == pytest.approx(
        (1 - model.ends_next(np.array([7]))[0]) / 1.1
    )


def test_parameters_of_drawn_customers_are_found_again():
    """Ten thousand customers drawn from a known model lead back to it."""
    truth = BgNbd(0.9, 6.0, 0.8, 2.5, NO_FIT)
    found = BgNbd.fitted(simulated(truth, 10_000, 52.0, seed=11))
    assert (found.r, found.alpha) == pytest.approx((truth.r, truth.alpha), rel=0.12)
    assert found.a / (found.a + found.b) == pytest.approx(truth.a / (truth.a + truth.b), rel=0.12)


def test_drawn_customers_buy_as_expected():
    """New customers of the model, drawn purchase by purchase, buy as often as it says."""
    drawn = simulated(PAPER, 40_000, 78.0, seed=5)
    assert drawn.repeats.mean() == pytest.approx(PAPER.expected(78.0, NEW)[0], rel=0.03)


def test_values_of_drawn_customers_are_found_again():
    """Two thousand customers with known spending lead back to it, in cents as in euros."""
    rng = np.random.default_rng(3)
    x = rng.integers(1, 12, 2_000)
    scale = rng.gamma(4.0, 1 / 15.0, 2_000)
    means = rng.gamma(6.0 * x, 1 / scale) / x
    found, cents = GammaGamma.fitted(x, means), GammaGamma.fitted(x, means * 100)
    assert (found.p, found.q, found.gamma) == pytest.approx((6.0, 4.0, 15.0), rel=0.2)
    assert cents.mean == pytest.approx(found.mean * 100, rel=1e-3)
    assert found.mean == pytest.approx(6.0 * 15.0 / 3.0, rel=0.06)


@given(positive, positive, positive, positive, histories())
def test_the_unit_of_time_does_not_matter(r, alpha, a, b, known):
    """Days for weeks change the likelihood by a constant of the data, and no probability."""
    days = Histories(known.repeats, known.recency * 7, known.age * 7)
    weekly, daily = (
        log_likelihood(np.array([r, scale, a, b]), told) for scale, told in ((alpha, known), (alpha * 7, days))
    )
    assert weekly - daily == pytest.approx(known.repeats * np.log(7), rel=1e-6, abs=1e-6)
    week, day = BgNbd(r, alpha, a, b, NO_FIT), BgNbd(r, alpha * 7, a, b, NO_FIT)
    assert week.alive(known) == pytest.approx(day.alive(days), abs=1e-9)


@given(models, histories(), st.floats(0, 5000), st.floats(0, 5000))
def test_probabilities_and_expectations_are_possible(model, known, less, more):
    """Whoever the customer is: chances lie in [0, 1], and more time never means fewer purchases."""
    less, more = sorted((less, more))
    assert 0 <= model.alive(known)[0] <= 1
    assert 0 <= model.buys_within(less, known)[0] <= model.buys_within(more, known)[0] <= 1
    first, second = model.expected(less, known)[0], model.expected(more, known)[0]
    assert np.isfinite(second)
    assert 0 <= first <= second * (1 + 1e-6) + 1e-7
    assert model.buys_within(more, known)[0] <= second * (1 + 1e-5) + 1e-7


@given(models, histories(), st.floats(0.01, 2000))
@settings(max_examples=30)
def test_expectations_equal_those_without_special_functions(model, known, time):
    """The closed form equals the mean over all chances to leave, for thousands of purchases and where it overflows, too."""
    x, age = int(known.repeats[0]), float(known.age[0])
    slow = model.alive(known)[0] * by_quantiles(time, model.r + x, model.alpha + age, model.a, model.b + x)
    assert model.expected(time, known)[0] == pytest.approx(slow, rel=2e-3, abs=1e-9)


def test_where_the_formula_overflows_a_sum_takes_over():
    """Somebody who almost surely leaves after one purchase, over a long time: both forms of the equation give no number."""
    model = BgNbd(2.0, 1.0, 88.0, 700.0, NO_FIT)
    assert model.expected(4325.0, NEW)[0] == pytest.approx(by_quantiles(4325.0, 2.0, 1.0, 88.0, 700.0), rel=1e-4)


@pytest.mark.parametrize(("a", "b"), [(1.0, 2.5), (0.4, 0.6), (1.0 + 1e-9, 3.0)])
def test_a_pole_of_the_formula_is_stepped_over(a, b):
    """Where a = 1 or a + b = 1 the paper's formula divides by nothing; neighbours agree all the same."""
    at, beside = (BgNbd(0.5, 5.0, value, b, NO_FIT).expected(50.0, NEW)[0] for value in (a, a + 1e-3))
    assert at == pytest.approx(beside, rel=2e-3)


def test_silence_speaks_louder_of_those_who_bought_often():
    """After a long silence a frequent buyer has more likely left than a rare one; a new customer cannot have left."""
    alive = PAPER.alive(Histories(np.array([0, 2, 20]), np.array([0.0, 10.0, 10.0]), np.array([39.0, 39.0, 39.0])))
    assert alive[0] == 1
    assert alive[1] > 0.2
    assert alive[2] < 0.01


def test_impossible_histories_are_refused():
    """A last purchase after the cut is a mistake of units or of joins, not a customer."""
    with pytest.raises(ValueError, match="between the first one and the cut"):
        one(1, 5.0, 4.0)
    with pytest.raises(ValueError, match="one unit"):
        one(0, 3.0, 4.0)


def test_thin_data_say_so():
    """Too few customers give a sentence with the counts and no parameters."""
    with pytest.raises(
        NotFitted, match="Too few: 3 customers without contract, of whom 3 bought again; the model needs"
    ):
        BgNbd.fitted(Histories(np.ones(3, np.int64), np.ones(3), np.ones(3) * 2))
    with pytest.raises(NotFitted, match="Too few: 2 customers with a value"):
        GammaGamma.fitted(np.array([1, 2, 0]), np.array([3.0, 4.0, 5.0]))
    with pytest.raises(NotFitted, match="same value"):
        GammaGamma.fitted(np.ones(40, np.int64), np.full(40, 9.0))
    with pytest.raises(NotFitted, match="Too few: 50 subscriptions, of which 2 ended"):
        Sbg.fitted(np.array([3]), np.array([2]), np.array([48]))


def test_customers_who_never_leave_are_seen_as_such():
    """Where nobody ever stops, chances to stay go to one, whichever parameter hits its bound."""
    rng = np.random.default_rng(2)
    x = rng.poisson(20, 300) + 1
    found = BgNbd.fitted(Histories(x, np.full(300, 51.5), np.full(300, 52.0)))
    assert found.alive(one(20, 51.5, 52.0))[0] > 0.97


def test_nobody_loses_his_own_mean():
    """Somebody with many purchases is expected to spend as before, somebody without any as everybody."""
    model = GammaGamma(6.25, 3.74, 15.44, NO_FIT)
    rare, frequent, unknown = model.expected(np.array([1, 5000, 0]), np.array([100.0, 100.0, 0.0]))
    assert model.mean < rare < frequent
    assert frequent == pytest.approx(100, rel=0.01)
    assert unknown == model.mean


def test_dependence_is_measured_in_ranks():
    """Perfect order is 1 whatever the amounts; no variation is no answer."""
    assert dependence(np.array([1, 2, 3, 4]), np.array([1.0, 10.0, 11.0, 1e9])) == pytest.approx(1)
    assert dependence(np.array([1, 1, 1]), np.array([1.0, 2.0, 3.0])) is None


@given(st.floats(0.01, 50), st.floats(0.01, 50))
def test_contracts_get_safer_with_every_renewal(alpha, beta):
    """The chance to end falls with tenure and agrees with the share that stays."""
    model = Sbg(alpha, beta, NO_FIT)
    months = np.arange(0, 40)
    ends, stays = model.ends_next(months), model.survival(np.arange(0, 41))
    assert np.all((ends >= 0) & (ends <= 1))
    assert np.all(np.diff(ends) <= 0)
    assert ends == pytest.approx(1 - stays[1:] / stays[:-1], rel=1e-6, abs=1e-9)
