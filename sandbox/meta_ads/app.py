"""The HTTP face of the sandboxed Graph API: who asks, how much of the limits is used, single calls and batches."""

import hashlib
import hmac
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.core import Context, guarded
from sandbox.meta_ads import APP_ID, APP_SECRET
from sandbox.meta_ads.errors import MetaRefusal, bad
from sandbox.meta_ads.graph import Caller, Graph, unknown_path
from sandbox.meta_ads.params import Params
from sandbox.meta_ads.state import MetaState
from sandbox.meta_ads.usage import Usage

VERSION = re.compile(r"v\d+\.\d+")
MOST_IN_BATCH = 50
"""https://developers.facebook.com/docs/graph-api/batch-requests: up to 50 requests."""
Said = tuple[int, dict[str, str], Any]
"""Status, throttle headers and body of an answer."""


class Door:
    """Admits calls and answers them."""

    def __init__(self, state: MetaState) -> None:
        self._state = state
        self._graph = Graph(state)
        self._usage = Usage(state.clock, state.conduct.limits)

    async def answer(self, request: Request) -> Response:
        """One HTTP request; query and form make one set of parameters, as at Meta."""
        body = (await request.body()).decode()
        params = dict(parse_qsl(request.url.query, keep_blank_values=True)) | dict(
            parse_qsl(body, keep_blank_values=True)
        )
        status, headers, said = self.call(request.method, request.url.path, params)
        return Response(orjson.dumps(said), status, headers, "application/json")

    def call(self, method: str, path: str, params: Params, *, batched: bool = False) -> Said:
        """Status, headers and body of one call; a part of a batch comes without a version or with one."""
        parts = [part for part in path.split("/") if part]
        if parts and VERSION.fullmatch(parts[0]):
            parts = parts[1:]
        insights = parts[-1:] == ["insights"]
        account = self._graph.account_of(parts)
        try:
            caller = self._admit(params, parts)
            self._usage.admit(account, insights=insights, page=caller.page)
            if method == "POST" and not parts and not batched:
                return 200, self._usage.headers(None, insights=False), self._batch(params)
            said = self._said(method, caller, path, parts, params)
        except MetaRefusal as refusal:
            return refusal.status, self._usage.headers(account, insights=insights), refusal.body
        return 200, self._usage.headers(account, insights=insights), said

    def _said(self, method: str, caller: Caller, path: str, parts: list[str], params: Params) -> Any:
        if not parts:
            raise unknown_path(path)
        if method == "GET":
            return self._graph.get(caller, path, parts, params)
        if method == "POST":
            return self._graph.begin_report(caller, parts, params)
        raise MetaRefusal(400, 100, f"Unsupported {method.lower()} request.", subcode=33, kind="GraphMethodException")

    def _admit(self, params: Params, parts: list[str]) -> Caller:
        """Check token and proof: https://developers.facebook.com/docs/graph-api/guides/secure-requests."""
        token = params.get("access_token", "")
        if parts == ["debug_token"] and token == f"{APP_ID}|{APP_SECRET}":
            return Caller(token, frozenset())
        if not token:
            raise MetaRefusal(
                400, 2500, "An active access token must be used to query information about the current user."
            )
        issued = self._state.token(token)
        if issued is None:
            raise MetaRefusal(401, 190, "Invalid OAuth access token - Cannot parse access token", subcode=467)
        permissions, end = issued
        if end and end <= self._state.now():
            raise MetaRefusal(401, 190, "Error validating access token: Session has expired", subcode=463)
        proof = hmac.new(APP_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()
        if "appsecret_proof" not in params:
            raise MetaRefusal(
                400, 100, "API calls from the server require an appsecret_proof argument", kind="GraphMethodException"
            )
        if not hmac.compare_digest(params["appsecret_proof"], proof):
            raise MetaRefusal(
                400, 100, "Invalid appsecret_proof provided in the API argument", kind="GraphMethodException"
            )
        return Caller(token, frozenset(permissions), self._state.page_of(token))

    def _batch(self, params: Params) -> list[Any]:
        """The parts of a batch, each with its own status; the batch's token is theirs."""
        try:
            asked = orjson.loads(params.get("batch", ""))
        except orjson.JSONDecodeError:
            raise bad("batch parameter must be a JSON array") from None
        if not isinstance(asked, list) or not 0 < len(asked) <= MOST_IN_BATCH:
            raise bad(f"Too many requests in batch message. Maximum batch size is {MOST_IN_BATCH}")
        answers = [self._part(one, params) for one in asked]
        conduct = self._state.conduct
        left_out, conduct.left_out = min(conduct.left_out, len(answers)), max(conduct.left_out - len(answers), 0)
        return [None] * left_out + answers[left_out:]

    def _part(self, asked: dict[str, Any], batch: Params) -> Any:
        url = urlsplit(f"/{str(asked.get('relative_url', '')).lstrip('/')}")
        own = dict(parse_qsl(url.query)) | dict(parse_qsl(asked.get("body", "")))
        shared = {name: batch[name] for name in ("access_token", "appsecret_proof") if name in batch}
        status, headers, said = self.call(asked.get("method", "GET"), url.path, shared | own, batched=True)
        told = [{"name": name, "value": value} for name, value in headers.items()]
        return {"code": status, "headers": told, "body": orjson.dumps(said).decode()}


def create_app(context: Context) -> Starlette:
    """The server of one app's ad accounts, whose state lives in the context's folder."""
    state = MetaState(context.root, context.clock)
    door = Door(state)
    routes = [Route("/{rest:path}", door.answer, methods=["GET", "POST", "DELETE"])]
    app = Starlette(routes=routes, middleware=guarded(context))
    app.state.store = state
    return app
