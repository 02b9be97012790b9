"""Taking over-merged clusters apart."""

from collections import defaultdict

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stitch.guards import Limits, Link, Tie, constrained, mend, pairs, parts

ROWS = st.integers(0, 14)
KINDS = ("id", "email", "phone")
VALUES = st.lists(st.tuples(st.sampled_from(KINDS), st.sets(ROWS, min_size=2, max_size=6)), max_size=20)
DRAWN = st.lists(st.tuples(ROWS, ROWS).filter(lambda pair: pair[0] != pair[1]), max_size=4)
"""Ties that humans drew."""


def links_of(values: list[tuple[str, set[int]]]) -> list[Link]:
    return [
        Link(number, row, kind, 1 + 2 * KINDS.index(kind), 100 * number + row)
        for number, (kind, rows) in enumerate(values)
        for row in sorted(rows)
    ]


def judged(pairs_drawn: list[tuple[int, int]]) -> list[Tie]:
    return [Tie(0, min(pair), max(pair), 10_000 + number) for number, pair in enumerate(pairs_drawn)]


def groups(ties: list[Tie]) -> list[set[int]]:
    return [set(part) for part in nx.connected_components(nx.Graph([(tie.left, tie.right) for tie in ties]))]


def whole(links: list[Link], drawn: list[Tie]) -> list[set[int]]:
    return groups([*pairs(links), *drawn])


def told(apart: set[tuple[int, int]]) -> dict[int, set[int]]:
    both: dict[int, set[int]] = defaultdict(set)
    for left, right in apart:
        if left != right:
            both[left].add(right)
            both[right].add(left)
    return dict(both)


@given(VALUES, DRAWN)
def test_nothing_is_cut_where_no_rule_is_broken(values, drawn):
    """Mending a cluster that is in order gives the same cluster."""
    links, ties = links_of(values), judged(drawn)
    mended = mend(links, ties, Limits(100))
    assert not mended.causes
    assert sorted(map(sorted, groups(mended.kept))) == sorted(map(sorted, whole(links, ties)))


@given(VALUES, DRAWN, st.integers(2, 6))
def test_no_cluster_stays_larger_than_allowed_unless_humans_joined_it(values, drawn, largest):
    """The weakest identifiers go first; what remains too large hangs together by judgements alone."""
    mended = mend(links_of(values), judged(drawn), Limits(largest))
    for part in groups(mended.kept):
        own = [tie for tie in mended.kept if tie.left in part]
        assert len(part) <= largest or all(tie.priority == 0 for tie in own)


@given(VALUES, DRAWN, st.integers(1, 3))
def test_nobody_hangs_together_by_more_values_than_allowed(values, drawn, most):
    """What still joins in a cluster is within the limit of its kind; other kinds are left alone."""
    mended = mend(links_of(values), judged(drawn), Limits(100, {"email": most}))
    kind = {number: kind for number, (kind, _) in enumerate(values)}
    for part in groups(mended.kept):
        joining = {tie.value for tie in mended.kept if tie.left in part and kind.get(tie.value) == "email"}
        assert len(joining) <= most
    assert all(kind[value] == "email" for value in mended.causes)


@given(VALUES, DRAWN, st.sets(st.tuples(ROWS, ROWS), max_size=10))
def test_records_told_apart_are_never_together(values, drawn, apart):
    """Whatever they share, and over whomever."""
    barred = told(apart)
    for part in groups(mend(links_of(values), judged(drawn), Limits(100, apart=barred)).kept):
        assert not any(barred.get(record, set()) & part for record in part)


@given(VALUES, st.dictionaries(ROWS, st.integers(1, 3)))
def test_a_cluster_has_one_value_of_a_one_ever_kind(values, held):
    """Two customer numbers are two customers."""
    sole = {record: {"external_id": value} for record, value in held.items()}
    for part in groups(mend(links_of(values), [], Limits(100, sole=sole)).kept):
        assert len({held[record] for record in part if record in held}) <= 1


