"""How a vendor object is named everywhere: `(vendor, account, object, id)`, written `vendor/account/object/id`.

The 64-bit hashes are blake2b with an 8-byte digest, stored signed because Spark and Delta have no unsigned long; they are the
same in every version and engine, so they can be kept.
"""

import hashlib
from typing import NamedTuple

from models.base import mend

LONGEST = 600
"""Characters of a written key: no index of PostgreSQL holds more than 2,704 bytes, and a character may take four of them."""


def stable_hash(*parts: str) -> int:
    """Signed 64-bit hash of the parts; collisions are about n²/2⁶⁵ (4e-6 at 12 million values)."""
    return bytes_hash("\0".join(parts).encode("utf-8", "surrogatepass"))


def bytes_hash(content: bytes) -> int:
    """Signed 64-bit hash of UTF-8 text, the same as that of the text."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big", signed=True)


def content_id(*parts: str) -> str:
    """32 hexadecimal characters that name this content; the same content always has the same id."""
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class RecordKey(NamedTuple):
    """One vendor object, named the same way in lake, store, log and command line."""

    vendor: str
    account: str
    object: str
    id: str

    def __str__(self) -> str:
        text = mend("/".join(self))
        return text if len(text) <= LONGEST else f"{text[: LONGEST - 33]}…{content_id(text)}"

    @property
    def hash(self) -> int:
        """Signed 64-bit hash of the written form."""
        return stable_hash(str(self))

    @classmethod
    def parse(cls, text: str) -> "RecordKey":
        """Read `vendor/account/object/id`; the id may hold slashes. ValueError if a part is missing."""
        parts = text.split("/", 3)
        if len(parts) != 4 or not all(parts):
            raise ValueError(f"{text!r} is not a record key; write vendor/account/object/id")
        return cls(*parts)
