"""Keys in portions that one SQL statement can hold."""

from collections.abc import Iterable, Iterator
from itertools import islice

PORTION = 500
"""Keys in one SQL statement; SQLite allows 32,766 variables, PostgreSQL 65,535."""


def portions(keys: Iterable[str]) -> Iterator[list[str]]:
    """The keys, in their order, a portion at a time."""
    rest = iter(keys)
    while portion := list(islice(rest, PORTION)):
        yield portion
