"""Records: one vendor object as it arrived, and the columns of the raw change log that keeps it."""

from datetime import datetime
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
