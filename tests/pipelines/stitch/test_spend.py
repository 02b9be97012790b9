"""What it cost to win each person, and that no unit of it is lost."""

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.identity import Judgement
from models.store import transaction
from pipelines.stitch.reconcile import misallocated
from pipelines.stitch.spend import spend, whole_part
from tests.pipelines.stitch.conftest import T0, Bench, open_bench, person
from tests.pipelines.stitch.market import DAY, at, came, costs, members, read, rows, run


def parts(bench: Bench, persons: dict[str, str]) -> list[tuple]:
    """Rows of `spend` as (day, ad, currency, person, amount)."""
    found = read(spend(bench.lake, members(persons)), "day", "ad_id", "currency", "person_id")
    return [(row["day"], row["ad_id"], row["currency"], row["person_id"], row["amount"]) for row in found]


def test_a_days_cost_is_split_equally_and_whoever_came_first_bears_what_is_left_over(bench):
    """Ten yen among three are 4, 3 and 3: no digits after the point are invented, and order of arrival decides."""
    key = bench.hand.key
    bench.hand.write(
        {
            "cost": costs("7", 10, currency="jpy"),
            "t": [came(key("c"), at(1), ad_id="7"), came(key("a"), at(2), ad_id="7"), came(key("b"), at(2), ad_id="7")],
        }
    )  # fmt: skip
    found = parts(bench, {key("a"): "z", key("b"): "y", key("c"): "x"})
    assert {person: amount for *_, person, amount in found} == {"x": 4, "z": 3, "y": 3}


def test_a_person_counts_once_however_many_tell_of_them(bench):
    """A form, a CRM's address and a second visit by the same ad that day are one person brought."""
    key = bench.hand.key
    bench.hand.write(
        {
            "cost": costs("7", 100),
            "t": [
                came(key("lead"), at(1), "lead_ad", ad_id="7"), came(key("contact"), at(1), ad_id="7"), came(key("lead"), at(90), ad_id="7"),
                came(key("other"), at(5), ad_id="7"),
            ],
        }
    )  # fmt: skip
    persons = {key("lead"): "p", key("contact"): "p", key("other"): "q"}
    assert [(who, amount) for *_, who, amount in parts(bench, persons)] == [("p", 50), ("q", 50)]


def test_what_brought_nobody_we_know_stays_whole_and_without_a_person(bench):
    """A day without arrivals, or with those of records that belong to nobody, is shown apart; a day that cost nothing is shown too."""
    key = bench.hand.key
    bench.hand.write(
        {
            "quiet": costs("7", 30), "gone": costs("8", 40), "free": costs("9", 0),
            "t": [came(key("deleted"), at(1), ad_id="8"), came(key("a"), at(1), ad_id="9"), came(key("a"), at(1))],
        }
    )  # fmt: skip
    day = DAY.isoformat()
    assert parts(bench, {key("a"): "p"}) == [
        (day, "7", "eur", None, 30),
        (day, "8", "eur", None, 40),
        (day, "9", "eur", "p", 0),
    ]


def test_a_touch_on_a_day_that_cost_nothing_known_is_just_a_touch(bench):
    """The ad is not blamed for another day's arrivals, and the arrival stays in the journey."""
    key = bench.hand.key
    bench.hand.write(
        {
            "a": person(), "cost": costs("7", 30, ad="Video", campaign_id="c1", campaign="Spring"),
            "t": [came(key("a"), at(24 * 60), ad_id="7")],
        }
    )  # fmt: skip
    run(bench)
    (cost,), (journey,) = rows(bench, "spend"), rows(bench, "journeys")
    assert (cost["person_id"], cost["amount"], cost["ad"], cost["campaign"]) == (None, 30, "Video", "Spring")
    assert (cost["vendor"], cost["account"]) == ("toy", "acme")
    assert (journey["touches"], journey["first_touch_ad_id"], journey["first_touch_ad"]) == (1, "7", "Video")


@pytest.mark.parametrize(
    ("zone", "changes"),
    [
        ("Europe/Berlin", date(2026, 3, 29)),  # 23 hours
        ("Europe/Berlin", date(2026, 10, 25)),  # 25 hours
        ("America/Los_Angeles", date(2026, 3, 8)),
        ("America/Los_Angeles", date(2026, 11, 1)),
        ("Asia/Kathmandu", date(2026, 5, 5)),
    ],
)
def test_a_day_is_the_ad_accounts_own_even_when_clocks_change(bench, zone, changes):
    """Half an hour before midnight there belongs to that day, midnight itself to the next, whatever day it is in UTC."""
    key, local = bench.hand.key, ZoneInfo(zone)
    late = datetime(changes.year, changes.month, changes.day, 23, 30, tzinfo=local)
    tomorrow = changes + timedelta(days=1)
    midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=local)
    bench.hand.write(
        {
            "cost": costs("7", 100, changes, zone=zone), "next": costs("7", 200, tomorrow, zone=zone),
            "t": [came(key("a"), late, ad_id="7"), came(key("b"), midnight, ad_id="7")],
        }
    )  # fmt: skip
    assert parts(bench, {key("a"): "late", key("b"): "early"}) == [
        (changes.isoformat(), "7", "eur", "late", 100),
        (tomorrow.isoformat(), "7", "eur", "early", 200),
    ]


