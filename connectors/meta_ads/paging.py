"""Walking an edge to its end. Never a part of the pages as if they were all.

`paging.next` alone says whether more follow: `cursors.after` is there on the last page too, and a page may be empty with more behind
it (https://developers.facebook.com/docs/graph-api/results).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.errors import Retryable
from connectors.meta_ads.client import Json, MetaApi
from connectors.meta_ads.refusals import SOON, VENDOR, TooMuch

LIMIT = 500  # rows of a page; Meta names no maximum and complains of too much data instead
FEWEST = 25  # below this a smaller page is not the answer to "reduce the amount of data" (Meta's own default)


@dataclass(frozen=True)
class Leaf:
    """One page: its rows, and the cursor behind it if more follow."""

    rows: list[Json]
    after: str | None


def leaves(
    api: MetaApi,
    reason: str,
    path: Sequence[str],
    params: Mapping[str, Any],
    *,
    stream: str,
    after: str | None = None,
) -> Iterator[Leaf]:
    """The pages behind a cursor; where a page is too much, half of it is asked for.

    Errors: those of `MetaApi.get`; TooMuch for a page that cannot be halved; Retryable for a listing that goes round in circles.
    """
    about, limit, seen = "/".join(path), LIMIT, {after}
    while True:
        try:
            page = api.get(
                reason, path, {**params, "limit": limit, **({"after": after} if after else {})}, stream=stream
            )
        except TooMuch:
            if limit <= FEWEST:
                raise
            limit //= 2
            continue
        leaf = read_leaf(page, about, stream)
        yield leaf
        if leaf.after is None:
            return
        if leaf.after in seen:
            raise Retryable(
                f"{about} repeats a page; the next run tries again", after=SOON, vendor=VENDOR, stream=stream
            )
        after = leaf.after
        seen.add(after)


def read_leaf(page: Json, about: str, stream: str) -> Leaf:
    """What a page holds. Errors: Retryable for an answer that is no page."""
    data, paging = page.get("data"), page.get("paging") or {}
    if isinstance(data, list) and all(isinstance(row, dict) for row in data) and isinstance(paging, dict):
        after = (paging.get("cursors") or {}).get("after") if paging.get("next") else None
        if after or not paging.get("next"):
            return Leaf(data, after)
    raise Retryable(f"{about} answered no page; the next run tries again", after=SOON, vendor=VENDOR, stream=stream)
