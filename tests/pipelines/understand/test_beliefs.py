"""From evidence to beliefs, as a pure function."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from models import Evidence
from pipelines.understand.beliefs import as_of, conclude, known_at

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HALF_LIVES = {"price": 120.0, "preference": 365.0}


def said(day, polarity="negative", **more):
    row = {
        "id": f"{day:04}-{polarity}", "observation_id": f"o{day}", "text_hash": "t", "model": "m", "subject": "s", "subject_hash": 0,
        "slot": "price", "polarity": polarity, "strength": "explicit", "statement": f"said {polarity} on {day}", "quote": "words", "start": 0,
        "end": 5, "speaker": "", "speaker_role": "customer", "source_class": "email/customer", "thread": f"o{day}",
        "occurred_at": START + timedelta(days=day), "recorded_at": START + timedelta(days=day),
    }  # fmt: skip
    return Evidence(**{**row, **more})


def held(*evidence):
    return {(b.holder, b.slot, b.aspect, b.polarity): b for b in conclude("p", evidence, HALF_LIVES)}


def test_no_evidence_no_belief():
    """Nothing comes from nothing."""
    assert conclude("p", [], HALF_LIVES) == []


def test_one_quote_is_one_belief_with_its_evidence():
    """The belief names its words, its side and how thin it is."""
    (belief,) = conclude("p", [said(0)], HALF_LIVES)
    assert (belief.polarity, round(belief.confidence, 2), belief.evidence, belief.units) == (
        "negative",
        0.88,
        "thin",
        1,
    )
    assert belief.evidence_ids == ["0000-negative"]
    assert belief.first_at == belief.last_at == START


def test_holders_slots_and_aspects_do_not_oppose_each_other():
    """The CTO's view does not contradict the buyer's; nor does another slot or aspect."""
    found = held(
        said(0),
        said(1, "positive", holder="CTO"),
        said(2, "positive", slot="budget"),
        said(3, "positive", aspect="setup fee"),
    )
    assert len(found) == 4
    assert {round(belief.confidence, 2) for belief in found.values()} == {0.88}


def test_neutral_stands_beside_both_sides():
    """Neither for nor against: it opposes nothing."""
    found = held(said(0), said(1, "neutral"))
    assert {key[3] for key in found} == {"negative", "neutral"}
    assert {round(belief.confidence, 2) for belief in found.values()} == {0.88}


def test_a_side_that_lost_gets_an_end_at_its_first_contradiction():
    """What was believed stays, with when it ceased."""
    found = held(said(0), said(60, "positive"), said(80, "positive"))
    old, new = found[None, "price", "", "negative"], found[None, "price", "", "positive"]
    assert old.valid_to == START + timedelta(days=60)
    assert new.valid_to is None
    assert old.confidence < 0.35
    assert old.confidence + new.confidence == 1


def test_a_side_can_come_back():
    """Who returns to an old view holds it again."""
    found = held(said(0), said(60, "positive"), said(80, "positive"), said(200), said(220))
    assert found[None, "price", "", "negative"].valid_to is None
    assert found[None, "price", "", "positive"].valid_to == START + timedelta(days=200)


def test_two_sides_with_weight_are_contested():
    """Both sides spoke up lately: disputed."""
    (belief,) = conclude("p", [said(0), said(1), said(5, "positive")], HALF_LIVES)
    assert belief.contested
    assert belief.polarity == "negative"


def test_words_that_declare_a_change_count_more():
    """ "We no longer ..." is evidence about the change itself, but only in the holder's own voice."""
    sure = [said(day) for day in range(0, 50, 10)]
    own = held(*sure, said(60, "positive", quote="we no longer find it expensive"))
    note = held(
        *sure,
        said(60, "positive", quote="no longer finds it expensive", speaker_role="rep_note", source_class="rep_note"),
    )
    assert own[None, "price", "", "positive"].confidence > 0.94
    assert (None, "price", "", "positive") not in note


def test_a_change_that_a_note_tells_of_turns_what_was_said_once():
    """Who once said no, and is satisfied now as the rep notes, is for it, though barely; that they are satisfied is not enough."""
    note = {"speaker_role": "rep_note", "source_class": "rep_note", "strength": "implied"}
    told = held(said(0), said(44, "positive", quote="now satisfied on price", **note))
    assert [(side, 0.5 < belief.confidence < 0.6) for (*_, side), belief in told.items()] == [("positive", True)]
    assert (None, "price", "", "positive") not in held(said(0), said(44, "positive", quote="satisfied", **note))


