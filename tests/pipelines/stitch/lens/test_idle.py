"""What sessions cost and whether they earned: no unit of the spend is lost."""

from collections import Counter
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.facts import Payment
from pipelines.stitch.lens.idle import (
    EARNED,
    IDLE,
    NOBODY,
    NOTHING,
    OPEN,
    PERSON,
    SESSION,
    Idleness,
    by,
    idle,
    uncosted,
)
from pipelines.stitch.rates import Rates
from tests.pipelines.stitch.conftest import T0, Bench, Hand, open_bench, person
from tests.pipelines.stitch.market import DAY, at, came, costs, read, run, used

LATER = T0 + timedelta(days=100)


def charge(payer: str, minute: float, amount: int = 100, kind: str = "charge") -> Payment:
    return Payment(payer=payer, kind=kind, amount_minor=amount, currency="eur", occurred_at=at(minute))


def found(bench: Bench, now=LATER) -> list[dict]:
    return read(idle(bench.lake, now), *IDLE.key)


def test_a_session_bears_its_part_of_its_ad(bench: Bench):
    """Two sessions of one person by one ad share what the person cost; who left only a form, and who nobody knows, are shown apart."""
    key = bench.hand.key
    bench.hand.write(
        {
            **{name: person(name) for name in "ab"}, "7": costs("7", 11, ad="Spring"), "8": costs("8", 5),
            "t": [came(key("a"), at(10), ad_id="7"), came(key("a"), at(100), ad_id="7"), came(key("b"), at(5), "lead_ad", ad_id="7"), came(key("b"), at(500), "organic_search")],
        }
    )  # fmt: skip
    run(bench)
    rows = [(row["linked"], row["ad_id"], row["cost"], row["verdict"]) for row in found(bench)]
    assert Counter(rows) == Counter(
        [
            (SESSION, "7", 3, NOTHING), (SESSION, "7", 2, NOTHING), (SESSION, None, 0, NOTHING),
            (PERSON, "7", 6, None), (NOBODY, "8", 5, None),
        ]
    )  # fmt: skip
    assert uncosted(bench.lake, idle(bench.lake, LATER)) == {}


def test_a_banner_that_brings_a_visit_costs_it(bench: Bench):
    """Whatever the channel of an ad's click is called, its visit bears the cost."""
    key = bench.hand.key
    channels = {"display": "7", "paid": "8"}
    bench.hand.write(
        {
            **{channel: [*person(channel), came(key(channel), at(1), channel, ad_id=ad)] for channel, ad in channels.items()},
            **{ad: costs(ad, 5) for ad in channels.values()},
        }
    )  # fmt: skip
    run(bench)
    assert {(row["linked"], row["channel"], row["cost"]) for row in found(bench)} == {
        (SESSION, "display", 5),
        (SESSION, "paid", 5),
    }


def test_a_session_earns_if_its_buyer_pays_within_the_window(bench: Bench):
    """On the last instant of thirty days no more; what is given back has not been earned; a session of yesterday may earn yet."""
    key = bench.hand.key
    month = 30 * 24 * 60
    bench.hand.write(
        {
            **{name: person(name) for name in "abcd"},
            "t": [came(key(name), at(0), "organic_search") for name in "abcd"],
            "1": [charge(key("a"), month - 1)], "2": [charge(key("b"), month)], "3": [charge(key("c"), 5)], "4": [charge(key("c"), 9, kind="refund")],
        }
    )  # fmt: skip
    run(bench)
    who = {name: bench.membership()[key(name)] for name in "abcd"}
    verdict = {row["person_id"]: row["verdict"] for row in found(bench)}
    assert {name: verdict[one] for name, one in who.items()} == {"a": EARNED, "b": NOTHING, "c": NOTHING, "d": NOTHING}
    soon = {row["person_id"]: row["verdict"] for row in found(bench, at(month - 5))}
    assert (soon[who["a"]], soon[who["d"]]) == (EARNED, OPEN)


