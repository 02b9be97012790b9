"""The interpreter's heap, and Arrow's, while pages are read."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

SELDOM = (50_000, 20, 100)
"""New objects until the garbage collector looks, and how many looks until it turns to older ones; by itself it looks at every seven hundredth.

Expressions over the lake, and pages, make objects by the hundred thousand, and reference counts free them: looking for cycles among them, and
among all that the imports made, took a quarter of a run. https://docs.python.org/3/library/gc.html
"""


@contextmanager
def settled_heap() -> Iterator[None]:
    """Spare what is there already from the garbage collector, and have it look seldom at what comes.

    A page is tens of thousands of new objects, none of them in a cycle; looking through all modules again and again on their account
    took up to half of the time of a pull, and looking through the page itself a tenth. Arrow's own allocator keeps what it once had,
    50 MiB of it that the C library gives back.
    """
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    often = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*often)
        gc.unfreeze()
        pa.set_memory_pool(before)
