"""Whether a vendor holds more live records of a stream than the lake: what says that nothing was cut off in silence.

The vendor counts while people work, and is always ahead of the lake by what it has not shown yet. So a count that equals the lake's is
proof at once, and any other waits for a pull that began well after it: by then the lake holds all that stood at the vendor when
it counted. Records that have appeared or gone since may have been there or not, and so may those of people who are forgotten; what even
they do not explain is missing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import col, select

from connectors.base import Source, Stream
from models.operations import Cursor, StreamCount
from models.store import transaction
from pipelines.ingest.forgotten import withheld
from pipelines.ingest.lake import Lake

CAUGHT_UP = timedelta(minutes=30)
"""Vendors show a change within minutes, late commits and search indexes included; a pull that begins after this has seen it."""
COUNT_EVERY = timedelta(days=1)
"""A stream in which nothing lands is counted as seldom as this, for a record that never came leaves no trace either."""
LIVE = """
SELECT record_hash, NOT max(struct_pack(updated_at, pulled_at, batch, deleted)).deleted AS live
FROM {raw} WHERE account NOT IN (SELECT unnest($others)) AND {which} GROUP BY record_hash
"""
"""Whether each record is alive, by its newest version: by the vendor's stamp, then by when we read it, then by landing."""
NUMBER = "SELECT count(*) FILTER (live) FROM ({now})"
BOTH = """
SELECT count(*) FILTER (was.live AND now.live), count(*) FILTER (was.live IS NULL OR was.live <> now.live)
FROM ({now}) AS now LEFT JOIN ({was}) AS was USING (record_hash)
"""
"""How many live that lived at an instant, too, and of how many nobody knows whether the vendor counted them then."""


@dataclass(frozen=True)
class Records:
    """The records of one stream in the lake, but for those of other accounts."""

    lake: Lake
    vendor: str
    stream: str
    others: list[str]

    def ask(self, query: str, **params: object) -> tuple[int, ...]:
        """The numbers that a query on them gives."""
        raw = self.lake.log(self.vendor, self.stream)
        now, was = (LIVE.format(raw=raw, which=which) for which in ("true", "updated_at <= $at"))
        (numbers,) = self.lake.tables.con.sql(
            query.format(now=now, was=was), params={"others": self.others, **params}
        ).fetchall()
        return tuple(numbers)


def compare_counts(
    source: Source, stream: Stream, lake: Lake, store: Engine, *, began: datetime, landed: int, now: datetime
) -> None:
    """Judge the count that waits, and count anew if that is due; `landed` are the rows of this pull, which began at `began`.

    Errors: Unsupported if the vendor does not count this stream; else as `pages`.
    """
    key = (source.vendor, source.account, stream.name)
    with transaction(store) as session:
        last = session.get(StreamCount, key)
    records = Records(lake, source.vendor, stream.name, _other_accounts(store, source, stream))
    apart = withheld(store, source.vendor, stream.object)
    if last is not None and not last.settled and began - last.counted_at >= CAUGHT_UP:
        last = _judged(records, last, apart)
        _keep(store, last)
    if last is None or (last.settled and (landed or now - last.counted_at >= COUNT_EVERY)):
        _keep(store, _counted(records, source, stream, last, now, apart))


def _counted(
    records: Records, source: Source, stream: Stream, last: StreamCount | None, now: datetime, apart: int
) -> StreamCount:
    """A new count; unless it is final, the last verdict stands until this one is."""
    at_vendor, (in_lake,) = source.count(stream), records.ask(NUMBER)
    equal = in_lake <= at_vendor <= in_lake + apart
    return StreamCount(
        vendor=source.vendor,
        account=source.account,
        stream=stream.name,
        at_vendor=at_vendor,
        counted_at=now,
        in_lake=in_lake,
        missing=0 if equal or last is None else last.missing,
        surplus=0 if equal or last is None else last.surplus,
        settled=equal,
    )


def _judged(records: Records, count: StreamCount, apart: int) -> StreamCount:
    """What the lake knows by now of the moment of the count."""
    sure, unsure = records.ask(BOTH, at=count.counted_at)
    count.in_lake = sure
    count.missing = max(0, count.at_vendor - sure - unsure - apart)
    count.surplus = max(0, sure - count.at_vendor)
    count.settled = True
    return count


def _other_accounts(store: Engine, source: Source, stream: Stream) -> list[str]:
    """Accounts whose records this one's count leaves out. One connection may bring several accounts, all of which it counts."""
    with transaction(store) as session:
        where = (col(Cursor.vendor) == source.vendor) & (col(Cursor.stream) == stream.name)
        return [one for one in session.exec(select(Cursor.account).where(where)) if one != source.account]


def _keep(store: Engine, count: StreamCount) -> None:
    with transaction(store) as session:
        session.merge(count)
