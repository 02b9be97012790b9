"""What persons and accounts are called, where an answer names them."""

from collections.abc import Iterable
from typing import Any

import ibis
import pyarrow as pa

from models import Profile
from pipelines.ingest.lake import Lake
from pipelines.stitch.membership import SNAPSHOT, SNAPSHOT_SCHEMA


def known_as(lake: Lake, entities: Iterable[str]) -> list[dict[str, Any]]:
    """Every record of these persons or accounts, whoever's it is, with the name and job title that it gives them, the oldest first.

    Shape: `record, entity_id, name, title, created_at`; of a record that tells of nobody all but the first two are empty.
    """
    wanted = ibis.memtable(pa.table({"entity_id": pa.array(sorted(set(entities)), pa.string())}))
    told = lake.facts(Profile).select("record", "name", "title", "created_at")
    who = lake.derived(SNAPSHOT, SNAPSHOT_SCHEMA).select("record", "entity_id").join(wanted, "entity_id")
    joined = who.left_join(told, "record").order_by("created_at", "record")
    rows: list[dict[str, Any]] = joined.to_pyarrow().to_pylist()
    return rows


def names_of(lake: Lake, entities: Iterable[str]) -> dict[str, str]:
    """The name that the oldest record of each person or account gives them, by id; whoever has none is left out."""
    found: dict[str, str] = {}
    for row in known_as(lake, entities):
        if row["name"]:
            found.setdefault(row["entity_id"], row["name"])
    return found
