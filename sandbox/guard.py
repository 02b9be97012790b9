"""The ASGI layer in front of every vendor: it answers the control routes, strikes with faults and keeps the log.

Plain ASGI instead of a request-and-response middleware, since cutting a connection in the middle of a body needs the raw messages.
"""

import asyncio
from dataclasses import asdict
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.faults import Fault, Faults
from sandbox.request_log import Request, RequestLog

CONTROL = "/_sandbox/"
PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1>The request was no success.</body></html>"
FAULTS = TypeAdapter(list[Fault])


class Guard:
    """Wraps a vendor's app."""

    def __init__(self, app: ASGIApp, root: Path, faults: Faults, log: RequestLog) -> None:
        self._app = app
        self._root = root
        self._faults = faults
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"].startswith(CONTROL):
            response = await self._control(HttpRequest(scope, receive))
            await response(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        fault = self._faults.strike(scope["method"], f"{scope['path']}?{query}")
        answer = _Answer(send)
        try:
            await self._answer(fault, scope, receive, answer)
        finally:
            self._log.add(Request(scope["method"], scope["path"], query, answer.status, fault.kind if fault else ""))

    async def _answer(self, fault: Fault | None, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        if fault and fault.kind in {"status", "html"}:
            await _refusal(fault)(scope, receive, answer.send)
        elif fault and fault.kind in {"reset", "empty"}:
            await self._app(scope, receive, answer.hold)
            await (answer.cut() if fault.kind == "reset" else answer.say_nothing())
        else:
            await asyncio.sleep(fault.seconds if fault else 0)
            await self._app(scope, receive, answer.send)

    async def _control(self, request: HttpRequest) -> Response:
        """GET and DELETE of log and faults, POST of one fault or a list of them; GET of the folder that the state is in."""
        asked = (request.method, request.url.path.removeprefix(CONTROL))
        if asked == ("GET", "root"):
            return PlainTextResponse(str(self._root.resolve()))
        if asked == ("GET", "log"):
            return _json([asdict(entry) for entry in self._log.entries])
        if asked == ("GET", "faults"):
            return _json([fault.model_dump(mode="json") for fault in self._faults.all()])
        if asked == ("POST", "faults"):
            return self._switch_on(await request.body())
        if asked == ("DELETE", "log"):
            self._log.clear()
        elif asked == ("DELETE", "faults"):
            self._faults.clear()
        else:
            return _json({"error": "GET or DELETE /_sandbox/log; GET, POST or DELETE /_sandbox/faults"}, 404)
        return Response(status_code=204)

    def _switch_on(self, body: bytes) -> Response:
        try:
            given = orjson.loads(body)
            faults = FAULTS.validate_python(given if isinstance(given, list) else [given])
        except (orjson.JSONDecodeError, ValidationError) as error:
            return _json({"error": str(error)}, 400)
        for fault in faults:
            self._faults.add(fault)
        return Response(status_code=204)


class _Answer:
    """The vendor's answer on its way out: passed on as it comes, or held back to be spoiled."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message = {}
        self._body = b""
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def hold(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self._body += message.get("body", b"")

    async def cut(self) -> None:
        """Promise the whole body, send half of it and hang up: the server closes a connection left unfinished."""
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": self._body[: len(self._body) // 2], "more_body": True})

    async def say_nothing(self) -> None:
        empty = [(name, b"0" if name == b"content-length" else value) for name, value in self._start["headers"]]
        await self.send({**self._start, "headers": empty})
        await self.send({"type": "http.response.body", "body": b""})


def _refusal(fault: Fault) -> Response:
    if fault.kind == "html":
        return HTMLResponse(PAGE.format(fault.status), fault.status, fault.headers)
    return Response(orjson.dumps(fault.body), fault.status, fault.headers, media_type="application/json")


def _json(body: object, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
