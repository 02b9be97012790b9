"""The interpreter's heap, and Arrow's, while pages are read."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa


@contextmanager
def settled_heap() -> Iterator[None]:
    """Spare what is there already from the garbage collector.

    A page is tens of thousands of new objects, none of them in a cycle; looking through all modules again and again on their account
    took up to half of the time of a pull. Arrow's own allocator keeps what it once had, 50 MiB of it that the C library gives back.
    """
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        pa.set_memory_pool(before)
