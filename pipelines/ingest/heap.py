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
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""What `malloc.h` of glibc calls them: how much may lie free at the heap's end, and from which size a block lies outside of it, to be given
back once it is freed. By itself the C library learns to keep blocks of up to 32 MiB in the heap. https://man7.org/linux/man-pages/man3/mallopt.3.html
"""
KEPT, GIVEN_BACK = (2**22, 2**26), (2**18, 2**19)
"""Bytes from which a block lies outside, and how many may lie free at the end. While pages are read one follows another like it, and what was
free is asked for again at once, but for the largest, that is whole answers, of which no two are of one size; while they land, groups of rows of
all sizes come and go, of which 40 MiB would stay in the heap.
"""


@contextmanager
def settled_heap() -> Iterator[None]:
    """Spare what is there already from the garbage collector, and have it look seldom at what comes.

    A page is tens of thousands of new objects, none of them in a cycle; looking through all modules again and again on their account
    took up to half of the time of a pull, and looking through the page itself a tenth.
    """
    often = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*often)
        gc.unfreeze()


@contextmanager
def lean_heap() -> Iterator[None]:
    """Give what is free back, and what is freed as it comes."""
    give_back()
    _keep(*GIVEN_BACK)
    try:
        yield
    finally:
        _keep(*KEPT)


def give_back() -> None:
    """Give the system what is free; some milliseconds where the heap is settled, for only what came since is looked at.

    A batch's sessions and files are in cycles, 1 MiB of them, which the collector would come upon much later.
    """
    gc.collect()
    _tell_the_c_library("malloc_trim", 0)


def _keep(inside: int, free: int) -> None:
    _tell_the_c_library("mallopt", M_MMAP_THRESHOLD, inside)
    _tell_the_c_library("mallopt", M_TRIM_THRESHOLD, free)


def _tell_the_c_library(name: str, *numbers: int) -> None:
    """Where it is glibc; others have no such doors."""
    door = getattr(ctypes.CDLL(None), name, None)
    if door:
        door(*numbers)
