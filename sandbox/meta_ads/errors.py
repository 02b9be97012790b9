"""Refusals in Meta's own words: https://developers.facebook.com/docs/graph-api/guides/error-handling."""

from typing import Any

REDUCE = "Please reduce the amount of data you're asking for, then retry your request"
NOT_THERE = (
    "Unsupported get request. Object with ID '{}' does not exist, cannot be loaded due to missing permissions, "
    "or does not support this operation."
)


class MetaRefusal(Exception):
    """A request that Meta would refuse; the app answers with its status and body."""

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        *,
        subcode: int | None = None,
        kind: str = "OAuthException",
        transient: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        said: dict[str, Any] = {"message": message, "type": kind, "code": code, "fbtrace_id": "AsandboxTrace"}
        if subcode is not None:
            said["error_subcode"] = subcode
        self.body = {"error": {**said, "is_transient": transient}}


def bad(message: str) -> MetaRefusal:
    """A parameter or field that Meta does not know."""
    return MetaRefusal(400, 100, f"(#100) {message}")


def not_there(object_id: str) -> MetaRefusal:
    """An object that is gone, hidden or was never there: one answer for all three."""
    return MetaRefusal(400, 100, NOT_THERE.format(object_id), subcode=33, kind="GraphMethodException")


def too_much(*, known_before: bool) -> MetaRefusal:
    """More data than one request may ask for: told before a report is begun, or while an answer is being made."""
    return MetaRefusal(400, 100, f"(#100) {REDUCE}", subcode=1487534) if known_before else MetaRefusal(500, 1, REDUCE)
