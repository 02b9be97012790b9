"""Refusals that a server gives whatever is asked, as faults to switch on: `faults.add(trouble("rate_limit", path="/v1/charges"))`.

Source: https://docs.stripe.com/rate-limits, /error-low-level and /error-codes.
"""

from typing import Any

from sandbox.faults import Fault


def _error(message: str, *, kind: str = "invalid_request_error", code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, **({"code": code} if code else {})}}


LIMITED = _error("Request rate limit exceeded.", code="rate_limit")
LOCKED = _error(
    "This object cannot be accessed right now because another API request is using it.", code="lock_timeout"
)
REUSED = _error(
    "There is currently another in-progress request using this key.",
    kind="idempotency_error",
    code="idempotency_key_in_use",
)
BROKEN = _error("An unknown error occurred.", kind="api_error")
GRANTLESS = _error("The provided key does not have the required permissions.", code="more_permissions_required")
EMPTY = {"object": "list", "data": [], "has_more": True, "url": "/v1/any"}

TROUBLES: dict[str, dict[str, Any]] = {
    "rate_limit": {"status": 429, "body": LIMITED, "headers": {"Stripe-Rate-Limited-Reason": "global-rate"}},
    "rate_limit_timed": {
        "status": 429,
        "body": LIMITED,
        "headers": {"Retry-After": "7", "Stripe-Rate-Limited-Reason": "endpoint-rate"},
    },
    "rate_limit_as_400": {"status": 400, "body": LIMITED},
    "lock_timeout": {"status": 429, "body": LOCKED, "headers": {"Stripe-Should-Retry": "true"}},
    "conflict": {"status": 409, "body": REUSED, "headers": {"Stripe-Should-Retry": "true"}},
    "server_error": {"status": 500, "body": BROKEN},
    "unavailable": {"status": 503, "body": BROKEN},
    "bad_gateway": {"kind": "html", "status": 502},
    "empty_page": {"status": 200, "body": EMPTY},
    "invalid_key": {"status": 401, "body": _error("Invalid API Key provided: ****")},
    "expired_key": {"status": 401, "body": _error("Expired API Key provided.", code="api_key_expired")},
    "forbidden": {"status": 403, "body": GRANTLESS},
}
"""What each answers. A page that is empty although more follow is rare and allowed: its list is not at its end."""


def trouble(name: str, **when: Any) -> Fault:
    """That trouble as a fault; `when` says which requests it strikes (see `Fault`)."""
    return Fault(**TROUBLES[name], **when)
