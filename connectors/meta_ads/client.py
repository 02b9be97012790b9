"""One open Graph API: asks through the SDK's own api object, and judges every answer by status and shape before the SDK does.

The SDK takes any body without `error` for a success, breaks on some that have one, and never repeats. Its `call` is used: it signs,
pins the version and sends as every other call does, where its cursors stop at an empty page. A response hook raises first, so no
exception of the SDK, which holds the parameters, ever comes up. `FacebookAdsApi.init` is not used: it sets a global api and a crash
reporter. Meta's codes are in the body, and are read there by the transport's reaction.
"""

import hashlib
import hmac
import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import requests
from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adcreative import AdCreative
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.adsinsights import AdsInsights
from facebook_business.adobjects.campaign import Campaign
from facebook_business.adobjects.lead import Lead
from facebook_business.api import FacebookAdsApi
from facebook_business.session import FacebookSession

from connectors.errors import ConnectorError, Fatal, Retryable
from connectors.meta_ads.refusals import SOON, VENDOR, AccountLimited, Limited, NotThere, Spent, refusal
from connectors.meta_ads.settings import MetaAdsSettings
from connectors.meta_ads.throttle import NO_NEW_JOBS, Throttle
from connectors.pace import shared
from connectors.transport import TIMEOUT, TRIES, Again, Held, Transport, read_json, session

MOST_IN_BATCH = 50  # parts of one batch call (https://developers.facebook.com/docs/graph-api/batch-requests)

KINDS: dict[str, Any] = {
    "ad_accounts": AdAccount, "campaigns": Campaign, "adsets": AdSet, "ads": Ad, "creatives": AdCreative, "insights": AdsInsights,
    "leads": Lead,
}  # fmt: skip
"""The SDK's class of each stream's object."""

Json = dict[str, Any]


class Refused(Exception):
    """An answer that is no success, as one of our errors but for what was asked."""

    def __init__(self, status: int, error: Json | None, regain: float) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.error = error
        self.regain = regain

    def told(self, about: str, stream: str | None) -> ConnectorError:
        """What it asks of us. An answer that is not Meta's own passes, whatever its status."""
        if self.error is None:
            message = f"{about}: HTTP {self.status} is no answer of the Graph API; the next run tries again"
            return Retryable(message, after=SOON, vendor=VENDOR, stream=stream)
        return refusal(self.status, self.error, about=about, stream=stream, regain=self.regain)


def repeatable(request: requests.PreparedRequest) -> bool:  # noqa: ARG001  # of all requests it is true
    """Whether asking twice is the same as asking once: batches only read, and a report begun twice is read once and forgotten."""
    return True


