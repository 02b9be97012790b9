"""Beliefs in words: bounded, stable, verbatim."""

from datetime import timedelta

import pytest

from models import Alignment
from pipelines.understand import words
from pipelines.understand.beliefs import conclude
from pipelines.understand.slots import shipped
from tests.pipelines.understand.test_beliefs import START, said

SLOTS = shipped()
HALF_LIVES = {slot.name: slot.half_life_days for slot in SLOTS}


def portrait(*evidence):
    return conclude("p", evidence, HALF_LIVES), list(evidence)


def told(*evidence, **more):
    return words.summary(*portrait(*evidence), SLOTS, **more)


PRICE = {"statement": "The price is too high", "quote": "twice what Acme charges"}
FIT = {"slot": "fit", "statement": "The product does what they need", "quote": "does all we need"}


def test_a_summary_reads_like_a_colleague():
    """Numbered beliefs with words, dates, what changed and what to ask next."""
    assert told(said(0, "positive", **FIT), said(1, **PRICE), said(20, **PRICE)) == "\n".join(
        [
            "1  -  The price is too high. Sure, since 2 Mar, stronger since 21 Mar.",
            '      "twice what Acme charges" (e-mail, 21 Mar)',
            "2  +  The product does what they need. Fairly sure, since 1 Mar.",
            '      "does all we need" (e-mail, 1 Mar)',
            "Changed on 21 Mar: 1 got stronger.",
            'Not known: who signs, budget, timing. Next question: "Who else has a say before this can be signed?"',
            "Not yet calibrated on your data.",
        ]
    )


def test_disputed_looks_different_from_unknown():
    """A contested belief shows both sides with their days."""
    (line, *_) = told(
        said(0, **PRICE), said(1, **PRICE), said(5, "positive", statement="The price is fair"), said(6, "positive")
    ).split("\n")
    assert line.startswith("1  ?  Price: contested. The price is too high (2 Mar)")


def test_others_are_named():
    """Whose belief it is stands before it."""
    assert "CTO: The price is too high" in told(said(0, holder="CTO", **PRICE))


def test_the_top_belief_is_one_line():
    """Statement, certainty and direction."""
    assert words.top_belief(*portrait(said(0, **PRICE)), SLOTS) == "The price is too high (fairly sure)"
    twice = portrait(said(0, **PRICE), said(20, **PRICE))
    assert words.top_belief(*twice, SLOTS) == "The price is too high (sure, getting stronger)"
    assert words.top_belief([], [], SLOTS) is None


def test_what_we_are_not_sure_of_is_said_so():
    """A quote that weighs next to nothing reads as a perhaps, not as a belief held since then."""
    hardly = said(0, strength="speculative", speaker_role="rep_note", source_class="rep_note", **PRICE)
    assert words.top_belief(*portrait(hardly), SLOTS) == "Perhaps: The price is too high (unsure)"
    assert told(hardly).startswith("1  -  The price is too high. Unsure, heard 1 Mar.")


def test_nothing_believed_is_nothing_said():
    """An empty self-model fills no field."""
    assert told() == ""
    assert words.evidence_block([], []) == ""


def test_superseded_beliefs_are_not_shown_as_held():
    """What ended is history."""
    beliefs, _ = portrait(said(0, **PRICE), said(60, "positive"), said(80, "positive"))
    assert [belief.polarity for belief in words.ranked(beliefs)] == ["positive"]


@pytest.mark.parametrize("limit", [20, 120, 255, 400, 4_000])
def test_it_fits_the_field_by_whole_lines(limit):
    """What does not fit is left out from the end of importance, never cut in a quote of another's words."""
    text = told(said(0, "positive", **FIT), said(1, **PRICE), said(2, slot="support"), limit=limit)
    assert len(text) <= limit
    if limit >= 255:
        assert text.count('"') % 2 == 0


def test_long_quotes_are_shortened_at_a_word():
    """A summary keeps the beginning; the evidence block keeps all of it."""
    long = "it is far too expensive for what it does " * 8
    beliefs, evidence = portrait(said(0, statement="The price is too high", quote=long.strip()))
    assert ' …"' in words.summary(beliefs, evidence, SLOTS)
    assert long.strip() in words.evidence_block(beliefs, evidence)


def test_the_evidence_block_shows_both_sides():
    """For and against, newest first."""
    block = words.evidence_block(*portrait(said(0, **PRICE), said(5, "positive", quote="fair enough")))
    assert block.index("5") > 0
    assert (
        'against: "twice what Acme charges" (e-mail, 1 Mar)' in block
        or 'for: "twice what Acme charges" (e-mail, 1 Mar)' in block
    )
    assert block.index("fair enough") < block.index("twice what")


def test_a_reps_note_is_called_ours():
    """Hearsay is not shown as the customer's own mail."""
    assert "(our note, 1 Mar)" in told(said(0, speaker_role="rep_note", source_class="rep_note", **PRICE))


def test_what_is_missing_is_asked_for():
    """The most telling gap comes first; nothing missing asks nothing."""
    missing = words.missing_slots([], SLOTS)
    assert words.not_known(missing) == "who signs, budget, timing"
    assert words.next_question(missing).endswith("?")
    assert (words.not_known([]), words.next_question([])) == ("", "")


@pytest.mark.parametrize(
    ("overall", "trend", "line"),
    [
        (0.58, "diverging", "58 · Medium · Diverging"),
        (0.7, "insufficient", "70 · High"),
        (0.2, "steady", "20 · Low · Steady"),
    ],
)
def test_alignment_is_one_line(overall, trend, line):
    """Number, level, direction; no direction where there is too little to tell."""
    score = Alignment(
        scope="person", entity_id="p", as_of=START, bucket=0, overall=overall, low=0, high=1, trend=trend, components={}, coverage=0.2,
        weights_version="w", evidence_ids=[],
    )  # fmt: skip
    assert words.alignment_line(score) == line
    assert words.alignment_line(None) == "Not known yet"


def test_another_year_is_named():
    """A day without its year is a day of the year of the newest words."""
    assert words.date(START - timedelta(days=400), START) == "25 Jan 2025"
