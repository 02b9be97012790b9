"""Which records hang together: by shared values and by judgements, with the clusters that break a rule taken apart. Pure arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.stitch.components import Edges, Forest, Ints, labels, plait
from pipelines.stitch.edges import Links
from pipelines.stitch.guards import Limits, Link, Tie, mend
from pipelines.stitch.quarantine import Refused, refused_ties
from pipelines.stitch.rules import JUDGEMENT, LARGEST, Rule

Apart = Mapping[int, set[int]]
"""For each numbered record, the records that humans told it apart from."""


@dataclass(frozen=True)
class Clusters:
    """The forest, the reasons its notes point to, and what the guards refused; `by_rules` numbers the clusters that nobody judged."""

    forest: Forest
    reasons: pa.Table
    by_rules: Ints
    refused: list[Refused] = field(default_factory=list)


def cluster(
    people: pa.Table, found: Links, same: pa.Table, apart: Apart, rules: Mapping[str, Rule], largest: int = LARGEST
) -> Clusters:
    """Tie records together by shared values and judgements, and by shared values alone, which tells what judgements change."""
    judged = _cluster(people, found, same, apart, rules, largest)
    if not same.num_rows and not apart:
        return judged
    return replace(judged, by_rules=_cluster(people, found, same.slice(length=0), {}, rules, largest).by_rules)


def _cluster(
    people: pa.Table, found: Links, same: pa.Table, apart: Apart, rules: Mapping[str, Rule], largest: int
) -> Clusters:
    """Tie records together, and mend the clusters that break a rule."""
    reasons = pa.concat_tables([found.table, same])
    every = _edges(reasons)
    star = every.take(every.left != every.right)
    label = labels(star, people.num_rows)
    most = {kind: rule.max_values for kind, rule in rules.items() if rule.max_values is not None}
    suspect = _suspects(label, found.sole, apart, largest) | _crowded(label, star, reasons, most)
    if not suspect.any():
        forest = plait(star, people.num_rows)
        return Clusters(forest, reasons, forest.label)
    inside = pa.array(suspect[label[found.sole["row"].to_numpy()]], pa.bool_())
    limits = Limits(largest, most, apart, _sole(found.sole.filter(inside)))
    shared, drawn = _ties(reasons, suspect[label])
    mended = mend(shared, drawn, limits)
    clean = star.take(~suspect[label[star.left]])
    forest = plait(_with(clean, mended.kept), people.num_rows)
    return Clusters(forest, reasons, forest.label, refused_ties(shared, mended, forest.label))


def _edges(reasons: pa.Table) -> Edges:
    left, right, priority = (reasons[name].to_numpy() for name in ("first", "row", "priority"))
    return Edges(left, right, priority, np.arange(reasons.num_rows))


def _with(edges: Edges, ties: list[Tie]) -> Edges:
    more = np.array([(tie.left, tie.right, tie.priority, tie.note) for tie in ties], np.int64).reshape(-1, 4)
    own = np.column_stack([edges.left, edges.right, edges.priority, edges.note])
    return Edges(*np.concatenate([own, more]).T)


def _suspects(label: Ints, sole: pa.Table, apart: Apart, largest: int) -> NDArray[np.bool_]:
    """For each component, whether it breaks a rule."""
    suspect = np.bincount(label) > largest
    for left, others in apart.items():
        if any(label[left] == label[right] for right in others):
            suspect[label[left]] = True
    held = sole.append_column("label", pa.array(label[sole["row"].to_numpy()], pa.int64()))
    several = held.group_by(["label", "kind"]).aggregate([("value_hash", "count_distinct")])
    suspect[several["label"].to_numpy()[several["value_hash_count_distinct"].to_numpy() > 1]] = True
    return suspect


def _crowded(label: Ints, star: Edges, reasons: pa.Table, most: Mapping[str, int]) -> NDArray[np.bool_]:
    """For each component, whether it hangs together by more values of a kind than one person has.

    More values need more ties, so only components with many ties are looked into.
    """
    where = label[star.left]
    ties = np.bincount(where, minlength=int(label.max(initial=-1)) + 1)
    crowded = np.zeros(len(ties), np.bool_)
    many = np.flatnonzero(ties[where] > min(most.values(), default=len(where)))
    if not len(many):
        return crowded
    near = reasons.select(["kind", "value_hash"]).take(pa.array(star.note[many], pa.int64()))
    near = near.append_column("label", pa.array(where[many]))
    for row in near.group_by(["label", "kind"]).aggregate([("value_hash", "count_distinct")]).to_pylist():
        crowded[row["label"]] |= row["value_hash_count_distinct"] > most.get(row["kind"], len(where))
    return crowded


def _sole(sole: pa.Table) -> dict[int, dict[str, set[int]]]:
    held: dict[int, dict[str, set[int]]] = {}
    for row in sole.to_pylist():
        held.setdefault(row["row"], {}).setdefault(row["kind"], set()).add(row["value_hash"])
    return held


def _ties(reasons: pa.Table, suspect: NDArray[np.bool_]) -> tuple[list[Link], list[Tie]]:
    """What holds suspicious components together: values, numbered in the order of their first record, and judgements."""
    chosen = reasons.append_column("note", pa.array(range(reasons.num_rows), pa.int64()))
    rows = chosen.filter(pa.array(suspect[reasons["row"].to_numpy()])).to_pylist()
    shared = sorted(
        (row["first"], row["value_hash"], row["kind"], row["row"], row["note"], row["priority"])
        for row in rows
        if row["kind"] != JUDGEMENT
    )
    numbers: dict[tuple[int, int, str], int] = {}
    found = [
        Link(numbers.setdefault((first, value, kind), len(numbers)), row, kind, priority, note)
        for first, value, kind, row, note, priority in shared
    ]
    drawn = [Tie(row["priority"], row["first"], row["row"], row["note"]) for row in rows if row["kind"] == JUDGEMENT]
    return found, drawn
