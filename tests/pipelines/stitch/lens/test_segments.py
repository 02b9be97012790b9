"""Who is worth more than the average, and whether that is more than chance."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.facts import Fact, Payment, Profile, Relation, Scope, Subscription
from pipelines.stitch.lens.segments import NOBODY, OTHERS, Segment, segments
from pipelines.stitch.lens.statistics import DISTINCT, Tally, corrected, differ, interval, resampled, tally
from tests.pipelines.stitch.conftest import T0, Bench, company
from tests.pipelines.stitch.market import at, came, run, used


def paid(payer: str | None, amount: int, kind: str = "charge") -> Payment:
    return Payment(payer=payer, kind=kind, amount_minor=amount, currency="eur", occurred_at=T0)


def by_name(found: list[Segment]) -> dict[tuple[str, str], Segment]:
    return {(one.trait, one.which): one for one in found}


def test_segments_of_every_trait_add_up_to_all_revenue(bench: Bench):
    """Health pays four times as much, and is found; two who pay a fortune are thin; money of nobody is shown apart."""
    chance, key = random.Random(1), bench.hand.key  # a world, no secret
    records: dict[str, list[Fact]] = {}
    for number in range(120):
        name, rich = f"p{number}", number % 3 == 0
        amount = round((4_000 if rich else 1_000) * chance.uniform(0.5, 1.5))
        records[name] = [
            Profile(
                scope=Scope.person,
                name="P",
                industry="HEALTH_CARE" if rich else "Retail ",
                country="Deutschland" if number % 2 else "de",
            ),
            paid(key(name), amount),
            came(key(name), at(number), "organic_search"),
            *([used(key(name), at(number + 1), "export")] if rich else []),
        ]
    for name in ("w1", "w2"):
        records[name] = [
            Profile(scope=Scope.person, name="W", industry="mining", country="Wakanda"),
            paid(key(name), 5_000),
        ]
    records["x"] = [paid(None, 777), paid(None, 77, "refund")]
    bench.hand.write(records)
    run(bench)
    found = by_name(segments(bench.lake))
    health = found["industry", "health care"]
    assert (health.buyers, health.paying, health.thin, health.stands_out) == (40, 40, False, True)
    assert 1.6 < health.ratio_low < health.ratio < health.ratio_high < 2.3
    assert found["industry", "retail"].ratio_high < 1
    assert (found["industry", "mining"].thin, found["industry", "mining"].stands_out) == (True, False)
    assert (found["country", "DE"].buyers, found["country", "DE"].stands_out) == (120, False)
    assert found["country", "Wakanda"].buyers == 2
    assert (found["uses export", "yes"].buyers, found["uses export", OTHERS].buyers) == (40, 82)
    assert found["first channel", OTHERS].buyers == 2
    assert ("people known", "1") not in found  # tells nobody apart
    revenue = bench.lake.table("receipts").value.sum().to_pyarrow().as_py()
    for trait in {name for name, _ in found}:
        assert sum(one.value for (name, _), one in found.items() if name == trait) == revenue
        assert found[trait, NOBODY].value == 700
    assert segments(bench.lake) == segments(bench.lake)  # no chance from run to run


def test_a_company_buys_as_one(bench: Bench):
    """What it pays through one of its people or by itself is one buyer's, with what its records say most."""
    key = bench.hand.key

    def works(name: str) -> Relation:
        return Relation(kind="member_of", subject=key(name), other=key("co"))

    running = Subscription(payer=key("co"), status="active", mrr_minor=5, currency="eur", started_at=T0)
    bench.hand.write(
        {
            "co": [*company("Kolbe"), running, paid(key("co"), 100)],
            "a": [Profile(scope=Scope.person, name="A", country="AT"), works("a"), paid(key("a"), 40)],
            "b": [Profile(scope=Scope.person, name="B", country="Austria"), works("b")],
            "c": [Profile(scope=Scope.person, name="C", country="FR")],
        }
    )  # fmt: skip
    run(bench)
    found = by_name(segments(bench.lake))
    assert (found["country", "AT"].buyers, found["country", "AT"].value) == (1, 140)
    assert (found["country", "FR"].buyers, found["country", "FR"].value) == (1, 0)
    assert {which: one.value for (trait, which), one in found.items() if trait == "people known"} == {
        "2-5": 140,
        "1": 0,
    }
    assert (found["subscription", "running"].value, found["subscription", OTHERS].buyers) == (140, 1)


def test_an_empty_lake_has_no_segments(bench: Bench):
    """Nobody is known."""
    assert segments(bench.lake) == []


VALUES = st.dictionaries(st.integers(-(10**9), 10**9), st.integers(1, 50), min_size=1, max_size=30)


@given(VALUES, st.data())
def test_a_whole_without_a_part_is_the_rest(values, data):
    """Counts, sums and means of both are those of the whole."""
    whole = tally(list(values), list(values.values()))
    part = {value: data.draw(st.integers(0, count)) for value, count in values.items()}
    part = {value: count for value, count in part.items() if count}
    if part:
        own = tally(list(part), list(part.values()))
        rest = whole.without(own)
        assert (own.n + rest.n, own.total + rest.total) == (whole.n, whole.total)
        assert all(rest.counts > 0)


def coverage(draw, size: int) -> float:
    """The share of intervals that hold the true mean of what `draw` draws, of 300."""
    chance, hits = np.random.default_rng(7), 0
    for _ in range(300):
        sample = draw(chance, size)
        values, counts = np.unique(sample, return_counts=True)
        low, high = interval(resampled(tally(values, counts), chance).means)
        hits += low <= draw.mean <= high
    return hits / 300


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """Of 60 buyers, most of whom pay nothing: near 95 %, as bootstraps of skewed data are a little too sure."""

    def draw(chance: np.random.Generator, size: int) -> np.ndarray:
        return chance.binomial(1, 0.4, size) * chance.integers(50, 150, size)

    draw.mean = 0.4 * 99.5
    assert 0.90 <= coverage(draw, 60) <= 0.98


def test_many_values_are_drawn_from_the_limit_of_few():
    """Above so many distinct values the spread of the drawn means is still that of the mean."""
    chance = np.random.default_rng(3)
    many = Tally(np.arange(DISTINCT + 1), np.ones(DISTINCT + 1, np.int64))
    means = resampled(many, chance).means
    assert abs(means.mean() - many.mean) < 1.0
    assert abs(means.std() / (many.deviation / np.sqrt(many.n)) - 1) < 0.1


def test_looks_are_corrected_together():
    """By hand after Benjamini and Hochberg; what cannot be told apart is certain to be chance."""
    assert np.allclose(corrected([0.01, 0.04, 0.03, 0.5]), [0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert corrected([]) == []
    assert differ(tally([5], [10]), tally([5], [10])) == 1.0
    assert differ(tally([5], [1]), tally([1, 2], [10, 10])) == 1.0
    assert differ(tally([9, 10], [20, 20]), tally([1, 2], [20, 20])) < 1e-9
