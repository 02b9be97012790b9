"""Whose words may be read, and what people are called: read from the facts when texts are read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from sqlmodel import Session, col, select

from models import Consent, Membership, Profile, Scope
from models.keys import stable_hash
from pipelines.ingest.lake import Lake

Item = TypeVar("Item")

BELONGING = ("record", "entity_id")
CHUNK = 500
"""Values in one IN list: below every database's limit of parameters."""


@dataclass(frozen=True)
class People:
    """Names as speakers are recognised by: of customers by record key, of our own people all together."""

    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sellers: frozenset[str] = frozenset()


def read_people(lake: Lake, subjects: Iterable[str]) -> People:
    """Names of these subjects and of everybody on the seller's side."""
    profiles = lake.facts(Profile)
    named = profiles.filter(profiles.name.notnull())
    sellers = (
        named.filter(named.scope == Scope.internal.value)
        .select("name")
        .distinct()
        .to_pyarrow()
        .column("name")
        .to_pylist()
    )
    names: dict[str, tuple[str, ...]] = {}
    for hashes in chunks([stable_hash(subject) for subject in set(subjects)], 5_000):
        for row in named.filter(named.record_hash.isin(hashes)).select("record", "name").to_pyarrow().to_pylist():
            names[row["record"]] = (*names.get(row["record"], ()), row["name"])
    return People(names, frozenset(sellers))


def refused(lake: Lake, session: Session) -> set[str]:
    """Records of every person of whom one record refuses all contact and keeping: a refusal covers the whole person."""
    consents = lake.facts(Consent)
    refusing = consents.filter((consents.channel == "all") & ~consents.granted).select("subject").distinct()
    subjects: list[str] = refusing.to_pyarrow().column("subject").to_pylist()
    persons: set[str] = set()
    for some in chunks(subjects):
        persons |= set(session.exec(select(Membership.entity_id).where(col(Membership.record).in_(some))).all())
    records = set(subjects)
    for some in chunks(sorted(persons)):
        records |= set(session.exec(select(Membership.record).where(col(Membership.entity_id).in_(some))).all())
    return records


def belonging(session: Session, scope: Scope) -> ir.Table:
    """Whose each record is, as the store has it, for the lake's engine to join: `record, entity_id`."""
    statement = select(Membership.record, Membership.entity_id).where(Membership.scope == scope.value)
    rows = session.exec(statement).all()
    columns = {name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(BELONGING)}
    return ibis.memtable(pa.table(columns))


def chunks(items: Sequence[Item], size: int = CHUNK) -> Iterable[list[Item]]:
    """The items in portions."""
    return (list(items[start : start + size]) for start in range(0, len(items), size))
