"""Components and their trees against a solver that knows nothing of ours."""

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stitch.components import Edges, labels, plait

SIZES = st.integers(1, 40)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int, int]]]:
    size = draw(SIZES)
    node = st.integers(0, size - 1)
    return size, draw(st.lists(st.tuples(node, node, st.integers(0, 5)), max_size=80))


def edges_of(drawn: list[tuple[int, int, int]]) -> Edges:
    rows = np.array(drawn, np.int64).reshape(-1, 3)
    return Edges(rows[:, 0], rows[:, 1], rows[:, 2], np.arange(len(rows)))


def solved(size: int, drawn: list[tuple[int, int, int]]) -> nx.Graph:
    graph = nx.Graph()
    graph.add_nodes_from(range(size))
    for left, right, priority in drawn:
        if left != right and priority < graph.get_edge_data(left, right, {"weight": 9})["weight"]:
            graph.add_edge(left, right, weight=priority)
    return graph


def parts(label: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(label == one).tolist()) for one in np.unique(label)}


@given(graphs())
def test_components_are_those_of_an_independent_solver(drawn):
    """Two records are together exactly if a way of shared values leads from one to the other."""
    size, found = drawn
    expected = {frozenset(part) for part in nx.connected_components(solved(size, found))}
    assert parts(plait(edges_of(found), size).label) == expected
    assert parts(labels(edges_of(found), size)) == expected


@given(graphs())
def test_the_tree_keeps_the_strongest_reasons(drawn):
    """Every record but the first of its component names the edge it came by, and no stronger set of edges would do."""
    size, found = drawn
    forest = plait(edges_of(found), size)
    tree = nx.Graph([(child, int(parent)) for child, parent in enumerate(forest.parent) if parent >= 0])
    assert nx.number_of_nodes(tree) == 0 or nx.is_forest(tree)
    total = 0
    for child, (parent, note) in enumerate(zip(forest.parent, forest.note, strict=True)):
        if parent < 0:
            assert np.flatnonzero(forest.label == forest.label[child])[0] == child
            continue
        left, right, priority = found[note]
        assert {left, right} == {child, int(parent)}
        total += priority
    assert total == sum(data["weight"] for *_, data in nx.minimum_spanning_edges(solved(size, found)))


def test_components_are_numbered_by_their_first_record():
    """Numbering follows the records, so the same records always give the same numbers."""
    forest = plait(edges_of([(5, 1, 3), (2, 4, 3)]), 6)
    assert forest.label.tolist() == [0, 1, 2, 3, 2, 1]


def test_nobody_is_no_component():
    """An empty lake has no persons."""
    assert plait(edges_of([]), 0).label.tolist() == []
