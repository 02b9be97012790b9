"""From facts to persons and accounts: edges, components, guards, ids, membership, in this order.

Everything is recomputed from the lake and the judgements each time; only differences are written. To split or join two records, add
a `Judgement` on them: the next stitch follows it, and superseding it takes it back. The store's rows land in one transaction; the
lake's snapshot follows and is rewritten by the next stitch if a crash came between.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from models.clock import Clock
from models.facts import Scope
from models.identity import Judgement
from models.store import transaction
from pipelines import progress
from pipelines.ingest.lake import Lake
from pipelines.stitch.components import Edges, Forest, Ints, labels, plait
from pipelines.stitch.edges import LINKS, Links, links, members
from pipelines.stitch.guards import Limits, Mended, Tie, mend, pairs
from pipelines.stitch.membership import Settled, settle, snapshot
from pipelines.stitch.rules import JUDGEMENT, JUDGEMENT_PRIORITY, LARGEST, rules_of

Apart = Mapping[int, set[int]]


@dataclass(frozen=True)
class StitchReport:
    """What one stitch found and changed.

    Shape: `values` counts identifier values by what became of them (used, hub, blocked, internal, unruled); `sizes` counts
    entities by how many records they have; `changes` counts identity events and membership rows written. `refused` ties were cut
    by a guard, `oversize` clusters were too large.
    """

    scope: Scope
    version: int
    records: int = 0
    entities: int = 0
    values: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[int, int] = field(default_factory=dict)
    changes: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0
    oversize: int = 0

    @property
    def largest(self) -> int:
        """Records of the largest person or account."""
        return max(self.sizes, default=0)

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return any(self.changes.values())


@dataclass(frozen=True)
class Clusters:
    """The forest, the reasons its notes point to, and what the guards refused."""

    forest: Forest
    reasons: pa.Table
    mended: Mended


def stitch(lake: Lake, store: Engine, clock: Clock, scope: Scope) -> StitchReport:
    """Decide which records are one person (or account), and keep ids that were given before.

    Shape: every live record of the scope is in exactly one entity. Nothing is written if nothing changed.
    """
    people = members(lake, scope)
    progress.report(f"stitch {scope}: records", people.num_rows)
    found = links(lake, scope, people, rules_of(scope))
    with transaction(store) as session:
        clusters = cluster(people, found, *judgements(session, people))
        settled = settle(session, scope, people, clusters.forest, clusters.reasons, clock.now())
    progress.report(f"stitch {scope}: entities", settled.entities)
    snapshot(lake, store)
    return _report(scope, people, found, clusters, settled)


def cluster(people: pa.Table, found: Links, same: pa.Table, apart: Apart) -> Clusters:
    """Tie records together by shared values and judgements, and mend the clusters that break a rule."""
    reasons = pa.concat_tables([found.table, same])
    every = _edges(reasons)
    star = every.take(every.left != every.right)
    label = labels(star, people.num_rows)
    suspect = _suspects(label, found.sole, apart)
    if not suspect.any():
        return Clusters(plait(star, people.num_rows), reasons, Mended([], 0, 0))
    limits = Limits(LARGEST, apart, _sole(found.sole))
    mended = mend(_ties(reasons, suspect[label]), limits)
    clean = star.take(~suspect[label[star.left]])
    return Clusters(plait(_with(clean, mended.kept), people.num_rows), reasons, mended)


def judgements(session: Session, people: pa.Table) -> tuple[pa.Table, Apart]:
    """What humans decided about these records: ties that hold, shaped like links, and pairs never to be joined.

    The latest decision on a pair counts; decisions on records that are gone wait until they return.
    """
    rows = session.exec(select(Judgement).where(col(Judgement.superseded_at).is_(None)).order_by(col(Judgement.id)))
    standing = {frozenset((row.left, row.right)): row for row in sorted(rows, key=lambda row: (row.decided_at, row.id))}
    named = pa.array(sorted({record for pair in standing for record in pair}), pa.string())
    numbers = dict(zip(named.to_pylist(), pc.index_in(named, value_set=people["record"]).to_pylist(), strict=True))
    same, apart = [], dict[int, set[int]]()
    for row in standing.values():
        left, right = numbers[row.left], numbers[row.right]
        if left is None or right is None or left == right:
            continue
        if row.same:
            same.append((max(left, right), min(left, right), JUDGEMENT, JUDGEMENT_PRIORITY, 0, None))
        else:
            apart.setdefault(left, set()).add(right)
            apart.setdefault(right, set()).add(left)
    columns = list(zip(*sorted(same), strict=True)) or [()] * len(LINKS)
    return pa.table(
        [pa.array(values, kind) for values, kind in zip(columns, LINKS.types, strict=True)], schema=LINKS
    ), apart


def _edges(reasons: pa.Table) -> Edges:
    left, right, priority = (reasons[name].to_numpy() for name in ("first", "row", "priority"))
    return Edges(left, right, priority, np.arange(reasons.num_rows))


def _with(edges: Edges, ties: list[Tie]) -> Edges:
    more = np.array([(tie.left, tie.right, tie.priority, tie.note) for tie in ties], np.int64).reshape(-1, 4)
    own = np.column_stack([edges.left, edges.right, edges.priority, edges.note])
    return Edges(*np.concatenate([own, more]).T)


def _suspects(label: Ints, sole: pa.Table, apart: Apart) -> NDArray[np.bool_]:
    """For each component, whether it breaks a rule."""
    suspect = np.bincount(label) > LARGEST
    for left, others in apart.items():
        if any(label[left] == label[right] for right in others):
            suspect[label[left]] = True
    held = sole.append_column("label", pa.array(label[sole["row"].to_numpy()], pa.int64()))
    several = held.group_by(["label", "kind"]).aggregate([("value_hash", "count_distinct")])
    suspect[several["label"].to_numpy()[several["value_hash_count_distinct"].to_numpy() > 1]] = True
    return suspect


def _sole(sole: pa.Table) -> dict[int, dict[str, int]]:
    held: dict[int, dict[str, int]] = {}
    for row in sole.to_pylist():
        held.setdefault(row["row"], {})[row["kind"]] = row["value_hash"]
    return held


def _ties(reasons: pa.Table, suspect: NDArray[np.bool_]) -> list[Tie]:
    """All pairs inside suspicious components, judgements included."""
    chosen = reasons.append_column("note", pa.array(range(reasons.num_rows), pa.int64()))
    chosen = chosen.filter(pa.array(suspect[reasons["row"].to_numpy()]))
    by_hand = pc.equal(chosen["kind"], pa.scalar(JUDGEMENT))
    judged, shared = chosen.filter(by_hand).to_pylist(), chosen.filter(pc.invert(by_hand))
    order = ("first", "value_hash", "kind", "row", "priority", "note")
    drawn = [Tie(tie["priority"], tie["first"], tie["row"], tie["note"]) for tie in judged]
    return drawn + list(pairs(zip(*(shared[name].to_pylist() for name in order), strict=True)))


def _report(scope: Scope, people: pa.Table, found: Links, clusters: Clusters, settled: Settled) -> StitchReport:
    sizes = Counter(np.bincount(clusters.forest.label).tolist())
    return StitchReport(
        scope,
        settled.version,
        records=people.num_rows,
        entities=settled.entities,
        values=found.values,
        sizes=dict(sorted(sizes.items())),
        changes=settled.changes,
        refused=clusters.mended.refused,
        oversize=clusters.mended.oversize,
    )
