"""The figures that `python -m benchmarks fuzzy` promises."""

import pytest

from benchmarks.fuzzy import FAKE_1000, FEBRL3, connected, ours, read, score, scores, together


@pytest.mark.parametrize(
    ("dataset", "f1"),
    [(FAKE_1000, 0.93), pytest.param(FEBRL3, 0.999, marks=pytest.mark.slow)],
    ids=["fake_1000", "febrl3"],
)
def test_doubles_of_labelled_sets_are_found(shared_data, dataset, f1):
    """After clustering, precision and recall together reach what was promised; labels only score."""
    raw = read(dataset, shared_data / "identity")
    assert scores(dataset, raw, ours(dataset, raw))["clusters"]["f1"] >= f1


def test_scores_count_pairs():
    """Three records found together, of which two belong together and one true pair is missed: a third and a half."""
    truth = together({"a": "1", "b": "1", "c": "2", "d": "2"})
    found = score(together(connected([("a", "b"), ("b", "c")])), truth)
    assert (found.precision, found.recall, found.f1) == (1 / 3, 1 / 2, 2 / 5)
