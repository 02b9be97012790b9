"""Walking a list newest first to its end. Never a part of the pages as if they were all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.errors import Retryable
from connectors.stripe.client import Json, StripeApi
from connectors.stripe.refusals import SOON, VENDOR, CursorGone

LIMIT = 100  # the most that a page holds (https://docs.stripe.com/api/pagination)
TRAIL = 20  # page ends remembered; twenty of them deleted at once means starting over


@dataclass(frozen=True)
class Leaf:
    """One page, the ends of the pages so far (oldest first), and whether it is the last."""

    rows: list[Json]
    trail: list[str]
    last: bool


def leaves(
    api: StripeApi,
    reason: str,
    path: str,
    params: Mapping[str, Any],
    *,
    stream: str,
    endpoint: str | None = None,
    trail: list[str] | None = None,
) -> Iterator[Leaf]:
    """The pages after the last id of the trail. If that object is deleted meanwhile, the walk goes on from the one before.

    Errors: those of `StripeApi.list`; Retryable for a list that goes round in circles.
    """
    trail = list(trail or [])
    ends = set(trail)
    while True:
        after = {"starting_after": trail[-1]} if trail else {}
        try:
            page = api.list(reason, path, {"limit": LIMIT, **params, **after}, stream=stream, endpoint=endpoint)
        except CursorGone:
            if not trail:
                raise
            trail.pop()
            continue
        rows: list[Json] = page["data"]
        end = [row["id"] for row in rows[-1:]]
        if ends.intersection(end):
            raise Retryable(
                f"{path} repeats a page; the next run tries again", after=SOON, vendor=VENDOR, stream=stream
            )
        ends.update(end)
        trail = [*trail, *end][-TRAIL:]
        yield Leaf(rows, trail, last=not page["has_more"])
        if not page["has_more"]:
            return
