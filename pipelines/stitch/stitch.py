"""From facts to persons and accounts: edges, components, guards, ids, membership, in this order.

Recomputed from the lake, the rules and the judgements are all records within reach of a change (`reach.py`), and once a day, or where
the rules have changed, all; only differences are written. To split or join two records, add a `Judgement` on them (`judging.py`): the
next stitch follows it, and superseding it takes it back. The store's rows land in one transaction, of one stitch at a time; the lake's
snapshot follows and is rewritten by the next stitch if a crash came between.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from models.clock import Clock
from models.facts import Scope
from models.identity import Judgement, Look
from models.store import alone, transaction
from pipelines import progress
from pipelines.ingest.lake import Lake
from pipelines.release import release
from pipelines.stitch.clusters import Apart, cluster
from pipelines.stitch.edges import LINKS, Links, Told, links, members
from pipelines.stitch.membership import Settled, settle, snapshot, standing, version_of
from pipelines.stitch.quarantine import causes
from pipelines.stitch.reach import Reach, everything, reach, within
from pipelines.stitch.rulebook import Rulebook, rulebook
from pipelines.stitch.rules import JUDGEMENT, JUDGEMENT_PRIORITY, Rule, rules_of


@dataclass(frozen=True)
class StitchReport:
    """What one stitch found and changed.

    Shape: `looked_at` is how many of the living records were within reach of a change; `values` counts their identifier values by what became
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
    """What a stitch works on: the records, how they hang together by the rules that stand, and which records it looks at."""

    lake: Lake
    people: pa.Table
    found: Links
    rules: Mapping[str, Rule]
    rules_version: str
    near: Reach


def stitch(lake: Lake, store: Engine, clock: Clock, scope: Scope) -> StitchReport:
    """Decide which records are one person (or account), and keep ids that were given before.

    Shape: every live record of the scope is in exactly one entity. Nothing but what was looked at is written if nothing changed.
    """
    done = None
    while done is None:
        done = _attempt(lake, store, clock.now(), scope)
    material, settled = done
    snapshot(lake, store, settled)
    with transaction(store) as session:
        report = _report(scope, material, settled, causes(session, scope))
    progress.report(f"stitch {scope}: entities", report.entities)
    return report


def _attempt(lake: Lake, store: Engine, now: datetime, scope: Scope) -> tuple[Material, Settled] | None:
    """One stitch; None, with nothing written, if another one wrote while this one read, for that may have seen newer records."""
    with transaction(store) as session:
        rules, version = rulebook(session), version_of(session)
        near = within_reach(lake, session, rules, scope, now)
    material = gather(lake, rules, scope, near)
    with transaction(store) as session:
        alone(session, "stitch")
        if version_of(session) != version:
            return None
        settled = settled_by(session, material, scope, now)
        remember(session, material, scope, now)
        return material, settled


def within_reach(lake: Lake, session: Session, rules: Rulebook, scope: Scope, now: datetime) -> Reach:
    """What has to be looked at: what has changed and hangs together with it, and once a day everything, so that nothing is missed for longer.

    Everything as well where the product or its rules are others than those of the latest look, and after an erasure.
    """
    look = session.get(Look, scope)
    if look is None or (look.whole_on, look.release, look.rules_version) != (
        now.date(),
        release(),
        rules.version(scope),
    ):
        return everything(lake)
    judged = session.exec(select(Judgement.left, Judgement.right)).all()
    ends = (record for pair in judged for record in pair)
    every = standing(lake, session, ("scope", "record_hash", "entity_id"))
    own = every.filter(pc.equal(every["scope"], pa.scalar(scope.value)))
    return reach(lake, scope, look.read_to, ends, own, rules_of(scope, rules.rules))


def remember(session: Session, material: Material, scope: Scope, now: datetime) -> None:
    """Keep what was looked at, for the next stitch to start from."""
    known = session.get(Look, scope)
    whole_on = known.whole_on if known and material.near.own is not None else now.date()
    session.merge(
        Look(
            scope=scope,
            release=release(),
            rules_version=material.rules_version,
            read_to=dict(material.near.read_to),
            whole_on=whole_on,
        )
    )


def gather(lake: Lake, rules: Rulebook, scope: Scope, near: Reach) -> Material:
    """Read from the lake what can be one."""
    usable = rules_of(scope, rules.rules)
    told = Told(lake, near.read)
    people = members(told, scope)
    found = links(told, scope, people, usable)
    if near.own is not None:
        chosen = within(found, people, near.own)
        if chosen is None:
            return gather(lake, rules, scope, Reach(near.read_to))
        found, people = chosen
    progress.report(f"stitch {scope}: records", people.num_rows)
    return Material(lake, people, found, usable, rules.version(scope), near)


def settled_by(session: Session, material: Material, scope: Scope, now: datetime) -> Settled:
    """Cluster by the rules and the judgements that stand in this session, and write what differs into it."""
    people, rules_version = material.people, material.rules_version
    same, apart = judgements(session, people)
    clusters = cluster(people, material.found, same, apart, material.rules)
    return settle(material.lake, session, scope, people, clusters, rules_version, material.near.own, now)


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
        material.rules_version,
        records=own.num_rows,
        looked_at=material.people.num_rows,
        entities=len(counts),
        values=material.found.values,
        sizes=dict(sorted(Counter(counts).items())),
        changes=settled.changes,
        refused=refused,
    )
