"""A real lake and a real store, and a hand that writes records with their facts into the lake."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Engine
from sqlmodel import select

from models.base import new_id
from models.clock import FrozenClock
from models.facts import FACTS, Fact, Identifier, Profile, Scope
from models.identity import Judgement, Membership
from models.keys import RecordKey
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.ingest.schemas import RAW, fact_schema
from tests.stores import new_store

ENGINE = os.environ.get("SIDECAR_TEST_ENGINE", "duckdb")
"""The engine that reads facts and derived tables; `make test-spark` names another."""
T0 = datetime(2026, 1, 1, tzinfo=UTC)


def land_facts(lake: Lake, kind: type[Fact], stream: tuple[str, str], facts: list[dict[str, Any]], batch: int) -> None:
    """Facts of one kind that were read from a batch. Batches come one by one: those before it that told nothing of this kind are made up for."""
    table = pa.Table.from_pylist(facts, schema=fact_schema(kind))
    for one in range(lake.translated(kind, *stream) + 1, batch + 1):
        lake.append_facts(kind, *stream, table if one == batch else table.slice(length=0), one, reading=1)


@dataclass
class Hand:
    """Writes records into the lake as ingest would: raw rows first, then the facts read from them."""

    lake: Lake
    vendor: str = "toy"
    landed: int = field(default=0)

    def write(self, records: dict[str, Iterable[Fact]], *, gone: Iterable[str] = ()) -> None:
        """One version of each of these records, named by id; those gone are deleted at the vendor."""
        self.landed += 1
        said = {**{name: list(facts) for name, facts in records.items()}, **{name: [] for name in gone}}
        stamp = T0 + timedelta(minutes=self.landed)
        rows = [self._raw(name, stamp, deleted=name not in records) for name in said]
        table = pa.Table.from_pylist(rows, schema=RAW)
        self.lake.append_raw(self.vendor, "things", table.to_reader(), len(rows))
        batch = self.lake.last_batch(self.vendor, "things")
        for kind in FACTS:
            facts = [
                {**self._source(name), "batch": batch, **fact.model_dump()}
                for name in said
                for fact in said[name]
                if type(fact) is kind
            ]
            if facts:
                land_facts(self.lake, kind, (self.vendor, "things"), facts, batch)

    def key(self, name: str) -> str:
        return str(RecordKey(self.vendor, "acme", "thing", name))

    def _source(self, name: str) -> dict[str, Any]:
        key = RecordKey.parse(self.key(name))
        return {**key._asdict(), "record": str(key), "record_hash": key.hash}

    def _raw(self, name: str, stamp: datetime, *, deleted: bool) -> dict[str, Any]:
        return {
            **self._source(name),
            "updated_at": stamp,
            "pulled_at": stamp,
            "deleted": deleted,
            "payload_hash": self.landed,
            "payload": "{}",
        }


@dataclass
class Bench:
    """Everything a stitch needs."""

    lake: Lake
    store: Engine
    clock: FrozenClock
    hand: Hand

    def clusters(self, scope: Scope = Scope.person) -> set[frozenset[str]]:
        """Which records are together, by their short names."""
        found: dict[str, set[str]] = {}
        for record, entity in self.membership(scope).items():
            found.setdefault(entity, set()).add(record.rsplit("/", 1)[1])
        return {frozenset(names) for names in found.values()}

    def membership(self, scope: Scope = Scope.person) -> dict[str, str]:
        with transaction(self.store) as session:
            return {row.record: row.entity_id for row in session.exec(select(Membership)) if row.scope == scope}

    def rows(self, table: type) -> list[Any]:
        with transaction(self.store) as session:
            return list(session.exec(select(table)))


def person(name: str | None = "Jane Doe", *, scope: Scope = Scope.person, **identifiers: str | list[str]) -> list[Fact]:
    """A record's profile and identifiers, `email="a@b.c"` or `phone=["+1…", "+2…"]`."""
    facts: list[Fact] = [Profile(scope=scope, name=name)]
    for kind, raw in identifiers.items():
        for value in [raw] if isinstance(raw, str) else raw:
            facts += Identifier.of(scope, kind, value)
    return facts


def company(name: str, **identifiers: str | list[str]) -> list[Fact]:
    return person(name, scope=Scope.account, **identifiers)


def judge(bench: Bench, left: str, right: str, *, same: bool) -> None:
    """A human decides, a minute later, whether two records are one."""
    bench.clock.advance(timedelta(minutes=1))
    with transaction(bench.store) as session:
        now = bench.clock.now()
        session.add(
            Judgement(
                id=new_id(now), left=bench.hand.key(left), right=bench.hand.key(right), same=same, decided_by="ann",
                reason="knows them", decided_at=now,
            )
        )  # fmt: skip


def open_bench(folder: Path) -> Bench:
    lake = Lake.open(str(folder / "lake"), engine=ENGINE)
    store = new_store(folder)
    return Bench(lake, store, FrozenClock(datetime(2026, 11, 2, 9, tzinfo=UTC)), Hand(lake))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return open_bench(tmp_path)
