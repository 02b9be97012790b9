"""Raw rows are read where they lie in memory, wherever a batch of them begins."""

import pyarrow as pa

from models.facts import Profile
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