@given(VALUES, DRAWN, st.dictionaries(ROWS, st.integers(1, 3)))
def test_what_a_human_joined_stays_joined_whatever_numbers_it_has(values, drawn, held):
    """Somebody with two logins is one person once a human says so; the rules bring no third number to them."""
    ties, sole = judged(drawn), {record: {"external_id": value} for record, value in held.items()}
    by_hand = groups(ties)
    found = groups(mend(links_of(values), ties, Limits(3, {"email": 1}, sole=sole)).kept)
    for joined in by_hand:
        assert any(joined <= part for part in found)
    for part in found:
        numbers = {held[record] for record in part if record in held}
        assert len(numbers) <= 1 or any(numbers <= {held.get(record) for record in joined} for joined in by_hand)


def test_the_weak_bridge_falls_and_the_strong_one_stays():
    """Two people joined by a phone come apart; each keeps what an e-mail joined."""
    ties = [Tie(5, 1, 2, 0), Tie(3, 0, 1, 1), Tie(3, 2, 3, 2)]
    kept, refused = constrained(ties, Limits(100, apart={0: {3}, 3: {0}}))
    assert [tie.note for tie in kept] == [1, 2]
    assert refused == [(ties[0], "told_apart")]


def test_a_cluster_too_large_loses_only_what_alone_holds_it_together():
    """A chain of phones through ten pairs goes; a phone that only confirms what an address says stays, and so does one at a single record."""
    couples = [("email", {2 * n, 2 * n + 1}) for n in range(10)]
    chain = [("phone", {2 * n, 2 * n + 2}) for n in range(9)]
    confirming, single = ("phone", {0, 1}), ("phone", {0, 30})
    mended = mend(links_of([*couples, *chain, confirming, single]), [], Limits(5))
    assert sorted(map(sorted, groups(mended.kept))) == [[0, 1, 30], *([2 * n, 2 * n + 1] for n in range(1, 10))]
    assert mended.causes == dict.fromkeys(range(10, 19), "too_large")


def test_a_large_cluster_without_a_bridge_loses_its_weakest_kind():
    """Twenty records that all share two phones with their neighbours on both sides hang by nothing else."""
    ring = [("phone", {n, (n + 1) % 20}) for n in range(20)]
    couples = [("email", {2 * n, 2 * n + 1}) for n in range(10)]
    mended = mend(links_of([*ring, *couples]), [], Limits(5))
    assert sorted(map(sorted, groups(mended.kept))) == [[2 * n, 2 * n + 1] for n in range(10)]


@pytest.mark.parametrize("most", [2, 14])
def test_an_address_that_a_clerk_typed_into_everybodys_record_joins_nobody(most):
    """Fifteen people with two records each have an address of their own; the one that they have in common alone holds them together."""
    own = [("email", {2 * n, 2 * n + 1}) for n in range(15)]
    mended = mend(links_of([*own, ("email", {2 * n for n in range(15)})]), [], Limits(100, {"email": most}))
    assert sorted(map(sorted, groups(mended.kept))) == [[2 * n, 2 * n + 1] for n in range(15)]
    assert mended.causes == {15: "too_many_values"}


def test_values_beyond_the_limit_that_hold_nothing_together_go_by_support():
    """Three addresses of one person, all on records that share an id: the one on the fewest records joins no more."""
    values = [("id", {0, 1, 2, 3}), ("email", {0, 1}), ("email", {0, 1, 2}), ("email", {0, 1, 2, 3})]
    mended = mend(links_of(values), [], Limits(100, {"email": 2}))
    assert groups(mended.kept) == [{0, 1, 2, 3}]
    assert mended.causes == {1: "too_many_values"}


def test_a_huge_cluster_is_taken_apart_in_time():
    """Thirty thousand people in one chain of addresses, as a faulty import makes them."""
    chain = [("email", {n, n + 1}) for n in range(30_000)]
    mended = mend(links_of(chain), [], Limits(50, {"email": 10}))
    assert max(map(len, groups(mended.kept))) <= 50


def test_pairs_of_a_value_are_all_pairs():
    """A star hides who is close to whom; cutting looks at every pair."""
    links = [Link(7, row, "email", 3, row) for row in (0, 4, 9)]
    assert {(tie.left, tie.right) for tie in pairs(links)} == {(0, 4), (0, 9), (4, 9)}


def test_a_value_that_one_record_has_left_joins_nothing():
    """It takes two."""
    assert parts([Link(0, 1, "email", 3, 0), Link(1, 2, "email", 3, 1)], []) == []
