"""One open Stripe account: asks through the SDK, and turns what the SDK raises into our errors by type and status.

The SDK's `raw_request` is used: it signs, pins the version, sends and raises as every other call does, but hands out the JSON as
it came, where resource objects would cost several times the time of a page and turn decimal strings into numbers. The JSON is read by
the HTTP client that the SDK is given. Waiting and repeating is the transport's, since the SDK never repeats a plain 429 and never reads Retry-After (stripe/_http_client.py).
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, Self, cast

import requests
import stripe
from requests.structures import CaseInsensitiveDict

from connectors.errors import ConnectorError, Fatal, Retryable
from connectors.pace import Buckets, Pace, shared
from connectors.stripe.rates import lanes
from connectors.stripe.refusals import DISCONNECTED, RATE_LIMITED, SOON, VENDOR, CursorGone, ObjectGone, remedy
from connectors.stripe.settings import StripeSettings
from connectors.transport import BUSY, Transport, by_status, read_json, session

API_VERSION = (
    "2026-10-28.endive"  # pinned: payloads keep their shape until we change it (then everything is listed again)
)
CONFLICT = 409  # two requests on one object at once; passes by itself (https://docs.stripe.com/error-low-level)
FOREIGN = "account_invalid"  # https://docs.stripe.com/error-codes

Json = dict[str, Any]


def repeatable(request: requests.PreparedRequest) -> bool:
    """Whether asking twice is the same as asking once; only reads are, and we do nothing else."""
    return request.method == "GET"


class Read(CaseInsensitiveDict[str]):
    """The headers of a good answer, which the SDK hands on as they are, and beside them the JSON of its body."""

    def __init__(self, headers: Mapping[str, str], found: Any) -> None:
        super().__init__(headers)
        self.found = found


class Reader(stripe.RequestsClient):
    """Sends as the SDK's own client does, and reads a good answer before the SDK does.

    The SDK would write all of the body into a log line, whether or not anybody listens, and then read it with `json` into ordered
    dicts, which together cost more than all the rest of a page (stripe 16.1, _util.py and _stripe_response.py).
    Source: https://github.com/stripe/stripe-python#configuring-an-http-client.
    """

    def request(  # type: ignore[override]  # what the SDK's own client promises is not what its base does, either
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Body, status and headers; the body of a good answer is empty and its JSON beside the headers. APIError if it is none."""
        body, status, told = super().request(method, url, headers, post_data)
        if not 200 <= status < 300:
            return (
                body.decode(errors="replace").encode(),
                status,
                told,
            )  # of a proxy's page in another encoding the SDK dies
        try:
            return b"{}", status, Read(told, read_json(body))
        except ValueError:
            raise stripe.APIError("no JSON", http_status=status, headers=dict(told)) from None


class StripeApi:
    """Answers of the key's own account. `calls` counts requests by reason, repetitions under `retry`.

    Errors: Fatal with `credentials` if there is no key.
    """

    def __init__(
        self, settings: StripeSettings, pause: Callable[[float], None] = time.sleep, pace: Pace | None = None
    ) -> None:
        if settings.api_key is None:
            raise Fatal(f"not connected: set {', '.join(settings.missing())}", vendor=VENDOR, credentials=True)
        self.calls: Counter[str] = Counter()
        self._options: dict[str, str] = {}
        key = settings.api_key.get_secret_value()
        if pace is None and settings.base_url is None:
            pace = shared(VENDOR, key, Buckets(lanes(live="_live_" in key)))
        transport = Transport(
            VENDOR,
            repeatable=repeatable,
            calls=self.calls,
            reaction=by_status(BUSY | {CONFLICT}),
            pace=pace,
            base_url=settings.base_url,
            pause=pause,
        )
        self._stripe = stripe.StripeClient(
            key,
            stripe_version=API_VERSION,
            max_network_retries=0,
            http_client=Reader(session=session(transport)),
        )

    def of(self, account: str) -> Self:
        """The same door to a connected account (https://docs.stripe.com/connect/authentication)."""
        other = copy(self)
        other._options = {"stripe_account": account}  # noqa: SLF001  # its own
        return other

    def get(
        self,
        reason: str,
        path: str,
        params: Mapping[str, Any],
        *,
        stream: str | None = None,
        endpoint: str | None = None,
    ) -> Json:
        """One object as JSON. `endpoint` names what is asked for in the remedy of a missing permission.

        Errors: CursorGone, ObjectGone, Retryable once the tries are spent, Fatal.
        """
        self.calls[reason] += 1
        try:
            answer = self._stripe.raw_request("get", f"/v1/{path}", **params, **self._options)
        except stripe.StripeError as error:
            if isinstance(
                error.__cause__, ConnectorError
            ):  # the transport's own refusal, which the SDK takes for a lost line
                raise error.__cause__ from None
            raise _translated(error, path, stream, endpoint or stream or "account") from None
        found = cast(Read, answer.headers).found
        if not isinstance(found, dict):
            raise Retryable(
                f"{path} answered no object; the next run tries again", after=SOON, vendor=VENDOR, stream=stream
            )
        return found

    def list(
        self,
        reason: str,
        path: str,
        params: Mapping[str, Any],
        *,
        stream: str | None = None,
        endpoint: str | None = None,
    ) -> Json:
        """One page: `data` and `has_more`. Errors: as `get`; Retryable for an answer that is no page or breaks off."""
        page = self.get(reason, path, params, stream=stream, endpoint=endpoint)
        data, more = page.get("data"), page.get("has_more")
        if page.get("object") != "list" or not isinstance(more, bool) or not _rows(data):
            raise Retryable(
                f"{path} answered no list; the next run tries again", after=SOON, vendor=VENDOR, stream=stream
            )
        if more and not data:
            message = f"{path} answered an empty page and says that more follow; the next run tries again"
            raise Retryable(message, after=SOON, vendor=VENDOR, stream=stream)
        return page


