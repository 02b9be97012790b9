"""Product events: what people do in the product and say in recorded calls, read from files in a folder or an object store.

Read is whatever lies there, new and grown files only, however old; a file that is taken away takes nothing back. Files cannot tell who a
visitor is whom no line names: a cookie is no person; nor that one was replaced by another of the same size at the same instant; nor how many
lines there are, or where one with a given id stands, before all are read. Nothing is written. How: `pull.py`, `ledger.py`; the shape of a line: `lines.py`, of a
transcript: `transcripts.py`; what each means: `records.py`.
"""

from connectors.base import Connector, Source
from connectors.product_events.records import STREAMS
from connectors.product_events.settings import ProductEventsSettings
from models.clock import Clock


def open_source(settings: ProductEventsSettings, clock: Clock) -> Source:
    """Find the store that the URL names. Fatal if there is no URL, or one that no store understands; nothing is listed yet."""
    from connectors.product_events.client import open_files
    from connectors.product_events.pull import ProductEventsSource

    return ProductEventsSource(open_files(settings), settings.name, clock)


CONNECTOR = Connector(
    name="product_events",
    label="Product events",
    kinds=frozenset({"file"}),
    settings=ProductEventsSettings,
    streams=STREAMS,
    open=open_source,
    schedule="27 * * * *",  # hourly, away from the other vendors' minutes
    docs="https://segment.com/docs/connections/spec/",
)
