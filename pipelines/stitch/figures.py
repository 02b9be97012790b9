"""How well records were joined: which share of each vendor's met another's, who carries no identifier, and whom a strong value names twice."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from sqlalchemy import Engine
from sqlmodel import select

from models.facts import Identifier, Scope
from models.identity import RefusedTie
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.stitch.edges import MARKS, Told, links, members
from pipelines.stitch.membership import SNAPSHOT
from pipelines.stitch.rulebook import rulebook
from pipelines.stitch.rules import rules_of


@dataclass(frozen=True)
class Match:
    """Of one vendor: its live records of a scope, how many are joined with another vendor's, and how many carry no identifier."""

    records: int
    matched: int
    orphans: int

    @property
    def rate(self) -> float:
        """Share of records that are joined with another vendor's, 0 to 1."""
        return self.matched / self.records if self.records else 0.0


def matches(lake: Lake, scope: Scope) -> dict[str, Match]:
    """By vendor, in the order of their names; empty before the first stitch."""
    snapshot = lake.table(SNAPSHOT)
    if snapshot is None:
        return {}
    own = snapshot.filter(snapshot.scope == scope).select(
        "record_hash", "entity_id", vendor=snapshot.record.split("/")[0]
    )
    each = own.group_by("entity_id").agg(vendors=lambda t: t.vendor.nunique())
    identifiers = lake.facts(Identifier)
    told = identifiers.filter(~identifiers.kind.isin(MARKS)).select("record_hash").distinct().mutate(told=True)
    rows = own.join(each, "entity_id").left_join(told, "record_hash")
    counted = rows.group_by("vendor").agg(
        records=lambda t: t.count(),
        matched=lambda t: (t.vendors > 1).sum().cast("int64"),
        orphans=lambda t: t.told.isnull().sum().cast("int64"),
    )
    found = counted.order_by("vendor").to_pyarrow().to_pylist()
    return {row["vendor"]: Match(row["records"], row["matched"], row["orphans"]) for row in found}


@dataclass(frozen=True)
class Strong:
    """Values strong enough to name one person (or account) alone, how many of them name several, and for how many of those nobody knows why."""

    values: int
    divided: int
    unexplained: int


def strong_values(told: Told, store: Engine, scope: Scope) -> Strong:
    """A strong value names one person, unless the guards refused it and it stands in quarantine.

    Strong are the kinds that need no second opinion: their rule does not ask for the same name.
    """
    with transaction(store) as session:
        rules = rules_of(scope, rulebook(session).rules)
        ties = session.exec(select(RefusedTie.left, RefusedTie.right).where(RefusedTie.scope == scope)).all()
    people = members(told, scope)
    found = links(told, scope, people, {kind: rule for kind, rule in rules.items() if not rule.needs_same_name})
    groups = _divided(found.table, _entities(told.lake, people))
    record = people["record"]
    refused = set(ties)
    unexplained = sum(
        any((record[first].as_py(), record[other].as_py()) not in refused for other in others)
        for first, *others in groups
    )
    return Strong(found.values.get("used", 0), len(groups), unexplained)


def _entities(lake: Lake, people: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """A number for the entity of each record; the same number, the same entity."""
    snapshot = lake.table(SNAPSHOT)
    if snapshot is None:
        return np.arange(people.num_rows)
    rows: ir.Table = ibis.memtable(
        people.select(["record"]).append_column("row", pa.array(range(people.num_rows), pa.int64()))
    )
    ids = (
        rows.left_join(snapshot.select("record", "entity_id"), "record")
        .order_by("row")
        .select("entity_id")
        .to_pyarrow()
    )
    codes: np.ndarray[tuple[int], np.dtype[np.int64]] = (
        ids["entity_id"].combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy().astype(np.int64)
    )
    return codes


def _divided(table: pa.Table, entity: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[list[int]]:
    """For every value that names several entities, the first record of each of them, the first of all first."""
    rows, firsts = table["row"].to_numpy(), table["first"].to_numpy()
    foreign = table.filter(pa.array(entity[rows] != entity[firsts]))
    found: dict[tuple[str, int], dict[int, int]] = {}
    for row in sorted(foreign.select(["kind", "value_hash", "first", "row"]).to_pylist(), key=lambda row: row["row"]):
        group = found.setdefault((row["kind"], row["value_hash"]), {int(entity[row["first"]]): row["first"]})
        group.setdefault(int(entity[row["row"]]), row["row"])
    return [list(group.values()) for group in found.values()]
