"""One open Graph API: asks through the SDK's own api object, and judges every answer by status and shape before the SDK does.

The SDK takes any body without `error` for a success, breaks on some that have one, and never repeats (vendors.md 3.5). Its `call`
is used: it signs, pins the version and sends as every other call does, where its cursors stop at an empty page. A response hook
raises first, so no exception of the SDK, which holds the parameters, ever comes up. `FacebookAdsApi.init` is not used: it sets a
global api and a crash reporter.
"""

import json
import logging
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
import requests
from facebook_business.api import FacebookAdsApi
from facebook_business.session import FacebookSession

from connectors.errors import ConnectorError, Fatal, Retryable
from connectors.meta_ads.refusals import LIMITED, SOON, VENDOR, Limited, Spent, refusal
from connectors.meta_ads.settings import MetaAdsSettings
from connectors.meta_ads.throttle import NO_NEW_JOBS, STAND_STILL, Throttle
from connectors.transport import LONGEST_WAIT, TIMEOUT, TRIES, Transport

MOST_IN_BATCH = 50  # parts of one batch call (https://developers.facebook.com/docs/graph-api/batch-requests)
SECRETS = re.compile(r"(access_token|appsecret_proof|input_token)=[^&\s\"']+")

Json = dict[str, Any]


class Refused(Exception):
    """An answer that is no success: its status, and Meta's error where the body has one."""

    def __init__(self, status: int, error: Json | None) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.error = error


class NoSecrets(logging.Filter):
    """urllib3 logs every URL at level DEBUG, and Meta wants the token in every URL."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the line through without its secrets."""
        record.msg, record.args = SECRETS.sub(r"\1=[secret]", record.getMessage()), None
        return True


NO_SECRETS = NoSecrets()


