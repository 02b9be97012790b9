"""Pages of five records, so that small worlds have many."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from unittest.mock import patch

from connectors.hubspot import client as hubspot
from connectors.meta_ads import paging as meta_ads
from connectors.salesforce import pull as salesforce
from connectors.stripe import paging as stripe

SIZES: tuple[tuple[ModuleType, str, int], ...] = (
    (salesforce, "CHUNK", 5),
    (hubspot, "LIST_PAGE", 5),
    (hubspot, "SEARCH_PAGE", 5),
    (hubspot, "SUBMISSIONS_PAGE", 5),
    (stripe, "LIMIT", 5),
    (meta_ads, "LIMIT", 5),
)


@contextmanager
def small_pages() -> Iterator[None]:
    """For the length of the block the connectors ask for five records at a time."""
    with ExitStack() as stack:
        for module, name, size in SIZES:
            stack.enter_context(patch.object(module, name, size))
        yield
