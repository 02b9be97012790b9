"""From facts to persons and accounts: edges, components, guards, ids, membership, in this order.

Recomputed from the lake, the rules and the judgements are all records within reach of a change (`reach.py`), and once a day, or where
the rules have changed, all; only differences are written. To split or join two records, add a `Judgement` on them (`judging.py`): the
next stitch follows it, and superseding it takes it back. The store's rows land in one transaction, of one stitch at a time; the lake's
snapshot follows and is rewritten by the next stitch if a crash came between.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from models.clock import Clock
from models.facts import Scope
from models.identity import Judgement
from models.store import alone, transaction
from pipelines import progress
from pipelines.ingest.lake import Lake
from pipelines.stitch.clusters import Apart, cluster
from pipelines.stitch.edges import LINKS, Links, Told, links, members
from pipelines.stitch.membership import Basis, Settled, in_step, latest_stitch, settle, snapshot, version_of
from pipelines.stitch.quarantine import causes
from pipelines.stitch.reach import Reach, everything, reach, within
from pipelines.stitch.rulebook import Rulebook, rulebook
from pipelines.stitch.rules import JUDGEMENT, JUDGEMENT_PRIORITY, Rule, rules_of


@dataclass(frozen=True)
class StitchReport:
    """What one stitch found and changed.

    Shape: `looked_at` is how many of the records were within reach of a change; `values` counts their identifier values by what became
    of them (used, hub, blocked, internal, unruled), and those with misplaced or unreadable ones. `sizes` counts entities by how many
    records they have; `changes` counts identity events and rows written. `refused` counts ties that the guards do not let hold, by cause.
    """

    scope: Scope
    version: int
    rules_version: str = ""
    records: int = 0
    looked_at: int = 0
    entities: int = 0
    values: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[int, int] = field(default_factory=dict)
    changes: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)

    @property
    def largest(self) -> int:
        """Records of the largest person or account."""
        return max(self.sizes, default=0)

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return any(self.changes.values())


@dataclass(frozen=True)
class Material:
    """What a stitch works on: the records, how they hang together by the rules that stand, and what that goes by."""

    lake: Lake
    people: pa.Table
    found: Links
    rules: Mapping[str, Rule]
    basis: Basis


def stitch(lake: Lake, store: Engine, clock: Clock, scope: Scope) -> StitchReport:
    """Decide which records are one person (or account), and keep ids that were given before.

    Shape: every live record of the scope is in exactly one entity. Nothing is written if nothing changed.
    """
    done = None
    while done is None:
        done = _attempt(lake, store, clock, scope)
    material, settled = done
    snapshot(lake, store, settled)
    with transaction(store) as session:
        report = _report(scope, material, settled, causes(session, scope))
    progress.report(f"stitch {scope}: entities", report.entities)
    return report


def _attempt(lake: Lake, store: Engine, clock: Clock, scope: Scope) -> tuple[Material, Settled] | None:
    """One stitch; None, with nothing written, if another one wrote while this one read, for that may have seen newer records."""
    with transaction(store) as session:
        rules, version = rulebook(session), version_of(session)
        near = within_reach(lake, session, rules, scope, clock)
    material = gather(lake, rules, scope, near)
    with transaction(store) as session:
        alone(session, "stitch")
        if version_of(session) != version:
            return None
        return material, settled_by(session, material, scope, clock)


def within_reach(lake: Lake, session: Session, rules: Rulebook, scope: Scope, clock: Clock) -> Reach:
    """What has to be looked at: what has changed and hangs together with it, and once a day everything, so that nothing is missed for longer.

    Everything as well where the rules are others than those of the latest stitch, or the lake's snapshot is not the store's membership.
    """
    latest = latest_stitch(session, scope)
    if (
        latest is None
        or latest.rules_version != rules.version(scope)
        or latest.stitched_at.date() != clock.now().date()
        or not in_step(lake, session)
    ):
        return everything(lake)
    judged = session.exec(select(Judgement.left, Judgement.right)).all()
    ends = (record for pair in judged for record in pair)
    return reach(lake, scope, latest.read_to, ends, rules_of(scope, rules.rules))


def gather(lake: Lake, rules: Rulebook, scope: Scope, near: Reach) -> Material:
    """Read from the lake what can be one."""
    standing = rules_of(scope, rules.rules)
    told = Told(lake, near.every)
    people = members(told, scope)
    found = links(told, scope, people, standing)
    if near.own is not None:
        chosen = within(found, people, near.own)
        if chosen is None:
            return gather(lake, rules, scope, Reach(near.read_to))
        found, people = chosen
    progress.report(f"stitch {scope}: records", people.num_rows)
    return Material(lake, people, found, standing, Basis(rules.version(scope), near.read_to, near.own))


def settled_by(session: Session, material: Material, scope: Scope, clock: Clock) -> Settled:
    """Cluster by the rules and the judgements that stand in this session, and write what differs into it."""
    people = material.people
    same, apart = judgements(session, people)
    clusters = cluster(people, material.found, same, apart, material.rules)
    return settle(material.lake, session, scope, people, clusters, material.basis, clock.now())


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


def _report(scope: Scope, material: Material, settled: Settled, refused: Mapping[str, int]) -> StitchReport:
    own = settled.snapshot.filter(pc.equal(settled.snapshot["scope"], pa.scalar(scope.value)))
    counts: list[int] = pc.value_counts(own["entity_id"]).field("counts").to_numpy().tolist()
    return StitchReport(
        scope,
        settled.version,
        material.basis.rules_version,
        records=own.num_rows,
        looked_at=material.people.num_rows,
        entities=len(counts),
        values=material.found.values,
        sizes=dict(sorted(Counter(counts).items())),
        changes=settled.changes,
        refused=refused,
    )
