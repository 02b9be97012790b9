"""What every vendor's HTTP client shares: time limits, pace, repeating what may be repeated, and a limit to waiting.

An SDK is given a `requests.Session` that sends through `Transport`; nothing of the SDK is patched. A request is repeated only where
the connector says that doing it twice is the same as doing it once. Bodies are read here, so a connection cut in the middle of an
answer is repeated like one that was never made. Every answer is heard here, also those that are repeated.
"""

import json
import logging
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson
import requests
from requests.adapters import HTTPAdapter

from connectors.errors import Fatal, Retryable
from connectors.pace import Free, Pace

TIMEOUT = (5.0, 60.0)  # seconds to connect and to wait for the next byte; left alone, three of the SDKs wait for ever
TRIES = 6  # of one request, first included
LONGEST_WAIT = 900.0  # a vendor that asks for more than 15 min ends the run; the next one starts where this one stopped
PATIENCE = (
    1800.0  # seconds that a run waits for one account in all; a vendor that is away must not hold a run for hours
)
EARNED = 10.0  # seconds of it that a good answer gives back: a long backfill may wait for hours, as long as it gets on
IN_STEP = 10.0  # seconds; a shorter wait for our turn is the usual pace and tries nobody's patience
FIRST_WAIT = 2.0  # seconds; doubles with every try
BUSY = frozenset({429, 500, 502, 503, 504})
"""Statuses by which a vendor says that the same request may work later."""
SECRETS = re.compile(r"(access_token|appsecret_proof|input_token|client_secret|api_key|hapikey)=[^&\s\"']+")
"""Parameters of a URL that are nobody's business."""
NO_ANSWER = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


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
    return read_json(response.content)


def read_json(text: str | bytes) -> Any:
    """JSON as it came. ValueError if it is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(text)  # orjson refuses lone surrogates, which json keeps
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text without any of the secrets; for words of a vendor that may echo what we sent."""
    for secret in secrets:
        text = text.replace(secret, "[secret]") if secret else text
    return text


class NoSecrets(logging.Filter):
    """urllib3 logs every URL at level DEBUG, and some vendors want the token in the URL."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the line through without its secrets."""
        record.msg, record.args = SECRETS.sub(r"\1=[secret]", record.getMessage()), None
        return True


NO_SECRETS = NoSecrets()


class Held(Retryable):
    """Nothing was asked: our turn at the vendor is too far away."""


@dataclass(frozen=True)
class Again:
    """The same request may be answered in so many seconds; they double with every try unless the vendor told them."""

    seconds: float = FIRST_WAIT
    told: bool = False


Reaction = Callable[[requests.Response], Again | None]
"""What an answer asks of us: to ask again, or (None) to take it as it stands. By status, header or the codes of its body."""


def by_status(
    busy: frozenset[int] = BUSY, asked: Callable[[requests.Response], float | None] = retry_after
) -> Reaction:
    """The reaction to a vendor that says by its status that it is busy; `asked` reads how long, None where it does not say."""

    def react(response: requests.Response) -> Again | None:
        if response.status_code not in busy:
            return None
        seconds = asked(response)
        return Again(seconds, told=True) if seconds else Again()  # a time that is over says as little as none

    return react


