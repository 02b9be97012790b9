"""How the work on persons is spread: 64 buckets by a stable hash, each due only when what it rests on has changed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, select

from models import BucketState
from models.keys import stable_hash

BUCKETS = 64
"""Fixed for ever: a person's bucket is stored beside its beliefs."""
ALL_BUCKETS = tuple(range(BUCKETS))


def bucket_of(person_id: str) -> int:
    """The bucket of a person, 0 to 63; the same in every run, version and machine."""
    return stable_hash(person_id) % BUCKETS


def bucket_name(bucket: int) -> str:
    """The bucket as a partition key: 00 to 63."""
    return f"{bucket:02d}"


def versions(inputs: Iterable[tuple[int, Sequence[object]]], always: str = "") -> dict[int, str]:
    """What each bucket rests on, as one number per bucket; every bucket has one, also the empty ones.

    Shape: `inputs` are (bucket, the values of one row) in any order; `always` is what every bucket depends on.
    """
    sums: dict[int, int] = defaultdict(int)
    for bucket, values in inputs:
        # adding hashes makes the number independent of the order in which a database returns rows
        sums[bucket] += stable_hash(*(str(value) for value in values)) + 1
    return {bucket: f"{always}:{sums[bucket] % 2**64:016x}" for bucket in ALL_BUCKETS}


def due(session: Session, stage: str, buckets: Iterable[int], present: Mapping[int, str]) -> list[int]:
    """Those of the buckets whose inputs differ from what their conclusions were computed from."""
    rows = session.exec(select(BucketState).where(BucketState.stage == stage)).all()
    known = {row.bucket: row.version for row in rows}
    return [bucket for bucket in buckets if known.get(bucket) != present[bucket]]


def settled(session: Session, stage: str, bucket: int, version: str, now: datetime) -> None:
    """Remember what the bucket's conclusions now rest on."""
    session.merge(BucketState(stage=stage, bucket=bucket, version=version, computed_at=now))
