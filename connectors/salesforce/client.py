"""One open org: logs in through the SDK and asks through the SDK's session, so that every answer passes the same gate.

The SDK's own calls are not used: they repeat a refused token without end, refresh it without a lock and drop the headers that
hold the quota (seen against simple-salesforce 1.12.10). Here a refused token is renewed once, and a second refusal is Fatal.
"""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NoReturn
from urllib.parse import urlsplit

import orjson
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed

from connectors.errors import Fatal, Retryable
from connectors.salesforce.refusals import BUSY, QUOTA_PAUSE, SOON, VENDOR, part_refusal, refusal
from connectors.salesforce.settings import SalesforceSettings
from connectors.transport import Transport, by_status, decoded, redact, session

API_VERSION = "63.0"  # everything here is written for it; the SDK's own default is 59.0
TOKEN_PATH = "/services/oauth2/token"  # noqa: S105  # a path
CSV = "text/csv; charset=UTF-8"
BATCH_PARTS = 25  # parts of one composite/batch call
# the token's answer names org and user in `id`, https://login.salesforce.com/id/<org>/<user>; the SDK drops it
IDENTITY = re.compile(r"/id/(00D\w{12,15})/(005\w{12,15})")
API_USAGE = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")


def repeatable(request: requests.PreparedRequest) -> bool:
    """Whether asking twice is the same as asking once: reads, updates by id, logins; a POST that creates and an upload are not."""
    if request.method != "POST":
        return request.method != "PUT"
    path = urlsplit(str(request.url)).path
    return path == TOKEN_PATH or "/composite/sobjects/" in path or path.endswith("/composite/batch")


