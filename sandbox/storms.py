"""Bad weather at each vendor, as data: what its servers say on a bad day, in the vendor's own words, and how often.

`storm(vendor, seed)` gives the faults to switch on. A storm says nothing untrue: a client that reads every answer with care and asks
again loses nothing. Sources of codes and bodies: Salesforce REST API guide 63.0 "Status Codes and Error Responses",
https://developers.hubspot.com/docs/api-reference/error-handling, https://developers.facebook.com/docs/graph-api/guides/error-handling,
https://docs.stripe.com/api/errors and https://docs.stripe.com/rate-limits.
"""

from dataclasses import dataclass
from typing import Any

from sandbox.faults import Fault, Kind


@dataclass(frozen=True)
class Trouble:
    """A fault and its weight among those of its vendor."""

    weight: float
    fault: Fault


def _kind(weight: float, kind: Kind, status: int | None = None, seconds: float = 0.0) -> Trouble:
    return Trouble(weight, Fault(kind=kind, status=status, seconds=seconds))


def _said(weight: float, status: int, body: Any, path: str = "", **headers: str) -> Trouble:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Trouble(weight, Fault(status=status, body=body, path=path, headers=named))


def _patched(weight: float, path: str, body: Any, status: int | None = None) -> Trouble:
    return Trouble(weight, Fault(kind="patch", path=path, body=body, status=status))


WIRE = (
    _kind(3, "refuse"),
    _kind(3, "reset"),
    _kind(2, "truncated"),
    _kind(2, "empty"),
    _kind(1, "drip", seconds=0.01),
    _kind(1, "html", 200),
    _kind(2, "html", 502),
    _kind(1, "html", 503),
    _kind(1, "html", 504),
)
"""What happens on the way to every vendor."""


def _salesforce(code: str, message: str) -> list[dict[str, str]]:
    return [{"message": message, "errorCode": code}]


DATA = "^/services/data/"
SALESFORCE = (
    _said(2, 503, _salesforce("SERVER_UNAVAILABLE", "Service unavailable")),
    _said(1, 503, _salesforce("SERVER_UNAVAILABLE", "Service unavailable"), Retry_After="2"),
    _said(1, 500, _salesforce("UNKNOWN_EXCEPTION", "An unexpected error occurred")),
    _said(1, 406, _salesforce("CustomNotAcceptable", "Not acceptable")),
    _said(1, 420, None),
    _said(1, 429, _salesforce("REQUEST_RATE_EXCEEDED", "Too many requests"), Retry_After="1"),
    _said(2, 401, _salesforce("INVALID_SESSION_ID", "Session expired or invalid"), DATA),
    _said(0.5, 403, _salesforce("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), DATA),
    _said(1, 400, _salesforce("QUERY_TIMEOUT", "Your query request was running for too long."), DATA + ".*/query"),
    _said(1, 400, _salesforce("INVALID_QUERY_LOCATOR", "invalid query locator"), DATA + ".*/query(All)?/01g"),
    _said(1, 400, _salesforce("INVALID_FIELD", "No such column 'Gone__c' on entity"), DATA + ".*/query"),
    _said(0.5, 400, {"error": "invalid_grant", "error_description": "expired access/refresh token"}, "/oauth2/token"),
)


def _hubspot(message: str, category: str, **more: Any) -> dict[str, Any]:
    trace = "0c5a0e3e-30b5-4b4e-a1f1-0d6b6a2a3c11"
    return {"status": "error", "message": message, "correlationId": trace, "category": category, **more}


def _hubspot_limit(name: str, policy: str) -> dict[str, Any]:
    return _hubspot(f"You have reached your {name} limit.", "RATE_LIMITS", errorType="RATE_LIMIT", policyName=policy)


SCOPES = [{"message": "needed", "context": {"requiredGranularScopes": ["crm.objects.contacts.read"]}}]
HUBSPOT = (
    _said(2, 429, _hubspot_limit("secondly", "SECONDLY")),
    _said(1, 429, _hubspot_limit("ten_secondly_rolling", "TEN_SECONDLY_ROLLING"), Retry_After="1"),
    _said(0.5, 429, _hubspot_limit("daily", "DAILY")),
    _said(1, 500, _hubspot("internal error", "INTERNAL_ERROR")),
    _said(1, 423, _hubspot("locked", "LOCKED")),
    _said(1, 477, _hubspot("this account is being migrated", "MIGRATION"), Retry_After="3"),
    _said(1, 401, _hubspot("The OAuth token used to make this call expired 5 hour(s) ago.", "EXPIRED_AUTHENTICATION")),
    *(_kind(0.5, "html", status) for status in (520, 521, 522, 523, 524)),
    _patched(
        1,
        "/associations/.*/batch/read",
        {"results": [], "numErrors": 1, "errors": [_hubspot("try later", "INTERNAL_ERROR")]},
        207,
    ),
)


def _stripe(kind: str, message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message, **({"code": code} if code else {})}}


INVALID = "invalid_request_error"
STRIPE = (
    _said(2, 429, _stripe(INVALID, "Too many requests", "rate_limit")),
    _said(
        1,
        429,
        _stripe(INVALID, "Too many requests", "rate_limit"),
        Retry_After="1",
        Stripe_Rate_Limited_Reason="endpoint-rate",
    ),
    _said(1, 429, _stripe(INVALID, "This object is locked", "lock_timeout"), Stripe_Should_Retry="true"),
    _said(1, 409, _stripe("idempotency_error", "Another request is in progress")),
    _said(1, 500, _stripe("api_error", "An error occurred on our side")),
    _said(1, 503, _stripe("api_error", "Service unavailable")),
    _said(1, 401, _stripe(INVALID, "Expired API Key provided", "api_key_expired")),
)


def _meta(code: int, message: str, subcode: int | None = None, *, transient: bool = False) -> dict[str, Any]:
    told = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "AsandboxTrace"}
    return {"error": {**told, "is_transient": transient, **({"error_subcode": subcode} if subcode else {})}}


