"""`sidecar lens`: questions in words, answers in a sentence first."""

import pytest

from models.facts import Payment
from pipelines.stitch.lens.calendar import local_day
from pipelines.workspace import Workspace
from service.lens import EVERY
from tests.pipelines.stitch.conftest import T0, Bench, Hand, open_bench, person
from tests.pipelines.stitch.lens.trade import BERLIN, MONDAY, TUESDAY, Day, records
from tests.pipelines.stitch.market import came, costs
from tests.pipelines.stitch.market import run as stitch
from tests.service.conftest import Door


@pytest.fixture(scope="module")
def trade(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Monday, and a Tuesday on which an ad stopped at nine; questions change nothing of it."""
    bench = open_bench(tmp_path_factory.mktemp("trade"))
    costly = {str(day): costs("71", 10_000, day, ad="Spring [1]") for day in (MONDAY, TUESDAY)}
    bench.hand.write(costly | records(bench.hand, Day(MONDAY), Day(TUESDAY, stops={"71": 9.0})))
    stitch(bench)
    return bench


@pytest.fixture
def shop(door: Door, trade: Bench) -> Door:
    """The door to what was traded."""
    door.set(SIDECAR_ZONE="Europe/Berlin", SIDECAR_LAKE=trade.lake.tables.root)
    return door


def test_a_lake_with_nothing_in_it_says_what_is_missing(door):
    """And that is no failure; nor is one with people who have paid nothing."""
    for lens in EVERY:
        answer = door.ask("lens", lens.name)
        assert (answer.code, answer.err) == (0, "")
        assert "`sidecar run`" in answer.said
        assert door.ask("lens", lens.name, "--json").json["rows"] == []
    with Workspace.from_environment() as here:
        stitch(Bench(here.lake, here.store, here.clock, Hand(here.lake)))
    assert "connect Stripe" in door.ask("lens", "bridge").said
    assert "No visit has landed yet" in door.ask("lens", "sessions").said


def test_the_sentence_comes_first_and_the_rows_add_up(shop):
    """The bridge names the ad; reasons, and channels, add up to the change; machines get minor units."""
    asked = ("lens", "bridge", "--day", "2026-03-03", "--against", "2026-03-02")
    answer = shop.ask(*asked)
    assert answer.code == 0
    assert answer.out.startswith("Tuesday 3 Mar is")
    assert "fewer visits from paid social, ad 'Spring [1]', which stopped at" in answer.said
    reasons, channels = shop.ask(*asked, "--json").json, shop.ask(*asked, "--by", "channel", "--json").json
    assert reasons["currency"] == "eur"
    assert sum(row["amount"] for row in reasons["rows"]) == sum(row["change"] for row in channels["rows"]) < 0
    assert "Spring [1]" in shop.ask(*asked, "--by", "ad").said


def test_every_other_question_is_answered_too(shop):
    """Sessions with what they cost, segments with their intervals, customers with what they cost."""
    sessions = shop.ask("lens", "sessions", "--by", "ad", "--json").json
    assert {row["ad"]: row["cost"] for row in sessions["rows"]}["Spring [1]"] == 20_000
    assert "of what sessions cost, most of it by Spring [1]" in sessions["sentence"]
    segments = shop.ask("lens", "segments", "--by", "industry", "--json").json
    assert {row["segment"] for row in segments["rows"]} == {"industry: health", "industry: retail", "industry: energy"}
    assert all(row["ratio_low"] <= row["ratio"] <= row["ratio_high"] for row in segments["rows"])
    cohort = shop.ask("lens", "economics", "--json").json["rows"][0]
    assert (cohort["cohort"], cohort["spend"]) == ("2026-03", 20_000)
    assert "A customer costs" in shop.ask("lens", "economics", "--by", "channel").out


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("bridge", "--day", "tuesday"), "write 2026-11-24"),
        (("bridge", "--day", "9999-12-31"), "is not within 1900-01-01 and today"),
        (("bridge", "--day", "2026-03-03", "--against", "0001-01-01"), "is not within 1900-01-01 and today"),
        (("bridge", "--by", "moon"), "take one of channel, ad"),
        (("bridge", "--day", ""), "--day is empty"),
        (("bridge", "--by", " "), "--by is empty"),
        (("sessions", "--day", "2026-03-03"), "has no --day"),
        (("segments", "--by", "shoe size"), "take one of"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(shop, asked, said):
    """With what would."""
    answer = shop.ask("lens", *asked)
    assert answer.code == 2
    assert said in answer.said


def test_spans_that_cannot_be_compared_are_told_apart(shop):
    """One that is longer, one of another year, and one that is not over: the change would be of time, not of trade."""
    longer = shop.ask("lens", "bridge", "--day", "2026-03-02..2026-03-03", "--against", "2025-03-03").said
    assert "2 Mar to 3 Mar 2026 is above Monday 3 Mar 2025" in longer
    assert "The spans are of 1 and 2 days" in longer
    with Workspace.from_environment() as here:
        today = local_day(here.clock.now(), BERLIN)
    assert "is not over" in shop.ask("lens", "bridge", "--day", f"2026-03-03..{today}").said


def test_what_has_no_rate_is_named_by_every_lens_that_leaves_it_out(door):
    """Money and costs alike; and nobody is told to be worth something on one customer less."""
    with Workspace.from_environment() as here:
        hand = Hand(here.lake)
        key = hand.key("a")
        paid = [
            Payment(payer=key, kind="charge", amount_minor=100, currency=currency, occurred_at=T0)
            for currency in ("eur", "eur", "sek")
        ]
        told = {str(number): [one] for number, one in enumerate(paid)}
        hand.write(
            told | {"a": person(), "b": person(), "7": costs("7", 50, currency="sek"), "t": [came(key, T0, ad_id="7")]}
        )
        stitch(Bench(here.lake, here.store, here.clock, hand))
    for lens, *left_out in (
        ("sessions", "1 movements", "1 costs of ads"),
        ("segments", "1 movements"),
        ("economics", "1 movements", "1 costs of ads"),
    ):
        notes = door.ask("lens", lens, "--json").json["notes"]
        assert [note for note in notes if "without a rate" in note] == [
            f"{one} in a currency without a rate are left out (SIDECAR_RATES)." for one in left_out
        ]


def test_spend_that_won_nobody_is_said_so(door):
    """Nobody costs nothing, or none."""
    with Workspace.from_environment() as here:
        hand = Hand(here.lake)
        given = Payment(payer=hand.key("a"), kind="refund", amount_minor=100, currency="eur", occurred_at=T0)
        hand.write({"a": person(), "7": costs("7", 5_000), "1": [given]})
        stitch(Bench(here.lake, here.store, here.clock, hand))
    assert door.ask("lens", "economics").said.startswith(
        "Nobody whom we know has paid yet; 50.00 EUR of ad spend has brought no customer."
    )


def test_the_correction_is_told_for_all_looks(shop):
    """One trait is shown, and all were looked at."""
    every, some = (shop.ask("lens", "segments", *more, "--json").json for more in ((), ("--by", "industry")))
    looks = len([row for row in every["rows"] if row["buyers"]])
    assert looks > len(some["rows"])
    assert f"corrected for {looks} looks" in " ".join(some["notes"])


def test_a_zone_that_does_not_exist_stops_before_any_work(door):
    """And the variable is named."""
    door.set(SIDECAR_ZONE="Mars/Olympus")
    answer = door.ask("lens", "bridge")
    assert answer.code == 2
    assert "SIDECAR_ZONE" in answer.said
