"""A real lake and a real store, and a pen to write vendor records, facts and memberships into them."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Engine
from sqlmodel import SQLModel, select

from models import (
    Consent,
    Engagement,
    Identifier,
    Interaction,
    Membership,
    Outcome,
    Payment,
    Profile,
    RecordKey,
    Relation,
    Scope,
    Subscription,
)  # fmt: skip
from models.clock import FrozenClock
from models.facts import Discount, Fact
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.ingest.schemas import RAW
from pipelines.understand.slots import seed
from tests.pipelines.stitch.conftest import land_facts
from tests.stores import new_store

FACTS = (
    Interaction, Consent, Profile, Payment, Relation, Identifier, Outcome, Engagement, Subscription, Discount,
)  # fmt: skip


def key(object_name: str, id_: str) -> str:
    return str(RecordKey("salesforce", "org", object_name, id_))


@dataclass
class World:
    """One vendor's records, as ingest would land them, and persons as stitching would join them."""

    lake: Lake
    store: Engine
    clock: FrozenClock

    def land(self, *rows: tuple[str, dict[str, Any], list[Fact]], deleted: bool = False) -> None:
        """Records of one pull: (object/id, payload, facts read from it)."""
        records = [self._raw(name, payload, deleted=deleted) for name, payload, _ in rows]
        table = pa.Table.from_pylist(records, schema=RAW)
        self.lake.append_raw("salesforce", "records", table.to_reader(), len(records))
        batch = self.lake.last_batch("salesforce", "records")
        for fact in FACTS:
            read = [
                {
                    **{name: raw[name] for name in ("record", "record_hash", "vendor", "account", "object", "id")},
                    "batch": batch,
                    **said.model_dump(),
                }
                for raw, (_, _, facts) in zip(records, rows, strict=True)
                for said in facts
                if isinstance(said, fact)
            ]
            if read:
                land_facts(self.lake, fact, ("salesforce", "records"), read, batch)

    def say(self, id_: str, text: str, day: int = 0, **more: Any) -> None:
        """One text lands."""
        self.land(self.said(id_, text, day, **more))

    def said(
        self, id_: str, text: str, day: int = 0, *, who: str = "dana", **more: Any
    ) -> tuple[str, dict[str, Any], list[Fact]]:
        """One text that hangs on a contact: an e-mail of theirs unless told otherwise."""
        about = {"source": "email", "author": "customer", **more}
        said = Interaction(subject=key("Contact", who), field="Body", occurred_at=self.day(day), **about)
        return f"Task/{id_}", {"Body": text}, [said]

    def person(self, person_id: str, *records: str, scope: Scope = Scope.person) -> None:
        """Make these records one person (or account), as the last stitching found."""
        with transaction(self.store) as session:
            for record in records:
                parsed = RecordKey.parse(record)
                session.merge(
                    Membership(
                        record=record, record_hash=parsed.hash, scope=scope, entity_id=person_id, stitch_version=1
                    )
                )

    def rows(self, model: type[SQLModel]) -> list[Any]:
        with transaction(self.store) as session:
            rows = list(session.exec(select(model)).all())
            session.expunge_all()
        return rows

    def day(self, number: int) -> datetime:
        return self.clock.now() - timedelta(days=200 - number)

    def _raw(self, name: str, payload: dict[str, Any], *, deleted: bool) -> dict[str, Any]:
        record = RecordKey("salesforce", "org", *name.split("/"))
        self.clock.advance(timedelta(milliseconds=1))  # versions of one record are told apart by their stamp
        now = self.clock.now()
        return {
            "vendor": "salesforce", "account": "org", "object": record.object, "id": record.id, "record": str(record), "record_hash": record.hash,
            "updated_at": now, "pulled_at": now, "batch": 0, "deleted": deleted, "payload_hash": 1, "payload": json.dumps(payload),
        }  # fmt: skip


@pytest.fixture
def world(tmp_path: Path, clock: FrozenClock) -> World:
    """An empty world with the seventeen slots and one contact, Dana."""
    store = new_store(tmp_path)
    seed(store)
    found = World(Lake.open(str(tmp_path / "lake")), store, clock)
    found.person("person-dana", key("Contact", "dana"))
    return found
