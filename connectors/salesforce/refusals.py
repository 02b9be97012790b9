"""What Salesforce's refusals ask of us: status and error code in, one of our errors out.

The body of an error is a JSON list of `{"message", "errorCode", "fields"?}`; anything else (a proxy's HTML page) is a passing
trouble whatever its status. Source: REST API developer guide 63.0, "Status Codes and Error Responses".
"""

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
import requests

from connectors.errors import ConnectorError, Fatal, Retryable
from connectors.transport import retry_after

VENDOR = "salesforce"
QUOTA_PAUSE = 3600.0  # seconds; the daily limit is a rolling window of 24 h, so every hour frees some of it
SOON = 2.0  # seconds
BUSY = frozenset({406, 420, 429, 500, 502, 503, 504})
"""Statuses that pass by themselves; 406 CustomNotAcceptable and 420 are Salesforce's own."""


class QueryTooSlow(Retryable):
    """The query ran into the vendor's time limit; half the window may not."""


class LocatorExpired(Retryable):
    """The rest of a result is gone; the query can be asked again from the last row."""


class TooWide(Retryable):
    """The query has too many columns for one URI; some of them can be asked for at a time."""


class NoBulk(Retryable):
    """The Bulk API does not take this query, or no more today; REST does."""


class JobGone(Retryable):
    """The Bulk job or the rest of its result is no more; the query can be asked again from the last row."""


class InUse(Fatal):
    """Something of the org still refers to what was to be deleted."""


class FieldsChanged(Fatal):
    """A field or object we asked for is not there, or not for us; the description must be read again."""


@dataclass(frozen=True)
class Reaction:
    """What a code means to us, in words that say how to mend it."""

    error: type[ConnectorError]
    words: str
    after: float = SOON
    credentials: bool = False


GRANT = "in Setup > Permission Sets give the integration user"
NO_ACCESS = Reaction(Fatal, f"access refused; {GRANT} Read on {{object}} (Object Settings) and its fields")
NO_API = Reaction(
    Fatal, f"the API is not open to this user; {GRANT} 'API Enabled' (System Permissions)", credentials=True
)
GONE = Reaction(FieldsChanged, f"{{object}} or one of its fields is not visible; {GRANT} Read on {{object}}")
OUR_QUERY = Reaction(Fatal, "the query about {object} was refused")
IN_USE = Reaction(
    InUse, "{object} is referred to elsewhere; take it out there (Setup > Object Manager > Where is this used?)"
)
NO_BULK = Reaction(NoBulk, "the Bulk API does not take the query about {object}", QUOTA_PAUSE)
WIDE = frozenset({414, 431})
"""Statuses of a URI, or of URI and headers, above 16,384 bytes; a proxy may draw the line earlier."""

REACTIONS = {
    "INVALID_SESSION_ID": Reaction(
        Fatal,
        "a fresh token was refused too; check that the app of SALESFORCE_CLIENT_ID is enabled and its run-as user active",
        credentials=True,
    ),
    "REQUEST_LIMIT_EXCEEDED": Reaction(
        Retryable, "the org has used up its API calls of the day; the next schedule goes on from here", QUOTA_PAUSE
    ),
    "API_DISABLED_FOR_ORG": NO_API,
    "API_CURRENTLY_DISABLED": NO_API,
    "INSUFFICIENT_ACCESS": NO_ACCESS,
    "INSUFFICIENT_ACCESS_OR_READONLY": NO_ACCESS,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": NO_ACCESS,
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": NO_ACCESS,
    "FUNCTIONALITY_NOT_ENABLED": Reaction(Fatal, "the org's edition does not offer {object} to the API"),
    "INVALID_FIELD": GONE,
    "INVALID_TYPE": GONE,
    "NOT_FOUND": GONE,
    "QUERY_TIMEOUT": Reaction(QueryTooSlow, "the query about {object} took too long"),
    "INVALID_QUERY_LOCATOR": Reaction(LocatorExpired, "the rest of the result on {object} has expired", 0.0),
    "LIMIT_EXCEEDED": NO_BULK,
    "INVALIDENTITY": NO_BULK,
    "FEATURENOTENABLED": NO_BULK,
    "API_ERROR": NO_BULK,
    "MALFORMED_QUERY": OUR_QUERY,
    "DEPENDENCY_EXISTS": IN_USE,
    "DELETE_FAILED": IN_USE,
    "TXN_SECURITY_METERING_ERROR": Reaction(
        Fatal, "a transaction security policy forbids reading {object}; ask the org's security owner for an exception"
    ),
}