class Org:
    """A logged-in Salesforce org.

    Errors: Fatal with `credentials` if the login is refused, Retryable if it could not be tried.
    """

    def __init__(self, settings: SalesforceSettings, pause: Callable[[float], None] = time.sleep) -> None:
        missing = settings.missing()
        if missing:
            raise Fatal(f"not connected: set {', '.join(missing)}", vendor=VENDOR, credentials=True)
        self.settings = settings
        self.pause = pause
        self.calls: Counter[str] = Counter()
        self.id = ""
        self.user_id = ""
        self.used: tuple[int, int] | None = None
        self._lock = threading.Lock()
        # Salesforce counts calls by the day and none by the second, so nothing sets the pace
        transport = Transport(
            VENDOR,
            repeatable=repeatable,
            calls=self.calls,
            reaction=by_status(BUSY),
            heard=self._note,
            base_url=settings.base_url,
            pause=pause,
        )
        self._session = session(transport)
        self._sf = self._login()

    def request(
        self,
        reason: str,
        method: str,
        path: str,
        *,
        about: str,
        stream: str | None = None,
        params: dict[str, str] | None = None,
        body: Any = None,
        kind: str = CSV,
    ) -> Any:
        """The decoded answer; None where the vendor sends none. Arguments and errors are those of `answer`."""
        response = self.answer(reason, method, path, about=about, stream=stream, params=params, body=body, kind=kind)
        return self._decode(response, about, stream)

    def answer(
        self,
        reason: str,
        method: str,
        path: str,
        *,
        about: str,
        stream: str | None = None,
        params: dict[str, str] | None = None,
        body: Any = None,
        kind: str = CSV,
        timeout: tuple[float, float] | None = None,
    ) -> requests.Response:
        """The answer as it came, which is no refusal.

        `path` is relative to the data service of our version, or absolute where it starts with a slash; `body` is sent as JSON, bytes
        as what they are, the content type `kind`; `timeout` are seconds to connect and to wait for the next byte.
        Errors: Retryable once the org's daily calls are used up to the floor, or this run has spent its share, before the call; else
        what the vendor's refusal asks for.
        """
        self._mind_the_quota(stream)
        token = self._sf.session_id
        response = self._send(reason, method, path, stream, params, body, kind, timeout)
        if response.status_code == 401:
            self._renew(token)
            response = self._send(reason, method, path, stream, params, body, kind, timeout)
        if response.status_code == 401:
            raise Fatal(
                "a fresh token was refused too; check that the app of SALESFORCE_CLIENT_ID is enabled and its run-as user active",
                vendor=VENDOR,
                stream=stream,
                credentials=True,
            )
        if response.status_code >= 300:
            raise refusal(response, about=about, stream=stream)
        return response

    def query(self, reason: str, soql: str, *, about: str, stream: str | None = None, deleted: bool = False) -> Any:
        """The first page of a result: `totalSize`, `done`, `records` and, if not done, `nextRecordsUrl`."""
        door = "queryAll/" if deleted else "query/"
        answer = self.request(reason, "GET", door, about=about, stream=stream, params={"q": soql})
        return self._result(answer, about, stream)

    def more(self, reason: str, url: str, *, about: str, stream: str | None = None) -> Any:
        """The next page of a result."""
        return self._result(self.request(reason, "GET", url, about=about, stream=stream), about, stream)

    def describe(self, names: Sequence[str], stream: str | None = None) -> dict[str, Any]:
        """What each object looks like to this user; an object that is hidden or unknown is absent. One call per 25 objects.

        Errors: those of `request`; Retryable if one of the descriptions did not come for a reason that passes.
        """
        found: dict[str, Any] = {}
        for start in range(0, len(names), BATCH_PARTS):
            part = names[start : start + BATCH_PARTS]
            parts = [{"method": "GET", "url": f"v{API_VERSION}/sobjects/{name}/describe"} for name in part]
            answer = self.request(
                "definition", "POST", "composite/batch", about="describe", stream=stream, body={"batchRequests": parts}
            )
            for name, result in zip(part, answer["results"], strict=True):
                if result["statusCode"] == 200:
                    found[name] = result["result"]
                elif isinstance(error := part_refusal(result, about=name, stream=stream), Retryable):
                    raise error
        return found

    def _send(
        self,
        reason: str,
        method: str,
        path: str,
        stream: str | None,
        params: dict[str, str] | None,
        body: Any,
        kind: str,
        timeout: tuple[float, float] | None,
    ) -> requests.Response:
        self.calls[reason] += 1
        url = f"https://{self._sf.sf_instance}{path}" if path.startswith("/") else self._sf.base_url + path
        data = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        # the SDK's other header asks for pretty print, which is a third more bytes
        headers = {
            "Authorization": self._sf.headers["Authorization"],
            "Content-Type": kind if isinstance(body, bytes) else "application/json",
        }
        try:
            return self._session.request(method, url, params=params, data=data, headers=headers, timeout=timeout)
        except requests.RequestException as error:
            message = f"no answer from {self.settings.domain} ({type(error).__name__}); the next run tries again"
            raise Retryable(message, after=60, vendor=VENDOR, stream=stream) from None

    def _login(self) -> Salesforce:
        self.calls["login"] += 1
        settings = self.settings
        secret = settings.client_secret.get_secret_value() if settings.client_secret else ""
        try:
            client = Salesforce(
                domain=settings.domain,
                consumer_key=settings.client_id,
                consumer_secret=secret,
                version=API_VERSION,
                session=self._session,
            )
        except SalesforceAuthenticationFailed as error:
            self._explain_login(error, secret)
        except requests.RequestException as error:
            message = f"cannot reach {settings.domain}.salesforce.com ({type(error).__name__}); check SALESFORCE_DOMAIN"
            raise Retryable(message, after=60, vendor=VENDOR) from None
        if not self.id:
            raise Fatal("the login answer names no org; check SALESFORCE_DOMAIN", vendor=VENDOR, credentials=True)
        return client

    def _explain_login(self, error: SalesforceAuthenticationFailed, secret: str) -> NoReturn:
        """A refused login by what it asks for: a code in words is a refusal, a number is the status of no answer of theirs."""
        if not isinstance(error.code, str):
            message = f"the login is busy or away (HTTP {error.code}); the next run tries again"
            raise Retryable(message, after=60, vendor=VENDOR) from None
        said = redact(error.auth_message, [secret])
        hint = {
            "invalid_client_id": "check SALESFORCE_CLIENT_ID (the consumer key)",
            "invalid_client": "check SALESFORCE_CLIENT_SECRET (the consumer secret) and SALESFORCE_CLIENT_ID",
            "invalid_grant": "turn on the client credentials flow of the app and give it a run-as user that is active",
            "inactive_user": "activate the run-as user of the app",
        }.get(error.code, "check SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET and SALESFORCE_DOMAIN")
        raise Fatal(f"login refused ({error.code}: {said}); {hint}", vendor=VENDOR, credentials=True) from None

    def _renew(self, refused: str) -> None:
        """A new client, since a refresh may name another host; once for all threads that held the refused token."""
        with self._lock:
            if self._sf.session_id == refused:
                self._sf = self._login()

    def _note(self, response: requests.Response) -> None:
        """Remember what only the raw answer tells: the quota, and whom the token belongs to."""
        usage = API_USAGE.search(response.headers.get("Sforce-Limit-Info", ""))
        if usage:
            self.used = int(usage[1]), int(usage[2])
        if urlsplit(response.url).path == TOKEN_PATH and (identity := IDENTITY.search(response.text)):
            self.id, self.user_id = identity[1], identity[2]

    def _mind_the_quota(self, stream: str | None) -> None:
        if self.used is None:
            return
        if message := self.settings.reached(*self.used, self.calls.total(), "org"):
            raise Retryable(message, after=QUOTA_PAUSE, vendor=VENDOR, stream=stream)

    def _decode(self, response: requests.Response, about: str, stream: str | None) -> Any:
        if response.status_code == 204:
            return None
        try:
            return decoded(response)
        except ValueError:
            message = f"{about}: the answer is not JSON (HTTP {response.status_code}); the next run tries again"
            raise Retryable(message, after=SOON, vendor=VENDOR, stream=stream) from None

    def _result(self, answer: Any, about: str, stream: str | None) -> Any:
        """Refuse half a result, which looks like a whole one."""
        whole = isinstance(answer, dict) and {"totalSize", "done", "records"} <= answer.keys()
        if not whole or not (answer["done"] or answer.get("nextRecordsUrl")):
            message = f"{about}: the result is neither finished nor followed by a page; the next run tries again"
            raise Retryable(message, after=SOON, vendor=VENDOR, stream=stream)
        return answer