class MetaApi:
    """Answers of the accounts that one token sees. `calls` counts requests by reason, repetitions under `retry`.

    Errors: Fatal with `credentials` if a variable is missing.
    """

    def __init__(self, settings: MetaAdsSettings, pause: Callable[[float], None] = time.sleep) -> None:
        if settings.access_token is None or settings.app_id is None or settings.app_secret is None:
            raise Fatal(f"not connected: set {', '.join(settings.missing())}", vendor=VENDOR, credentials=True)
        self.settings = settings
        self.app_id = settings.app_id
        self.calls: Counter[str] = Counter()
        self.throttle = Throttle()
        self.pause = pause
        self._token = settings.access_token.get_secret_value()
        session = FacebookSession(settings.app_id, settings.app_secret.get_secret_value(), self._token, timeout=TIMEOUT)
        session.requests.trust_env = False  # a .netrc would add a header of its own
        # reads only, and a report begun twice costs no more than the quota; answers are judged and repeated below
        transport = Transport(
            repeatable=lambda _: True, calls=self.calls, base_url=settings.base_url, busy=frozenset(), pause=pause
        )
        session.requests.mount("https://", transport)
        session.requests.hooks["response"].append(self._judge)
        logging.getLogger("urllib3.connectionpool").addFilter(NO_SECRETS)
        self._api = FacebookAdsApi(session, api_version=settings.api_version)

    def get(self, reason: str, path: Sequence[str], params: Mapping[str, Any], *, stream: str | None = None) -> Json:
        """One node or one page of an edge. A node's path ends in an empty part, as the SDK writes it.

        Errors: Retryable once the tries are spent, TooMuch at once, Fatal.
        """
        answer: Json = self._object(self._ask(reason, "GET", path, params, stream), path, stream)
        return answer

    def post(self, reason: str, path: Sequence[str], params: Mapping[str, Any], *, stream: str | None = None) -> Json:
        """Begin a report. Errors: as `get`."""
        return self._object(self._ask(reason, "POST", path, params, stream), path, stream)

    def batch(
        self, reason: str, asked: Sequence[tuple[str, Mapping[str, Any]]], *, stream: str | None = None
    ) -> list[Json | ConnectorError]:
        """Up to 50 GETs in one call, by path and parameters; an answer or an error for each, in their order.

        Parts that Meta left out (null), or whose trouble passes, are asked for again.
        """
        answers: dict[int, Json | ConnectorError] = {}
        for attempt in range(TRIES):
            left = [number for number in range(len(asked)) if isinstance(answers.get(number), Retryable | None)]
            if not left:
                break
            if attempt:
                self._rest(max((one.after for one in answers.values() if isinstance(one, Retryable)), default=SOON))
            parts = [{"method": "GET", "relative_url": _relative(*asked[number])} for number in left]
            told = self._ask(reason, "POST", ("",), {"batch": parts}, stream)
            if not isinstance(told, list) or len(told) != len(left):
                raise Retryable(
                    "the batch is not whole; the next run tries again", after=SOON, vendor=VENDOR, stream=stream
                )
            answers |= {
                number: self._part(part, asked[number][0], stream) for number, part in zip(left, told, strict=True)
            }
        return [answers[number] for number in range(len(asked))]

    def token(self) -> Json:
        """What Meta says of our token: `is_valid`, `expires_at` (seconds, 0 is never), `scopes`."""
        answer = self.get("definition", ("debug_token",), {"input_token": self._token})
        told = answer.get("data")
        return told if isinstance(told, dict) else {}

    def calm_for_a_job(self, stream: str | None) -> None:
        """Wait where too much of a limit is used for another report. Errors: Limited if that takes longer than a run should."""
        self._mind(NO_NEW_JOBS, stream)

    def _ask(self, reason: str, method: str, path: Sequence[str], params: Mapping[str, Any], stream: str | None) -> Any:
        """The decoded answer, after as many tries as it took."""
        about = "/".join(part for part in path if part) or "batch"
        self.calls[reason] += 1
        for attempt in range(TRIES):
            self._mind(STAND_STILL, stream)
            try:
                return self._once(method, path, params, about, stream)
            except Retryable as error:
                if isinstance(error, Spent) or attempt == TRIES - 1:
                    raise
                wait = error.after if isinstance(error, Limited) else error.after * 2**attempt * random.uniform(0.5, 1)  # noqa: S311  # spreads the tries of many clients
                if wait > LONGEST_WAIT:
                    raise
            self._rest(wait)
        raise AssertionError("the last try returns or raises")

    def _once(self, method: str, path: Sequence[str], params: Mapping[str, Any], about: str, stream: str | None) -> Any:
        try:
            response = self._api.call(method, tuple(path), params=dict(params))
        except Refused as refused:
            if refused.error is None:
                message = f"{about}: HTTP {refused.status} is no answer of the Graph API; the next run tries again"
                raise Retryable(message, after=SOON, vendor=VENDOR, stream=stream) from None
            raise refusal(
                refused.status, refused.error, about=about, stream=stream, regain=self.throttle.regain
            ) from None
        except requests.RequestException as error:
            message = f"{about}: no answer from Meta ({type(error).__name__}); the next run tries again"
            raise Spent(message, after=60, vendor=VENDOR, stream=stream) from None
        return orjson.loads(response.body())

    def _judge(self, response: requests.Response, *_: Any, **__: Any) -> None:
        """The hook: read the throttle, and let nothing through that is not plainly an answer."""
        self.throttle.note(response.headers)
        body = _decoded(response.text)
        error = body.get("error") if isinstance(body, dict) else None
        if response.status_code >= 400 or not isinstance(body, dict | list) or error is not None:
            raise Refused(response.status_code, error if isinstance(error, dict) else None)

    def _part(self, part: Any, about: str, stream: str | None) -> Json | ConnectorError:
        """One part of a batch; its headers count as those of a call of its own."""
        waiting = Retryable(f"{about}: no answer in a batch", after=SOON, vendor=VENDOR, stream=stream)
        if not isinstance(part, dict):
            return waiting
        headers = part.get("headers")
        if isinstance(headers, list):
            self.throttle.note(
                {one["name"]: one["value"] for one in headers if isinstance(one, dict) and len(one) == 2}
            )
        body, status = _decoded(part.get("body")), part.get("code")
        error = body.get("error") if isinstance(body, dict) else None
        if isinstance(error, dict):
            told = status if isinstance(status, int) else 400
            return refusal(told, error, about=about, stream=stream, regain=self.throttle.regain)
        return body if isinstance(body, dict) and error is None and status == 200 else waiting

    def _object(self, answer: Any, path: Sequence[str], stream: str | None) -> Json:
        if isinstance(answer, dict):
            return answer
        message = f"{'/'.join(path)} answered no object; the next run tries again"
        raise Retryable(message, after=SOON, vendor=VENDOR, stream=stream)

    def _mind(self, most: float, stream: str | None) -> None:
        """Wait before a limit bites. The readings are forgotten then: only another answer tells what is left."""
        used, wait = self.throttle.used, self.throttle.regain or LIMITED
        if used < most:
            return
        if wait > LONGEST_WAIT:
            message = f"{used:.0f} % of Meta's limits are used; the next run goes on"
            raise Limited(message, after=wait, vendor=VENDOR, stream=stream)
        self.pause(wait)
        self.throttle.forget()

    def _rest(self, seconds: float) -> None:
        self.calls["retry"] += 1
        self.pause(seconds)
        self.throttle.forget()


def _decoded(text: Any) -> Any:
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, TypeError):
        return None


def _relative(path: str, params: Mapping[str, Any]) -> str:
    """A part of a batch; lists and objects as JSON, as the SDK writes them."""
    plain = {
        key: json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else value
        for key, value in params.items()
    }
    return f"{path}?{urlencode(plain)}"
