"""What every vendor's HTTP client shares: time limits, repeating what may be repeated, another host for practice.

An SDK is given a `requests.Session` that sends through `Transport`; nothing of the SDK is patched. A request is repeated only where
the connector says that doing it twice is the same as doing it once. Bodies are read here, so a connection cut in the middle of an
answer is repeated like one that was never made.
"""

import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson
import requests
from requests.adapters import HTTPAdapter

TIMEOUT = (
    5.0,
    60.0,
)  # seconds to connect and to wait for the next byte; the SDKs wait for ever (vendors.md, shared rule 4)
TRIES = 6  # of one request, first included
LONGEST_WAIT = 900.0  # a vendor that asks for more than 15 min ends the run; the next one starts where this one stopped
FIRST_WAIT = 2.0  # seconds; doubles with every try
BUSY = frozenset({429, 500, 502, 503, 504})
"""Statuses by which a vendor says that the same request may work later."""


class Answered(Protocol):
    """What every HTTP library's answer has."""

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, in any case."""
        ...


def retry_after(response: Answered) -> float | None:
    """Seconds the vendor asks us to wait; None if it does not say. A date counts from the answer's own `Date`."""
    asked = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", asked):
        return float(asked)
    try:
        until = parsedate_to_datetime(asked)
        return max(0.0, (until - parsedate_to_datetime(response.headers["Date"])).total_seconds())
    except (KeyError, TypeError, ValueError):
        return None


def decoded(response: requests.Response) -> Any:
    """The JSON of an answer. ValueError if it is none."""
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return json.loads(response.content)  # orjson refuses lone surrogates, which json keeps


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text without any of the secrets; for words of a vendor that may echo what we sent."""
    for secret in secrets:
        text = text.replace(secret, "[secret]") if secret else text
    return text


class Transport(HTTPAdapter):
    """Sends one request, repeating it while the vendor is busy and repeating is harmless.

    Shape: `base_url` sends everything to another host (the sandbox) and keeps the real one in `X-Original-Host`; `repeatable`
    decides per request; `calls` counts repetitions under `retry`; `busy` are the statuses worth repeating; `asked` reads how many
    seconds an answer asks us to wait, None if it does not say.
    Errors: those of requests, once the tries are spent; an answer that is still busy is returned as it is.
    """

    def __init__(
        self,
        *,
        repeatable: Callable[[requests.PreparedRequest], bool],
        calls: Counter[str],
        base_url: str | None = None,
        busy: frozenset[int] = BUSY,
        asked: Callable[[requests.Response], float | None] = retry_after,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base = urlsplit(base_url) if base_url else None
        self._repeatable = repeatable
        self._calls = calls
        self._busy = busy
        self._asked = asked
        self._pause = pause
        super().__init__()

    def send(  # the signature is requests' own
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002
        timeout: object = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002
        cert: object = None,
        proxies: object = None,
    ) -> requests.Response:
        """One answer, after as many tries as it took."""
        self._turn_to_base(request)
        tries = TRIES if self._repeatable(request) else 1
        for left in range(tries - 1, -1, -1):
            try:
                response = super().send(request, stream, timeout or TIMEOUT, verify, cert, proxies)  # type: ignore[arg-type]
                if not stream:
                    response.content  # noqa: B018  # reads the body here, where a cut connection can be repeated
                wait = self._wait(response, tries - left)
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
                if not left:
                    raise
                wait = _backoff(tries - left)
            if wait is None or not left:
                return response
            self._calls["retry"] += 1
            self._pause(wait)
        raise AssertionError("the last try returns or raises")

    def _turn_to_base(self, request: requests.PreparedRequest) -> None:
        if self._base:
            url = urlsplit(str(request.url))
            request.headers["X-Original-Host"] = url.netloc
            request.url = url._replace(scheme=self._base.scheme, netloc=self._base.netloc).geturl()

    def _wait(self, response: requests.Response, attempt: int) -> float | None:
        """Seconds until the next try; None if the answer stands."""
        if response.status_code not in self._busy:
            return None
        asked = self._asked(response)
        if asked is None:
            return _backoff(attempt)
        return asked if asked <= LONGEST_WAIT else None


def _backoff(attempt: int) -> float:
    return FIRST_WAIT * 2.0 ** (attempt - 1) * random.uniform(0.5, 1.0)  # noqa: S311  # spreads the tries of many clients


def session(transport: Transport) -> requests.Session:
    """A session that sends through the transport and reads neither proxies nor passwords from the machine."""
    opened = requests.Session()
    opened.trust_env = False  # a .netrc would replace our Authorization header
    opened.mount("https://", transport)
    return opened
