"""Bridges of a graph, beside an independent solver."""

from collections import Counter

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stitch.bridges import bridges

NODES = st.integers(-8, 12)
EDGES = st.lists(st.tuples(NODES, NODES).filter(lambda edge: edge[0] != edge[1]), max_size=40)


@given(EDGES)
def test_bridges_are_those_that_networkx_finds(edges):
    """An edge given twice is no bridge; on its smaller side hang as many records as its removal cuts off."""
    graph = nx.Graph(edges)
    times = Counter(frozenset(edge) for edge in edges)
    expected = {}
    for left, right in nx.bridges(graph):
        if times[frozenset((left, right))] == 1:
            cut = nx.Graph(graph)
            cut.remove_edge(left, right)
            sides = [nx.node_connected_component(cut, end) for end in (left, right)]
            place = next(n for n, edge in enumerate(edges) if set(edge) == {left, right})
            expected[place] = min(sum(node >= 0 for node in side) for side in sides)
    assert bridges(edges) == expected


def test_a_chain_longer_than_the_recursion_limit_is_no_trouble():
    """Every edge of it is a bridge; half of the records hang on the middle one."""
    found = bridges([(n, n + 1) for n in range(5000)])
    assert len(found) == 5000
    assert max(found.values()) == 2500
