"""Evidence is relied on no further than its extractor has been measured to be right."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.beliefs import BLOCK, DATA, README, as_row, kept_aside, load, measure, report, shown, tallies, total
from pipelines.understand.beliefs import conclude, quotes
from pipelines.understand.confidence import PRIOR, RELIABILITY, TRUSTED, relied_on, replay
from pipelines.understand.embedded import Embedded
from pipelines.understand.extractor import Unread, Waiting
from pipelines.understand.measured import ENOUGH, MEASURED, Tally, caps, read
from pipelines.understand.taught import UNTAUGHT
from tests.pipelines.understand.test_beliefs import HALF_LIVES, said
from tests.pipelines.understand.test_extraction import Scripted

READER = "reader:1:schema"


def test_half_a_report_is_none():
    """A model that is away for some texts has no figures at all, and says why."""
    away = Scripted(lambda document: Waiting("away") if "price" in document.text else [])
    with pytest.raises(SystemExit, match="away"):
        measure(load(DATA), away)


def test_a_text_that_cannot_be_read_is_one_of_which_nothing_is_said():
    """It stays in the report, among the texts and the labels."""
    scores = measure(load(DATA), Scripted(lambda _: Unread("cut off")))
    assert (total(scores, "unread"), total(scores, "predictions")) == (len(load(DATA)), 0)


def measured(hits, predictions, **classes):
    every = {"": {"hits": hits, "predictions": predictions}}
    own = {name.replace("_", "/"): {"hits": one, "predictions": other} for name, (one, other) in classes.items()}
    return read({"extractors": {"reader": {"tallies": every | own}}}, "1")


OTHER_PROCESSOR = 0.012
"""How far figures and tallies may lie apart, for processors add in other orders, which moves the network's int8 steps: over all texts an
Intel with AMX makes 2,067 predictions, 1,421 of them right, where 2,066 and 1,423 are kept. Other weights have another hash, which is exact."""


def test_the_figures_are_those_of_the_extractor_that_ships():
    """Weights that have changed, or figures that have, are measured again: `python -m benchmarks beliefs --write`."""
    extractor, tallied = Embedded(), ("tallies", "tallied_texts")
    kept = json.loads(MEASURED.read_text())["extractors"][extractor.model]
    found = report(extractor, measure(load(DATA), extractor), [])
    near = {name: pytest.approx(figure, abs=OTHER_PROCESSOR) for name, figure in kept["figures"].items()}
    assert found | {name: kept[name] for name in tallied} == kept | {"figures": near}
    assert kept["tallied_texts"] == len(kept_aside())


@pytest.mark.slow
def test_evidence_is_capped_by_what_the_extractor_that_ships_is_right_about():
    """The tallies are of every text from which nothing was learned."""
    extractor = Embedded()
    kept = json.loads(MEASURED.read_text())["extractors"][extractor.model]
    found = tallies(measure([as_row(row) for row in kept_aside()], extractor))
    assert found == {name: pytest.approx(tally, rel=OTHER_PROCESSOR) for name, tally in kept["tallies"].items()}


def test_the_readme_shows_what_was_measured():
    """The front page cannot drift from the figures; one command writes both."""
    (block,) = BLOCK.findall(README.read_text())
    assert block == shown(json.loads(MEASURED.read_text()))


def test_few_predictions_are_not_believed_in():
    """One hit of one is no certainty; nothing measured is not knowing."""
    assert Tally(0, 0).precision == PRIOR
    assert Tally(1, 1).precision == pytest.approx(2 / 3)


def test_a_source_class_counts_by_itself_once_there_is_enough_of_it():
    """Below twenty predictions the figure of all classes is taken."""
    few, enough = (ENOUGH - 1, ENOUGH - 1), (ENOUGH, ENOUGH)
    found = measured(60, 100, email_customer=few, ticket_customer=enough)
    assert found.of(READER, "email/customer") == found.of(READER, "rep_note") == pytest.approx(61 / 102)
    assert found.of(READER, "ticket/customer") == pytest.approx(21 / 22)


def test_an_extractor_is_known_by_its_whole_name():
    """Another version, or a model that has not been measured, is not it."""
    found = measured(60, 100)
    assert found.of("reader-2:1:schema", "email/customer") == 1
    assert found.of("reader:8b:1:schema", "email/customer") == 1


def test_what_ships_is_capped():
    """The embedded extractor's own words weigh less than the customer's in person."""
    (belief,) = conclude("p", [said(0, model="embedded-4:1:s")], HALF_LIVES)
    assert belief.confidence == pytest.approx(caps().of("embedded-4:1:s", "email/customer"), abs=1e-6)
    assert belief.confidence < RELIABILITY["email/customer"]


def test_who_is_wrong_as_often_as_right_has_said_nothing():
    """At .5 a quote moves nothing and weighs nothing, and no declared change of mind makes anything forgotten."""
    before = [said(day, model="other:1:s") for day in range(3)]
    no_longer = said(9, "positive", quote="we no longer find it expensive", model=READER)
    useless = measured(10, 40)
    without = replay(quotes(before, "negative", useless), 120.0, 20_000.0)
    (*_, last) = quotes([*before, no_longer], "negative", useless)
    assert not last.turning
    by_the_way = said(9, "positive", quote="fine with the price now", model=READER)
    assert [quote.moves for quote in quotes([by_the_way], "negative", useless)] == [0.0]
    assert [quote.moves > 0 for quote in quotes([by_the_way], "negative")] == [True]
    taught = replace(UNTAUGHT, tallies={"email/customer": Tally(10, 40)})
    assert [quote.moves for quote in quotes([by_the_way], "negative", taught=taught)] == [0.0]
    assert replay(quotes([*before, no_longer], "negative", useless), 120.0, 20_000.0).weight == without.weight


TALLIES = st.integers(0, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(TALLIES, st.sampled_from(sorted(RELIABILITY)), st.booleans())
def test_reliability_is_the_lesser_of_source_and_reader(tally, source_class, turning):
    """Neither a good source nor a good reader makes up for the other."""
    cap = Tally(*tally).precision
    r = relied_on(source_class, cap, turning=turning)
    assert r <= cap
    assert r <= (TRUSTED if turning else RELIABILITY[source_class])
    assert r in (cap, TRUSTED if turning else RELIABILITY[source_class])


@given(TALLIES, TALLIES)
def test_a_better_reader_never_lowers_what_it_supports(one, other):
    """Confidence in what only supporting quotes say grows with the reader's precision."""
    worse, better = sorted((measured(*one), measured(*other)), key=lambda found: found.of(READER, "email/customer"))
    rows = [said(day, model=READER) for day in (0, 30, 60)]
    low, high = (
        replay(quotes(rows, "negative", found), 120.0, quotes(rows, "negative", found)[-1].day)
        for found in (worse, better)
    )
    assert PRIOR <= low.p <= high.p + 1e-12


@given(TALLIES, st.randoms())
def test_order_of_arrival_does_not_matter_under_any_cap(tally, random):
    """The same evidence and the same table give the very same number."""
    found = measured(*tally)
    rows = [
        said(day, side, model=model)
        for day, side, model in zip(range(6), ["positive", "negative"] * 3, [READER, "other:1:s"] * 3, strict=True)
    ]
    shuffled = random.sample(rows, len(rows))
    day = quotes(rows, "negative", found)[-1].day
    assert replay(quotes(rows, "negative", found), 120.0, day) == replay(
        quotes(shuffled, "negative", found), 120.0, day + 0
    )
