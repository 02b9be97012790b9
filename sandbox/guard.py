"""The ASGI layer in front of every vendor: it answers the control routes, strikes with faults and keeps the log.

Plain ASGI instead of a request-and-response middleware, since cutting a connection in the middle of a body needs the raw messages.
The server leaves in every request's state how to hang up on it (`HANG_UP`), which ASGI itself has no word for.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.faults import Fault, Faults
from sandbox.request_log import Request, RequestLog

CONTROL = "/_sandbox/"
HANG_UP = "sandbox.hang_up"
PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1>The request was no success.</body></html>"
NO_ANSWER = 0  # the status in the log of a request whose connection was cut
BUSY = 503  # of a refusal that names no status
DROPS = 8  # pieces of a body that trickles
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
        asked = (scope["method"], scope["path"], query)
        fault = self._faults.strike(scope["method"], f"{scope['path']}?{query}")
        answer = _Answer(send, lambda status: self._log.add(Request(*asked, status, fault.kind if fault else "")))
        try:
            await self._answer(fault, scope, receive, answer)
        finally:
            answer.log(NO_ANSWER)

    async def _answer(self, fault: Fault | None, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        match fault:
            case Fault(kind="status" | "html"):
                await _refusal(fault)(scope, receive, answer.send)
            case Fault(kind="refuse"):
                answer.log(NO_ANSWER)
                await _hang_up(scope)
            case Fault(kind="reset" | "truncated" | "empty" | "drip" | "patch" | "rewrite" | "change"):
                await self._app(scope, receive, answer.hold)
                await self._spoil(fault, answer)
                if fault.kind == "reset":
                    await _hang_up(scope)
            case _:
                await asyncio.sleep(fault.seconds if fault else 0)
                await self._app(scope, receive, answer.send)

    async def _spoil(self, fault: Fault, answer: "_Answer") -> None:
        """Send what the vendor has said in the fault's own way."""
        match fault.kind:
            case "reset":
                await answer.cut()
            case "truncated":
                await answer.say(answer.body[: len(answer.body) // 2])
            case "empty":
                await answer.say(b"")
            case "drip":
                await answer.trickle(fault.seconds)
            case "patch":
                await answer.say(_patched(answer.body, fault.body), fault.status)
            case "rewrite":
                await answer.say(_rewritten(answer.body.decode(), fault.body).encode())
            case _:
                self._faults.hooks[fault.hook]()
                await answer.say(answer.body)

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
            for fault in faults:
                self._faults.add(fault)
        except (orjson.JSONDecodeError, ValidationError, KeyError) as error:
            return _json({"error": str(error)}, 400)
        return Response(status_code=204)


class _Answer:
    """The vendor's answer on its way out: passed on as it comes, or held back to be spoiled."""

    def __init__(self, send: Send, logged: Callable[[int], None]) -> None:
        self._send = send
        self._logged: Callable[[int], None] | None = logged
        self._start: Message = {}
        self.body = b""

    def log(self, status: int) -> None:
        """Once, before the client can see anything of the answer: what it asks of the log next must find the request there."""
        if self._logged:
            self._logged(status)
            self._logged = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.log(message["status"])
        await self._send(message)

    async def hold(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self.body += message.get("body", b"")

    async def cut(self) -> None:
        """Promise the whole body and send half of it."""
        self.log(NO_ANSWER)
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": self.body[: len(self.body) // 2], "more_body": True})

    async def say(self, body: bytes, status: int | None = None) -> None:
        """Another body, as if it were the whole one."""
        length = str(len(body)).encode()
        headers = [(name, length if name == b"content-length" else value) for name, value in self._start["headers"]]
        await self.send({**self._start, "status": status or self._start["status"], "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def trickle(self, seconds: float) -> None:
        """The body in small pieces, with a wait before each."""
        await self.send(self._start)
        size = -(-len(self.body) // DROPS) or 1
        for start in range(0, len(self.body), size):
            await asyncio.sleep(seconds / DROPS)
            piece = self.body[start : start + size]
            await self.send({"type": "http.response.body", "body": piece, "more_body": True})
        await self.send({"type": "http.response.body", "body": b""})


async def _hang_up(scope: Scope) -> None:
    """Close the connection, and let the server notice before it is told that there was no answer."""
    scope["state"][HANG_UP]()
    for _ in range(3):  # turns of the loop until the server's connection is told
        await asyncio.sleep(0)


def _refusal(fault: Fault) -> Response:
    status = fault.status or BUSY
    if fault.kind == "html":
        return HTMLResponse(PAGE.format(status), status, fault.headers)
    return Response(orjson.dumps(fault.body), status, fault.headers, media_type="application/json")


def _patched(body: bytes, patch: Any) -> bytes:
    """The answer with other values (RFC 7396); one that is no JSON object stays as it is."""
    try:
        known = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    return orjson.dumps(_merged(known, patch)) if isinstance(known, dict) else body


def _rewritten(text: str, by: Mapping[str, str]) -> str:
    for pattern, other in by.items():
        text = re.sub(pattern, lambda _, other=other: other, text)  # type: ignore[misc]  # the text as it is, backslashes too
    return text


def _merged(known: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    before = known if isinstance(known, dict) else {}
    merged = before | {name: _merged(before.get(name), value) for name, value in patch.items()}
    return {name: value for name, value in merged.items() if not (name in patch and patch[name] is None)}


def _json(body: object, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
