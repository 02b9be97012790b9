"""What HubSpot's refusals ask of us: status and category in, one of our errors out.

The body of an error is `{"status": "error", "message", "correlationId", "category", "errors"?}`. Its message is never shown, since
it may quote a customer's value; category and correlation id are, for HubSpot's support asks for them. Source:
https://developers.hubspot.com/docs/api-reference/error-handling.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

import requests

from connectors.errors import ConnectorError, Fatal, RecordRejected, Retryable
from connectors.transport import decoded, retry_after

VENDOR = "hubspot"
SOON = 2.0  # seconds, before asking again after a server's trouble
LOCKED = 60.0  # seconds; a portal that is moved (477) or a record that is busy (423)
QUOTA_PAUSE = 3600.0  # seconds, where an answer does not tell how far midnight is
BUSY = frozenset({423, 429, 477, 500, 502, 503, 504, *range(520, 525)})
"""Statuses that pass by themselves; 520 to 524 are those of the proxy in front of HubSpot."""

POLICIES = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": QUOTA_PAUSE}
"""Seconds until a used-up rate is free again, by the policy that a 429 names; it does not always send Retry-After."""

APP = "in HubSpot under Settings > Integrations > Private Apps"
GRANT = f"{APP} open the app and add the scope"


class Invalid(Fatal):
    """The request as it stands will never be taken; a smaller one may be."""


class Exists(RecordRejected):
    """What was to be made is there already."""


class Gone(RecordRejected):
    """What was asked for is not there any more."""


@dataclass(frozen=True)
class Told:
    """What the body of a refusal says; empty where it is not HubSpot's."""

    category: str = ""
    policy: str = ""
    correlation: str = ""
    scopes: tuple[str, ...] = ()

    @classmethod
    def by(cls, response: requests.Response) -> "Told":
        """Read with suspicion, for a proxy may have written it."""
        try:
            body = decoded(response)
        except ValueError:
            return cls()
        if not isinstance(body, dict):
            return cls()
        category = body.get("category") or body.get("errorType") or ""
        return cls(
            str(category), str(body.get("policyName") or ""), str(body.get("correlationId") or ""), _scopes(body)
        )


def asked(response: requests.Response) -> float | None:
    """Seconds that an answer asks us to wait, by its header or by the policy it names."""
    wait = retry_after(response)
    if wait is None and response.status_code == 429:
        wait = POLICIES.get(Told.by(response).policy)
    return wait


def refusal(response: requests.Response, *, about: str, stream: str | None, zone: ZoneInfo | None) -> ConnectorError:
    """The error that this answer stands for. `about` is what was asked; `zone` the portal's, in which a day's calls are counted."""
    status, told = response.status_code, Told.by(response)
    what = f"{about}: {{}} (HTTP {status}{' ' if told.category else ''}{told.category}{_trace(told)})"
    match status:
        case 401 | 530:
            words = what.format(f"the token was refused; {APP} open the app, copy its token, set HUBSPOT_ACCESS_TOKEN")
            return Fatal(words, vendor=VENDOR, stream=stream, credentials=True)
        case 403 if told.category == "MISSING_SCOPES":
            return Fatal(what.format(f"{GRANT} {_one_of(told.scopes)}"), vendor=VENDOR, stream=stream)
        case 429 if told.policy == "DAILY":
            words = what.format("the portal has used up its calls of the day; the next schedule goes on from here")
            return Retryable(words, after=until_midnight(response, zone), vendor=VENDOR, stream=stream)
        case 413:  # a proxy's word, which has no category
            return Invalid(what.format("the request is too large"), vendor=VENDOR, stream=stream)
        case _ if status in BUSY or not told.category:
            wait = asked(response)
            after = wait if wait is not None else LOCKED if status in (423, 477) else SOON
            words = what.format("HubSpot is busy or away; the next run tries again")
            return Retryable(words, after=after, vendor=VENDOR, stream=stream)
        case 400 | 414:
            return Invalid(what.format("the request was refused"), vendor=VENDOR, stream=stream)
        case 404:
            return Gone(what.format("not there any more"), vendor=VENDOR, stream=stream)
        case 409:
            return Exists(what.format("there already"), vendor=VENDOR, stream=stream)
    return Fatal(what.format("refused"), vendor=VENDOR, stream=stream)


def until_midnight(response: requests.Response, zone: ZoneInfo | None) -> float:
    """Seconds until the portal's day ends, by the answer's own clock; an hour if either is unknown."""
    try:
        now = parsedate_to_datetime(response.headers["Date"]).astimezone(zone)
    except (KeyError, ValueError):
        return QUOTA_PAUSE
    if zone is None:
        return QUOTA_PAUSE
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), zone)
    return midnight.timestamp() - now.timestamp()


def _one_of(scopes: tuple[str, ...]) -> str:
    return " or ".join(scopes) or "that it lacks"


def _trace(told: Told) -> str:
    return f", correlation {told.correlation}" if told.correlation else ""


def _scopes(body: dict[str, Any]) -> tuple[str, ...]:
    """The scopes of which one is needed."""
    errors = body.get("errors")
    contexts = [error.get("context") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    named = [context.get("requiredGranularScopes") for context in contexts if isinstance(context, dict)]
    return tuple(str(scope) for scopes in named if isinstance(scopes, list) for scope in scopes)