PASSING = frozenset({"UNABLE_TO_LOCK_ROW", "REQUEST_RUNNING_TOO_LONG", "SERVER_UNAVAILABLE", "TOO_MANY_APEX_REQUESTS"})
"""Row errors that nobody needs to act upon."""
LEFT = frozenset({"ENTITY_IS_DELETED", "CANNOT_UPDATE_CONVERTED_LEAD", "INVALID_CROSS_REFERENCE_KEY"})
"""Row errors of a record that takes no writes any more: in the bin, converted, or away for good."""
TOLD = frozenset({"INVALID_FIELD", "INVALID_TYPE", "MALFORMED_QUERY", "DEPENDENCY_EXISTS", "DELETE_FAILED"})
"""Codes whose message says no more than names of fields and of what refers to them."""

CODE = re.compile(r"[A-Z][A-Z_]{5,}")
LIMITS = re.compile(r"Max bulk v2 query jobs|exceed\w* .*limit|\bTB\b", re.IGNORECASE)
"""How a failed job says that a limit is reached: 10,000 jobs in 24 h, or 1 TB of results (estuary knows both messages)."""


class Complaint(NamedTuple):
    """One entry of an error body."""

    code: str
    message: str


def complaint(response: requests.Response) -> Complaint | None:
    """The first error of the body; None where the body is not Salesforce's."""
    try:
        return _complaint(orjson.loads(response.content))
    except orjson.JSONDecodeError:
        return None


def _complaint(body: Any) -> Complaint | None:
    first = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, dict) or "errorCode" not in first:
        return None
    return Complaint(str(first["errorCode"]), str(first.get("message", "")))


def refusal(response: requests.Response, *, about: str, stream: str | None = None) -> ConnectorError:
    """The error that this answer stands for; `about` is the object or door that was asked."""
    return _refusal(complaint(response), response.status_code, retry_after(response), about=about, stream=stream)


def part_refusal(part: dict[str, Any], *, about: str, stream: str | None = None) -> ConnectorError:
    """The error that one part of a batch stands for, which has a status and a body of its own."""
    return _refusal(_complaint(part["result"]), part["statusCode"], None, about=about, stream=stream)


def left_for_good(code: str) -> bool:
    """Whether a row error says that the record is gone."""
    return code in LEFT


def job_refusal(message: str, *, about: str, stream: str) -> ConnectorError:
    """The error that a failed Bulk job stands for: by the first code that its message names, or by a limit it speaks of."""
    codes = [word for word in CODE.findall(message) if word in REACTIONS]
    code = codes[0] if codes else "LIMIT_EXCEEDED" if LIMITS.search(message) else "job failed"
    return _error(REACTIONS.get(code, OUR_QUERY), Complaint(code, ""), 200, about=about, stream=stream)


def _refusal(
    said: Complaint | None, status: int, wait: float | None, *, about: str, stream: str | None
) -> ConnectorError:
    if status in WIDE:
        return TooWide(f"{about}: too many columns for one URI (HTTP {status})", after=0, vendor=VENDOR, stream=stream)
    if said is None or (said.code not in REACTIONS and status in BUSY):
        code = said.code if said else "no Salesforce answer"
        message = f"{about}: the vendor is busy or away (HTTP {status}, {code}); the next run tries again"
        return Retryable(message, after=SOON if wait is None else wait, vendor=VENDOR, stream=stream)
    fallback = NO_ACCESS if said.code.startswith("INSUFFICIENT_ACCESS") else Reaction(Fatal, "{object}: refused")
    return _error(REACTIONS.get(said.code, fallback), said, status, about=about, stream=stream)


def _error(reaction: Reaction, said: Complaint, status: int, *, about: str, stream: str | None) -> ConnectorError:
    words = f"{reaction.words.format(object=about)} (HTTP {status} {said.code}{_detail(said)})"
    if issubclass(reaction.error, Retryable):
        return reaction.error(words, after=reaction.after, vendor=VENDOR, stream=stream)
    if issubclass(reaction.error, Fatal):
        return reaction.error(words, vendor=VENDOR, stream=stream, credentials=reaction.credentials)
    return reaction.error(words, vendor=VENDOR, stream=stream)


def _detail(said: Complaint) -> str:
    """The vendor's last line where it speaks of our query or of what refers to a field; others may quote a customer's value."""
    lines = said.message.strip().splitlines()
    return f": {lines[-1]}" if lines and said.code in TOLD else ""
