"""Looking for what should be gone: in every file as bytes, in every Parquet file as rows, in every table of a store."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy import Engine


def traces(folder: Path, store: Engine, words: Sequence[str]) -> set[str]:
    """Which files below the folder and which tables of the store hold one of the words, whatever its capitals."""
    wanted = [word.lower() for word in words]
    places = [*_files(folder), *_tables(store)]
    return {place for place, text in places if any(word in text.lower() for word in wanted)}


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(file.relative_to(folder))
        yield name, file.read_bytes().decode("utf-8", "replace")
        if file.suffix == ".parquet":
            yield name, str(pq.ParquetFile(file).read().to_pylist())


def _tables(store: Engine) -> Iterator[tuple[str, str]]:
    found = sa.MetaData()
    found.reflect(store)
    with store.connect() as connection:
        for name, table in found.tables.items():
            yield name, str(connection.execute(sa.select(table)).all())
