"""The interpreter's heap while pages are read."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
