"""What humans decide about two records: always together, or never. A decision is a row; what it changes can be seen before it is made.

Decisions name records, never persons, so they outlive every merge and split; they hold from the next stitch on, until they are taken
back. To undo is to supersede: the next stitch then finds what it would have found, and ids that a merge retired come back.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from models.base import new_id
from models.clock import Clock
from models.facts import Scope
from models.identity import Entity, Judgement, Membership
from pipelines.ingest.lake import Lake
from pipelines.stitch.entities import UnknownEntity, members_of, resolve
from pipelines.stitch.membership import Settled
from pipelines.stitch.reach import everything
from pipelines.stitch.rulebook import Decision, rulebook
from pipelines.stitch.stitch import gather, settled_by

Act = Callable[[Session], object]
"""Decides something in a session that is open."""


class BadJudgement(ValueError):
    """A decision that makes no sense; the message says why and what to do instead."""


@dataclass(frozen=True)
class Named:
    """A record, or a person or account with all its records, as somebody named it."""

    scope: Scope
    entity: str
    records: tuple[str, ...]
    first: str
    """The record that a decision is made on: the one named, or the one that the others were joined to."""


@dataclass(frozen=True)
class Move:
    """One record that would change, or changed, its person or account."""

    record: str
    before: str
    after: str


@dataclass(frozen=True)
class Effect:
    """What a decision changes: records by whom they leave and join, and identity events by kind."""

    moves: tuple[Move, ...]
    merged: int
    split: int
    refused: int
    """Ties in quarantine that come or go."""
    minted: frozenset[str] = frozenset()
    """Persons or accounts that are not there yet, and get another id once it is decided."""

    @property
    def entities(self) -> set[str]:
        """Every person or account that gains or loses records."""
        return {name for move in self.moves for name in (move.before, move.after)}


def named(session: Session, asked: str) -> Named:
    """The record, person or account of this key or id; ids that were merged away lead on. UnknownEntity if there is none."""
    membership = session.get(Membership, asked)
    if membership:
        return Named(Scope(membership.scope), membership.entity_id, (asked,), asked)
    entity = session.get(Entity, asked)
    if entity is None:
        raise UnknownEntity(
            f"{asked!r} is no record, person or account that was stitched; give a record key (vendor/account/object/id) or an id"
        )
    records = members_of(session, asked)
    if not records:
        raise UnknownEntity(f"{entity.scope} {asked!r} has no records any more")
    rows = session.exec(select(Membership).where(col(Membership.record).in_(records))).all()
    first = min((row for row in rows if row.via_record is None), key=lambda row: row.record).record
    return Named(Scope(entity.scope), resolve(session, asked), tuple(records), first)


def judge(session: Session, left: Named, right: Named, decision: Decision, *, same: bool) -> Judgement:
    """Decide that two are one, or are not. What stood on the same two records is superseded.

    Errors: BadJudgement for one record that is both, two of different scopes, or one person that is both, unless both are named by a record.
    """
    if left.scope != right.scope:
        raise BadJudgement(
            f"{left.first} speaks of one {left.scope}, {right.first} of one {right.scope}; they are never one."
        )
    if left.first == right.first or (left.entity == right.entity and {len(left.records), len(right.records)} != {1}):
        raise BadJudgement(
            f"Both are one {left.scope} already; name two of its records, which `sidecar why` and `sidecar show` list."
        )
    take_back(session, standing_between(session, (left.first,), (right.first,)), decision)
    row = Judgement(
        id=new_id(decision.at), left=left.first, right=right.first, same=same,
        decided_by=decision.by, reason=decision.reason, decided_at=decision.at,
    )  # fmt: skip
    session.add(row)
    return row


def take_back(session: Session, rows: Iterable[Judgement], decision: Decision) -> None:
    """Let these decisions hold no more; who took them back and why stays beside them."""
    for row in rows:
        row.superseded_at = decision.at
        row.superseded_by, row.superseded_because = decision.by, decision.reason
        session.add(row)
    session.flush()


def judgements_of(session: Session, *, all_of_them: bool = False) -> list[Judgement]:
    """Decisions in the order they were made: those that stand, or also those that were superseded."""
    rows = select(Judgement) if all_of_them else select(Judgement).where(col(Judgement.superseded_at).is_(None))
    return sorted(session.exec(rows), key=lambda row: (row.decided_at, row.id))


def standing_between(session: Session, left: Sequence[str], right: Sequence[str]) -> list[Judgement]:
    """Decisions that stand between a record of the one side and a record of the other, in the order they were made."""
    lefts, rights = set(left), set(right)
    ends = lefts | rights
    rows = select(Judgement).where(
        col(Judgement.superseded_at).is_(None), col(Judgement.left).in_(ends), col(Judgement.right).in_(ends)
    )
    return [
        row
        for row in sorted(session.exec(rows), key=lambda row: (row.decided_at, row.id))
        if (row.left in lefts and row.right in rights) or (row.left in rights and row.right in lefts)
    ]


def preview(lake: Lake, store: Engine, clock: Clock, scope: Scope, act: Act) -> Effect:
    """What the next stitch would do if this were decided, and would not do otherwise. Nothing of it is kept."""
    with Session(store, autoflush=True) as session:
        material = gather(lake, rulebook(session), scope, everything(lake))
        settled_by(session, material, scope, clock.now())
        session.flush()
        session.expire_all()  # what comes next reads what was just written
        act(session)
        session.flush()
        settled = settled_by(session, material, scope, clock.now())
        session.rollback()
        found = effect(settled)
        return replace(found, minted=frozenset(one for one in found.entities if session.get(Entity, one) is None))


def effect(settled: Settled) -> Effect:
    """The moves of one stitch."""
    moves = tuple(Move(**row) for row in settled.moved.sort_by("record").to_pylist())
    count = settled.changes.get
    return Effect(moves, count("merge", 0), count("split", 0), count("quarantine", 0))
