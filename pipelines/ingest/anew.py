"""Facts that another release has read otherwise are read anew, from what was pulled.

A fact table that was made by another reading (`Connector.reading`) is made once more beside the old one and takes its place in one commit,
with every mark. Until then readers see the old facts; killed before, the next pull begins again.
"""

import logging
from collections.abc import Mapping

from sqlalchemy import Engine
from sqlmodel import col, delete, select

from connectors.base import Connector, Stream
from models.clock import Clock
from models.facts import FACTS, Fact
from models.keys import stable_hash
from models.operations import Rejection
from models.store import transaction
from pipelines.ingest.lake import Anew, Lake
from pipelines.ingest.translate import Sink, Translation, read
from pipelines.progress import Meter

logger = logging.getLogger(__name__)

Rejected = dict[str, tuple[int, str]]
"""By record, the batch of its newest version that makes no sense, and why."""


def made_otherwise(lake: Lake, connector: Connector) -> list[type[Fact]]:
    """The facts of a vendor that this release reads otherwise than they were read, or reads for the first time beside such; none in a new lake."""
    made = {fact: lake.reading(fact, connector.name) for fact in FACTS}
    if all(reading in (None, connector.reading) for reading in made.values()):
        return []
    fed = {fact for stream in connector.streams for fact in stream.facts}
    return [fact for fact in FACTS if made[fact] != connector.reading and (fact in fed or made[fact] is not None)]


def read_anew(lake: Lake, store: Engine, connector: Connector, clock: Clock) -> Translation:
    """Make the fact tables anew that were made by another reading; does nothing where there are none. Wants the vendor's turn to land.

    Every stream that feeds them is read once, whole, for all of them. Errors: LakeBusyError if another machine has written to one of them
    meanwhile, or its files were joined; run again.
    """
    done, vendor = Translation(), connector.name
    tables = {fact: lake.anew(fact, vendor) for fact in made_otherwise(lake, connector)}
    if not tables:
        return done
    names = ", ".join(fact.table for fact in tables)
    logger.warning("%s reads records otherwise than before (reading %d); anew: %s", vendor, connector.reading, names)
    streams = [stream for stream in connector.streams if tables.keys() & {*stream.facts}]
    last = {stream.name: lake.last_batch(vendor, stream.name) for stream in streams}
    for stream in streams:
        rejected = _read(lake, vendor, stream, last[stream.name], tables, done)
        _remember(lake, store, vendor, stream, rejected, clock, done)
    # rejections first, as in a translation
    for fact, table in tables.items():
        fed_by = {stream.name: last[stream.name] for stream in streams if fact in stream.facts and last[stream.name]}
        table.take_over(fed_by, connector.reading)
    return done


def _read(
    lake: Lake, vendor: str, stream: Stream, upto: int, tables: Mapping[type[Fact], Anew], done: Translation
) -> Rejected:
    """Read all of a stream up to a batch into those of the tables that it feeds."""
    meter, count = Meter(f"read anew {vendor}/{stream.name}"), 0
    rejected: Rejected = {}
    for rows in lake.batches(vendor, stream.name, range(1, upto + 1)):
        sink: Sink = {fact: [] for fact in stream.facts}
        _, refused = read(rows, stream, sink)
        for fact in tables.keys() & sink.keys():
            for part in sink[fact]:
                tables[fact].add(part)
                done.facts[fact.table] += part.num_rows
        for (record, batch), why in refused.items():
            rejected[record] = max((batch, why), rejected.get(record, (0, "")))
        count += rows.num_rows
        meter.at(count)
    meter.end(count)
    return rejected


def _remember(
    lake: Lake, store: Engine, vendor: str, stream: Stream, rejected: Rejected, clock: Clock, done: Translation
) -> None:
    """Rejected is a record whose newest version is; batches come in any order, so that is asked at the end."""
    newest = lake.newest(vendor, stream.name, map(stable_hash, rejected)) if rejected else {}
    standing = {record: told for record, told in rejected.items() if newest.get(stable_hash(record)) == told[0]}
    name = f"{vendor}/{stream.name}"
    with transaction(store) as session:
        known = set(session.exec(select(Rejection.record).where(Rejection.stream == name)))
        for record in known - standing.keys():
            session.exec(delete(Rejection).where(col(Rejection.record) == record))
        for record, (batch, why) in standing.items():
            session.merge(Rejection(record=record, stream=name, reason=why, batch=batch, rejected_at=clock.now()))
    done.rejected.update(why for _, why in standing.values())
    done.recovered += len(known - standing.keys())
