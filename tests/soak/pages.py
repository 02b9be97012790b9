"""Other constants for the length of a block: pages of five records, of HubSpot's two searches together, so that small worlds have many.

A harness whose connector takes its sizes when it is opened gives small ones there.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType

from connectors.hubspot import client as hubspot
from connectors.hubspot import objects as hubspot_objects
from connectors.meta_ads import leads, paging
from connectors.stripe import increments, objects
from connectors.stripe import paging as stripe

SIZES: tuple[tuple[ModuleType, str], ...] = (
    (hubspot, "LIST_PAGE"),
    (hubspot, "SEARCH_PAGE"),
    (hubspot, "SUBMISSIONS_PAGE"),
    (stripe, "LIMIT"),
    (increments, "LIMIT"),
    (increments, "WORTH"),
    (increments, "MOST"),
    (objects, "LIMIT"),
    (paging, "LIMIT"),
    (leads, "LIMIT"),
)


@contextmanager
def replaced(module: ModuleType, name: str, value: object) -> Iterator[None]:
    """The module with another value under a name that it has."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


@contextmanager
def small_pages() -> Iterator[None]:
    """The connectors ask for five records at a time."""
    with ExitStack() as stack:
        stack.enter_context(replaced(hubspot_objects, "SEARCHES", 2))
        for module, name in SIZES:
            stack.enter_context(replaced(module, name, 5))
        yield
