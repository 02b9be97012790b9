"""Ids that outlive every change of mind: minted once, kept by the cluster with most of its records, resolving for ever."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models.identity import Entity, Membership

AT_ONCE = 500
"""Ids in one IN list: below every database's limit of parameters."""


class UnknownEntity(LookupError):
    """No such person, account or record; the message says what was looked for."""


@dataclass(frozen=True)
class Change:
    """One entity came to be, was taken over, gave records away, or came back. `before` is empty where nobody was before."""

    kind: str
    before: str | None
    after: str


@dataclass(frozen=True)
class Assignment:
    """The id of every cluster, in their order, and what changed."""

    ids: list[str]
    changes: list[Change]


Claim: TypeAlias = tuple[int, str]
"""A cluster, and the id that it might have."""


@dataclass(frozen=True)
class Claims:
    """What else than common records gives a cluster its id.

    Shape: the strongest first; `first` go before common records, `last` behind them. `may` says whether a cluster can bear an id at all.
    """

    first: Sequence[Claim] = ()
    last: Sequence[Claim] = ()
    may: Callable[[int, str], bool] = lambda _cluster, _entity: True


NO_CLAIMS = Claims()


def assign_ids(
    overlaps: Iterable[tuple[int, str, int]],
    clusters: int,
    mint: Callable[[], str],
    claims: Claims = NO_CLAIMS,
) -> Assignment:
    """Carry ids over to new clusters.

    An id goes where most of its records are, the older id first where two compete; ids sort by age. An id that found no
    cluster is taken over by the one that has most of its records; on a split the largest part keeps the id, and a part that has a claim
    on an id that nobody bears comes back under it, so that old references are exact again.

    Shape: overlaps are `(cluster, id, records in common)`, of equal parts of one id the one first that shall keep it; clusters are
    numbered from 0. No change if nothing moved.
    """
    moved = sorted(overlaps, key=lambda overlap: (-overlap[2], overlap[1]))
    home: dict[str, int] = {}
    ids: dict[int, str] = {}
    for cluster, entity in [*claims.first, *(overlap[:2] for overlap in moved), *claims.last]:
        if entity not in home and cluster not in ids and claims.may(cluster, entity):
            home[entity], ids[cluster] = cluster, entity
    parts: dict[str, list[int]] = {}
    for cluster, entity, _ in moved:
        parts.setdefault(entity, []).append(cluster)
    changes = [Change("revive", None, entity) for entity in home if entity not in parts]
    for cluster in range(clusters):
        if cluster not in ids:
            ids[cluster] = mint()
            changes.append(Change("create", None, ids[cluster]))
    for entity, where in parts.items():
        if entity not in home:
            home[entity] = where[0]
            changes.append(Change("merge", entity, ids[where[0]]))
        changes += [Change("split", entity, ids[cluster]) for cluster in where if cluster != home[entity]]
    return Assignment([ids[cluster] for cluster in range(clusters)], changes)


def resolve(session: Session, entity_id: str) -> str:
    """The id that stands today for an id that was ever issued. UnknownEntity if it never was."""
    entity = session.get(Entity, entity_id)
    while entity is not None and entity.merged_into is not None:
        entity = session.get(Entity, entity.merged_into)
    if entity is None:
        raise UnknownEntity(f"there is no person or account {entity_id!r}")
    return entity.id


def resolved(session: Session, ids: Iterable[str]) -> dict[str, str]:
    """The id that stands today for each of these; one that was never issued stands for itself."""
    found = {one: one for one in ids}
    while moved := _taken_over(session, sorted(set(found.values()))):
        found = {one: moved.get(now, now) for one, now in found.items()}
    return found


def _taken_over(session: Session, ids: Sequence[str]) -> dict[str, str]:
    into, found = col(Entity.merged_into), dict[str, str]()
    for start in range(0, len(ids), AT_ONCE):
        rows = sa.select(col(Entity.id), into).where(
            col(Entity.id).in_(ids[start : start + AT_ONCE]), into.is_not(None)
        )
        found |= {one: str(other) for one, other in session.execute(rows)}
    return found


def members_of(session: Session, entity_id: str) -> list[str]:
    """Written keys of the records of a person or account, sorted; empty if all its records are gone."""
    stands = resolve(session, entity_id)
    rows = session.exec(select(Membership.record).where(col(Membership.entity_id) == stands))
    return sorted(rows)
