"""Connected components with reasons: who hangs together, and over which edges. Pure arrays; records are numbers here."""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Edges:
    """Ties between numbered records, undirected. `note` is the caller's number of the reason."""

    left: Ints
    right: Ints
    priority: Ints
    note: Ints

    def take(self, which: NDArray[np.bool_] | Ints) -> "Edges":
        """Some of the edges."""
        return Edges(self.left[which], self.right[which], self.priority[which], self.note[which])


@dataclass(frozen=True)
class Forest:
    """Components and a tree through each.

    Shape: one entry per record. `label` numbers the components by their first record; `parent` is the record it was joined to
    (-1 for the first of each component) and `note` the reason of that edge (-1 likewise).
    """

    label: Ints
    parent: Ints
    note: Ints


def plait(edges: Edges, size: int) -> Forest:
    """The forest over `size` records that keeps the strongest edges: a minimum spanning tree by priority."""
    edges = _one_per_pair(edges, size)
    # no two weigh the same, so that records far away have no say in which is taken; a weight of 0 would be no edge in a sparse matrix
    weight = edges.priority * len(edges.left) + np.arange(1.0, len(edges.left) + 1)
    graph = scipy.sparse.coo_matrix((weight, (edges.left, edges.right)), shape=(size, size)).tocsr()
    label = scipy.sparse.csgraph.connected_components(graph, directed=False)[1].astype(np.int64)
    parent = _parents(scipy.sparse.csgraph.minimum_spanning_tree(graph), label, size)
    return Forest(label, parent, _notes(edges, parent, size))


def labels(edges: Edges, size: int) -> Ints:
    """The component of each record."""
    graph = scipy.sparse.coo_matrix((np.ones(len(edges.left)), (edges.left, edges.right)), shape=(size, size)).tocsr()
    found: Ints = scipy.sparse.csgraph.connected_components(graph, directed=False)[1].astype(np.int64)
    return found


def _one_per_pair(edges: Edges, size: int) -> Edges:
    """The strongest edge of each pair, left below right, sorted by pair; equal ones are told apart by their note."""
    edges = edges.take(edges.left != edges.right)
    left, right = np.minimum(edges.left, edges.right), np.maximum(edges.left, edges.right)
    pair = left * size + right
    order = np.lexsort((edges.note, edges.priority, pair))
    first = np.diff(pair[order], prepend=-1) != 0
    return Edges(left, right, edges.priority, edges.note).take(order[first])


def _parents(tree: "scipy.sparse.csr_array", label: Ints, size: int) -> Ints:
    """Walk all trees at once: a root above the first record of every component makes them one."""
    if size == 0:
        return np.empty(0, np.int64)
    _, firsts = np.unique(label, return_index=True)
    branches = tree.tocoo()
    left = np.concatenate([branches.row, np.full(len(firsts), size)])
    right = np.concatenate([branches.col, firsts])
    whole = scipy.sparse.coo_matrix((np.ones(len(left)), (left, right)), shape=(size + 1, size + 1)).tocsr()
    predecessors = scipy.sparse.csgraph.breadth_first_order(whole, size, directed=False)[1][:size].astype(np.int64)
    return np.where(predecessors == size, -1, predecessors)


def _notes(edges: Edges, parent: Ints, size: int) -> Ints:
    """The note of the edge between each record and its parent."""
    notes = np.full(size, -1, np.int64)
    child = np.flatnonzero(parent >= 0)
    pairs = np.minimum(child, parent[child]) * size + np.maximum(child, parent[child])
    notes[child] = edges.note[np.searchsorted(edges.left * size + edges.right, pairs)]
    return notes
