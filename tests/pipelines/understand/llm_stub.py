"""A language model on loopback: speaks the wire formats of OpenAI and Anthropic, answers what a test scripts, notes what it is sent.

Sources: https://platform.openai.com/docs/api-reference/chat/object, https://docs.anthropic.com/en/api/messages.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKENS_IN, TOKENS_OUT = 100, 20
Reply = list[dict[str, Any]] | str | int | Response
"""Claims; else words that are no claims, an HTTP status, or a whole response."""


class Stub:
    """The model: `script` is used up reply by reply, after that `always` answers; `latency` is in seconds."""

    def __init__(self, *script: Reply, always: Callable[[str], Reply] = lambda _: []) -> None:
        self.script, self.always = list(script), always
        self.calls: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.models = ["m"]
        self.latency = 0.0
        self.in_flight = self.most_in_flight = 0
        self.app = Starlette(
            routes=[
                Route("/v1/chat/completions", self._openai, methods=["POST"]),
                Route("/v1/messages", self._anthropic, methods=["POST"]),
                Route("/v1/models", self._models),
                Route("/v1/models/{model:path}", self._model),
            ]
        )

    @property
    def sent(self) -> list[str]:
        """The text of every request, all its messages together."""
        return [_said(call) for call in self.calls]

    async def _openai(self, request: Request) -> Response:
        body, reply = await self._asked(request)
        if isinstance(reply, int | Response):
            return _refusal(reply)
        words = reply if isinstance(reply, str) else json.dumps({"claims": reply})
        message: dict[str, Any] = {"role": "assistant", "content": words}
        if "tools" in body:
            function = {"name": body["tools"][0]["function"]["name"], "arguments": words}
            message = {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": function}],
            }
        return JSONResponse(completion(message))

    async def _anthropic(self, request: Request) -> Response:
        body, reply = await self._asked(request)
        if isinstance(reply, int | Response):
            return _refusal(reply)
        content: dict[str, Any] = {"type": "text", "text": reply}
        if not isinstance(reply, str):
            content = {"type": "tool_use", "id": "t1", "name": body["tools"][0]["name"], "input": {"claims": reply}}
        return JSONResponse(
            {
                "id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "content": [content],
                "stop_reason": "tool_use", "stop_sequence": None, "usage": {"input_tokens": TOKENS_IN, "output_tokens": TOKENS_OUT},
            }
        )  # fmt: skip

    async def _asked(self, request: Request) -> tuple[dict[str, Any], Reply]:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        body = await request.json()
        self.calls.append(body)
        self.headers.append(dict(request.headers))
        await asyncio.sleep(self.latency)
        self.in_flight -= 1
        return body, self.script.pop(0) if self.script else self.always(_said(body))

    async def _models(self, _: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})

    async def _model(self, request: Request) -> Response:
        self.headers.append(dict(request.headers))
        if self.script:
            return _refusal(self.script.pop(0))
        name = request.path_params["model"]
        return JSONResponse({"id": name, "object": "model"}) if name in self.models else _refusal(404)


def completion(message: dict[str, Any], finish_reason: str = "stop") -> dict[str, Any]:
    """A chat completion as OpenAI answers it."""
    return {
        "id": "x", "object": "chat.completion", "created": 0, "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": TOKENS_IN, "completion_tokens": TOKENS_OUT, "total_tokens": TOKENS_IN + TOKENS_OUT},
    }  # fmt: skip


def _refusal(reply: Any) -> Response:
    if isinstance(reply, Response):
        return reply
    return JSONResponse({"error": {"message": "no", "type": "error", "code": None}, "type": "error"}, status_code=reply)


def _said(call: dict[str, Any]) -> str:
    return "\n".join(_words(message["content"]) for message in _messages(call))


def _messages(call: dict[str, Any]) -> list[dict[str, Any]]:
    system = call.get("system")
    return [*([{"content": system}] if system else []), *call["messages"]]


def _words(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(part.get("text") or json.dumps(part) for part in content)
    return content or ""
