"""Raw rows are read where they lie in memory, wherever a batch of them begins."""

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pytest

from models.facts import Fact, Outcome, Profile
from models.records import Record
from pipelines.ingest.lake import SLICE_ROWS
from pipelines.ingest.landing import rows
from pipelines.ingest.translate import Sink, read
from tests.pipelines.ingest.scripted import NOW, PEOPLE, version


def raw(*names: str) -> pa.RecordBatch:
    """One row of raw for each name, all of batch 1."""
    versions = [version(f"p{number}", number, name=name) for number, name in enumerate(names)]
    table, _ = rows(versions, PEOPLE, NOW, 0)
    (batch,) = table.append_column("batch", pa.array([1] * len(names), pa.int64())).to_batches()
    return batch


def names_read(some: pa.RecordBatch) -> list[str | None]:
    """The names in the facts that are read of them."""
    tables: Sink = {fact: [] for fact in PEOPLE.facts}
    _, rejected = read(some, PEOPLE, tables)
    assert not rejected
    return [name for part in tables[Profile] for name in part["name"].to_pylist()]


def test_a_part_of_a_batch_is_read_as_that_part():
    whole = raw("Ada", "Bo Müller", "長谷川 📈", "Zoë")
    assert names_read(whole) == ["Ada", "Bo Müller", "長谷川 📈", "Zoë"]
    assert names_read(whole.slice(1, 2)) == ["Bo Müller", "長谷川 📈"]


def test_a_batch_without_rows_is_read_as_nothing():
    assert names_read(raw("Ada").slice(1)) == []


def won(record: Record) -> Iterator[Fact]:
    """As many deals as the name has letters; that of a Rex is worth more than a column of numbers holds."""
    for letter in record.payload["name"]:
        worth = 2**70 if letter == "x" else ord(letter)
        yield Outcome(subject=record.key.id, status="won", stage="Won", amount_minor=worth)


DEALS = replace(PEOPLE, translate=won, facts=(Outcome,))


@pytest.mark.parametrize("names", [["Rex"], ["Ada", "Rex"], ["Rex", "Ada"], ["Ada", "Rex", "Bo", "Rex", "Zoë"]])
def test_of_a_batch_only_what_no_table_holds_is_rejected(names):
    tables: Sink = {Outcome: []}
    found, rejected = read(raw(*names), DEALS, tables)
    assert set(rejected) == {(f"paper/acct/Person/p{number}", 1) for number, name in enumerate(names) if name == "Rex"}
    assert set(rejected.values()) == {"a value is too large or broken to be stored"}
    assert len(found) == len(names) - names.count("Rex")
    read_of = [subject for part in tables[Outcome] for subject in part["subject"].to_pylist()]
    assert read_of == [f"p{number}" for number, name in enumerate(names) if name != "Rex" for _ in name]


def test_all_facts_of_a_long_record_come_in_their_order():
    """They are put into the table some thousand at a time."""
    name, tables = "".join(chr(ord("a") + number % 20) for number in range(2 * SLICE_ROWS + 7)), {Outcome: []}
    read(raw(name), DEALS, tables)
    (table,) = tables[Outcome]
    assert table["amount_minor"].to_pylist() == [ord(letter) for letter in name]