class MetaApi:
    """Answers of the accounts that one token sees. `calls` counts requests by reason, repetitions under `retry`.

    Errors: Fatal with `credentials` if a variable is missing.
    """

    def __init__(
        self,
        settings: MetaAdsSettings,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if settings.access_token is None or settings.app_id is None or settings.app_secret is None:
            raise Fatal(f"not connected: set {', '.join(settings.missing())}", vendor=VENDOR, credentials=True)
        self.settings = settings
        self.app_id = settings.app_id
        self.calls: Counter[str] = Counter()
        self.several = False
        """Whether there are other accounts to read while one of them has used up its limit."""
        self._local = threading.local()  # the decoded answer, for the SDK hands out a text
        self._token = settings.access_token.get_secret_value()
        self.pause = pause
        throttle = Throttle(clock)
        self._throttle = shared(VENDOR, self._token, throttle) if settings.base_url is None else throttle
        self._transport = Transport(
            VENDOR,
            repeatable=repeatable,
            calls=self.calls,
            reaction=self._react,
            pace=self._throttle,
            base_url=settings.base_url,
            pause=pause,
        )
        signed = FacebookSession(settings.app_id, settings.app_secret.get_secret_value(), self._token, timeout=TIMEOUT)
        signed.requests = session(self._transport, like=signed.requests)
        signed.requests.hooks["response"].append(self._judge)
        self._api = FacebookAdsApi(signed, api_version=settings.api_version)

    def columns(self, kind: str, names: Sequence[str]) -> dict[str, str]:
        """The SDK's own type of each field of a kind of object; those that it gives none are `json`."""
        types: dict[str, str] = KINDS[kind]._field_types  # noqa: SLF001  # generated with the fields, and told nowhere else
        return {name: types.get(name, "json") for name in names}

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
            left = [number for number in range(len(asked)) if self._passes(answers.get(number))]
            if not left:
                break
            if attempt:
                self.calls["retry"] += 1
                waits = [one.after for one in answers.values() if isinstance(one, Retryable) and self._passes(one)]
                self._transport.rest(max(waits, default=SOON))
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

    def each(
        self, reason: str, asked: Sequence[tuple[str, Mapping[str, Any]]], *, stream: str | None = None
    ) -> list[Json | ConnectorError]:
        """Any number of GETs, 50 in one call; as `batch`."""
        starts = range(0, len(asked), MOST_IN_BATCH)
        return [one for at in starts for one in self.batch(reason, asked[at : at + MOST_IN_BATCH], stream=stream)]

    def token(self) -> Json:
        """What Meta says of our token: `is_valid`, `expires_at` (seconds, 0 is never), `scopes`."""
        answer = self.get("definition", ("debug_token",), {"input_token": self._token})
        told = answer.get("data")
        return told if isinstance(told, dict) else {}

    def proof(self, token: str) -> Json:
        """The parameters of a call that is made with another token than ours, a Page's."""
        secret = self.settings.app_secret.get_secret_value() if self.settings.app_secret else ""
        return {
            "access_token": token,
            "appsecret_proof": hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest(),
        }

    @property
    def used(self) -> float | None:
        """Percent used of the limit that is used most; None before an answer has told."""
        return self._throttle.used

    def learn(self, node: str, account: str) -> None:
        """Whose a report or an ad is: its calls count for that account's limits, and its path does not tell."""
        self._throttle.learn(node, account)

    def may_begin(self, node: str) -> bool:
        """Whether the limits of an account leave room for another report now."""
        return self._throttle.left(self._throttle.account(f"/{node}"), NO_NEW_JOBS) == 0

    def _ask(self, reason: str, method: str, path: Sequence[str], params: Mapping[str, Any], stream: str | None) -> Any:
        """The decoded answer, after as many tries as the transport made."""
        about = "/".join(part for part in path if part) or "batch"
        self.calls[reason] += 1
        try:
            self._api.call(method, tuple(path), params=dict(params))
        except Refused as refused:
            raise refused.told(about, stream) from None
        except Held as held:
            message = f"{about}: Meta's limit is nearly used up; the next run goes on"
            raise AccountLimited(message, after=held.after, vendor=VENDOR, stream=stream) from None
        except requests.RequestException as error:
            message = f"{about}: no answer from Meta ({type(error).__name__}); the next run tries again"
            raise Spent(message, after=60, vendor=VENDOR, stream=stream) from None
        return self._local.answer

    def _react(self, response: requests.Response) -> Again | None:
        """For the transport: trouble that passes and limits are worth another try; limits say when."""
        self._local.answer = _read(response.content)
        refused = self._refused(response, self._local.answer)
        error = refused.told("", None) if refused else None
        if isinstance(error, Retryable) and self._passes(error):
            return Again(error.after, told=isinstance(error, Limited))
        return None

    def _passes(self, answer: Json | ConnectorError | None) -> bool:
        """Whether the same may be asked again from here.

        An account's own limit is waited out only where there is no other account: else those are read meanwhile, and the stream's
        next try reads this one.
        """
        if isinstance(answer, AccountLimited):
            return not self.several
        return answer is None or (isinstance(answer, Retryable) and not isinstance(answer, Spent))

    def _judge(self, response: requests.Response, *_: Any, **__: Any) -> requests.Response:
        """The hook: let nothing through that is not plainly an answer; `_react` has decoded it in this thread.

        The SDK would decode it once more, only to look for an error. It is handed a word instead.
        """
        if refused := self._refused(response, self._local.answer):
            raise refused
        read = requests.Response()
        read.status_code, read.headers, read.raw = response.status_code, response.headers, io.BytesIO(b'"read"')
        read.encoding = "utf-8"  # it reads a text, whose encoding would be guessed
        return read

    def _refused(self, response: requests.Response, body: Any) -> Refused | None:
        error = body.get("error") if isinstance(body, dict) else None
        if response.status_code < 400 and isinstance(body, dict | list) and error is None:
            return None
        regain = self._throttle.regain(self._throttle.account(str(response.request.url)))
        return Refused(response.status_code, error if isinstance(error, dict) else None, regain)

    def _part(self, part: Any, about: str, stream: str | None) -> Json | ConnectorError:
        """One part of a batch; its headers count as those of a call of its own."""
        waiting = Retryable(f"{about}: no answer in a batch", after=SOON, vendor=VENDOR, stream=stream)
        if not isinstance(part, dict):
            return waiting
        headers = part.get("headers")
        if isinstance(headers, list):
            told = {one["name"]: one["value"] for one in headers if isinstance(one, dict) and len(one) == 2}
            self._throttle.read(self._throttle.account(f"/{about}"), told)
        body, status = _read(part.get("body")), part.get("code")
        error = body.get("error") if isinstance(body, dict) else None
        if isinstance(error, dict):
            regain = self._throttle.regain(self._throttle.account(f"/{about}"))
            return refusal(status if isinstance(status, int) else 400, error, about=about, stream=stream, regain=regain)
        return body if isinstance(body, dict) and error is None and status == 200 else waiting

    def _object(self, answer: Any, path: Sequence[str], stream: str | None) -> Json:
        if isinstance(answer, dict):
            return answer
        message = f"{'/'.join(path)} answered no object; the next run tries again"
        raise Retryable(message, after=SOON, vendor=VENDOR, stream=stream)


def raised(answers: list[Json | ConnectorError], kind: type[ConnectorError]) -> list[Json | ConnectorError]:
    """The answers of a batch. The first error of that kind is raised."""
    for answer in answers:
        if isinstance(answer, kind):
            raise answer
    return answers


def there(answers: Sequence[Json | ConnectorError]) -> list[Json]:
    """The objects that are there; any error but absence is raised."""
    for answer in answers:
        if isinstance(answer, ConnectorError) and not isinstance(answer, NotThere):
            raise answer
    return [answer for answer in answers if not isinstance(answer, ConnectorError)]


def _read(text: Any) -> Any:
    """What a body holds; None if it is no JSON."""
    try:
        return read_json(text)
    except (ValueError, TypeError):
        return None


def _relative(path: str, params: Mapping[str, Any]) -> str:
    """A part of a batch; lists and objects as JSON, as the SDK writes them."""
    plain = {
        key: json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else value
        for key, value in params.items()
    }
    return f"{path}?{urlencode(plain)}"
