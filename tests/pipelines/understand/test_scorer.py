"""The scorer of the belief benchmark, and what must hold on its texts whatever the figures are."""

from benchmarks.beliefs import (
    DATA,
    Score,
    Stance,
    empty_with_predictions,
    f1,
    load,
    measure,
    precision,
    recall,
    score,
    total,
)
from pipelines.understand.embedded import Embedded

TEXT = "The price is too high. Support is slow. The price is a joke."


def stance(quote, slot="price", polarity="negative", holder="Dana", strength="explicit"):
    return Stance(slot, polarity, strength, holder, quote)


def test_half_an_overlap_on_the_same_slot_and_side_is_a_match():
    """Quotes need not be equal, but must share half of the shorter one."""
    assert score([stance("price is too high")], [stance("The price is too high.")], TEXT).matched == 1
    assert score([stance("price is too high")], [stance("high. Support is slow.")], TEXT).matched == 0
    assert score([stance("price is too high")], [stance("price is too high", polarity="positive")], TEXT).matched == 0


def test_labels_and_predictions_count_once():
    """A further prediction on a matched slot and side is a duplicate, not an error."""
    found = score([stance("price is too high")], [stance("price is too high"), stance("The price is a joke.")], TEXT)
    assert (found.matched, found.duplicates) == (1, 1)
    assert precision([found]) == 1


def test_an_invented_quote_is_wrong():
    """Words that are not there match nothing and are counted."""
    found = score([stance("price is too high")], [stance("we hate it")], TEXT)
    assert (found.invented, precision([found])) == (1, 0)


def test_holder_and_strength_are_judged_on_matches():
    """ "Dana" and "Dana Kolbe" are one; explicit and implied are not."""
    found = score(
        [stance("price is too high", holder="Dana Kolbe")], [stance("price is too high", strength="implied")], TEXT
    )
    assert (found.holders, found.strengths) == (1, 0)


def test_figures_of_nothing_are_zero():
    """No predictions, no labels, no division."""
    nothing = [Score(0, 0), Score(3, 0)]
    assert (precision(nothing), recall(nothing), f1(nothing), empty_with_predictions(nothing)) == (0, 0, 0, 0)


def test_on_the_labelled_texts_nothing_is_invented_and_nothing_fails():
    """Every text is read, traps included, and every quote is its own."""
    scores = measure(load(DATA), Embedded())
    assert (total(scores, "invented"), total(scores, "unread")) == (0, 0)
