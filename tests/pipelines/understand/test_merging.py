"""What joins one belief, what opposes it, what ends it, and what may never hold it up."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from models import Polarity
from pipelines.understand.beliefs import conclude, known_at
from pipelines.understand.changed import changes_between
from pipelines.understand.matching import holder_key, joined, matcher, same_letters
from tests.pipelines.understand.test_beliefs import HALF_LIVES, START, held, said


def verdict(day, side="negative", **more):
    about = {"source_class": "review/colleague", "level": "reviewed", "quote": "", "end": 0, "model": "review"}
    return said(day, side, id=f"v{day}{side}", **{**about, **more})


def inferred(day, side="negative", parents=None, **more):
    level = "deduced" if parents else "asserted"
    basis = {"parents": parents} if parents else None
    about = {
        "source_class": f"agent/{level}",
        "level": level,
        "quote": "",
        "end": 0,
        "model": "agent:a",
        "basis": basis,
    }
    return said(day, side, id=f"i{day}{side}{more.get('slot', '')}", **{**about, **more})


def test_names_of_one_aspect_are_one():
    """Two spellings of an aspect oppose each other; what is called as at first stays called so."""
    found = held(said(0, aspect="setup fee"), said(1, "positive", aspect="Set-up fees"), said(2, aspect="discount"))
    assert {(key[2], key[3]): belief.contested for key, belief in found.items()} == {
        ("setup fee", "positive"): True,
        ("discount", "negative"): False,
    }


def test_roles_are_one_however_they_are_written():
    """The CTO is the CTO with and without an article."""
    found = held(said(0, holder="the CTO"), said(1, holder="CTO"), said(2, holder="our cto"))
    assert [(key[0], belief.units) for key, belief in found.items()] == [("the CTO", 3)]
    assert holder_key("our") == "our"


NAMES = st.lists(st.sampled_from(["setup fee", "set-up fees", "fees", "price per seat", "seat price", "", "SSO"]))


@given(NAMES, st.randoms())
def test_which_names_are_one_does_not_depend_on_their_order(names, random):
    """A pure function of the set of names; every name is in its own group, and groups do not overlap."""
    groups = joined(names, matcher())
    assert groups == joined(random.sample(names, len(names)), matcher())
    assert all(name in group and all(groups[other] == group for other in group) for name, group in groups.items())
    assert same_letters("setup fee", "Set-Up Fees")
    assert not same_letters("setup fee", "price per seat")


def test_a_verdict_settles_it_and_leaves_no_opposite_that_nobody_voiced():
    """A disagreement ends the belief with its reason; that somebody thinks the opposite does not follow."""
    found = held(said(0), said(10), verdict(20, against=True))
    (belief,) = found.values()
    assert (belief.polarity, belief.reason, belief.superseded_by) == ("negative", "reviewed", None)
    assert belief.valid_to == START + timedelta(days=20)
    assert belief.confidence < 0.06
    assert not belief.contested


def test_a_verdict_outweighs_what_was_said_before_and_not_what_is_said_after():
    """Texts of before it change nothing, however late they are read; new words count as ever."""
    settled = [said(0), verdict(20, against=True)]
    assert held(*settled, *(said(day) for day in range(1, 19, 4)))[None, "price", "", "negative"].confidence < 0.06
    again = held(*settled, said(30), said(60), said(90))[None, "price", "", "negative"]
    assert again.valid_to is None
    assert again.confidence > 0.6


def test_a_declared_change_says_so_and_who_follows():
    """The old belief names the new one, and why it ended."""
    found = held(said(0), said(9, "positive", quote="we no longer find it expensive"))
    old, new = found[None, "price", "", "negative"], found[None, "price", "", "positive"]
    assert (old.reason, old.superseded_by) == ("changed", new.id)
    assert (
        held(said(0), said(60, "positive"), said(80, "positive"))[None, "price", "", "negative"].reason
        == "contradicted"
    )


def test_agents_count_once_and_only_where_nobody_has_spoken():
    """However often it is said, an agent's word is one thin word, and gone as soon as the customer speaks."""
    found = held(*(inferred(day) for day in range(0, 50, 5)))
    (belief,) = found.values()
    assert (belief.level, belief.units, round(belief.confidence, 2)) == ("asserted", 1, 0.55)
    alone, with_agents = held(said(3)), held(said(3), *(inferred(day) for day in range(0, 50, 5)))
    assert [b.model_dump() for b in alone.values()] == [b.model_dump() for b in with_agents.values()]


def test_what_is_deduced_is_never_surer_than_its_parents_and_never_holds_them_up():
    """It names its parents, falls with them, and adds nothing to them."""
    rests_on = [[None, "price", "", "negative"]]
    drawn = inferred(5, slot="budget", parents=rests_on)
    hint = {"strength": "speculative", "source_class": "rep_note"}
    weak = held(said(0, **hint), drawn)
    parent, child = weak[None, "price", "", "negative"], weak[None, "budget", "", "negative"]
    assert child.confidence == parent.confidence < 0.6
    assert (child.level, child.parents) == ("deduced", [parent.id])
    assert parent.model_dump() == held(said(0, **hint))[None, "price", "", "negative"].model_dump()
    assert (None, "budget", "", "negative") not in held(said(0), said(60, "positive"), said(80, "positive"), drawn)
    circle = held(inferred(1, parents=[[None, "budget", "", "negative"]]), drawn)
    assert circle == {}


