"""Bridges of a graph: edges that alone hold two parts together. What hangs by one is tied by a single value and by nothing else."""

from collections.abc import Sequence


def bridges(edges: Sequence[tuple[int, int]]) -> dict[int, int]:
    """How many records hang on each bridge, on its smaller side.

    Shape: by the edge's place in `edges`, edges that are no bridges left out. Records are numbers from 0, values negative ones, and only
    records count. Source: R. E. Tarjan, A note on finding the bridges of a graph, 1974; a stack of its own, for graphs may be long chains.
    """
    near: dict[int, list[tuple[int, int]]] = {}
    for place, (left, right) in enumerate(edges):
        near.setdefault(left, []).append((right, place))
        near.setdefault(right, []).append((left, place))
    found: dict[int, int] = {}
    seen: dict[int, int] = {}
    for root in near:
        if root not in seen:
            hanging, records = _walk(root, near, seen)
            found |= {place: min(below, records - below) for place, below in hanging.items()}
    return found


def _walk(root: int, near: dict[int, list[tuple[int, int]]], seen: dict[int, int]) -> tuple[dict[int, int], int]:
    """The bridges of one component with the records below each, and all records of the component. `seen` numbers nodes as they are met."""
    hanging: dict[int, int] = {}
    low: dict[int, int] = {}  # the earliest node that a subtree reaches without the edge above it
    below: dict[int, int] = {}
    stack = [(root, -1, iter(near[root]))]
    seen[root] = low[root] = len(seen)
    below[root] = int(root >= 0)
    while stack:
        node, above, rest = stack[-1]
        for other, place in rest:
            if place == above:
                continue
            if other in seen:
                low[node] = min(low[node], seen[other])
                continue
            seen[other] = low[other] = len(seen)
            below[other] = int(other >= 0)
            stack.append((other, place, iter(near[other])))
            break
        else:
            stack.pop()
            if stack:
                parent = stack[-1][0]
                low[parent] = min(low[parent], low[node])
                below[parent] += below[node]
                if low[node] > seen[parent]:
                    hanging[above] = below[node]
    return hanging, below[root]
