"""The interpreter's heap, and Arrow's, while pages are read."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa


@contextmanager
def settled_heap() -> Iterator[None]:
    """Spare what is there already from the garbage collector.

    A page is tens of thousands of new objects, none of them in a cycle; looking through all modules again and again on their account
    took up to half of the time of a pull.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def give_back() -> None:
    """Let Arrow's allocator return what nobody uses: by itself it keeps 50 MiB and more of what the last page took."""
    pa.default_memory_pool().release_unused()