REGAIN = (
    '{"2000000000000001":[{"type":"ads_insights","call_count":100,"total_cputime":1,"total_time":1,'
    '"estimated_time_to_regain_access":1}]}'
)
LISTINGS = "/(campaigns|adsets|ads|adcreatives|adaccounts|leads|insights)[/?]"
LOST = {"cursors": {"before": "MA==", "after": "MA=="}, "next": "https://graph.facebook.com/v26.0/next"}
"""Paging of an empty page that leads back to the beginning of its listing."""
META = (
    _said(1, 403, _meta(4, "(#4) Application request limit reached", 1504022, transient=True)),
    _said(1, 400, _meta(17, "(#17) User request limit reached", 2446079)),
    _said(0.5, 400, _meta(613, "(#613) Calls to this api have exceeded the rate limit.", 1487742)),
    _said(
        0.5,
        400,
        _meta(80000, "There have been too many calls", 2446079),
        "/insights",
        x_business_use_case_usage=REGAIN,
    ),
    _said(1, 500, _meta(2, "An unexpected error has occurred.", transient=True)),
    _said(1, 500, _meta(1, "Please try again later", 99)),
    _said(1, 500, None),
    _said(1, 404, {"err": "unknown"}),
    _said(1, 500, {"error": "Service temporarily unavailable"}),
    _said(1, 400, _meta(190, "Error validating access token: Session has expired", 463)),
    _said(1, 500, _meta(1, "Please reduce the amount of data you're asking for, then retry your request"), "/act_"),
    _said(1, 400, _meta(100, "(#100) too much", 1487534), "/insights"),
)

DENIED = {
    "salesforce": Fault(
        status=403,
        body=_salesforce("INSUFFICIENT_ACCESS", "insufficient access rights on object"),
        path=DATA + ".*/query",
    ),
    "hubspot": Fault(
        status=403, body=_hubspot("not granted all required scopes", "MISSING_SCOPES", errors=SCOPES), path="/search"
    ),
    "stripe": Fault(
        status=403,
        body=_stripe(INVALID, "The provided key lacks a permission", "more_permissions_required"),
        path=r"^/v1/(?!account)\w+\?",
    ),
    "meta_ads": Fault(
        status=403, body=_meta(200, "(#200) Ad account owner has NOT granted ads_read permission"), path=r"/act_\d+/\w"
    ),
}
"""How each vendor says that a permission is missing, where rows are asked for."""
HOLLOW = {
    "salesforce": Fault(
        kind="patch",
        path=DATA + ".*/query",
        body={"records": [], "done": False, "nextRecordsUrl": "/services/data/v63.0/query/01g000000000001AAA-2000"},
    ),
    "hubspot": Fault(kind="patch", path="/search", body={"results": [], "paging": {"next": {"after": "200"}}}),
    "stripe": Fault(kind="patch", path=r"^/v1/(?!account)\w+\?", body={"data": [], "has_more": True}),
    "meta_ads": Fault(kind="patch", path=LISTINGS, body={"data": [], "paging": LOST}),
}
"""A page without rows that says that more follow, as each vendor says it."""

STORMS = {
    vendor: (*WIRE, *own, Trouble(1, DENIED[vendor]), Trouble(1, HOLLOW[vendor]))
    for vendor, own in {"salesforce": SALESFORCE, "hubspot": HUBSPOT, "stripe": STRIPE, "meta_ads": META}.items()
}


def storm(vendor: str, seed: int, share: float = 0.05) -> list[Fault]:
    """Every trouble of a vendor, so rare that together they strike that share of all requests.

    Shape: troubles of single routes come on top of the share. KeyError for a vendor that has no weather.
    """
    troubles = STORMS[vendor]
    whole = sum(trouble.weight for trouble in troubles if not trouble.fault.path)
    return [
        trouble.fault.model_copy(update={"seed": seed, "probability": 1 - (1 - share) ** (trouble.weight / whole)})
        for trouble in troubles
    ]
