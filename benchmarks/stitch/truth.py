"""How well persons were found, pair by pair, beside the planted truth."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from benchmarks.stitch.world import World


@dataclass(frozen=True)
class Score:
    """Of the pairs of records put together, those that are one person's; of the pairs that are one person's, those found."""

    precision: float
    recall: float


def score(found: NDArray[Any], person: NDArray[Any]) -> Score:
    """Compare what each record was put into with whose it is; both in the order of the records."""
    _, labels = np.unique(found, return_inverse=True)
    _, truth = np.unique(person, return_inverse=True)
    both = _pairs(np.unique(labels * np.int64(len(truth) + 1) + truth, return_counts=True)[1])
    return Score(both / _pairs(np.bincount(labels)), both / _pairs(np.bincount(truth)))


def within_reach(world: World) -> float:
    """The recall of a clairvoyant who joins equal values of one person and nothing else: what no value ties, no rule can."""
    number = world.identifiers["number"].to_numpy()
    person = world.records["person"].to_numpy()
    own = person[number] ^ world.identifiers["value_hash"].to_numpy()
    _, value = np.unique(own, return_inverse=True)
    records = world.records.num_rows
    size = records + int(value.max()) + 1
    graph = coo_matrix((np.ones(len(number), np.int8), (number, records + value)), shape=(size, size))
    return score(connected_components(graph, directed=False)[1][:records], person).recall


def _pairs(sizes: NDArray[np.int64]) -> int:
    return int((sizes * (sizes - 1) // 2).sum())
