"""Deletions that nobody tells: what a window that is whole does not hold, and the lake does, is gone.

The tombstones are one more page of the window. Made twice, after a crash, they find themselves there and are none.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from connectors.base import Stream, Whole
from pipelines.ingest.lake import HEADS, Lake
from pipelines.ingest.landing import PAGE, STAGED

UNHELD = """
(FROM {raw} ANTI JOIN (FROM {staged} WHERE NOT deleted OR updated_at >= $at) USING (record_hash)
WHERE account = $account AND object = $object AND coalesce(id > $after, true) AND coalesce(id <= $upto, true))
"""
"""Versions of the records of a stretch that no page holds."""
GONE = """
WITH heads AS ({heads}), gone AS MATERIALIZED (
    SELECT record_hash, batch FROM {raw} SEMI JOIN heads USING (record_hash, batch) WHERE NOT deleted AND updated_at <= $at
)
FROM {raw} SEMI JOIN gone USING (record_hash, batch)
"""
"""Those of them that live. A deletion that is older than what is known of its record does not count when the
pages land. They are found first, so that no other payload is read: mostly there are none."""


def tombstones(
    lake: Lake, vendor: str, stream: Stream, whole: Whole, *, pages: Sequence[Path], pulled_at: datetime
) -> pa.Table:
    """Rows to stage: the last content of every live record in the stretch that no page holds, marked deleted.

    Shape: `pages` are the window's staged files, at least one.
    """
    at = datetime.fromisoformat(whole.at)
    raw = lake.log(vendor, stream.name)
    said = GONE.format(raw=raw, heads=HEADS.format(raw=UNHELD.format(raw=raw, staged=lake.tables.files(pages))))
    within = {"account": whole.account, "object": stream.object, "at": at, "after": whole.after, "upto": whole.upto}
    gone = lake.tables.con.sql(said, params=within).to_arrow_table()
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
