"""Pages of a listing: an opaque cursor, `cursors.after` on every page, `next` only where more follow.

Source: https://developers.facebook.com/docs/graph-api/results (cursor-based pagination: "don't depend on the number of results").
"""

import base64
from collections.abc import Sequence
from typing import Any

from sandbox.meta_ads.errors import bad
from sandbox.meta_ads.params import Params, limit

EMPTY = "empty"
"""Marks the cursor behind an empty page."""


def page(rows: Sequence[Any], params: Params, url: str, *, gaps: bool, default: int = 25) -> dict[str, Any]:
    """One page of the rows, and `summary` if it is asked for. `gaps` puts an empty page behind the first of several."""
    size, (start, passed) = limit(params, default), _place(params.get("after"))
    after_gap = gaps and start == size and not passed and len(rows) > size
    shown = [] if after_gap else rows[start : start + size]
    end = start if after_gap else start + len(shown)
    answer: dict[str, Any] = {"data": list(shown)}
    if rows:
        answer["paging"] = {"cursors": {"before": _cursor(start), "after": _cursor(end, passed=after_gap)}}
    if end < len(rows):
        answer["paging"]["next"] = f"https://graph.facebook.com{url}?after={_cursor(end, passed=after_gap)}"
    if params.get("summary") is True:
        answer["summary"] = {"total_count": len(rows)}
    return answer


def _cursor(place: int, *, passed: bool = False) -> str:
    return base64.urlsafe_b64encode(f"{place}{EMPTY if passed else ''}".encode()).decode()


def _place(cursor: str | None) -> tuple[int, bool]:
    if not cursor:
        return 0, False
    try:
        text = base64.urlsafe_b64decode(str(cursor)).decode()
        return int(text.removesuffix(EMPTY)), text.endswith(EMPTY)
    except ValueError:
        raise bad("Invalid cursors values") from None
