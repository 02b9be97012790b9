"""What a rep reads: on a person, on an account, on a deal."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from models import Alignment
from models.keys import RecordKey
from models.money import major
from pipelines.understand.alignment import KAPPA, MIN_DAYS, MIN_SAMPLES, faded
from pipelines.understand.weighing import EQUAL
from pipelines.write_back.compare import ALIGNED
from pipelines.write_back.fields import FIELDS, INSUFFICIENT
from pipelines.write_back.known import Account, Deal, Figures, Person
from pipelines.write_back.values import (
    HIGH,
    LOW,
    MARGIN,
    account_values,
    band,
    crossed,
    deal_scores,
    deal_values,
    engagement_score,
    numbered,
    numbered_together,
    person_values,
)
from pipelines.write_back.voices import risk, voices
from tests.pipelines.write_back.people import SLOTS, START, person, said

DANA = person(
    "Dana",
    said("Saves half a year", "value", "positive"),
    said("Saves half a year", "value", "positive", 10),
    said("Easy to use", "usability", "positive", 3),
    title="CFO",
)
OTTO = person(
    "Otto", said("Fears lock-in", "lock_in", strength="implied"), said("Too dear", "price", day=2), title="CTO"
)
LENA = person("Lena", title="Legal")
DEAL = Deal(
    RecordKey("salesforce", "00D", "Opportunity", "006A"),
    "a1",
    open=True,
    people=(DANA, OTTO, LENA),
    roles={"Otto": "Blocker"},
)


def test_a_rep_can_read_on_the_record_what_the_words_mean():
    """The help of band and trend names the very edges that the rules use."""
    told = {spec.name: [float(number) for number in re.findall(r"\d+", spec.help)] for spec in FIELDS}
    assert told["alignment_band"] == [HIGH, LOW, MARGIN, KAPPA]
    assert told["trend"] == [MIN_SAMPLES, MIN_DAYS]


def scored(*overall: float, n: float = 5) -> list[Alignment]:
    return [
        Alignment(
            scope="person", entity_id="p", as_of=START, bucket=0, overall=one, low=0, high=1, trend="steady",
            components={"stance": {"value": one, "n": n}}, coverage=0.2, weights_version="1", evidence_ids=[],
        )
        for one in overall
    ]  # fmt: skip


def test_a_person_shows_what_they_believe():
    """Top belief, numbered summary, quotes, confidence as a whole percentage, count."""
    shown = person_values(DANA, SLOTS)
    assert shown["key"] == "Dana"
    assert shown["top_belief"].startswith("Saves half a year")
    assert shown["summary"].startswith("1  +  Saves half a year")
    assert '"we say easy to use"' in shown["evidence"]
    assert (shown["confidence"], shown["belief_count"]) == (97, 2)


def test_nothing_known_is_nothing_shown():
    """Not even a band: the CRM is not filled with what we do not know."""
    assert person_values(Person("p"), SLOTS) == {}
    assert account_values(Account("a", (Person("p"),)), SLOTS) == {}
    assert deal_values(replace(DEAL, people=(LENA,)), SLOTS) == {}


def test_who_only_paid_shows_figures_and_no_beliefs():
    """Revenue and engagement stand; the belief fields say that there is too little."""
    shown = person_values(Person("p", figures=Figures("Web (lead source)", 5, Decimal("24.50"))), SLOTS)
    assert (shown["revenue_to_date"], shown["engagement_score"], shown["acquisition_source"]) == (
        24.5,
        50,
        "Web (lead source)",
    )
    assert (shown["alignment_score"], shown["alignment_band"], shown["trend"]) == (None, INSUFFICIENT, INSUFFICIENT)
    assert not shown["summary"]


def test_a_band_needs_more_than_the_neutral_start():
    """Below three observations the start outweighs what was seen."""
    assert band(scored(0.9, n=2)) == INSUFFICIENT
    assert band(scored(0.9, n=3)) == "High"
    assert band([]) == INSUFFICIENT


@pytest.mark.parametrize(
    ("scores", "word"),
    [
        ((0.64,), "Medium"), ((0.65,), "High"), ((0.65, 0.63), "High"), ((0.65, 0.61), "Medium"), ((0.65, 0.61, 0.64), "Medium"),
        ((0.41,), "Medium"), ((0.39,), "Low"), ((0.39, 0.42), "Low"), ((0.39, 0.44), "Medium"), ((0.44, 0.41), "Medium"),
    ],
)  # fmt: skip
def test_a_band_does_not_flicker_on_its_edge(scores, word):
    """It is entered at the edge and left three points beyond."""
    assert band(scored(*scores)) == word


GLAD = person(
    "Glad",
    *(
        said("Likes it", slot, "positive", day, source_class="ticket/customer")
        for day, slot in enumerate(("price", "usability", "value", "support"))
    ),
)
SORRY = person(
    "Sorry",
    *(
        said("Hates it", slot, day=day, source_class="ticket/customer")
        for day, slot in enumerate(("price", "usability", "security", "support"))
    ),
)


def silent(one: Person, days: int) -> Person:
    """So many days after their last word."""
    last = one.scores[-1]
    return replace(one, present=faded(last, one.evidence, SLOTS, EQUAL, last.as_of + timedelta(days=days)))


@pytest.mark.parametrize(
    ("one", "days", "told"),
    [
        (GLAD, 0, (67, "High")), (GLAD, 55, (67, "High")), (GLAD, 75, (62, "Medium")), (GLAD, 3_000, (62, "Medium")),
        (SORRY, 0, (33, "Low")), (SORRY, 140, (33, "Low")), (SORRY, 160, (43, "Medium")), (SORRY, 3_000, (43, "Medium")),
    ],
)  # fmt: skip
def test_a_long_silence_changes_the_score_only_with_its_band(one, days, told):
    """What is told stays as of the last word until the band is left, and then stays as of that day."""
    quiet = silent(one, days)
    shown = person_values(quiet, SLOTS)
    assert (shown["alignment_score"], shown["alignment_band"]) == told
    assert crossed(quiet.scores, quiet.present) == (told[1] == "Medium")
    others = person_values(one, SLOTS)
    assert {**shown, **dict.fromkeys(ALIGNED)} == {**others, **dict.fromkeys(ALIGNED)}


def test_a_deal_fades_as_its_people_do():
    """And what was never enough is not enough later."""
    for people, told in (((GLAD,), "Medium"), ((GLAD, SORRY), "Medium"), ((OTTO,), INSUFFICIENT)):
        quiet = replace(DEAL, people=tuple(silent(one, 90) for one in people))
        assert deal_values(quiet, SLOTS)["alignment_band"] == told
        assert crossed(*deal_scores(quiet)) == (people == (GLAD,))


def test_engagement_is_relative_to_nobody():
    """Five in ninety days are half, ten three quarters, none nothing."""
    assert [engagement_score(number) for number in (0, 5, 10, 100)] == [0, 50, 75, 100]


def test_a_deal_says_who_stands_where():
    """Backs, blocks and silent by name and role, what moves them, what to do next."""
    shown = deal_values(DEAL, SLOTS)
    lines = shown["summary"].splitlines()
    assert lines[0] == "Backs: Dana (CFO) - value."
    assert lines[1] == "Blocks: Otto (Blocker) - price."
    assert lines[2] == "Silent: Lena (Legal)."
    assert lines[3:6] == [
        "Risk: medium, Otto (Blocker) blocks over price.",
        "1  +  Dana: Saves half a year (sure, getting stronger)",
        "2  -  Otto: Too dear (fairly sure)",
    ]
    assert lines[6] == "Last heard 11 May 2026."
    assert lines[7].startswith("Not known: who signs")
    assert lines[8].endswith("Number 1-2 is what you answer in Feedback.")
    assert shown["next_action"] == "Talk with Otto (Blocker) about price."
    assert shown["risk"] == "Medium"
    assert "Dana\n1  Saves half a year" in shown["evidence"]


def test_somebody_they_speak_for_has_a_voice_of_their_own():
    """What Dana tells of the CIO is the CIO's, not hers."""
    told = person("Dana", said("Wants their own cloud", "security", holder="CIO"))
    names = {voice.name: voice.side for voice in voices([told], SLOTS, {})}
    assert names == {"CIO": "Blocks", "Dana": "Silent"}


