"""Deletions that nobody tells: what a window that is whole does not hold, and the lake does, is gone.

The tombstones are one more page of the window. Made twice, after a crash, they find themselves there and are none.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import ibis
import pyarrow as pa

from connectors.base import Stream, Whole
from pipelines.ingest.lake import Lake
from pipelines.ingest.landing import PAGE, STAGED


def tombstones(
    lake: Lake, vendor: str, stream: Stream, whole: Whole, *, pages: Sequence[Path], pulled_at: datetime
) -> pa.Table:
    """Rows to stage: the last content of every live record in the stretch that no page holds, marked deleted.

    Shape: `pages` are the window's staged files, at least one.
    """
    known, at = lake.latest(vendor, stream.name), datetime.fromisoformat(whole.at)
    live = known.filter(
        known.account == whole.account,
        known.object == stream.object,
        ~known.deleted,
        known.updated_at <= ibis.literal(at),
    )
    if whole.after is not None:
        live = live.filter(live.id > whole.after)
    if whole.upto is not None:
        live = live.filter(live.id <= whole.upto)
    held = lake.tables.files(pages)
    # a deletion that is older than what is known of the record does not count when the pages land
    held = held.filter(~held.deleted | (held.updated_at >= ibis.literal(at)))
    gone = live.anti_join(held, "record_hash").drop("batch").to_pyarrow()
    number = (len(pages) + 1) << PAGE
    told = {
        "updated_at": pa.array([at] * gone.num_rows, STAGED.field("updated_at").type),
        "pulled_at": pa.array([pulled_at] * gone.num_rows, STAGED.field("pulled_at").type),
        "deleted": pa.array([True] * gone.num_rows, pa.bool_()),
        "sequence": pa.array(range(number, number + gone.num_rows), pa.int64()),
    }
    columns = [
        told[name] if name in told else gone[name].cast(kind)
        for name, kind in zip(STAGED.names, STAGED.types, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=STAGED)
