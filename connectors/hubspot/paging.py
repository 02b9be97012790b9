"""Walking a list to its end. Never a part of the pages as if they were all, and never in circles."""

from collections.abc import Callable, Iterator

from connectors.errors import Retryable
from connectors.hubspot.client import Rows
from connectors.hubspot.refusals import SOON, VENDOR


def leaves(ask: Callable[[str | None], Rows], about: str, stream: str, after: str | None = None) -> Iterator[Rows]:
    """The pages behind a cursor, to the last. Errors: those of `ask`; Retryable for a list that goes round in circles."""
    seen = {after}
    while True:
        found = ask(after)
        yield found
        if found.after is None:
            return
        if found.after in seen:
            raise circle(about, stream)
        after = found.after
        seen.add(after)


def circle(about: str, stream: str, record_id: str | None = None) -> Retryable:
    """The error of a page that was there before: HubSpot's own client would read on for ever (its `get_all` keeps no guard)."""
    message = f"{about} repeats a page; the next run tries again"
    return Retryable(message, after=SOON, vendor=VENDOR, stream=stream, record_id=record_id)
