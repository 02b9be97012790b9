"""Beliefs in words: bounded, stable, verbatim."""

from datetime import timedelta

import pytest

from pipelines.understand import words
from pipelines.understand.beliefs import conclude
from pipelines.understand.cutting import size
from pipelines.understand.slots import shipped
from tests.pipelines.understand.test_beliefs import START, said

SLOTS = shipped()
HALF_LIVES = {slot.name: slot.half_life_days for slot in SLOTS}


def portrait(*evidence):
    return conclude("p", evidence, HALF_LIVES), list(evidence)


def told(*evidence, **more):
    return words.summary(*portrait(*evidence), SLOTS, **more)


def block(beliefs, evidence, **links):
    return words.evidence_block(beliefs, evidence, links, limit=30_000)


PRICE = {"statement": "The price is too high", "quote": "twice what Acme charges"}
FIT = {"slot": "fit", "statement": "The product does what they need", "quote": "does all we need"}


def test_a_summary_reads_like_a_colleague():
    """Numbered beliefs with words, dates, what changed and what to ask next."""
    assert told(said(0, "positive", **FIT), said(1, **PRICE), said(20, **PRICE)) == "\n".join(
        [
            "1  -  The price is too high. Sure (97 %), since 2 Mar, stronger since.",
            '      "twice what Acme charges" (e-mail, 21 Mar)',
            "2  +  The product does what they need. Fairly sure (88 %), since 1 Mar.",
            '      "does all we need" (e-mail, 1 Mar)',
            "Last heard 21 Mar 2026. Changed since 2 Mar: 1 was fairly sure only.",
            'Not known: who signs, budget, timing. Next question: "Who else has a say before this can be signed?"',
            "Not yet calibrated on your data. Number 1-2 is what you answer in Feedback.",
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
    assert told(hardly).startswith("1  -  The price is too high. Unsure (54 %), heard 1 Mar.")


def test_nothing_believed_is_nothing_said():
    """An empty self-model fills no field."""
    assert told() == ""
    assert block([], []) == ""


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


def test_a_statement_that_ends_with_a_sentence_of_theirs_gets_no_second_full_stop():
    """“… is a joke.” is followed by how sure we are."""
    text = told(said(0, statement="Objects to the terms: “Ten percent is a joke.”"))
    assert "joke.” " in text
    assert "”." not in text


def test_words_that_the_statement_holds_are_not_told_twice():
    """Only where they were said is added, and when, unless that is told already."""
    words_of_theirs = "Ten percent is a joke."
    objection = {"statement": f"Objects to the terms: “{words_of_theirs}”", "quote": words_of_theirs}
    text = told(said(0, **objection))
    assert text.count(words_of_theirs) == 1
    assert "since 1 Mar (e-mail)." in text
    assert "(e-mail, 21 Mar)." in told(said(0, **objection), said(20, **objection))


def test_a_correction_is_told_as_a_colleagues():
    """Its words are the statement, and whose they are is what a rep must know."""
    text = told(said(0, level="reviewed", statement="They like it", quote="They like it", speaker_role="colleague"))
    assert "a colleague says so (1 Mar)" in text


def test_half_a_pair_of_quotation_marks_is_not_shown():
    """The other half stands in words that are not quoted."""
    text = told(said(0, **FIT | {"quote": 'your price was fine."'}))
    assert '"your price was fine." (' in text


def test_long_quotes_are_shortened_at_a_word():
    """A summary keeps the beginning; the evidence block keeps all of it."""
    long = "it is far too expensive for what it does " * 8
    beliefs, evidence = portrait(said(0, statement="The price is too high", quote=long.strip()))
    assert '…"' in words.summary(beliefs, evidence, SLOTS)
    assert long.strip() in block(beliefs, evidence)


def test_the_evidence_block_shows_both_sides():
    """For and against, newest first."""
    text = block(*portrait(said(0, **PRICE), said(5, "positive", quote="fair enough")))
    assert text.index("5") > 0
    assert (
        'against: "twice what Acme charges" (e-mail, 1 Mar)' in text
        or 'for: "twice what Acme charges" (e-mail, 1 Mar)' in text
    )
    assert text.index("fair enough") < text.index("twice what")


def test_a_reps_note_is_called_ours():
    """Hearsay is not shown as the customer's own mail."""
    assert "(our note, 1 Mar)" in told(said(0, speaker_role="rep_note", source_class="rep_note", **PRICE))


def test_what_is_missing_is_asked_for():
    """The most telling gap comes first; nothing missing asks nothing."""
    missing = words.missing_slots([], SLOTS)
    assert words.not_known(missing) == "who signs, budget, timing"
    assert words.next_question(missing).endswith("?")
    assert (words.not_known([]), words.next_question([])) == ("", "")


def test_another_year_is_named():
    """A day without its year is a day of the year of the newest words."""
    assert words.date(START - timedelta(days=400), START) == "25 Jan 2025"


def test_what_changed_is_told_against_the_evidence_before_and_never_against_today():
    """A worry that became more, something new and something that turned; nothing where all of it came in one week."""
    worry = said(0, strength="implied", **PRICE)
    new = said(21, "positive", **FIT)
    assert "Changed since 1 Mar: 1 was a worry only, 2 is new." in told(
        worry, said(20, strength="implied", **PRICE), new
    )
    assert "Last heard 6 Mar 2026.\n" in told(said(0, **PRICE), said(5, "positive", **FIT))
    turned = told(
        said(0, **PRICE),
        said(60, "positive", statement="It is worth it"),
        said(64, "positive", statement="It is worth it"),
    )
    assert "1 has turned, before it was: The price is too high" in turned


def test_confidence_that_was_calibrated_is_not_called_uncalibrated():
    """The caveat stands where it is true, and there only."""
    beliefs, evidence = portrait(said(0, **PRICE))
    beliefs[0].calibration = "calibrated"
    assert words.summary(beliefs, evidence, SLOTS).endswith("\nNumber 1 is what you answer in Feedback.")


def test_deeds_and_verdicts_are_not_put_into_their_mouth():
    """What has no words of the customer is told as what it was; words are shown rather than deeds."""
    use = said(3, level="behavioural", statement="Logs in less often", quote="", source_class="behaviour/customer")
    assert told(use).startswith("1  -  Logs in less often. A worry (62 %), seen since 4 Mar.\nLast heard")
    assert '"twice what Acme charges"' in told(said(0, **PRICE), use)
    verdict = said(
        4, level="reviewed", quote="no, they like it", speaker_role="colleague", source_class="review/colleague"
    )
    assert "a colleague says so (5 Mar)" in told(verdict)
    assert "no, they like it" not in told(verdict)


def test_every_quote_comes_with_the_record_that_holds_it():
    """An address that opens the source in its own system, where it has one."""
    row = said(0, **PRICE)
    assert block(*portrait(row), **{row.id: "https://acme.my.salesforce.com/00T1"}).endswith(
        "\n      https://acme.my.salesforce.com/00T1"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [("=HYPERLINK(1)", "'=HYPERLINK(1)"), ("-5 %", "'-5 %"), ("@here", "'@here"), ("<b>so</b>", "\u2039b>so\u2039/b>"), ("a < b", "a < b"), ("1  -  x", "1  -  x")],
)  # fmt: skip
def test_no_text_of_ours_runs_or_renders(text, shown):
    """A cell of an export is no formula, and a page that shows a field shows no tag."""
    assert words.harmless(text) == shown


@pytest.mark.parametrize(
    "filler", ["x" * 200_000, "so dear. " * 20_000, "👩‍👩‍👧🇩🇪" * 9_000, "\ud83d" * 300, "a\0b " * 400]
)
def test_a_quote_of_any_size_leaves_the_summary_readable(filler):
    """Two hundred thousand characters, families, flags, halves of them, NUL: the rest of the summary is there, within its limit."""
    text = told(said(0, statement="The price is too high", quote=filler), said(1, "positive", **FIT), limit=600)
    assert size(text) <= 600
    assert text.count("\n") == 6
