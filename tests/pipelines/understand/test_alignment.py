"""Alignment: what is averaged, how it shrinks, and what can never move it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.understand.alignment import (
    Paid,
    combine,
    coverage,
    engagement_value,
    history,
    pooled,
    trend,
)
from pipelines.understand.components import Component
from pipelines.understand.weighing import COMPONENTS
from tests.pipelines.understand.test_beliefs import said

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
VALENCES = {"price": 1.0, "support": 1.0, "preference": 0.0}
HALF_LIVES = {"price": 120.0, "support": 120.0, "preference": 365.0}


def scores(*evidence, payments=()):
    return history(evidence, payments, VALENCES, HALF_LIVES)


def monthly(months, amount=1_000, start=START):
    return [Paid(start + timedelta(days=30 * month), amount, "eur") for month in range(months)]


def test_nothing_known_is_no_score():
    """Without observations there is no sample, and the neutral start is one half."""
    assert scores() == []
    assert combine({})[0] == 0.5


def test_one_statement_moves_it_a_little():
    """A single quote is pulled toward the neutral start: (3 x .5 + 1 x .12) / 4."""
    (sample,) = scores(said(0))
    assert sample.components["stance"] == Component(pytest.approx(0.12), 1)
    assert sample.overall == pytest.approx((1.5 + 0.12) / 4)
    assert sample.coverage == 1 / len(COMPONENTS)
    assert sample.low < sample.overall < sample.high
    assert sample.evidence_ids == ["0000-negative"]


def test_others_views_and_preferences_say_nothing_about_the_stance():
    """Only what the person holds of us counts."""
    assert scores(said(0, holder="CTO"), said(1, slot="preference"), said(2, "neutral")) == []


def test_it_is_sampled_when_something_is_said_and_only_then():
    """One sample per day with words or payments; the past is not rewritten by what follows."""
    first = scores(said(0), said(0, "positive", slot="support"), said(40, "positive"))
    assert [sample.as_of.date() for sample in first] == [START.date(), (START + timedelta(days=40)).date()]
    assert scores(said(0), said(0, "positive", slot="support")) == first[:1]


def test_paying_as_ever_is_neutral_and_stopping_is_not():
    """Money is held against the payer's own habit, never against others."""
    payments = monthly(13)
    assert engagement_value(payments, payments[-1].at).value == pytest.approx(0.5, abs=0.03)
    assert engagement_value(payments, payments[-1].at + timedelta(days=120)).value == 0
    assert engagement_value([*payments[:-3], *monthly(3, 2_000, payments[-3].at)], payments[-1].at).value > 0.6


def test_a_short_history_is_no_habit():
    """Under half a year of paying there is nothing to compare with."""
    assert engagement_value(monthly(4), START + timedelta(days=100)).n == 0
    assert engagement_value([], START).n == 0


def test_refunds_count_against():
    """What went back was not paid."""
    back = Paid(START + timedelta(days=359), -3_000, "eur")
    assert engagement_value([*monthly(13)[:-1], back], START + timedelta(days=360)).value == 0


def test_pooling_weighs_by_what_was_observed():
    """Who said more counts more; nobody is nobody."""
    assert pooled([Component(1.0, 3), Component(0.0, 1)]) == Component(0.75, 4)
    assert pooled([Component(0.9, 0)]).n == 0


def test_the_trend_needs_samples_and_time():
    """Four samples over three weeks, or it is not a trend."""
    assert trend([(0, 0.5), (1, 0.6), (2, 0.7)]) == "insufficient"
    assert trend([(0, 0.5), (5, 0.6), (10, 0.7), (20, 0.8)]) == "insufficient"


def test_the_trend_follows_a_lasting_move():
    """Up is converging, down diverging, the same is steady."""
    before = [(day, 0.4) for day in range(0, 120, 10)]
    assert trend([*before, *((day, 0.7) for day in range(120, 160, 10))]) == "converging"
    assert trend([*before, *((day, 0.1) for day in range(120, 160, 10))]) == "diverging"
    assert trend([*before, (120, 0.4)]) == "steady"


PARTS = st.dictionaries(
    st.sampled_from(COMPONENTS), st.builds(Component, value=st.floats(0, 1), n=st.integers(0, 100)), max_size=5
)


@given(PARTS)
def test_scores_stay_scores(parts):
    """Between 0 and 1, inside their interval, and no surer than their coverage."""
    overall, low, high = combine(parts)
    assert 0 <= low <= overall <= high <= 1
    assert coverage(parts) == sum(part.n > 0 for part in parts.values()) / 5


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(-500, 5_000)), max_size=12), st.integers(0, 1_000))
def test_money_stays_a_share(rows, day):
    """Whatever is paid or refunded."""
    payments = [Paid(START + timedelta(days=at), amount, "eur") for at, amount in sorted(rows)]
    assert 0 <= engagement_value(payments, START + timedelta(days=day)).value <= 1
