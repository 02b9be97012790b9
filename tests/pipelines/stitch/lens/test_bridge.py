"""Two days in which something happens that we know of: the bridge names it first."""

from datetime import date, timedelta

import pytest

from models.facts import Payment
from pipelines.stitch.lens.bridge import BRIDGE, WHOLE, Bridge, bridge, table
from pipelines.stitch.lens.causes import causes, elsewhere, sentence
from pipelines.stitch.lens.measures import AD, CHANNEL, DIMENSIONS, NO_AD, measure
from tests.pipelines.stitch.conftest import Bench, open_bench, person
from tests.pipelines.stitch.lens.trade import MONDAY, NAMES, TUESDAY, Day, measures, write
from tests.pipelines.stitch.market import at, came, run, used

POORER = {"health": 0.05, "retail": 0.45, "energy": 0.45}
PLANTED = {
    "an ad stops at nine": (Day(MONDAY), Day(TUESDAY, stops={"71": 9.0}), ("visits", AD, "71"), "ad 'Spring', which stopped at"),
    "an ad is gone": (Day(MONDAY), Day(TUESDAY, visits={"72": 70, None: 110}), ("visits", AD, "71"), "which brought none at all"),
    "one industry stops buying": (Day(MONDAY), Day(TUESDAY, conversion=POORER), ("conversion", "industry", "health"), "fewer orders per visit in industry health"),
    "prices are cut": (Day(MONDAY), Day(TUESDAY, price=6_000), ("order_value", None, None), "is smaller orders"),
    "a large customer bought the day before": (Day(MONDAY, large=1_500_000), Day(TUESDAY), ("large_buyers", None, None), "a large buyer paid on Monday"),
    "a large customer buys": (Day(MONDAY), Day(TUESDAY, large=1_500_000), ("large_buyers", None, None), "a large buyer paid on Tuesday"),
    "much is given back": (Day(MONDAY), Day(TUESDAY, refunded=0.5), ("refunds", None, None), "is more refunds"),
    "the dear ad's visits come without it": (
        Day(MONDAY, dear=5.0), Day(TUESDAY, visits={"71": 20, "72": 70, None: 210}, dear=5.0), ("mix", AD, "71"), "visits that moved",
    ),
}  # fmt: skip
SEEDS = range(3)


def week(cause: str, seed: int) -> date:
    """The Monday of the week in which this happens."""
    return MONDAY + timedelta(weeks=list(PLANTED).index(cause) * len(SEEDS) + seed)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A shop of many weeks, with one of the causes in each."""
    bench = open_bench(tmp_path_factory.mktemp("shop"))
    days = []
    for cause, (before, after, *_) in PLANTED.items():
        for seed in SEEDS:
            first = week(cause, seed)
            days += [Day(**{**vars(before), "day": first}), Day(**{**vars(after), "day": first + timedelta(days=1)})]
    write(bench, *days)
    return bench


@pytest.fixture(scope="module")
def bridges(shop: Bench) -> dict[tuple[str, int], Bridge]:
    places = [(cause, seed) for cause in PLANTED for seed in SEEDS]
    found = measures(shop, *(week(*place) + timedelta(days=later) for place in places for later in (0, 1)))
    return {place: bridge(*found[2 * number : 2 * number + 2]) for number, place in enumerate(places)}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("cause", PLANTED)
def test_the_planted_cause_is_named_first(bridges, cause, seed):
    """Whatever chance does beside it: the right factor, blamed on whoever is to blame and on nobody else."""
    _, _, expected, said = PLANTED[cause]
    made = bridges[cause, seed]
    first = causes(made)[0]
    assert (first.factor, first.dimension, first.which) == expected, sentence(made, NAMES)
    assert said in sentence(made, NAMES)
    assert first.to == (NO_AD if first.factor == "mix" else None)


def test_the_parts_of_every_view_are_the_change(bridges):
    """To the cent, by channel, ad and every trait; the reasons with what they leave are the change, too."""
    for made in bridges.values():
        assert made.change == made.after.revenue - made.before.revenue
        for name in (WHOLE, *DIMENSIONS):
            assert sum(made.parts(name).values()) == made.change
        assert sum(cause.amount for cause in causes(made)) + elsewhere(made) == made.change


def test_the_table_adds_up_for_every_day_and_view(bridges):
    """Rows as they lie in the lake."""
    rows = table(list(bridges.values()), "eur").to_pylist()
    sums: dict[tuple, int] = {}
    for row in rows:
        place = row["day"], row["dimension"], row["change"]
        sums[place] = sums.get(place, 0) + row["amount"]
    assert len(sums) == len(bridges) * len(DIMENSIONS)
    assert all(total == change for (*_, change), total in sums.items())
    assert set(rows[0]) == set(BRIDGE.columns)


def test_a_span_is_compared_with_a_span(shop, bridges):
    """Two weeks are the sum of their days."""
    one, other = bridges["prices are cut", 0], bridges["prices are cut", 1]
    spans = [made.before.span._replace(last=made.after.span.last) for made in (one, other)]
    first, second = measure(shop.lake, spans)
    assert (first.revenue, second.revenue) == tuple(made.before.revenue + made.after.revenue for made in (one, other))


def test_orders_belong_to_the_visit_before_them(bench: Bench):
    """Of the same buyer and day, a colleague's too; a renewal without one stands for itself, tax goes with its order, and money of nobody is kept."""
    key = bench.hand.key

    def pays(payer: str | None, minute: float, amount: int, kind: str = "charge", currency: str = "eur") -> Payment:
        payer = payer and key(payer)
        return Payment(payer=payer, kind=kind, amount_minor=amount, currency=currency, occurred_at=at(minute))

    bench.hand.write(
        {
            **{name: person(name) for name in "abc"},
            "t": [came(key("a"), at(10), ad_id="71"), came(key("a"), at(100), "organic_search"), came(key("b"), at(10), "organic_search")],
            "u": [used(key("c"), at(50))],
            "1": [pays("a", 60, 1190)], "2": [pays("a", 61, 190, "tax")], "3": [pays("a", 120, 500)], "4": [pays("b", 5, 700)],
            "5": [pays(None, 5, 40)], "6": [pays("c", 51, 30)], "7": [pays("b", 70, 9, "dispute")], "8": [pays("b", 80, 7, currency="usd")],
        }
    )  # fmt: skip
    run(bench)
    (found,) = measures(bench, at(0).date())
    cells = {name: (cell.visits, cell.orders, cell.amount) for name, cell in found.cells[CHANNEL].items()}
    assert cells == {
        "paid_social": (1, 1, 1000),
        "organic_search": (2, 1, 500),
        "no click": (1, 1, 30),
        "no visit": (2, 2, 740),
    }
    assert {name: cell.amount for name, cell in found.cells[AD].items()} == {"71": 1000, NO_AD: 530, "no visit": 740}
    assert (found.revenue, found.disputes, found.unknown) == (2261, -9, 1)


def test_an_empty_lake_has_days_of_nothing(bench: Bench):
    """No table has been derived yet."""
    before, after = measures(bench, MONDAY, TUESDAY)
    made = bridge(before, after)
    assert (made.change, causes(made)) == (0, [])
    assert sentence(made, {}) == "Tuesday 3 Mar brought as much as Monday 2 Mar."
