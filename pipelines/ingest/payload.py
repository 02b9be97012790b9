"""Payloads as text: the vendor's JSON with sorted keys, so that equal content is equal text and has an equal hash.

The text is UTF-8 bytes, as JSON is made, hashed and read, and as Arrow keeps it: one record may have some MB.
"""

import json
import re
from collections.abc import Set as AbstractSet
from typing import Any

import orjson

from models.base import mend
from models.keys import bytes_hash

NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""NUL as JSON writes it; behind an odd number of backslashes it is the letters only."""
LETTERS = re.compile(rb"\\u0000")
"""Those letters, NUL or not; few payloads have them, and only these are searched for NUL."""


def dump(payload: dict[str, Any]) -> tuple[bytes, bool]:
    """The payload as JSON text, and whether broken characters had to be mended for it.

    Half a surrogate pair (an emoji that a vendor cut in two) is no text in any encoding; it becomes U+FFFD, as in every
    decoder, so that each reader after us gets valid text.
    """
    try:
        return orjson.dumps(payload, option=orjson.OPT_SORT_KEYS), False
    except TypeError:  # orjson's word for half a surrogate pair, but also for integers beyond 64 bits and deep nesting
        finite = json.loads(
            json.dumps(payload), parse_constant=lambda _: None
        )  # NaN is no JSON; orjson writes null too
        text = json.dumps(finite, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        whole = mend(text)
        return whole.encode(), whole != text


def load(text: bytes | memoryview) -> dict[str, Any]:
    """The payload that `dump` wrote, with U+FFFD for NUL, which no store keeps."""
    payload: dict[str, Any] = orjson.loads(NUL.sub(rb"\1\\ufffd", bytes(text)) if LETTERS.search(text) else text)
    return payload


def content_hash(payload: dict[str, Any], unstamped: AbstractSet[str], text: bytes) -> int:
    """Signed 64-bit hash of the payload (whose text is given) without the keys that say nothing about content."""
    if unstamped.isdisjoint(payload):
        return bytes_hash(text)
    return bytes_hash(dump({key: value for key, value in payload.items() if key not in unstamped})[0])
