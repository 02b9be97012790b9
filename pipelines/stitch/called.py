"""What persons and accounts are called, where an answer names them."""

from collections.abc import Iterable

import ibis
import pyarrow as pa

from models import Profile
from pipelines.ingest.lake import Lake
from pipelines.stitch.membership import SNAPSHOT, SNAPSHOT_SCHEMA


def names_of(lake: Lake, entities: Iterable[str]) -> dict[str, str]:
    """The name that the oldest record of each person or account gives them, by id; whoever has none is left out."""
    wanted = ibis.memtable(pa.table({"entity_id": pa.array(sorted(set(entities)), pa.string())}))
    told = lake.facts(Profile)
    named = told.filter(told.name.notnull()).select("record", "name", "created_at")
    who = lake.derived(SNAPSHOT, SNAPSHOT_SCHEMA).select("record", "entity_id").join(wanted, "entity_id")
    rows = who.join(named, "record").order_by(ibis.asc("created_at", nulls_first=False), "record")
    found: dict[str, str] = {}
    for row in rows.to_pyarrow().to_pylist():
        found.setdefault(row["entity_id"], row["name"])
    return found
