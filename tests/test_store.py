"""The store keeps the same and answers the same on SQLite and on PostgreSQL."""

import subprocess
import sys
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from sqlalchemy import inspect
from sqlalchemy import text as sql
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col, select

from models import Entity, Membership, Observation, RecordKey, Rejection, Slot
from models.base import mend
from models.bulk import load
from models.keys import LONGEST
from models.store import REVISIONS, StoreError, clear_store, open_store, transaction
from pipelines.ingest import payload
from pipelines.understand.slots import active_slots
from tests import stores

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
OPEN = "import sys; from models.store import open_store; open_store(sys.argv[1]).dispose()"
BROKEN = "a\x00b \ud83d\ude00 \ud83d"
MENDED = "a\ufffdb \U0001f600 \ufffd"


@pytest.fixture
def store(tmp_path):
    return stores.new_store(tmp_path)


def rejection(record: str, reason: str = "") -> Rejection:
    return Rejection(record=record, stream="paper/people", reason=reason, batch=1, rejected_at=NOW)


def test_two_processes_that_open_a_new_store_at_once_upgrade_it_once(tmp_path):
    """Each finds the newest schema, and neither an error."""
    url = stores.store_url(tmp_path)
    if stores.SERVER:
        clear_store(url)
    openers = [subprocess.Popen([sys.executable, "-c", OPEN, url], stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [(opener.communicate()[1], opener.returncode) for opener in openers] == [("", 0)] * 4


def test_a_store_that_is_up_to_date_is_opened_without_alembic(tmp_path, store):
    """It takes a fifth of a second to load, of every command and every run."""
    told = f"{OPEN}; assert not [name for name in sys.modules if name.startswith('alembic')]"
    subprocess.run([sys.executable, "-c", told, stores.store_url(tmp_path)], check=True)


def test_text_that_no_database_keeps_is_mended_on_its_way_in(store):
    """NUL and half a surrogate pair become U+FFFD, one character each, and what is asked for is mended alike."""
    with transaction(store) as session:
        session.add(rejection(BROKEN, BROKEN))
        session.add_all([rejection("1", BROKEN), rejection("2")])
    with transaction(store) as session:
        assert session.get(Rejection, BROKEN).reason == MENDED
        assert session.exec(select(Rejection.record).where(col(Rejection.reason).in_([BROKEN]))).all() == [MENDED, "1"]
    assert len(mend(BROKEN)) == len(BROKEN) - 1  # two halves that belong together became one


def test_many_rows_at_once_are_rows_like_any_other(store):
    """They are mended, what all have in common is said once, and the connection is left as it was found."""
    with transaction(store) as session:
        before = page_cache(session)
        load(
            session,
            Rejection,
            pa.table({"record": ["1", "2"], "reason": [BROKEN[:3], "why"]}),
            stream="paper/people",
            batch=1,
            rejected_at=NOW,
        )
        assert page_cache(session) == before
    with transaction(store) as session:
        assert session.exec(select(Rejection.reason, Rejection.rejected_at).order_by(Rejection.record)).all() == [
            (MENDED[:3], NOW),
            ("why", NOW),
        ]


def page_cache(session: Session) -> int:
    """What SQLite holds of its file, as it says itself; PostgreSQL has no such setting of a connection."""
    return 0 if stores.SERVER else session.connection().execute(sql("PRAGMA cache_size")).scalar_one()


def test_payloads_give_facts_without_nul(store):
    """A NUL deep in a payload is read as U+FFFD; a backslash before the letters u0000 is only a backslash."""
    kept, _ = payload.dump({"a": ["x\x00\x00y", {"b": "\\u0000"}], "c": "\\\x00"})
    assert payload.load(kept) == {"a": ["x\ufffd\ufffdy", {"b": "\\u0000"}], "c": "\\\ufffd"}


def test_a_record_with_an_endless_or_broken_id_is_kept_under_a_key_that_an_index_holds(store):
    """Keys differ as their ids do, are the same each time, and fit where PostgreSQL keeps 2,704 bytes."""
    ids = ["\U0001f600" * 5_000, "\U0001f600" * 5_001, "a\x00b"]
    keys = [str(RecordKey("paper", "acct", "Person", id_)) for id_ in ids]
    assert len(set(keys)) == 3
    assert all(len(key) <= LONGEST for key in keys)
    with transaction(store) as session:
        session.add_all(
            Membership(record=key, record_hash=1, scope="person", entity_id="p", stitch_version=1) for key in keys
        )
    with transaction(store) as session:
        assert sorted(session.exec(select(Membership.record))) == sorted(keys)


def test_instants_come_back_in_utc_to_the_end_of_the_calendar(store):
    """Whatever the server's zone, the first and the last day that Python knows are read back as they were."""
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    with transaction(store) as session:
        session.add_all(
            [Entity(id="1", scope="person", created_at=first), Entity(id="2", scope="person", created_at=last)]
        )
    with transaction(store) as session:
        assert {row.created_at for row in session.exec(select(Entity))} == {first, last}


def test_slots_stand_in_the_order_of_their_characters(store):
    """Not in the database's: their order is part of what readings are remembered by."""
    with transaction(store) as session:
        session.add_all(
            Slot(name=name, description="", example="", half_life_days=1, valence=0)
            for name in ("b", "a_b", "ab", "B", "ä")
        )
    with transaction(store) as session:
        assert [slot.name for slot in active_slots(session)] == ["B", "a_b", "ab", "b", "ä"]


def test_like_heeds_case(store):
    """Ids of Salesforce differ by case alone."""
    with transaction(store) as session:
        session.add_all([rejection("sf/org/Contact/003a"), rejection("sf/org/Contact/003A")])
        found = session.exec(select(Rejection.record).where(col(Rejection.record).endswith("/003A", autoescape=True)))
        assert found.all() == ["sf/org/Contact/003A"]


def test_a_failed_transaction_leaves_nothing(store):
    """Neither what came before the failure, nor a store that is stuck."""
    with pytest.raises(IntegrityError), transaction(store) as session:
        session.add_all([rejection("1"), rejection("2"), rejection("2")])
    with transaction(store) as session:
        assert not session.exec(select(Rejection)).all()


def test_every_table_is_as_the_glossary_says(store):
    """The migrations make what the models declare; every name fits PostgreSQL's 63 characters."""
    seen = inspect(store)
    assert set(seen.get_table_names()) == {*SQLModel.metadata.tables, REVISIONS}
    for table in SQLModel.metadata.tables.values():
        there = {column["name"]: column["nullable"] for column in seen.get_columns(table.name)}
        assert there == {column.name: column.nullable for column in table.columns}, table.name
        assert {index["name"] for index in seen.get_indexes(table.name)} == {index.name for index in table.indexes}
        names = [
            table.name,
            *there,
            *(index.name for index in table.indexes),
            *(one.name for one in table.constraints if one.name),
        ]
        assert max(map(len, names)) <= 63


def test_a_cleared_store_is_empty_and_leaves_the_tables_of_others(tmp_path, store):
    """What was ours is gone and can be made anew; what somebody else keeps in the same database stays."""
    with transaction(store) as session:
        session.add(rejection("1"))
        session.execute(sql("create table alembic_version (version_num varchar(32))"))  # Dagster's
    store.dispose()
    clear_store(stores.store_url(tmp_path))
    assert set(inspect(store).get_table_names()) == {"alembic_version", REVISIONS}
    again = open_store(stores.store_url(tmp_path))
    with transaction(again) as session:
        assert not session.exec(select(Rejection)).all()
        assert not session.exec(select(Observation)).all()
    again.dispose()


def test_a_store_of_a_newer_version_is_left_alone_and_said(tmp_path, store):
    """One sentence, without the password."""
    with transaction(store) as session:
        session.execute(sql("update sidecar_revision set version_num = '9999'"))
    with pytest.raises(StoreError, match="made by a newer version"):
        open_store(stores.store_url(tmp_path))
