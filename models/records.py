"""Records: one vendor object as it arrived, and the columns of the raw change log that keeps it."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple

from models.keys import RecordKey


class Record(NamedTuple):  # one is made of every row, at a third of a frozen dataclass's price
    """One version of one vendor object.

    `payload` is the vendor's JSON untouched; `updated_at` is the vendor's own stamp of this version, in UTC.
    """

    key: RecordKey
    updated_at: datetime
    payload: dict[str, Any]
    deleted: bool = False

    def sibling(self, object_name: str, object_id: str | None) -> str | None:
        """Written key of another object of the same vendor account; None if the id is empty."""
        return str(RecordKey(self.key.vendor, self.key.account, object_name, object_id)) if object_id else None


def records_of(
    vendor: str,
    account: str,
    object_name: str,
    ids: Iterable[str],
    stamps: Iterable[datetime],
    payloads: Iterable[dict[str, Any]],
    deleted: Iterable[bool] = repeat(False),  # noqa: FBT003  # told of none
) -> list[Record]:
    """Records of one object, made of columns; half the price of making each by itself, for those that are made of every row.

    Shape: as many as the shortest column has. Nothing runs in Python for a row but what the columns themselves bring.
    """
    keys = map(_key, zip(repeat(vendor), repeat(account), repeat(object_name), ids, strict=False))
    return list(map(_record, zip(keys, stamps, payloads, deleted, strict=False)))


_key = partial(tuple.__new__, RecordKey)
_record = partial(tuple.__new__, Record)