def test_restated_costs_replace_what_was_said_before(bench):
    """Platforms correct the last weeks; the latest word counts, also on the ad's name."""
    key = bench.hand.key
    bench.hand.write(
        {"a": person(), "cost": costs("7", 30, ad="Old"), "t": [came(key("a"), at(5), ad_id="7")],
         "later": costs("7", 1, DAY + timedelta(days=1), ad="New")}
    )  # fmt: skip
    run(bench)
    bench.hand.write({"cost": costs("7", 35, ad="Old")})
    assert run(bench).written == ("spend",)
    assert [(row["amount"], row["ad"]) for row in rows(bench, "spend")] == [(35, "New"), (1, "New")]
    assert [row["first_touch_source"] for row in rows(bench, "journeys")] == ["New"]
    bench.hand.write({"cost": costs("9", 4)})  # the day is told anew, without the ad
    run(bench)
    assert [(row["ad_id"], row["person_id"], row["amount"]) for row in rows(bench, "spend")] == [
        ("9", None, 4),
        ("7", None, 1),
    ]


def test_a_merge_and_its_undoing_move_every_unit_there_and_back(bench):
    """Two who turn out to be one bear one part; told apart again, each bears what they bore before."""
    key = bench.hand.key
    bench.hand.write(
        {
            **{name: person(name) for name in "abc"}, "cost": costs("7", 11),
            "t": [came(key(name), at(5), ad_id="7") for name in "abc"],
        }
    )  # fmt: skip
    run(bench)

    def borne() -> dict[str, int]:
        amounts = {row["person_id"]: row["amount"] for row in rows(bench, "spend")}
        return {name: amounts[bench.membership()[key(name)]] for name in "abc"}

    before = borne()
    assert sorted(before.values()) == [3, 4, 4]
    judged = {
        "left": key("b"),
        "right": key("c"),
        "decided_by": "Jo",
        "reason": "same voice",
        "decided_at": bench.clock.now(),
    }
    with transaction(bench.store) as session:
        session.add(Judgement(id="j1", same=True, **judged))
    run(bench)
    assert borne() == {"a": 6, "b": 5, "c": 5}
    assert sum(row["amount"] for row in rows(bench, "spend")) == 11
    with transaction(bench.store) as session:
        session.get(Judgement, "j1").superseded_at = bench.clock.now()
    run(bench)
    assert borne() == before
    assert misallocated(bench.lake) == {}


ADS = st.sampled_from(["7", "8", "9"])
AD_DAYS = st.dictionaries(
    st.tuples(ADS, st.integers(0, 2), st.sampled_from(["eur", "jpy"])), st.integers(0, 2**62), max_size=12
)
TOUCHES = st.lists(st.tuples(st.integers(0, 9), st.none() | ADS, st.integers(-60, 3 * 24 * 60)), max_size=40)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ad_days=AD_DAYS, touches=TOUCHES, persons=st.lists(st.integers(0, 5), min_size=8, max_size=8))
def test_the_parts_of_every_ad_day_are_its_cost(tmp_path_factory, ad_days, touches, persons):
    """For any costs, arrivals and persons: exact sums, parts that differ by one unit at most, and nobody charged who was not brought."""
    bench = open_bench(tmp_path_factory.mktemp("bench"))
    owner = {
        bench.hand.key(f"r{number}"): f"p{person}" for number, person in enumerate(persons)
    }  # two records are nobody's
    bench.hand.write(
        {
            **{f"{ad}-{day}-{currency}": costs(ad, amount, DAY + timedelta(days=day), currency=currency)
               for (ad, day, currency), amount in ad_days.items()},
            "t": [came(bench.hand.key(f"r{record}"), at(minute), ad_id=ad) for record, ad, minute in touches],
        }
    )  # fmt: skip
    brought = defaultdict(set)
    for record, ad, minute in touches:
        if who := owner.get(bench.hand.key(f"r{record}")):
            brought[ad, (at(minute) - T0).days].add(who)
    shares, people, total = defaultdict(list), defaultdict(set), Counter()
    for day, ad, currency, who, amount in parts(bench, owner):
        place = (ad, (date.fromisoformat(day) - DAY).days, currency)
        shares[place].append(amount)
        total[place] += amount
        people[place] |= {who} - {None}
    assert total == ad_days
    for (ad, day, currency), amounts in shares.items():
        assert people[ad, day, currency] == brought[ad, day]
        assert len(amounts) == max(1, len(brought[ad, day]))
        assert max(amounts) - min(amounts) <= 1


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 2**62), st.integers(1, 10**6)), min_size=1))
def test_division_is_exact_beyond_what_a_float_holds(pairs):
    """The engine's own division goes through floats, which are off above 2⁵³."""
    columns = dict(zip(("amount", "persons"), zip(*pairs, strict=True), strict=True))
    table = ibis.memtable(pa.table(columns))
    found = table.mutate(part=whole_part(table.amount, table.persons)).to_pyarrow().to_pylist()
    assert all(row["part"] == row["amount"] // row["persons"] for row in found)
