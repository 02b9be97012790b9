"""The memory of a process while pages are read: what is freed goes back, and what stays is not looked through again and again."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = (50_000, 20, 100)
"""New objects until the garbage collector looks, and how many looks until it turns to older ones; by itself it looks at every seven hundredth.

Expressions over the lake, and pages, make objects by the hundred thousand, and reference counts free them: looking for cycles among them, and
among all that the imports made, took a quarter of a run. https://docs.python.org/3/library/gc.html
"""
LARGE = 2**18
"""Bytes from which the C library has a block of its own for what is asked, which the system gets back when it is freed. By itself it learns to
keep blocks of up to 32 MiB in one heap, and of a pull's pages and groups of rows 40 MiB stayed there. https://man7.org/linux/man-pages/man3/mallopt.3.html
"""
M_MMAP_THRESHOLD = -3
"""What `malloc.h` of glibc calls it."""


@contextmanager
def settled_heap() -> Iterator[None]:
    """Spare what is there already from the garbage collector, have it look seldom at what comes, and give large blocks back.

    A page is tens of thousands of new objects, none of them in a cycle; looking through all modules again and again on their account
    took up to half of the time of a pull, and looking through the page itself a tenth.
    """
    often = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*SELDOM)
    _tell_the_c_library("mallopt", M_MMAP_THRESHOLD, LARGE)
    try:
        yield
    finally:
        gc.set_threshold(*often)
        gc.unfreeze()


def give_back() -> None:
    """Give the system what is free; some milliseconds where the heap is settled, for only what came since is looked at.

    A batch's sessions and files are in cycles, 1 MiB of them, which the collector would come upon much later.
    """
    gc.collect()
    _tell_the_c_library("malloc_trim", 0)


def _tell_the_c_library(name: str, *numbers: int) -> None:
    """Where it is glibc; others have no such doors."""
    door = getattr(ctypes.CDLL(None), name, None)
    if door:
        door(*numbers)