def test_a_change_that_is_told_of_moves_no_more_than_a_plain_word_of_the_same_reader():
    """Three plain words of the customer are not overturned by one note, and a guess overturns none, whoever read them."""
    note = {"speaker_role": "rep_note", "source_class": "rep_note", "quote": "happy with the price now"}
    for model in ("measured by nobody:1:s", "embedded-4:1:s"):
        plain = [said(day, model=model) for day in (0, 10, 20)]
        told = said(25, "positive", model=model, strength="implied", **note)
        assert (None, "price", "", "positive") not in held(*plain, told)
        guessed = said(25, "positive", model=model, strength="speculative", **note)
        assert (None, "price", "", "positive") not in held(plain[0], guessed)


def test_a_change_counts_from_when_it_was_said_and_not_from_when_its_conversation_began():
    """What was said in between is before it."""
    first, then = said(0, "positive", thread="T"), said(1.5, thread="U")
    change = said(2, "positive", quote="we are no longer worried about the price", thread="T", start=40)
    found = held(first, then, change)
    assert found[None, "price", "", "positive"].confidence > 0.94
    assert found[None, "price", "", "negative"].reason == "changed"


def test_the_statement_is_the_strongest_recent_one():
    """A plain word of today says it better than a hint of last year."""
    found = held(said(0, statement="old and plain"), said(300, statement="new and hedged", strength="speculative"))
    assert found[None, "price", "", "negative"].statement == "new and hedged"


def test_reading_later_fades_and_writes_nothing():
    """The stored belief is as of its last evidence; silence is applied on reading."""
    (belief,) = conclude("p", [said(0)], HALF_LIVES)
    later = as_of(belief, 120.0, START + timedelta(days=120))
    assert round(later.confidence, 2) == 0.69
    assert later.calibration == "uncalibrated"
    assert as_of(belief, 120.0, START).confidence == belief.confidence


def test_both_time_axes_are_asked_separately():
    """What held on a day, knowing only what was known on another."""
    late = said(0, recorded_at=START + timedelta(days=30))
    gone = said(1, withdrawn_at=START + timedelta(days=20))
    known = lambda day, known_day: {  # noqa: E731
        row.id for row in known_at([late, gone], START + timedelta(days=day), START + timedelta(days=known_day))
    }
    assert known(10, 10) == {gone.id}
    assert known(10, 40) == {late.id}
    assert known(0, 40) == {late.id}


LOGS = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.sampled_from(["positive", "negative", "neutral"]),
        st.sampled_from([None, "CTO"]),
        st.sampled_from(["explicit", "implied", "speculative"]),
    ),
    max_size=15,
    unique_by=lambda row: row[:3],
)


@given(LOGS, st.randoms())
def test_beliefs_do_not_depend_on_the_order_of_arrival(log, random):
    """Deleting everything and replaying it in any order gives the same beliefs."""
    rows = [said(day, side, id=f"{day}{side}{holder}", holder=holder, strength=how) for day, side, holder, how in log]
    again = random.sample(rows, len(rows))
    assert [b.model_dump() for b in conclude("p", rows, HALF_LIVES)] == [
        b.model_dump() for b in conclude("p", again, HALF_LIVES)
    ]


@given(
    st.lists(st.tuples(st.sampled_from(["positive", "negative"]), st.integers(0, 3)), min_size=1, unique=True),
    st.randoms(),
)
def test_a_text_that_is_read_anew_concludes_the_same(log, random):
    """Another reading has other ids: what was said at one instant is weighed as it stands in its texts, never by its ids."""

    def read(*marks):
        rows = [
            said(0, side, id=mark, observation_id=f"o{place % 2}", start=place, end=place + 9, statement=f"{side} {place}")
            for mark, (side, place) in zip(marks, log, strict=True)
        ]  # fmt: skip
        found = conclude("p", rows, HALF_LIVES)
        return [(one.polarity, one.statement, one.raw, one.weight, one.units, one.valid_to) for one in found]

    marks = [f"e{number}" for number in range(len(log))]
    assert read(*marks) == read(*random.sample(marks, len(marks)))


@given(LOGS)
def test_every_belief_cites_evidence_and_one_side_at_most_holds(log):
    """No belief without a quote of its own side, and never two sides of one question at once."""
    rows = [said(day, side, id=f"{day}{side}{holder}", holder=holder, strength=how) for day, side, holder, how in log]
    beliefs = conclude("p", rows, HALF_LIVES)
    by_id = {row.id: row for row in rows}
    assert all(any(by_id[id_].polarity == b.polarity for id_ in b.evidence_ids) for b in beliefs)
    standing = [(b.holder, b.slot) for b in beliefs if b.valid_to is None and b.polarity != "neutral"]
    assert len(standing) == len(set(standing))