ROWS = st.lists(
    st.tuples(
        st.integers(0, 100),
        st.sampled_from(["positive", "negative", "neutral"]),
        st.sampled_from(["said", "verdict", "asserted", "deduced"]),
        st.sampled_from(["", "setup fee", "Set-up fees", "discount"]),
        st.integers(0, 60),
        st.none() | st.integers(1, 60),
    ),
    max_size=10,
    unique_by=lambda row: row[:4],
)


def log(rows):
    made = []
    for day, side, kind, aspect, late, gone in rows:
        at = START + timedelta(days=day)
        times = {"recorded_at": at + timedelta(days=late), "withdrawn_at": gone and at + timedelta(days=late + gone)}
        make = {"said": said, "verdict": verdict, "asserted": inferred, "deduced": inferred}[kind]
        more = {"parents": [[None, "price", "", "negative"]]} if kind == "deduced" else {}
        row = make(day, side, aspect=aspect, against=kind == "verdict" and late % 2 == 0, **times, **more)
        row.id = f"{day}{side}{kind}{aspect}"
        row.observation_id = row.thread = f"o{row.id}"
        made.append(row)
    return made


def dump(beliefs):
    return [belief.model_dump() for belief in beliefs]


@given(ROWS, st.randoms(), st.integers(0, 160), st.integers(0, 160))
def test_what_we_knew_on_a_day_is_what_we_would_have_concluded_on_it(rows, random, day, known_day):
    """On both time axes, whatever came late or was withdrawn since, in any order: as if only that had ever been there."""
    evidence = log(rows)
    instant, known = START + timedelta(days=day), START + timedelta(days=known_day)
    there = [
        row
        for row in evidence
        if row.occurred_at <= instant
        and row.recorded_at <= known
        and not (row.withdrawn_at and row.withdrawn_at <= known)
    ]
    shuffled = random.sample(evidence, len(evidence))
    assert dump(conclude("p", known_at(shuffled, instant, known), HALF_LIVES)) == dump(conclude("p", there, HALF_LIVES))


@given(ROWS, st.data())
def test_deleting_then_replaying_and_splitting_then_merging_restore_the_very_beliefs(rows, data):
    """Late, missing and returning evidence leave no trace: beliefs are a function of what is there."""
    evidence = log(rows)
    whole = dump(conclude("p", evidence, HALF_LIVES))
    gone = data.draw(st.sets(st.sampled_from([row.id for row in evidence])) if evidence else st.just(set()))
    one, other = [r for r in evidence if r.id in gone], [r for r in evidence if r.id not in gone]
    conclude("q", one, HALF_LIVES)
    conclude("p", other, HALF_LIVES)
    assert dump(conclude("p", [*other, *one], HALF_LIVES)) == whole


@given(ROWS)
def test_beliefs_bound_what_they_claim(rows):
    """Each cites evidence for its own side, one side of a question at most holds, and children are no surer than parents."""
    evidence = log(rows)
    by_id, found = {row.id: row for row in evidence}, conclude("p", evidence, HALF_LIVES)
    known = {belief.id: belief for belief in found}
    assert len(known) == len(found)
    for belief in found:
        assert any(by_id[id_].polarity == belief.polarity and not by_id[id_].against for id_ in belief.evidence_ids)
        assert all(belief.raw <= known[parent].raw for parent in belief.parents)
        assert (belief.valid_to is None) == (belief.reason is None)
    standing = [(b.holder, b.slot, b.aspect) for b in found if b.valid_to is None and b.polarity != Polarity.neutral]
    assert len(standing) == len(set(standing))


def test_what_changed_is_told_in_plain_words():
    """New, turned, disputed, stronger and withdrawn, each in a sentence; nothing if nothing did."""
    first = [said(0), said(0, slot="preference", polarity="neutral", statement="Prefers e-mail.", id="n")]
    more = [*first, said(5, "positive", quote="we no longer find it expensive", statement="Finds it fair")]
    before, after = conclude("p", first, HALF_LIVES), conclude("p", more, HALF_LIVES)
    assert [c.words for c in changes_between(before, after)] == [
        "Turned (they said so themselves): said negative on 0. Now: Finds it fair."
    ]
    assert changes_between(after, after) == []
    assert [c.kind for c in changes_between([], before)] == ["new", "new"]
    assert [c.words for c in changes_between(before, before[:1] if before[0].slot == "price" else before[1:])] == [
        "Gone, for its evidence was withdrawn: Prefers e-mail."
    ]
    leaning = conclude("p", [*first, said(1, "positive")], HALF_LIVES)
    assert [c.words for c in changes_between(before, leaning)] == [
        "Turning: said negative on 0. Now rather: said positive on 1."
    ]
    contested = conclude("p", [*first, said(5), said(6, "positive")], HALF_LIVES)
    assert "contested" in {c.kind for c in changes_between(before, contested)}
    assert [c.kind for c in changes_between(before, conclude("p", [*first, said(5)], HALF_LIVES))] == ["stronger"]