def test_a_session_over_midnight_bears_both_days(bench: Bench):
    """The ad brought the same person on two days of its account, in one session: it costs what both do, and counts once."""
    key = bench.hand.key("a")
    midnight = 24 * 60
    bench.hand.write(
        {
            "a": person(), "7": costs("7", 10), "8": costs("7", 20, DAY + timedelta(days=1)),
            "t": [came(key, at(midnight - 5), ad_id="7"), came(key, at(midnight + 5), ad_id="7")],
        }
    )  # fmt: skip
    run(bench)
    assert [(row["day"], row["cost"]) for row in found(bench)] == [("2026-01-01", 10), ("2026-01-02", 20)]
    (one,), rest = by(bench.lake, idle(bench.lake, LATER), Rates(), "ad_id", none="no ad")
    assert (one, rest) == (
        Idleness("7", 1, 1, 0, 0, 0),
        0,
    )  # nobody has paid yet, so there is no currency to sum costs in


def test_an_empty_lake_has_no_sessions(bench: Bench):
    """And costs nothing."""
    assert found(bench) == []
    assert by(bench.lake, idle(bench.lake, LATER), Rates(), "channel", none="no click") == ([], 0)


ADS = st.sampled_from(["7", "8"])
EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.none() | ADS, st.integers(0, 3 * 24 * 60)), max_size=25)
BILLS = st.dictionaries(
    st.tuples(ADS, st.integers(0, 2), st.sampled_from(["eur", "usd"])), st.integers(0, 10**12), max_size=6
)


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS, bills=BILLS)
def test_every_unit_of_spend_is_in_exactly_one_row(tmp_path_factory, events, bills):
    """For any visits and bills: rows are unique, costs add up by currency, and every session is there."""
    bench = open_bench(tmp_path_factory.mktemp("bench"))
    key = bench.hand.key
    bench.hand.write(
        {
            **{name: person(name) for name in "abc"},
            **{f"{ad}{day}{currency}": costs(ad, amount, DAY + timedelta(days=day), currency=currency) for (ad, day, currency), amount in bills.items()},
            "t": [came(key(name), at(minute), ad_id=ad) for name, ad, minute in events], "u": [used(key("a"), at(3))],
        }
    )  # fmt: skip
    run(bench)
    rows = found(bench)
    assert len({tuple(row[name] for name in IDLE.key) for row in rows}) == len(rows)
    total: Counter = Counter()
    for row in rows:
        total[row["currency"]] += row["cost"]
    expected: Counter = Counter()
    for (_, _, currency), amount in bills.items():
        expected[currency] += amount
    assert +total == +expected
    sessions = {(row["person_id"], row["started_at"]) for row in rows if row["linked"] == SESSION}
    assert len(sessions) == bench.lake.table("sessions").count().to_pyarrow().as_py()


def test_ads_of_two_platforms_numbered_alike_keep_their_own_costs(bench: Bench):
    """Each row once, under its own ad's name; a session by one platform's ad bears nothing of the other's."""
    key, other = bench.hand.key, Hand(bench.lake, "elsewhere", 50)
    bench.hand.write({"a": person(), "7": costs("7", 11, ad="Spring"), "t": [
        came(key("a"), at(10), ad_id="7", platform="toy"), came(key("a"), at(90), "paid_search", ad_id="7", platform="elsewhere"),
    ]})  # fmt: skip
    other.write({"7": costs("7", 40, ad="Brand")})
    run(bench)
    assert [(row["platform"], row["ad"], row["channel"], row["cost"]) for row in found(bench)] == [
        ("toy", "Spring", "paid_social", 11),
        ("elsewhere", "Brand", "paid_search", 40),
    ]
    assert uncosted(bench.lake, idle(bench.lake, LATER)) == {}


def test_what_came_back_counts_against_the_sessions_that_sold_it(bench: Bench):
    """A refund after the window undoes what was earned within, and takes nothing from a later session that sold something else."""
    key, day = bench.hand.key("a"), 24 * 60
    bench.hand.write({
        "a": person(), "t": [came(key, at(0), "organic_search"), came(key, at(60 * day), "organic_search")],
        **{name: [charge(key, minute, amount, kind).model_copy(update={"purchase": what})] for name, minute, amount, kind, what in (
            ("1", 5, 900, "charge", "x"), ("2", 61 * day, 900, "refund", "x"), ("3", 61 * day, 100, "charge", "y"),
        )},
    })  # fmt: skip
    run(bench)
    assert [(row["earned"], row["verdict"]) for row in found(bench)] == [(0, NOTHING), (100, EARNED)]
