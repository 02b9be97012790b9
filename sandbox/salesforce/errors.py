"""Salesforce's refusals: of a whole request, or of one row of it.

Source: REST API developer guide 63.0, "Status Codes and Error Responses"; SOAP API guide, "StatusCode" for the codes of rows.
"""

from collections.abc import Sequence
from typing import Any


class Refusal(Exception):
    """The whole request fails with this status and code."""

    def __init__(self, status: int, code: str, message: str, fields: Sequence[str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields

    def body(self) -> list[dict[str, Any]]:
        """As REST answers it."""
        entry: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        return [entry if self.fields is None else {**entry, "fields": list(self.fields)}]


class RowRefusal(Exception):
    """One row fails; the others of a collection need not."""

    def __init__(self, code: str, message: str, *fields: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = fields

    def entry(self) -> dict[str, Any]:
        """As the row's answer in a collection carries it."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}

    def whole(self) -> Refusal:
        """The same as the answer to a request about this row alone."""
        status = 404 if self.code in {"ENTITY_IS_DELETED", "NOT_FOUND"} else 400
        return Refusal(status, self.code, self.message, self.fields)


def not_found(message: str = "The requested resource does not exist") -> Refusal:
    """The answer where nothing is."""
    return Refusal(404, "NOT_FOUND", message)


def malformed(message: str) -> Refusal:
    """The answer to a query that cannot be read."""
    return Refusal(400, "MALFORMED_QUERY", message)


def unreadable(message: str) -> Refusal:
    """The answer to JSON of the wrong shape."""
    return Refusal(400, "JSON_PARSER_ERROR", message)