def _rows(data: Any) -> bool:
    """Whether this is a list of objects with ids; without an id nothing could be kept, and no page could follow."""
    return isinstance(data, list) and all(isinstance(row, dict) and isinstance(row.get("id"), str) for row in data)


def is_signed(body: bytes, header: str, secret: str) -> bool:
    """Whether one of the header's signatures is the body's; its age is not looked at. Source: https://docs.stripe.com/webhooks."""
    if not header.isascii():  # the SDK compares texts, which must be ASCII for that
        return False
    try:
        return bool(stripe.WebhookSignature.verify_header(body, header, secret))
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False


def _translated(error: stripe.StripeError, path: str, stream: str | None, endpoint: str) -> ConnectorError:
    """Our error for theirs. Their message is left out: it may quote what was asked."""
    status = error.http_status
    words = (
        f"HTTP {status}" if status else "no connection",
        _code(error),
        _header(error, "stripe-rate-limited-reason"),
    )
    told = f"{path}: {' '.join(filter(None, words))}{_request(error)}"
    match error:
        case stripe.RateLimitError():
            asked = _header(error, "retry-after")
            after = float(asked) if asked.isdigit() else RATE_LIMITED
            return Retryable(f"too many requests ({told})", after=after, vendor=VENDOR, stream=stream)
        case stripe.AuthenticationError():
            message = f"the key was refused ({told}); set STRIPE_API_KEY to a valid key from Developers > API keys"
            return Fatal(message, vendor=VENDOR, stream=stream, credentials=True)
        case stripe.PermissionError() if _code(error) == FOREIGN:
            message = f"the key may not act for a connected account ({told}); {DISCONNECTED}"
            return Fatal(message, vendor=VENDOR, stream=stream)
        case stripe.PermissionError():
            message = f"the key may not read this ({told}); {remedy(endpoint)}"
            return Fatal(message, vendor=VENDOR, stream=stream, credentials=endpoint in {"account", "accounts"})
        case stripe.InvalidRequestError(code="resource_missing", param="starting_after"):
            return CursorGone(f"the page's start is gone ({told})", after=0, vendor=VENDOR, stream=stream)
        case stripe.InvalidRequestError(code="resource_missing"):
            return ObjectGone(f"gone ({told})", vendor=VENDOR, stream=stream)
        case stripe.InvalidRequestError() | stripe.CardError() | stripe.IdempotencyError():
            return Fatal(f"the request was refused, which is our mistake ({told})", vendor=VENDOR, stream=stream)
    # APIError and APIConnectionError: a server's trouble, a proxy's page, a broken answer, no answer
    return Retryable(
        f"no answer from Stripe ({told}); the next run tries again", after=SOON, vendor=VENDOR, stream=stream
    )


def _code(error: stripe.StripeError) -> str:
    """The code; on most statuses the SDK shows it under `error` only."""
    return str(error.code or (error.error.code if error.error else None) or "")


def _request(error: stripe.StripeError) -> str:
    request = _header(error, "request-id")
    return f", request {request}" if request else ""


def _header(error: stripe.StripeError, name: str) -> str:
    return {key.lower(): value for key, value in (error.headers or {}).items()}.get(name, "")
