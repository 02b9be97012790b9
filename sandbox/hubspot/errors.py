"""Refusals in HubSpot's own words: https://developers.hubspot.com/docs/api-reference/error-handling and the SDK's model `Error`."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

Answer = dict[str, Any]
"""JSON as it goes over the wire."""

SCOPES_PAGE = "https://developers.hubspot.com/scopes"


class HubSpotRefusal(Exception):
    """A request that HubSpot would refuse; the app answers with its status and body."""

    def __init__(
        self,
        status: int,
        message: str,
        category: str = "VALIDATION_ERROR",
        *,
        errors: Sequence[Answer] = (),
        context: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.category = category
        self.errors = list(errors)
        self.context = dict(context or {})
        self.more = more

    def body(self) -> Answer:
        """As the whole answer; every error has an id of its own for HubSpot's support."""
        whole: Answer = {"status": "error", "message": str(self), "correlationId": str(uuid.uuid4())}
        if self.errors:
            whole["errors"] = self.errors
        if self.context:
            whole["context"] = self.context
        return {**whole, "category": self.category, **self.more}

    def entry(self, context: Mapping[str, list[str]]) -> Answer:
        """As one of the errors of a batch that succeeded in part (SDK: StandardError)."""
        told = {"status": "error", "category": self.category, "message": str(self)}
        return {**told, "context": {**self.context, **context}, "links": {}, "errors": self.errors, **self.more}


def not_json() -> HubSpotRefusal:
    """415 for a body that is not said to be JSON."""
    return HubSpotRefusal(415, "HTTP 415 Unsupported Media Type")


def invalid_values(problems: Sequence[tuple[str, str, str]]) -> HubSpotRefusal:
    """400 for (property, error code, message) of values that do not fit, the details as JSON inside the message.

    Source: https://developers.hubspot.com/changelog/upcoming-property-validations-rules-will-be-enforced-for-apis-and-integrations.
    """
    told = [
        {"isValid": False, "message": message, "error": code, "name": name, "localizedErrorMessage": message}
        for name, code, message in problems
    ]
    errors = [
        {"message": message, "code": code, "context": {"propertyName": [name]}} for name, code, message in problems
    ]
    return HubSpotRefusal(400, f"Property values were not valid: {orjson.dumps(told).decode()}", errors=errors)


def not_found(message: str = "resource not found") -> HubSpotRefusal:
    """404 where nothing is."""
    return HubSpotRefusal(404, message, "OBJECT_NOT_FOUND")


def gone(label: str, ids: Sequence[str]) -> HubSpotRefusal:
    """What a batch says of ids that are not there."""
    message = f"Could not get some {label.upper()} objects, they may be deleted or not exist. Check that ids are valid."
    return HubSpotRefusal(404, message, "OBJECT_NOT_FOUND", context={"ids": list(ids)})


def missing_scopes(scopes: Sequence[str]) -> HubSpotRefusal:
    """403 that names the scopes of which one is needed."""
    message = f"This app hasn't been granted all required scopes to make this call. Read more about required scopes here: {SCOPES_PAGE}."
    needed = {"requiredGranularScopes": list(scopes)}
    errors = [{"message": "One or more of the following scopes are required.", "context": needed}]
    return HubSpotRefusal(403, message, "MISSING_SCOPES", errors=errors, links={"scopes": SCOPES_PAGE})
