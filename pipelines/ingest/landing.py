"""A complete window becomes raw rows: of each record its newest version, and that only if it says something new.

Landing the same window twice adds nothing, so a crash between landing and saving the cursor needs no care.
"""

from array import array
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.base import Stream
from models.base import mend
from models.records import Record
from pipelines.ingest import payload
from pipelines.ingest.lake import BATCH_BYTES, BATCH_ROWS, SLICE_ROWS, Lake
from pipelines.ingest.schemas import RAW
from pipelines.ingest.tables import extent, portion, portions

FUTURE = timedelta(days=1)
"""Clocks may differ by hours, not by a day: a stamp beyond that would keep every later version of its record from winning."""
PAGE = 32
"""Bits of a sequence that number the row in its page; the bits above number the page."""

LANDED = pa.schema([field for field in RAW if field.name != "batch"])
BESIDE = pa.schema([field for field in LANDED if field.name != "payload"])
"""All but the payload, which is the last column."""
STAGED = LANDED.append(pa.field("sequence", pa.int64()))
NEWS = """
WITH fresh AS (
    SELECT record_hash, max(struct_pack(updated_at, sequence, deleted, payload_hash)) AS its FROM {staged}
    WHERE abs(record_hash % {parts}) = {part} GROUP BY record_hash
), known AS (
    SELECT record_hash, max(struct_pack(updated_at, pulled_at, batch, deleted, payload_hash)) AS was
    FROM {raw} SEMI JOIN fresh USING (record_hash) GROUP BY record_hash
)
SELECT its.sequence AS sequence FROM fresh LEFT JOIN known USING (record_hash)
WHERE was IS NULL OR (
    (its.payload_hash <> was.payload_hash OR its.deleted <> was.deleted)
    AND its.updated_at >= was.updated_at
)
"""
"""Structs compare field by field; a version older than the one known (a look-back into an event log) tells nothing new."""
PART_ROWS = 50_000
"""Staged rows whose news are asked for at a time, whatever a window holds: DuckDB takes 230 bytes for each of them."""


def rows(records: Sequence[Record], stream: Stream, pulled_at: datetime, page: int) -> tuple[pa.Table, int]:
    """One page as rows to stage, in batches as they are written, and how many of its records had broken characters that were mended."""
    batches, mended = [], 0
    for first in range(0, len(records), SLICE_ROWS):
        batch, broken = _batch(records[first : first + SLICE_ROWS], stream, pulled_at, (page << PAGE) + first)
        batches.append(batch)
        mended += broken
    return pa.Table.from_batches(batches, STAGED), mended


def _batch(records: Sequence[Record], stream: Stream, pulled_at: datetime, number: int) -> tuple[pa.RecordBatch, int]:
    """Records as rows whose sequences begin with the number, and how many were mended.

    Payloads lie one behind the other as they were dumped; as texts of Python's they would be copied to be made and, unless all is ASCII, once more
    to be read.
    """
    lines, payloads, ends, mended = [], bytearray(), array("i", [0]), 0
    for record in records:
        line, text, broken = _row(record, stream, pulled_at)
        lines.append(line)
        payloads += text
        ends.append(len(payloads))
        mended += broken
    columns = [pa.array(values, kind) for values, kind in zip(zip(*lines, strict=True), BESIDE.types, strict=True)]
    texts = pa.StringArray.from_buffers(len(lines), pa.py_buffer(ends), pa.py_buffer(payloads))
    sequence = pa.array(range(number, number + len(lines)), pa.int64())
    return pa.RecordBatch.from_arrays([*columns, texts, sequence], schema=STAGED), mended


def land(lake: Lake, vendor: str, stream: str, pages: Sequence[Path]) -> int:
    """Append the news of a window to raw in one commit; returns the number of rows. `pages` are all its staged files."""
    held = extent(map(pq.read_metadata, pages))
    if not held.rows:
        return 0
    chosen = news(lake, vendor, stream, pages, -(-held.rows // PART_ROWS))
    if chosen.size:
        told = pa.RecordBatchReader.from_batches(LANDED, _chosen(pages, chosen))
        lake.append_raw(vendor, stream, told, chosen.size, portion(held, BATCH_ROWS, BATCH_BYTES))
    return int(chosen.size)


def news(lake: Lake, vendor: str, stream: str, pages: Sequence[Path], parts: int) -> npt.NDArray[np.int64]:
    """Sequences of the staged rows that are newest of their record and differ from what raw knows, ascending; asked for in parts."""
    names = {"staged": lake.tables.files(pages), "raw": lake.log(vendor, stream), "parts": parts}
    asked = (lake.tables.con.sql(NEWS.format(**names, part=part)) for part in range(parts))
    return np.sort(np.concatenate([np.asarray(found.to_arrow_table()["sequence"], np.int64) for found in asked]))


def _row(record: Record, stream: Stream, pulled_at: datetime) -> tuple[tuple[object, ...], bytes, bool]:
    key = type(record.key)(*map(mend, record.key))
    text, mended = payload.dump(record.payload)
    stamp = pulled_at if record.updated_at > pulled_at + FUTURE else record.updated_at
    content = payload.content_hash(record.payload, stream.unstamped, text)
    return (*key, str(key), key.hash, stamp, pulled_at, record.deleted, content), text, mended


def _chosen(pages: Sequence[Path], chosen: npt.NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
    """The chosen rows, some of a page in memory at a time."""
    for file in pages:
        with pq.ParquetFile(file, pre_buffer=False) as page:
            for some in portions(page, SLICE_ROWS, range(page.num_row_groups), STAGED.names):
                first = some["sequence"][0].as_py()
                low, high = np.searchsorted(chosen, [first, first + some.num_rows])
                if low < high:  # no copy is made where all are new
                    taken = some if high - low == some.num_rows else some.take(pa.array(chosen[low:high] - first))
                    yield taken.select(LANDED.names)