class Transport(HTTPAdapter):
    """Sends one request, repeating it while the vendor is busy and repeating is harmless.

    Shape: `repeatable` decides per request; `reaction` per answer; `heard` is told every answer (the place to read a quota);
    `calls` counts repetitions under `retry`; `pace` says how long to wait before a request; `base_url` sends everything to another
    host (the sandbox) and keeps the real one in `X-Original-Host`.
    Errors: those of requests, once the tries are spent; an answer that is still busy is returned as it is. Held before a
    request whose turn is too far away; Fatal where the run has waited for this account for `PATIENCE` in all, less `EARNED` for
    every good answer.
    """

    def __init__(
        self,
        vendor: str,
        *,
        repeatable: Callable[[requests.PreparedRequest], bool],
        calls: Counter[str],
        reaction: Reaction = by_status(),  # noqa: B008  # a constant
        heard: Callable[[requests.Response], None] = lambda _: None,
        pace: Pace | None = None,
        base_url: str | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._vendor = vendor
        self._base = urlsplit(base_url) if base_url else None
        self._repeatable = repeatable
        self._calls = calls
        self._reaction = reaction
        self._heard = heard
        self._pace = pace or Free()
        self._pause = pause
        self._waited = 0.0
        self._lock = threading.Lock()
        for name in ("urllib3.connectionpool", "urllib3.util.retry"):
            logging.getLogger(name).addFilter(NO_SECRETS)
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
        for attempt in range(1, tries + 1):
            self._wait_for_turn(request)
            try:
                response = super().send(request, stream, timeout or TIMEOUT, verify, cert, proxies)  # type: ignore[arg-type]
                if not stream:
                    _read(response)  # here, where a cut connection can be repeated
            except NO_ANSWER:
                if attempt == tries:
                    raise
                again = Again()
            else:
                self._pace.note(request, response)
                self._heard(response)
                asked = self._reaction(response)
                if asked is None:
                    self._earn()
                if asked is None or attempt == tries or asked.seconds > LONGEST_WAIT:
                    return response
                again = asked
            self._calls["retry"] += 1
            self.rest(_wait(again, attempt))
        raise AssertionError("the last try returns or raises")

    def rest(self, seconds: float) -> None:
        """Wait for a vendor in trouble. Errors: Fatal instead, where the run has waited long enough."""
        with self._lock:
            self._waited += seconds
            waited = self._waited
        if waited > PATIENCE:
            message = f"this run has waited {PATIENCE / 60:.0f} min for the vendor; the next one goes on from here"
            raise Fatal(message, vendor=self._vendor)
        self._pause(seconds)

    def _earn(self) -> None:
        with self._lock:
            self._waited = max(0.0, self._waited - EARNED)

    def _turn_to_base(self, request: requests.PreparedRequest) -> None:
        if self._base:
            url = urlsplit(str(request.url))
            request.headers["X-Original-Host"] = url.netloc
            request.url = url._replace(scheme=self._base.scheme, netloc=self._base.netloc).geturl()

    def _wait_for_turn(self, request: requests.PreparedRequest) -> None:
        seconds = self._pace.reserve(request)
        if seconds > LONGEST_WAIT:
            message = f"a limit is nearly used up and free again in {seconds:.0f} s; the next run goes on"
            raise Held(message, after=seconds, vendor=self._vendor)
        if seconds > IN_STEP:
            self.rest(seconds)
        elif seconds > 0:
            self._pause(seconds)


def _read(response: requests.Response) -> None:
    """Read the body in one piece; by itself requests reads 10 kB at a time, which costs more than parsing a large page."""
    response._content = b"".join(response.iter_content(None))  # noqa: SLF001  # `content` has no size to give


def _wait(again: Again, attempt: int) -> float:
    spread = random.uniform(0.5, 1.0)  # noqa: S311  # spreads the tries of many clients
    return again.seconds if again.told else again.seconds * 2.0 ** (attempt - 1) * spread


class Session(requests.Session):
    """A session that has headers, parameters and hooks of its own and nothing else: no cookies or passwords.

    Merging those into each request, empty as they are, took a quarter of what a request costs (requests 2.34, sessions.py).
    """

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """The request as it is sent."""
        prepared = requests.PreparedRequest()
        prepared.prepare(
            request.method,
            request.url,
            {**self.headers, **request.headers},
            request.files,
            request.data,
            self._params(request.params),
            request.auth,
            hooks=self.hooks,
            json=request.json,
        )
        return prepared

    def _params(self, asked: Any) -> Any:
        """Its own, which must go with every request, and those that are asked for; anything but a text is looked at for what it can do."""
        own: Any = self.params
        return {**own, **(asked or {})} if own else asked or ""

    def merge_environment_settings(  # type: ignore[override]  # requests' own type of it is private
        self,
        url: object,  # noqa: ARG002  # the shape of requests' own
        proxies: object,  # noqa: ARG002
        stream: object,
        verify: object,
        cert: object,
    ) -> dict[str, Any]:
        """What is asked for, else what the session says, and no proxies: it reads none from the machine."""
        verify, cert = self.verify if verify is None else verify, self.cert if cert is None else cert
        return {"proxies": {}, "stream": bool(stream), "verify": verify, "cert": cert}


def session(transport: Transport, like: requests.Session | None = None) -> requests.Session:
    """A session that sends through the transport and reads neither proxies nor passwords from the machine.

    It signs and trusts as another does, which an SDK has made.
    """
    opened = Session()
    if like is not None:
        opened.params, opened.verify = like.params, like.verify
    opened.trust_env = False  # a .netrc would replace our Authorization header
    opened.mount("https://", transport)
    return opened
