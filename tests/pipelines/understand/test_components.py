"""Goals served, intents that came true, the self-model's skill, and weights learned from outcomes."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import AlignmentWeights
from models.store import transaction
from pipelines.understand.alignment import Paid, combine, history
from pipelines.understand.components import Component, Doings, Expectations, Goals, Skill, Used
from pipelines.understand.weighing import EQUAL, FEWEST, Weights, fit, in_force, learn
from tests.pipelines.understand.test_beliefs import START, said

HALF_LIVES = {"need": 180.0, "intent": 45.0, "price": 120.0, "fit": 120.0}
VALENCES = dict.fromkeys(HALF_LIVES, 1.0)


def on(day):
    return START + timedelta(days=day)


def want(day, statement, aspect, **more):
    return said(day, "positive", slot="need", statement=statement, aspect=aspect, id=f"{day}{aspect}", **more)


def using(*used):
    return Doings(used=used)


def test_a_goal_is_served_by_use_of_what_it_names():
    """Two goals as sure as each other, one of them met by an action in use: half. The next quarter without use, none."""
    goals = [want(0, "Needs faster reporting", "reports"), want(0, "Needs single sign-on", "login")]
    parts = Goals(goals, using(Used(on(5), "ReportExported"), Used(on(150), "Invoice paid")), HALF_LIVES)
    assert parts.at(on(6)) == Component(pytest.approx(0.5), 2)
    assert parts.at(on(150)) == Component(0.0, 2)


def test_without_any_known_use_a_goal_is_not_unserved():
    """Who is not seen using the product may be served or not: nothing was observed."""
    assert Goals([want(0, "Needs reports", "reports")], Doings(), HALF_LIVES).at(on(50)).n == 0
    assert Goals([want(0, "Needs reports", "reports")], using(Used(on(60), "Report")), HALF_LIVES).at(on(50)).n == 0


def test_a_goal_that_was_asked_for_in_a_ticket_is_served_once_the_ticket_is_closed():
    """Not before; an open ticket is no failure, and of a goal asked for elsewhere nothing is known without use."""
    goals = [want(0, "Needs an export", "export", observation_id="text"), want(0, "Needs single sign-on", "login")]
    parts = Goals(goals, Doings(closed={"text": [on(7)]}), HALF_LIVES)
    assert [parts.at(on(day)) for day in (6, 7)] == [Component(0.5, 0), Component(1.0, 1)]
    assert parts.delivered == [on(7)]
    beside = Goals(goals, Doings([Used(on(1), "Invoice paid")], closed={"text": [on(7)]}), HALF_LIVES)
    assert [beside.at(on(day)).value for day in (6, 7)] == [0.0, pytest.approx(0.5)]


def test_who_asks_again_was_not_served():
    """Until their next ticket is closed, or the same one once more; that one was closed before they asked serves nothing."""
    again = [want(0, "Needs an export", "export", observation_id="first"), want(9, "Still no export", "export", observation_id="second")]  # fmt: skip
    use, closed = [Used(on(1), "Invoice paid")], {"first": [on(7), on(12)], "second": [on(7), on(12)]}
    parts = Goals(again, Doings(use, closed=closed), HALF_LIVES)
    assert [parts.at(on(day)).value for day in (6, 8, 9, 11, 12)] == [0, 1, 0, 0, 1]
    other = Goals(again, Doings(use, closed={"first": [on(7), on(12)]}), HALF_LIVES)
    assert [other.at(on(day)).value for day in (8, 12)] == [1, 0]


@pytest.mark.parametrize(("against", "then"), [(False, Component(1.0, 1)), (True, Component(0.5, 0))])
def test_a_verdict_on_a_goal_is_no_asking(against, then):
    """Whoever agrees that they want it was served all the same; what somebody denied is no goal any more."""
    asked = want(0, "Needs an export", "export", observation_id="text")
    verdict = want(9, "Needs an export", "export", source_class="review/customer", against=against)
    parts = Goals([asked, verdict], Doings(closed={"text": [on(7)]}), HALF_LIVES)
    assert [parts.at(on(day)) for day in (8, 9)] == [Component(1.0, 1), then]


def test_an_intent_is_held_against_what_was_bought():
    """Said to buy and bought: as sure as it was said. Did not: as surprising. Not before its time is over."""
    intent = [said(0, "positive", slot="intent")]
    assert Expectations(intent, [on(60)], HALF_LIVES).at(on(90)) == Component(pytest.approx(0.88), 1)
    assert Expectations(intent, [], HALF_LIVES).at(on(90)) == Component(pytest.approx(0.12), 1)
    assert Expectations(intent, [on(60)], HALF_LIVES).at(on(89)).n == 0


def test_a_last_bill_is_not_loyalty():
    """Who pays monthly and says to leave has left if only the running month was billed; who is billed on has not."""
    leaving, months = [said(0, "negative", slot="intent")], [on(-60), on(-30), on(-1)]
    assert Expectations(leaving, [*months, on(29)], HALF_LIVES).at(on(90)).value == pytest.approx(0.88)
    assert Expectations(leaving, [*months, on(29), on(60)], HALF_LIVES).at(on(90)).value == pytest.approx(0.12)


def test_a_self_model_that_foretells_has_skill():
    """Two topics that stay as they are, one for us and one against, are foretold; what flips each time is not."""
    steady = [said(day, side, slot=slot, id=f"{slot}{day}") for day in range(0, 100, 10) for side, slot in (("positive", "fit"), ("negative", "price"))]  # fmt: skip
    flips = [said(day, ("positive", "negative")[day // 10 % 2]) for day in range(0, 100, 10)]
    assert Skill(steady, HALF_LIVES).at(on(100)) == Component(pytest.approx(0.9, abs=0.1), 18)
    assert Skill(flips, HALF_LIVES).at(on(100)).value < 0.2
    assert Skill(steady, HALF_LIVES).at(on(0)).n == 0


EVENTS = st.lists(st.tuples(st.integers(0, 300), st.sampled_from(["positive", "negative"]), st.sampled_from(["need", "intent", "price"])), max_size=15)  # fmt: skip


@given(EVENTS, st.lists(st.integers(0, 300), max_size=12), st.randoms(use_true_random=False), st.integers(0, 300))
def test_no_future_event_changes_a_past_score(events, paid, random: Random, cut):
    """The scores up to a day are those that were there on that day, in whatever order the evidence came."""
    rows = [said(day, side, slot=slot, id=f"{number}") for number, (day, side, slot) in enumerate(events)]
    days = sorted(paid)

    def scores(until, evidence):
        bought = [on(day) for day in days if day < until]
        done = Doings(tuple(Used(at, "Report") for at in bought), tuple(bought))
        known = [row for row in evidence if row.occurred_at < on(until)]
        return history(known, [Paid(at, 100, "eur") for at in bought], VALENCES, HALF_LIVES, done)

    every = scores(400, random.sample(rows, len(rows)))
    assert scores(cut, rows) == [sample for sample in every if sample.as_of < on(cut)]


def customers(number):
    """Customers of whom the stance alone tells whether they stay."""
    random = Random(1)  # repeatable chance, not secrets
    for _ in range(number):
        stance, other = random.random(), random.random()
        yield {"stance": stance, "engagement_value": other}, random.random() < stance


def test_weights_follow_what_tells_of_staying():
    """The component that tells weighs most, none is negative, and they add up to one."""
    found = fit(list(customers(400)))
    assert found
    assert found.weights["stance"] > 0.8
    assert min(found.weights.values()) >= 0
    assert sum(found.weights.values()) == pytest.approx(1, abs=1e-4)
    assert found.loss < found.base


def test_too_few_outcomes_teach_nothing():
    """Below fifty, or where all stayed, weights remain equal."""
    assert fit(list(customers(FEWEST - 1))) is None
    assert fit([({"stance": 0.5}, True)] * 100) is None


def test_learning_changes_no_score_of_before(world):
    """A version counts from when it was learned; as many outcomes again are needed for the next to differ."""
    now = world.clock.now()
    cases = list(customers(200))
    with transaction(world.store) as session:
        assert learn(session, cases, now)
    with transaction(world.store) as session:
        assert learn(session, cases, now) is None
    (row,) = world.rows(AlignmentWeights)
    plan = [EQUAL, Weights(row.version, row.weights, row.learnt_at)]
    assert in_force(plan, now - timedelta(seconds=1)) is EQUAL
    assert in_force(plan, now).version == row.version


def test_what_weighs_nothing_alone_still_counts():
    """A score that rests on a component without weight is that component's, not a division by nothing."""
    only = Weights("learned", {name: float(name == "stance") for name in EQUAL.by_component})
    parts = {"stance": Component(1.0, 5), "goal_fit": Component(0.0, 5)}
    assert combine(parts, only)[0] > combine(parts)[0]
    assert combine({"goal_fit": Component(0.0, 3)}, only)[0] == pytest.approx(0.25)
