"""`sidecar lens`: questions in words, answers in a sentence first."""

import pytest

from pipelines.workspace import Workspace
from service.lens import EVERY
from tests.pipelines.stitch.conftest import Bench, Hand
from tests.pipelines.stitch.lens.trade import MONDAY, TUESDAY, Day, records
from tests.pipelines.stitch.market import costs
from tests.pipelines.stitch.market import run as stitch
from tests.service.conftest import Door


@pytest.fixture
def shop(door: Door) -> Door:
    """Monday, and a Tuesday on which an ad stopped at nine."""
    door.set(SIDECAR_ZONE="Europe/Berlin")
    with Workspace.from_environment() as here:
        hand = Hand(here.lake)
        costly = {str(day): costs("71", 10_000, day, ad="Spring [1]") for day in (MONDAY, TUESDAY)}
        hand.write(costly | records(hand, Day(MONDAY), Day(TUESDAY, stops={"71": 9.0})))
        stitch(Bench(here.lake, here.store, here.clock, hand))
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
        (("bridge", "--by", "moon"), "take one of channel, ad"),
        (("sessions", "--day", "2026-03-03"), "has no --day"),
        (("segments", "--by", "shoe size"), "take one of"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(shop, asked, said):
    """With what would."""
    answer = shop.ask("lens", *asked)
    assert answer.code == 2
    assert said in answer.said


def test_a_zone_that_does_not_exist_stops_before_any_work(door):
    """And the variable is named."""
    door.set(SIDECAR_ZONE="Mars/Olympus")
    answer = door.ask("lens", "bridge")
    assert answer.code == 2
    assert "SIDECAR_ZONE" in answer.said