@pytest.mark.parametrize(
    ("people", "word"),
    [
        ((DANA,), "Low"),
        ((DANA, OTTO), "Medium"),
        ((OTTO,), "High"),
        ((LENA,), "Unknown"),
        ((DANA, OTTO, OTTO, OTTO), "High"),
    ],
)
def test_risk_weighs_those_who_spoke(people, word):
    """More against than for is high; anybody against is medium; nobody heard is unknown."""
    assert risk(voices(people, SLOTS, {})).level == word


def test_a_closed_deal_needs_no_next_step():
    """What was believed stays true; risk and next action no longer apply."""
    shown = deal_values(replace(DEAL, open=False), SLOTS)
    assert (shown["risk"], shown["next_action"]) == (None, None)
    assert shown["summary"]


def test_an_account_sums_up_its_people():
    """Who was scored, who stands where, and what came in within a year."""
    shown = account_values(Account("a1", (DANA, OTTO, LENA), scored(0.7), revenue=Decimal(1200)), SLOTS)
    assert (shown["people_scored"], shown["revenue_12m"], shown["alignment_band"]) == (2, 1200.0, "High")
    assert shown["belief_count"] == 4
    assert "Silent: Lena (Legal)." in shown["summary"]


def test_the_same_knowledge_gives_the_same_values():
    """Values are pure: another order of people and evidence changes nothing."""
    assert deal_values(replace(DEAL, people=(LENA, OTTO, DANA)), SLOTS) == deal_values(DEAL, SLOTS)


def test_numbers_in_the_text_name_beliefs_in_the_same_order():
    """What a rep answers by number is found again by id."""
    by_id = {belief.id: belief.statement for one in (DANA, OTTO) for belief in one.beliefs}
    assert [by_id[id_] for id_ in numbered_together([OTTO, LENA, DANA])] == ["Saves half a year", "Too dear"]
    assert [by_id[id_] for id_ in numbered(DANA)] == ["Saves half a year", "Easy to use"]


def test_every_value_has_a_field():
    """Nothing is computed that no field shows."""
    names = {spec.name for spec in FIELDS}
    for shown in (person_values(DANA, SLOTS), account_values(Account("a", (DANA,)), SLOTS), deal_values(DEAL, SLOTS)):
        assert shown.keys() <= names


@pytest.mark.parametrize(
    ("minor", "currency", "amount"), [(240_050, "eur", "2400.50"), (500, "jpy", "500"), (-1_500, "kwd", "-1.500")]
)
def test_money_is_exact_in_whole_units(minor, currency, amount):
    """By the digits of the currency."""
    assert major(minor, currency) == Decimal(amount)
