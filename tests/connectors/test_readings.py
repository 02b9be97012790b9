"""Nobody changes what a record is read as without saying so: facts that are in a lake stay as they were read until `reading` is raised.

`readings/<vendor>.json` holds records of every stream, a few for each way of reading them, and what they were read as, as digests. To add
a record, write it there without `facts`; then, and whenever `reading` was raised, record anew with the command below.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Connector, Stream
from connectors.registry import connectors_by_name
from models.facts import Profile, Scope
from models.keys import RecordKey
from models.records import Record

FOLDER = Path(__file__).parent / "readings"
COMMAND = "SIDECAR_RECORD_READINGS=1 uv run pytest -n 0 tests/connectors/test_readings.py"
RECORDING = bool(os.environ.get("SIDECAR_RECORD_READINGS"))

vendors = pytest.mark.parametrize("connector", connectors_by_name().values(), ids=lambda connector: connector.name)

Row = dict[str, Any]


def recorded(connector: Connector) -> tuple[int, list[Row]]:
    """The reading by which the vendor's records were read last, and the records with the digests of their facts."""
    file = FOLDER / f"{connector.name}.json"
    found = json.loads(file.read_text("utf-8")) if file.exists() else {"reading": 0, "records": []}
    return found["reading"], found["records"]


def record_anew(connector: Connector, rows: list[Row]) -> None:
    lines = ",\n".join(
        json.dumps({**row, "facts": digest(connector.streams_by_name[row["stream"]], row)}, sort_keys=True)
        for row in rows
    )
    text = f'{{"reading": {connector.reading}, "records": [\n{lines}\n]}}\n'
    (FOLDER / f"{connector.name}.json").write_text(text, "utf-8")


def digest(stream: Stream, row: Row) -> str:
    """Names what the record is read as, in whichever order; a field that is empty is as one that is not there."""
    key = RecordKey.parse(row["key"])
    record = Record(key, datetime.fromisoformat(row["updated_at"]), row["payload"], row["deleted"])
    try:
        facts = [] if record.deleted and not stream.lasting else list(stream.translate(record))
    except ValueError:
        return "rejected"
    told = sorted(
        json.dumps([one.table, one.model_dump(mode="json", exclude_none=True)], sort_keys=True) for one in facts
    )
    return blake2b("\n".join(told).encode(), digest_size=8).hexdigest()


def read_otherwise(connector: Connector, rows: list[Row]) -> Iterator[str]:
    """Records that this release reads otherwise than they were read when they were recorded."""
    for row in rows:
        if "facts" in row and row["facts"] != digest(connector.streams_by_name[row["stream"]], row):
            yield f"{row['stream']} {row['key']}"


def complaint(connector: Connector) -> str | None:
    """What has to be done before what is read may be what it is."""
    reading, rows = recorded(connector)
    others = list(read_otherwise(connector, rows))
    if others and connector.reading <= reading:
        return (
            f"records of {connector.name} are read otherwise than before: {', '.join(others[:5])}"
            f"{', …' if others[5:] else ''}. Raise `reading` of the connector {connector.name} above {reading} and record anew: {COMMAND}"
        )
    if connector.reading != reading or any("facts" not in row for row in rows):
        return f"what {connector.name} reads by reading {connector.reading} is not recorded: {COMMAND}"
    return None


@vendors
def test_records_are_read_as_they_were_or_the_reading_is_raised(connector: Connector) -> None:
    """Else what was pulled before an upgrade would stay as it was read, and what comes after it would not."""
    said = complaint(connector)
    if RECORDING and said and "Raise" not in said:
        record_anew(connector, recorded(connector)[1])
        said = complaint(connector)
    assert said is None, said


@vendors
def test_every_stream_has_records_to_be_read(connector: Connector) -> None:
    """One that is new brings some."""
    assert {row["stream"] for row in recorded(connector)[1]} == connector.streams_by_name.keys()


def test_a_translation_that_changed_is_told_by_vendor_and_record() -> None:
    """And what to do about it; once the reading is raised, that it has to be recorded."""
    stripe = connectors_by_name()["stripe"]
    changed = tuple(
        replace(stream, translate=lambda record: [Profile(scope=Scope.person, name="X")], facts=(Profile,))
        if stream.name == "refunds"
        else stream
        for stream in stripe.streams
    )
    said = complaint(replace(stripe, streams=changed))
    assert said is not None
    assert said.startswith("records of stripe are read otherwise than before: refunds stripe/")
    assert "Raise `reading` of the connector stripe" in said
    assert "Raise" not in str(complaint(replace(stripe, streams=changed, reading=stripe.reading + 1)))
