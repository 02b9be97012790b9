"""Taking over-merged clusters apart."""

from itertools import pairwise

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stitch.guards import Limits, Tie, clusters, constrained, mend, pairs

NODES = st.integers(0, 14)
TIES = st.lists(st.tuples(st.integers(0, 5), NODES, NODES), max_size=60)
RULED = st.lists(st.tuples(st.integers(1, 5), NODES, NODES), max_size=60)
"""Ties of rules; 0 is the priority of what a human judged."""


def ties_of(drawn: list[tuple[int, int, int]]) -> list[Tie]:
    return [Tie(priority, left, right, note) for note, (priority, left, right) in enumerate(drawn) if left != right]


def parts(ties: list[Tie]) -> list[set[int]]:
    return [set(part) for part in nx.connected_components(nx.Graph([(tie.left, tie.right) for tie in ties]))]


@given(TIES)
def test_nothing_is_cut_where_no_rule_is_broken(drawn):
    """Mending a cluster that is in order gives the same cluster."""
    ties = ties_of(drawn)
    mended = mend(ties, Limits(100, {}, {}))
    assert mended.refused == mended.oversize == 0
    assert sorted(map(sorted, parts(mended.kept))) == sorted(map(sorted, parts(ties)))


@given(TIES, st.integers(2, 6))
def test_no_cluster_stays_larger_than_allowed_unless_humans_joined_it(drawn, largest):
    """The weakest identifiers go first; what remains too large hangs together by judgements alone."""
    for part in clusters(mend(ties_of(drawn), Limits(largest, {}, {})).kept):
        assert len({record for tie in part for record in (tie.left, tie.right)}) <= largest or all(
            tie.priority == 0 for tie in part
        )


@given(TIES, st.sets(st.tuples(NODES, NODES), max_size=10))
def test_records_told_apart_are_never_together(drawn, told):
    """Whatever they share, and over whomever."""
    apart: dict[int, set[int]] = {}
    for left, right in told:
        if left != right:
            apart.setdefault(left, set()).add(right)
            apart.setdefault(right, set()).add(left)
    for part in parts(mend(ties_of(drawn), Limits(100, apart, {})).kept):
        assert not any(apart.get(record, set()) & part for record in part)


@given(RULED, st.dictionaries(NODES, st.integers(1, 3)))
def test_a_cluster_has_one_value_of_a_one_ever_kind(drawn, held):
    """Two customer numbers are two customers."""
    sole = {record: {"external_id": value} for record, value in held.items()}
    for part in parts(mend(ties_of(drawn), Limits(100, {}, sole)).kept):
        assert len({held[record] for record in part if record in held}) <= 1


@given(TIES, st.dictionaries(NODES, st.integers(1, 3)))
def test_what_a_human_joined_stays_joined_whatever_numbers_it_has(drawn, held):
    """Somebody with two logins is one person once a human says so; the rules bring no third number to them."""
    ties, sole = ties_of(drawn), {record: {"external_id": value} for record, value in held.items()}
    judged = parts([tie for tie in ties if tie.priority == 0])
    found = parts(mend(ties, Limits(100, {}, sole)).kept)
    for whole in judged:
        assert any(whole <= part for part in found)
    for part in found:
        numbers = {held[record] for record in part if record in held}
        assert len(numbers) <= 1 or any(numbers <= {held.get(record) for record in whole} for whole in judged)


def test_the_weak_bridge_falls_and_the_strong_one_stays():
    """Two people joined by a phone come apart; each keeps what an e-mail joined."""
    kept, refused = constrained([Tie(5, 1, 2, 0), Tie(3, 0, 1, 1), Tie(3, 2, 3, 2)], Limits(100, {0: {3}, 3: {0}}, {}))
    assert [tie.note for tie in kept] == [1, 2]
    assert refused == 1


def test_a_cluster_too_large_loses_its_weakest_kind_only():
    """One phone through fifty pairs goes; the pairs stay pairs."""
    couples = [Tie(3, 2 * n, 2 * n + 1, n) for n in range(10)]
    chain = [Tie(5, 2 * left, 2 * right, 100 + left) for left, right in pairwise(range(10))]
    mended = mend(couples + chain, Limits(5, {}, {}))
    assert sorted(tie.note for tie in mended.kept) == list(range(10))
    assert mended.oversize == 1


def test_pairs_of_a_value_are_all_pairs():
    """A star hides who is close to whom; cutting looks at every pair."""
    links = [(0, 77, "email", row, 3, row) for row in (0, 4, 9)]
    assert {(tie.left, tie.right) for tie in pairs(links)} == {(0, 4), (0, 9), (4, 9)}
