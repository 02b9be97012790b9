"""An answer of the Bulk API that is no JSON."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Csv:
    """CSV, and the headers that go with it."""

    content: bytes
    headers: Mapping[str, str]
